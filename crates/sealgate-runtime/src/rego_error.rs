//! Errors in Rego's sense: what ended an evaluation, with OPA's code and the place in the policy.
//!
//! A module reports one through `opa_abort`, as `file:row:column: code: message`. Modules that OPA made leave the code out,
//! and only end this way on conflicts. What is anything else is no [`RegoError`].

use std::fmt;

use thiserror::Error;

/// OPA's codes of errors that end an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `eval_conflict_error`: a rule or function has two values, or an object two values under one key.
    Conflict,
    /// `eval_type_error`: an operand of a builtin is not what the builtin takes, and such errors are strict.
    Type,
    /// `eval_builtin_error`: a builtin failed, and such errors are strict.
    Builtin,
}

impl ErrorCode {
    /// The code as OPA writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "eval_conflict_error",
            Self::Type => "eval_type_error",
            Self::Builtin => "eval_builtin_error",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in a policy's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegoLocation {
    /// The file as the compiler was told.
    pub file: String,
    /// Line, from 1.
    pub row: u32,
    /// Column, from 1.
    pub column: u32,
}

impl fmt::Display for RegoLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.row, self.column)
    }
}

/// What ended an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct RegoError {
    /// OPA's code.
    pub code: ErrorCode,
    /// What happened; for a builtin it begins with its name, `plus: operand 1 must be number but got string`.
    pub message: String,
    /// Where, if the module says so.
    pub location: Option<RegoLocation>,
}

impl fmt::Display for RegoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// What modules that OPA made say on a conflict, behind its place.
const CONFLICTS: [&str; 3] = ["var assignment conflict", "object insert conflict", "must not produce multiple outputs"];

impl RegoError {
    /// The error that an abort's message reports.
    pub(crate) fn parse(message: &str) -> Option<Self> {
        for code in [ErrorCode::Conflict, ErrorCode::Type, ErrorCode::Builtin] {
            let mark = code.as_str();
            let found = message.match_indices(mark).find_map(|(at, _)| {
                let before = message.get(..at)?;
                let text = message.get(at + mark.len()..)?.strip_prefix(": ")?;
                let location = if before.is_empty() { None } else { Some(location(before.strip_suffix(": ")?)?) };
                Some(Self { code, message: text.to_owned(), location })
            });
            if found.is_some() {
                return found;
            }
        }
        let conflict = CONFLICTS.iter().any(|text| message.ends_with(text));
        let (place, text) = message.rsplit_once(": ").unwrap_or(("", message));
        conflict.then(|| Self { code: ErrorCode::Conflict, message: text.to_owned(), location: location(place) })
    }
}

/// A place as `file:row:column`; the file may hold colons.
fn location(text: &str) -> Option<RegoLocation> {
    let mut parts = text.rsplitn(3, ':');
    let (column, row, file) = (parts.next()?, parts.next()?, parts.next()?);
    Some(RegoLocation { file: file.to_owned(), row: row.parse().ok()?, column: column.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_with_and_without_codes() {
        let error = RegoError::parse("a:b.rego:3:12: eval_type_error: plus: operand 1 must be number: no").unwrap();
        assert_eq!(error.code, ErrorCode::Type);
        assert_eq!(error.message, "plus: operand 1 must be number: no");
        assert_eq!(error.location, Some(RegoLocation { file: "a:b.rego".to_owned(), row: 3, column: 12 }));
        assert_eq!(error.to_string(), "a:b.rego:3:12: eval_type_error: plus: operand 1 must be number: no");
        let error = RegoError::parse("p.rego:1:2: var assignment conflict").unwrap();
        assert_eq!((error.code, error.location.unwrap().row), (ErrorCode::Conflict, 1));
        let error = RegoError::parse("eval_builtin_error: hex.decode: bad").unwrap();
        assert_eq!((error.code, error.location), (ErrorCode::Builtin, None));
    }

    #[test]
    fn other_messages_are_no_errors_of_rego() {
        for message in
            ["", "opa_malloc: failed", "eval_type_error", "x eval_type_error: y", "it says: eval_type_error: x"]
        {
            assert_eq!(RegoError::parse(message), None, "{message}");
        }
    }
}
