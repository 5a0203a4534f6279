//! `format`: what OPA's library knows; any other passes, and so does what is no string.

use std::net::IpAddr;

use crate::pattern;
use crate::time;
use crate::uri::Uri;

/// Whether a string has the format.
pub(super) fn fits(format: &str, text: &str) -> bool {
    let uri = || Uri::parse(text).ok().filter(|_| !text.contains('\\'));
    match format {
        "date" => time::matches("2006-01-02", text),
        "time" => time::matches("15:04:05Z07:00", text) || time::matches("15:04:05", text),
        "date-time" => ["15:04:05", "15:04:05Z07:00", "2006-01-02", "2006-01-02T15:04:05Z07:00"]
            .iter()
            .any(|layout| time::matches(layout, text)),
        "hostname" => is_hostname(text),
        "email" | "idn-email" => is_email(text),
        "ipv4" => text.contains('.') && text.parse::<IpAddr>().is_ok(),
        "ipv6" => text.contains(':') && text.parse::<IpAddr>().is_ok(),
        "uri" | "iri" => uri().is_some_and(|uri| !uri.scheme.is_empty()),
        "uri-reference" | "iri-reference" => uri().is_some(),
        "uri-template" => uri().is_some_and(|uri| is_template(&uri.path)),
        "uuid" => is_uuid(text),
        "regex" => text.is_empty() || pattern::compile(text).is_some(),
        "json-pointer" => is_pointer(text),
        "relative-json-pointer" => is_relative_pointer(text),
        _ => true,
    }
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() < 256 && text.split('.').all(label)
}

/// Whether braces come in pairs, without others between them.
fn is_template(path: &[u8]) -> bool {
    let mut open = false;
    for byte in path {
        match (byte, open) {
            // What follows an opening brace may be anything but a closing one.
            (b'{', false) => open = true,
            (b'}', true) => open = false,
            _ => {}
        }
    }
    !open
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Tokens behind slashes, in which a tilde is followed by 0 or 1.
fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/')) && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

fn is_relative_pointer(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end).unwrap_or_default();
    let number = number == "0" || (!number.is_empty() && !number.starts_with('0'));
    number && (rest == "#" || is_pointer(rest))
}

/// An address as Go's package `net/mail` reads it, `Name <local@domain>` or `local@domain`, without comments and groups.
fn is_email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    if let Some(inner) = text.strip_suffix('>')
        && let Some((name, address)) = inner.rsplit_once('<')
    {
        return is_phrase(name.trim_matches([' ', '\t'])) && is_address(address);
    }
    is_address(text)
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_fits = match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => is_quoted(quoted) && !quoted.is_empty(),
        None => is_dot_atom(local),
    };
    let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    local_fits
        && match literal {
            Some(literal) => literal.strip_prefix("IPv6:").unwrap_or(literal).parse::<IpAddr>().is_ok(),
            None => is_dot_atom(domain),
        }
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_atom_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

/// Words in front of an address.
fn is_phrase(text: &str) -> bool {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => is_quoted(quoted),
        None => text.chars().all(|c| is_atom_char(c) || matches!(c, ' ' | '.' | '\t')),
    }
}

/// What stands between quotes.
fn is_quoted(text: &str) -> bool {
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            c if c.is_ascii_control() && c != '\t' => return false,
            _ => {}
        }
    }
    !escaped
}
