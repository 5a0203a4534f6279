//! Names inside bundles: what a path may look like, how an archive's spelling is brought to one form, and how a source
//! file's name is escaped so that it means nothing to OPA. Pure functions over text.

use std::fmt::Write as _;

/// Longest name of a file inside a bundle, in bytes: what the fixed name field of a tar header holds.
pub const MAX_PATH_LEN: usize = 100;

/// Longest bundle name, in bytes.
pub const MAX_NAME_LEN: usize = 128;

/// What the signed manifest's name ends with, in both formats.
pub const MANIFEST_SUFFIX: &str = ".bundle.json";

/// What is appended to the manifest's name to give its signature's.
pub const SIGNATURE_SUFFIX: &str = ".sig";

/// OPA's own signature file.
pub const OPA_SIGNATURES: &str = ".signatures.json";

/// OPA's patch of a delta bundle.
pub const OPA_PATCH: &str = "patch.json";

/// Whether OPA takes a file of this name for a bundle's manifest.
pub fn is_opa_manifest(path: &str) -> bool {
    path.ends_with(".manifest") || path.ends_with(".manifest.pb")
}

/// Whether `name` can name a bundle: 1 to 128 characters of `A-Z a-z 0-9 . _ - /`, beginning with a letter or digit.
pub fn is_bundle_name(name: &str) -> bool {
    name.len() <= MAX_NAME_LEN
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b))
}

/// Whether `stem` can be the stem of a folder's file names: 1 to 60 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
pub fn is_stem(stem: &str) -> bool {
    stem.len() <= 60
        && stem.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Whether `entrypoint` is a path of names: `sealgate/policy/decision`, or `play` for a whole package.
pub fn is_entrypoint(entrypoint: &str) -> bool {
    entrypoint.len() <= 512
        && entrypoint.split('/').all(|part| !part.is_empty() && !part.bytes().any(|b| b < 0x21 || b == 0x7f))
}

/// Whether `path` is in the one form that bundles use: `/` between components, no leading or trailing slash, no empty,
/// `.` or `..` component, no backslash, no control character.
pub fn is_path(path: &str) -> bool {
    !path.is_empty()
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// An archive's spelling of a name brought to the one form: a single leading `/` or `./` is dropped. `None` where the
/// rest is not [`is_path`].
pub fn normalise(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("./").or_else(|| path.strip_prefix('/')).unwrap_or(path);
    is_path(rest).then_some(rest)
}

/// Longest text of a stranger's that a message quotes, in characters.
const MAX_SHOWN: usize = 200;

/// A text that nobody has vouched for, fit to be shown on a terminal or in a line of a log: what steers either, or is not
/// seen, is escaped, and a long one is cut.
pub(crate) fn shown(text: &str) -> impl std::fmt::Display {
    std::fmt::from_fn(move |f| {
        for c in text.chars().take(MAX_SHOWN) {
            // Quotes stay as they are; everything else is escaped as in Rust's literals.
            if matches!(c, '"' | '\'') { f.write_char(c)? } else { write!(f, "{}", c.escape_debug())? }
        }
        if text.chars().nth(MAX_SHOWN).is_some() { f.write_str("…") } else { Ok(()) }
    })
}

/// Whether OPA gives a file of this name a meaning of its own when it loads a bundle.
pub fn means_something_to_opa(path: &str) -> bool {
    is_opa_file(path.rsplit('/').next().unwrap_or(path)) || ends_as_opa_file(path)
}

fn is_opa_file(base: &str) -> bool {
    matches!(base, "data.json" | "data.yaml" | "data.yml" | "patch.json" | "plan.json" | "plan.pb" | "policy.wasm")
}

fn ends_as_opa_file(path: &str) -> bool {
    [".rego", ".manifest", ".manifest.pb", "signatures.json"].iter().any(|end| path.ends_with(end))
}

/// A source file's own name (`support.yaml`) as one safe component of a path. Every byte outside `A-Z a-z 0-9 . _ -` is
/// written `%XX`. So is the first byte where the name begins with a dot or OPA knows a file of just this name, and the
/// last dot where OPA knows files that end so. Different names stay different.
pub fn escape_source_name(name: &str) -> String {
    let last_dot = if ends_as_opa_file(name) { name.rfind('.') } else { None };
    let first = (name.starts_with('.') || is_opa_file(name)).then_some(0);
    let mut out = String::new();
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if plain && Some(at) != last_dot && Some(at) != first {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_mean_nothing_to_opa_and_stay_apart() {
        let names = [
            "support.yaml",
            "data.yaml",
            "data.yml",
            "data.json",
            "patch.json",
            "x.rego",
            "x.manifest",
            ".manifest",
            "policy.wasm",
            "signatures.json",
            "my.signatures.json",
            ".hidden.yaml",
            "ro le.yaml",
            "ro%20le.yaml",
            "é.yaml",
            "a/b.yaml",
            "%64ata.yaml",
        ];
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let escaped = escape_source_name(name);
            assert!(!means_something_to_opa(&escaped), "{name} -> {escaped}");
            assert!(is_path(&escaped) && !escaped.contains('/'), "{name} -> {escaped}");
            assert!(seen.insert(escaped.clone()), "{name} -> {escaped} twice");
        }
        assert_eq!(escape_source_name("support.yaml"), "support.yaml");
        assert_eq!(escape_source_name("data.yaml"), "%64ata.yaml");
        assert_eq!(escape_source_name("x.rego"), "x%2Erego");
    }

    #[test]
    fn what_is_shown_steers_no_terminal() {
        assert_eq!(shown("a/é\"'.wasm").to_string(), "a/é\"'.wasm");
        assert_eq!(
            shown("a\u{1b}[2J\n\u{9b}\u{202e}\u{200b}\\").to_string(),
            "a\\u{1b}[2J\\n\\u{9b}\\u{202e}\\u{200b}\\\\"
        );
        assert_eq!(shown(&"é".repeat(201)).to_string(), "é".repeat(200) + "…");
    }

    #[test]
    fn paths_that_escape_are_no_paths() {
        for bad in [
            "", "/", "//x", ".//x", "../x", "a/../b", "a//b", "a/", "a\\b", "a\0b", "a/./b", "..", ".", "/../x",
            "./../x", "a\nb",
        ] {
            assert_eq!(normalise(bad), None, "{bad:?}");
        }
        for (spelled, path) in
            [("/policy.wasm", "policy.wasm"), ("./a/b", "a/b"), ("a.b", "a.b"), ("/.manifest", ".manifest")]
        {
            assert_eq!(normalise(spelled), Some(path));
        }
    }
}
