//! Modules changed at random, token by token: some still parse, most are wrong in one place.

/// A small generator of reproducible changes.
pub(crate) struct Mutator {
    state: u64,
}

/// Tokens that grammars break on.
const TOKENS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    ":",
    ";",
    ".",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
    "=",
    ":=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "\n",
    " ",
    "in",
    "every",
    "some",
    "not",
    "with",
    "as",
    "if",
    "contains",
    "else",
    "default",
    "import",
    "package",
    "null",
    "true",
    "false",
    "x",
    "_",
    "input",
    "data",
    "set()",
    "1",
    "0",
    "01",
    "1.5",
    "-1",
    ".5",
    "1e5",
    "\"a\"",
    "`r`",
    "$\"a{x}b\"",
    "$`{x}`",
    "$\"{",
    "}\"",
    "\"\\u0041\"",
    "\"\\x\"",
    "# c\n",
    "and",
    "or",
    "p",
    "p[x]",
    "f(x)",
    "{x | x}",
    "[x | x]",
    "{a: b | c}",
    "{}",
    "[]",
    "x in xs",
    "k, v in xs",
    "import rego.v1\n",
    "import future.keywords\n",
    "{x | y, z}",
    "[1, 2][0]",
    "!",
    "$",
    "\"",
    "é",
];

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }

    /// A module of the corpus with one to three changes.
    pub(crate) fn mutate(&mut self, corpus: &[String]) -> String {
        let at = self.below(corpus.len());
        let changes = 1 + self.below(3);
        self.change(&corpus[at], changes, corpus)
    }

    /// A text with some changes, pieces of the corpus among them.
    pub(crate) fn change(&mut self, text: &str, changes: usize, corpus: &[String]) -> String {
        let mut tokens = split(text);
        for _ in 0..changes {
            let at = self.below(tokens.len().max(1));
            match self.below(6) {
                0 if !tokens.is_empty() => {
                    tokens.remove(at);
                }
                1 if !tokens.is_empty() => {
                    let copy = tokens[at].clone();
                    tokens.insert(at, copy);
                }
                2 if tokens.len() > 1 => {
                    let other = self.below(tokens.len());
                    tokens.swap(at, other);
                }
                3 if !tokens.is_empty() => tokens[at] = TOKENS[self.below(TOKENS.len())].to_owned(),
                4 => {
                    // A piece of another module.
                    let other = split(&corpus[self.below(corpus.len())]);
                    let from = self.below(other.len());
                    let to = (from + 1 + self.below(6)).min(other.len());
                    for (offset, token) in other[from..to].iter().enumerate() {
                        tokens.insert((at + offset).min(tokens.len()), token.clone());
                    }
                }
                _ => tokens.insert(at.min(tokens.len()), TOKENS[self.below(TOKENS.len())].to_owned()),
            }
        }
        tokens.concat()
    }

    /// A soup of tokens.
    pub(crate) fn soup(&mut self, length: usize) -> String {
        let mut text = "package t\n".to_owned();
        for _ in 0..length {
            text.push_str(TOKENS[self.below(TOKENS.len())]);
            if self.below(3) > 0 {
                text.push(' ');
            }
        }
        text
    }
}

/// Words, runs of digits and single other characters.
fn split(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for character in text.chars() {
        let is_word = character.is_alphanumeric() || character == '_';
        match tokens.last_mut() {
            Some(last) if is_word && in_word => last.push(character),
            _ => tokens.push(character.to_string()),
        }
        in_word = is_word;
    }
    tokens
}
