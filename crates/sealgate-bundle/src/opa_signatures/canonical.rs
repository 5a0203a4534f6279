//! The canonical form of a JSON document of which OPA takes digests: no spaces, members sorted by the bytes of their
//! names, strings as Go writes them, numbers exactly as they stand in the text.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

/// Deepest nesting of arrays and objects that is read; the outermost value is at depth 1.
const MAX_DEPTH: usize = 128;

/// The canonical form of the one JSON value in `json`; `None` where it is not JSON or nested deeper than [`MAX_DEPTH`].
pub(super) fn of(json: &[u8]) -> Option<String> {
    // INVARIANT: from here on the text is JSON, so the walk only has to find its way. Its depth is not bounded yet: the
    // parser skips what nobody reads without recursion.
    serde_json::from_slice::<IgnoredAny>(json).ok()?;
    let mut walk = Walk { rest: std::str::from_utf8(json).ok()?, depth: 0 };
    walk.value()
}

struct Walk<'a> {
    rest: &'a str,
    /// How many arrays and objects are open.
    depth: usize,
}

impl Walk<'_> {
    fn value(&mut self) -> Option<String> {
        match self.peek()? {
            b'{' => self.inside(Self::object),
            b'[' => self.inside(Self::array),
            b'"' => Some(go_string(&self.string()?)),
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
                self.take(end).map(str::to_owned)
            }
        }
    }

    fn inside(&mut self, read: fn(&mut Self) -> Option<String>) -> Option<String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let text = read(self)?;
        self.depth -= 1;
        Some(text)
    }

    fn object(&mut self) -> Option<String> {
        self.take(1)?;
        let mut members = BTreeMap::new();
        while self.peek()? != b'}' {
            let name = self.string()?;
            self.peek()?;
            self.take(1)?;
            // Of members with the same name Go keeps the last.
            let value = self.value()?;
            members.insert(name, value);
            self.comma()?;
        }
        self.take(1)?;
        let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", go_string(name))).collect();
        Some(format!("{{{}}}", members.join(",")))
    }

    fn array(&mut self) -> Option<String> {
        self.take(1)?;
        let mut items = Vec::new();
        while self.peek()? != b']' {
            items.push(self.value()?);
            self.comma()?;
        }
        self.take(1)?;
        Some(format!("[{}]", items.join(",")))
    }

    fn string(&mut self) -> Option<String> {
        self.peek()?;
        let bytes = self.rest.as_bytes();
        let mut end = 1;
        loop {
            match bytes.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        serde_json::from_str(self.take(end + 1)?).ok()
    }

    fn comma(&mut self) -> Option<()> {
        if self.peek()? == b',' {
            self.take(1)?;
        }
        Some(())
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    fn take(&mut self, length: usize) -> Option<&str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

fn go_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_and_numbers_kept() {
        let text = r#" { "b" : [ 1e5 , 1E+2, -0.0,true , null,[],{} ], "a\"" : "\u00e9\u2028<\u0001\/", "b2":{"y":1,"x":2} } "#;
        assert_eq!(
            of(text.as_bytes()).unwrap(),
            "{\"a\\\"\":\"é\\u2028<\\u0001/\",\"b\":[1e5,1E+2,-0.0,true,null,[],{}],\"b2\":{\"x\":2,\"y\":1}}"
        );
        assert_eq!(of(b"{"), None);
        assert_eq!(of("[".repeat(100_000).as_bytes()), None);
    }

    #[test]
    fn depth_is_bounded() {
        let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let objects = |depth: usize| r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
        for nested in [lists, objects] {
            assert_eq!(of(nested(MAX_DEPTH).as_bytes()), Some(nested(MAX_DEPTH)));
            assert_eq!(of(nested(MAX_DEPTH + 1).as_bytes()), None);
            // Closed again and again it is not deep.
            assert!(of(format!("[{}1]", format!("{},", nested(MAX_DEPTH - 1)).repeat(3)).as_bytes()).is_some());
        }
        assert_eq!(of(lists(1_000_000).as_bytes()), None);
    }
}
