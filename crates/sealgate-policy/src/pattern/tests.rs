//! Patterns: what they match, what is refused, and their RE2 form.

use super::*;

#[test]
fn globs_match_whole_texts() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("a*c", &["ac", "abc"], &["a/c", "abcd", "xabc"]),
        ("a/**", &["a/", "a/b", "a/b/c"], &["a", "b/a/"]),
        ("**/b", &["/b", "x/y/b"], &["b"]),
        ("?", &["a", "é"], &["", "/", "ab"]),
        ("[a-c]x", &["ax", "cx"], &["dx", "/x"]),
        ("[!a]x", &["bx"], &["ax", "/x"]),
        ("{a,b*}!", &["a!", "b!", "bcd!"], &["c!", "a,b!"]),
        ("a,b", &["a,b"], &["a"]),
        ("\\*.+^$|()", &["*.+^$|()"], &["a.+^$|()"]),
        ("*", &["", "x\ny"], &["/"]),
        ("**", &["", "/a\n/b"], &[]),
    ];
    for (glob, matching, failing) in cases {
        let pattern = Pattern::glob(glob).unwrap();
        for text in *matching {
            assert!(pattern.is_match(text), "{glob} and {text:?}: {}", pattern.re2());
        }
        for text in *failing {
            assert!(!pattern.is_match(text), "{glob} and {text:?}: {}", pattern.re2());
        }
    }
    for bad in ["[", "[]", "[a", "[z-a]", "[.-0]", "{a", "a}", "\\", "[^a]"] {
        assert!(Pattern::glob(bad).is_err(), "{bad}");
    }
}

#[test]
fn path_globs_understand_folders() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("docs/**", &["docs", "docs/a", "docs/a/b"], &["docsx", "x/docs/a", "/docs/a"]),
        ("**/.env", &[".env", "a/.env", "/srv/a/.env"], &["x.env", "env"]),
        ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["az", "a/bz"]),
        (".env", &[".env"], &["env", "a/.env"]),
        ("**", &["", "a/b"], &[]),
        ("{**/secret,x}", &["secret", "a/secret", "x"], &["a/x"]),
        ("{a/**,b/{**,c}/d}", &["a", "a/b", "b/d", "b/c/d", "b/c/c/d"], &["b"]),
        ("src{,/**}/[{,}]", &["src/{", "src/a/}", "src/,"], &["src/a", "src"]),
    ];
    for (glob, matching, failing) in cases {
        let pattern = Pattern::any_path(&path_alternatives(glob).unwrap()).unwrap().unwrap();
        for text in *matching {
            assert!(pattern.is_match(text), "{glob} and {text:?}: {}", pattern.re2());
        }
        for text in *failing {
            assert!(!pattern.is_match(text), "{glob} and {text:?}: {}", pattern.re2());
        }
    }
}

#[test]
fn alternatives_of_path_globs_are_bounded() {
    assert_eq!(path_alternatives("{a,{b,}c}[,]d").unwrap(), ["a[,]d", "bc[,]d", "c[,]d"]);
    assert_eq!(path_alternatives(&"{a,b}".repeat(8)).map(|all| all.len()), Ok(256));
    assert_eq!(path_alternatives(&format!("{{{}a}}", "a,".repeat(255))).map(|all| all.len()), Ok(256));
    for many in ["{a,b}".repeat(9), "{a,b}".repeat(800), format!("{{{}a}}", "a,".repeat(256))] {
        assert!(path_alternatives(&many).is_err_and(|error| error.message.contains("alternatives")), "{many}");
    }
}

#[test]
fn regexes_read_as_re2_reads_them() {
    let cases: &[(&str, &str, bool)] = &[
        (r"^\d+$", "12", true),
        (r"^\d+$", "١", false),
        (r"^\w$", "é", false),
        (r"^\W$", "é", true),
        (r"^[\W]$", "é", true),
        (r"^[^\W]$", "é", false),
        (r"^\S$", "\u{a0}", true),
        (r"\bx", "éx", true),
        (r"(?i)^straße$", "STRASSE", false),
        (r"^.$", "😀", true),
        (r"^.$", "\n", false),
        (r"(?s)^.$", "\n", true),
        (r"^\pL\p{Greek}\P{Nd}$", "éΩx", true),
        (r"^[[:alpha:]]+$", "ab", true),
        (r"^\x{1F600}\x41$", "😀A", true),
    ];
    for (regex, text, expected) in cases {
        assert_eq!(Pattern::regex(regex).unwrap().is_match(text), *expected, "{regex} and {text:?}");
    }
}

#[test]
fn what_re2_does_not_read_is_refused() {
    for bad in [
        "(",
        "[a",
        "a**",
        "a{2}{3}",
        "a{1001}",
        "(?:a{40}){40}",
        r"(?x)a",
        r"(?R)a",
        "(?u:a)",
        "[[a]b]",
        "[a&&b]",
        r"\<a",
        r"\b{start}",
        r"\u0041",
        r"\u{41}",
        "(?=a)",
        r"\1",
        r"\p{Emoji}",
        r"\p{sc=Greek}",
        r"\pX",
        "(?P<a.b>x)",
        "a{,2}",
    ] {
        assert!(Pattern::regex(bad).is_err(), "{bad}");
    }
    assert!(Pattern::regex(&"a".repeat(MAX_BYTES + 1)).is_err());
    assert!(Pattern::regex(&format!("{}a{}", "(".repeat(200), ")".repeat(200))).is_err());
    assert!(Pattern::regex(r"(?:\pL{500}){2}").is_err(), "compiled size is bounded");
}
