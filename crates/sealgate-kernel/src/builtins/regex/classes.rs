//! The classes that RE2 names: Perl's and POSIX's are of ASCII only, `\p{…}` takes Unicode's general categories and scripts.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// Every character.
pub(super) fn any() -> ClassUnicode {
    of(&[('\0', char::MAX)])
}

/// Every character but the line feed.
pub(super) fn any_but_newline() -> ClassUnicode {
    of(&[('\0', '\t'), ('\x0b', char::MAX)])
}

/// `\d`
pub(super) fn digit() -> ClassUnicode {
    of(&[('0', '9')])
}

/// `\s`, which unlike `[:space:]` has no vertical tab.
pub(super) fn space() -> ClassUnicode {
    of(&[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')])
}

/// `\w`
pub(super) fn word() -> ClassUnicode {
    of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

/// `[:name:]`
pub(super) fn posix(name: &str) -> Option<ClassUnicode> {
    Some(match name {
        "alnum" => of(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
        "alpha" => of(&[('A', 'Z'), ('a', 'z')]),
        "ascii" => of(&[('\0', '\x7f')]),
        "blank" => of(&[('\t', '\t'), (' ', ' ')]),
        "cntrl" => of(&[('\0', '\x1f'), ('\x7f', '\x7f')]),
        "digit" => digit(),
        "graph" => of(&[('!', '~')]),
        "lower" => of(&[('a', 'z')]),
        "print" => of(&[(' ', '~')]),
        "punct" => of(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
        "space" => of(&[('\t', '\r'), (' ', ' ')]),
        "upper" => of(&[('A', 'Z')]),
        "word" => word(),
        "xdigit" => of(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
        _ => return None,
    })
}

/// `\p{name}`: a general category, a script, `Any`, `Assigned` or `ASCII`.
pub(super) fn unicode(name: &str) -> Option<ClassUnicode> {
    if name.is_empty() || !name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
        return None;
    }
    // The tables of `regex-syntax` are reached through its parser only.
    ["gc=", "sc="].iter().find_map(|property| {
        let hir = regex_syntax::parse(&["\\p{", property, name, "}"].concat()).ok()?;
        match hir.into_kind() {
            HirKind::Class(Class::Unicode(class)) => Some(class),
            _ => None,
        }
    })
}

fn of(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high)))
}
