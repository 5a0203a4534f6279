//! Draws values at random, the same ones in every run.

/// A source of choices.
pub(crate) struct Draw(u64);

impl Draw {
    /// A source that depends on the name alone.
    pub(crate) fn new(name: &str) -> Self {
        let seed = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(seed | 1)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.bits() >> 33).unwrap() % limit
    }

    /// True once in so many draws.
    pub(crate) fn once_in(&mut self, draws: usize) -> bool {
        self.below(draws) == 0
    }

    pub(crate) fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// The text with a character changed, lost or doubled.
    pub(crate) fn mutate(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        if chars.is_empty() {
            return " ".to_owned();
        }
        let (at, middle) = (self.below(chars.len()), chars.len() / 2);
        match self.below(4) {
            0 => drop(chars.remove(at)),
            1 => chars.insert(at, chars[at]),
            2 => chars.swap(at, middle),
            _ => {
                chars[at] =
                    self.of(&["0", "9", " ", "-", ":", "Z", "x", "é", ".", ",", "\"", "{", "#"]).chars().next().unwrap()
            }
        }
        chars.into_iter().collect()
    }
}

/// A text as a Rego string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
