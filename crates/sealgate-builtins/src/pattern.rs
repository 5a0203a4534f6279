//! Go's regular expressions, rewritten for Rust's engine: what both read but differently (`\d` is ASCII, `[[]` is a class of
//! one bracket), and what one of them refuses.

use regex::{Regex, RegexBuilder};

/// Bytes of a pattern, and of its program.
const MAX_PATTERN: usize = 64 << 10;
const MAX_PROGRAM: usize = 4 << 20;

/// Compiles a pattern; `None` if it is none, or too large.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    let rewritten = if pattern.len() <= MAX_PATTERN { rewrite(pattern)? } else { return None };
    RegexBuilder::new(&rewritten).size_limit(MAX_PROGRAM).nest_limit(200).build().ok()
}

fn rewrite(pattern: &str) -> Option<String> {
    let mut rewriter = Rewriter { rest: pattern, out: String::with_capacity(pattern.len() + 16) };
    // Whether what precedes has been repeated already.
    let mut repeated = false;
    while let Some(c) = rewriter.next() {
        let mut repeats = false;
        match c {
            '\\' => rewriter.escape(false)?,
            '[' => rewriter.class()?,
            '(' => {
                if !rewriter.group() {
                    return None;
                }
            }
            '*' | '+' | '?' => {
                if repeated {
                    return None;
                }
                repeats = true;
                rewriter.out.push(c);
                rewriter.lazy();
            }
            '{' => match repetition(rewriter.rest) {
                Some((length, most)) => {
                    if repeated || most > 1000 {
                        return None;
                    }
                    repeats = true;
                    let (bounds, rest) = rewriter.rest.split_at_checked(length)?;
                    rewriter.out.push('{');
                    rewriter.out.push_str(bounds);
                    rewriter.rest = rest;
                    rewriter.lazy();
                }
                None => rewriter.out.push_str("\\{"),
            },
            '}' => rewriter.out.push_str("\\}"),
            c => rewriter.out.push(c),
        }
        repeated = repeats;
    }
    Some(rewriter.out)
}

/// The length of `3}`, `3,}` or `3,5}` and the largest number in it.
fn repetition(text: &str) -> Option<(usize, u64)> {
    let end = text.find('}')?;
    let bounds = text.get(..end)?;
    let (least, most) = bounds.split_once(',').unwrap_or((bounds, bounds));
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let least = number(least)?;
    let most = if most.is_empty() { least } else { number(most)? };
    Some((end + 1, least.max(most)))
}

struct Rewriter<'a> {
    rest: &'a str,
    out: String,
}

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = "\\t\\n\\x0C\\r ";

impl Rewriter<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    /// A question mark behind a repetition is part of it.
    fn lazy(&mut self) {
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            self.out.push('?');
        }
    }

    /// What follows a parenthesis; false if Go has no such group.
    fn group(&mut self) -> bool {
        self.out.push('(');
        let Some(rest) = self.rest.strip_prefix('?') else { return true };
        if rest.starts_with("P<") || rest.starts_with('<') {
            return !rest.starts_with("<=") && !rest.starts_with("<!");
        }
        match rest.split_once([':', ')']) {
            Some((flags, _)) => flags.chars().all(|flag| "imsU-".contains(flag)),
            None => false,
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, in_class: bool) -> Option<()> {
        let c = self.next()?;
        let set = match c {
            'd' | 'D' => Some(DIGIT),
            'w' | 'W' => Some(WORD),
            's' | 'S' => Some(SPACE),
            _ => None,
        };
        match (c, set) {
            (_, Some(set)) if c.is_ascii_uppercase() => self.out.push_str(&format!("[^{set}]")),
            (_, Some(set)) if in_class => self.out.push_str(set),
            (_, Some(set)) => self.out.push_str(&format!("[{set}]")),
            ('b' | 'B', _) if !in_class => self.out.push_str(&format!("(?-u:\\{c})")),
            ('A' | 'z', _) if !in_class => self.out.push_str(&format!("\\{c}")),
            ('a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'p' | 'P', _) => self.out.push_str(&format!("\\{c}")),
            ('Q', _) if !in_class => {
                let (literal, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(literal));
                self.rest = rest;
            }
            ('1'..='7', _) if !self.rest.starts_with(|c| matches!(c, '0'..='7')) => return None,
            ('0'..='7', _) => {
                let mut code = c.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.next();
                }
                self.out.push_str(&format!("\\x{{{code:x}}}"));
            }
            (c, _) if c.is_ascii_punctuation() || c.is_ascii_control() || c == ' ' => {
                self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
            }
            _ => return None,
        }
        Some(())
    }

    /// What follows an opening bracket.
    fn class(&mut self) -> Option<()> {
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.next()? {
                ']' if !first => break,
                ']' => self.out.push_str("\\]"),
                '\\' => self.escape(true)?,
                '[' => match self.rest.strip_prefix(':').and_then(|rest| rest.split_once(":]")) {
                    Some((name, rest)) => {
                        self.out.push_str(&format!("[:{name}:]"));
                        self.rest = rest;
                    }
                    None => self.out.push_str("\\["),
                },
                c @ ('&' | '~' | '^') => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                c => self.out.push(c),
            }
            first = false;
        }
        self.out.push(']');
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (pattern, matches, differs) in [
            (r"^\d+$", "12", "\u{661}"),
            (r"^[\d\w-]+$", "a-1", "é"),
            (r"^[[a]$", "[", "b"),
            (r"^[]a]$", "]", "b"),
            (r"^[a&&b]$", "&", "c"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^\Qa.b\E$", "a.b", "axb"),
            (r"^[[:alpha:]]$", "x", "1"),
            (r"\bfoo\b", "a foo.", "éfoo1"),
            (r"^\x41\101$", "AA", "AB"),
        ] {
            let regex = compile(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(regex.is_match(matches) && !regex.is_match(differs), "{pattern}");
        }
        for refused in ["(", "a**", "a{1001}", r"\1", "(?x)a", "(?=a)", "[a", r"\y", r"\"] {
            assert!(compile(refused).is_none(), "{refused}");
        }
    }
}
