//! Patterns: regular expressions in RE2 syntax and globs, checked, bounded and compiled.
//!
//! Takes a pattern's text; gives a [`Pattern`] that matches text natively and says the RE2 expression that matches the
//! same in Rego, or says what is wrong with it. Rust's regex engine reads more, and reads some of it differently, than
//! RE2: what the two do not share is refused or rewritten here.

mod glob;
mod re2;

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

pub(crate) use glob::PathRole;

/// The longest pattern, in bytes.
const MAX_BYTES: usize = 4_096;
/// The most memory that a compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// A pattern that compiles, here and in an RE2 engine.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    re2: String,
    regex: Arc<Regex>,
}

/// Why a pattern is refused: where in its text, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatternError {
    pub(crate) range: std::ops::Range<usize>,
    pub(crate) message: String,
}

impl Pattern {
    /// An unanchored regular expression in RE2 syntax.
    pub(crate) fn regex(source: &str) -> Result<Self, PatternError> {
        check_length(source)?;
        let native = re2::to_native(source)?;
        Self::compile(source, source.to_owned(), &native)
    }

    /// A glob over the whole text: `/` delimits, `**` crosses it.
    pub(crate) fn glob(source: &str) -> Result<Self, PatternError> {
        check_length(source)?;
        let re2 = format!("^(?s:{})$", glob::translate(source, None)?);
        Self::compile(source, re2.clone(), &re2)
    }

    /// One pattern that matches a normalised path where any of the path globs does; `None` for no globs.
    pub(crate) fn any_path(sources: &[String]) -> Result<Option<Self>, PatternError> {
        if sources.is_empty() {
            return Ok(None);
        }
        let all: Result<Vec<_>, _> = sources.iter().map(|source| glob::translate(source, Some(PathRole))).collect();
        let re2 = format!("^(?s:{})$", all?.join("|"));
        Self::compile(&sources.join(" "), re2.clone(), &re2).map(Some)
    }

    /// The pattern as the policy has it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// An RE2 expression that, unanchored, matches what the pattern matches.
    pub fn re2(&self) -> &str {
        &self.re2
    }

    /// Whether the pattern matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }

    fn compile(source: &str, re2: String, native: &str) -> Result<Self, PatternError> {
        // Bytes, because RE2's ASCII word boundaries may fall inside a character; the rewriting keeps classes whole.
        let built = RegexBuilder::new(native).size_limit(MAX_COMPILED).nest_limit(100).build();
        let regex = built.map_err(|error| PatternError {
            range: 0..source.len(),
            message: match error {
                regex::Error::CompiledTooBig(limit) => format!("it needs more than {limit} bytes when compiled"),
                other => one_line(&other.to_string()),
            },
        })?;
        Ok(Self { source: source.to_owned(), re2, regex: Arc::new(regex) })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.re2 == other.re2
    }
}

impl Eq for Pattern {}

/// The globs without `{…}` that a path glob is one of: what begins or ends an alternative begins or ends a path there, which
/// `**/` and `/**` look at. One that is no glob is refused, and one of very many alternatives.
pub(crate) fn path_alternatives(source: &str) -> Result<Vec<String>, PatternError> {
    check_length(source)?;
    Pattern::any_path(&[source.to_owned()])?;
    glob::alternatives(source)
}

fn check_length(source: &str) -> Result<(), PatternError> {
    if source.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(PatternError { range: 0..source.len(), message: format!("it is longer than {MAX_BYTES} bytes") })
}

/// The last line of the regex crate's several: the one that says what is wrong.
fn one_line(message: &str) -> String {
    let last = message.lines().last().unwrap_or(message).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests;
