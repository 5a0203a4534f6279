//! File scopes: which paths a call may touch.
//!
//! Takes a path as a call gives it; says whether it lies in the scope. Paths are brought to one form first, so that
//! no spelling of a path decides differently from another. Touches no file system: links are the tool's to resolve.

use serde_json::Value;

use crate::constraint::Path;
use crate::pattern::Pattern;

/// The longest path that may pass, in characters.
pub const MAX_PATH_CHARACTERS: usize = 4_096;
/// The most segments that a path that passes may be written with.
pub const MAX_PATH_SEGMENTS: usize = 256;

/// Which paths a call may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileScope {
    /// Where in the call paths are: all of them must lie in the scope.
    pub arguments: Vec<Path>,
    /// What a path must match; `None` allows all that is not denied.
    pub allowed: Option<AllowedPaths>,
    /// What no path may match.
    pub denied: Option<Pattern>,
}

/// What a path must match. A glob that does not begin with `/` allows relative paths only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedPaths {
    /// For paths that do not begin with `/`; `None` allows none of them.
    pub relative: Option<Pattern>,
    /// For paths that begin with `/`; `None` allows none of them.
    pub absolute: Option<Pattern>,
}

impl FileScope {
    /// Whether the value of an argument lies in the scope: a path, or a list of at least one path.
    pub fn permits(&self, value: &Value) -> bool {
        match value {
            Value::String(path) => self.permits_path(path),
            Value::Array(paths) => {
                !paths.is_empty() && paths.iter().all(|path| path.as_str().is_some_and(|path| self.permits_path(path)))
            }
            _ => false,
        }
    }

    fn permits_path(&self, path: &str) -> bool {
        let Some(path) = normalise(path) else { return false };
        let allowed = self.allowed.as_ref().is_none_or(|allowed| {
            let globs = if path.starts_with('/') { &allowed.absolute } else { &allowed.relative };
            globs.as_ref().is_some_and(|globs| globs.is_match(&path))
        });
        let denied = self.denied.as_ref().is_some_and(|globs| globs.is_match(&path));
        allowed && !denied
    }

    /// A text that differs where scopes differ.
    pub(crate) fn key(&self) -> String {
        let re2 = |pattern: &Option<Pattern>| pattern.as_ref().map(|pattern| pattern.re2().to_owned());
        let allowed = self.allowed.as_ref().map(|allowed| (re2(&allowed.relative), re2(&allowed.absolute)));
        format!("{:?}", (&self.arguments, allowed, re2(&self.denied)))
    }
}

/// The one form of a path: without empty, `.` and `..` segments, `.` where nothing is left of a relative one. `None`
/// for a path that leaves its root, that systems read differently (`\`, NUL), or that is empty or too long.
pub fn normalise(path: &str) -> Option<String> {
    let too_long = path.chars().nth(MAX_PATH_CHARACTERS).is_some();
    if path.is_empty() || too_long || path.contains(['\\', '\0']) {
        return None;
    }
    let written: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    if written.len() > MAX_PATH_SEGMENTS {
        return None;
    }
    let mut segments = Vec::new();
    for segment in written {
        if segment == ".." {
            segments.pop()?;
        } else {
            segments.push(segment);
        }
    }
    let joined = segments.join("/");
    Some(match (path.starts_with('/'), joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_path_has_one_form() {
        let cases = [
            ("a/b", Some("a/b")),
            ("./a//b/.", Some("a/b")),
            ("a/../b", Some("b")),
            ("a/b/../../c", Some("c")),
            ("..a/...", Some("..a/...")),
            ("", None),
            (".", Some(".")),
            ("a/..", Some(".")),
            ("/", Some("/")),
            ("/a/..", Some("/")),
            ("//a", Some("/a")),
            ("..", None),
            ("a/../../b", None),
            ("/..", None),
            ("/../etc/passwd", None),
            ("a\\..\\b", None),
            ("a\0b", None),
            (".env", Some(".env")),
            (" a", Some(" a")),
        ];
        for (path, expected) in cases {
            assert_eq!(normalise(path).as_deref(), expected, "{path:?}");
        }
        assert_eq!(normalise(&"a/".repeat(MAX_PATH_SEGMENTS)).map(|path| path.len()), Some(2 * MAX_PATH_SEGMENTS - 1));
        assert_eq!(normalise(&"a/".repeat(MAX_PATH_SEGMENTS + 1)), None);
        assert!(normalise(&"é".repeat(MAX_PATH_CHARACTERS)).is_some());
        assert!(normalise(&"é".repeat(MAX_PATH_CHARACTERS + 1)).is_none());
    }
}
