//! `uri.parse`, `uri.is_valid`: URIs as Go's package `net/url` splits and checks them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::context::Context;
use crate::operand::{failed, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("uri.parse", 1, Capability::Pure, parse);
    registry.insert("uri.is_valid", 1, Capability::Pure, is_valid);
}

fn parse(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let text = string(args, 1)?;
    let uri = Uri::parse(text).map_err(|problem| failed(format!("parse {text:?}: {problem}")))?;
    let (host, port) = uri.host_and_port();
    let raw_path = uri.raw_path.as_deref().unwrap_or(&uri.path);
    let parts = [
        ("scheme", uri.scheme.as_bytes()),
        ("hostname", host),
        ("port", port),
        ("path", &uri.path),
        ("raw_path", if uri.path.is_empty() { b"" } else { raw_path }),
        ("raw_query", uri.query.as_bytes()),
        ("fragment", &uri.fragment),
    ];
    let present = parts.into_iter().filter(|(_, part)| !part.is_empty());
    let entries: BTreeMap<Value, Value> = present.map(|(name, part)| (name.into(), lossy(part).into())).collect();
    Ok(Some(Value::Object(entries)))
}

fn is_valid(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let valid = args.first().and_then(Value::as_str).is_some_and(|text| !text.is_empty() && Uri::parse(text).is_ok());
    Ok(Some(valid.into()))
}

/// A URI's parts; those that were escaped are bytes, which need not be text any more.
pub(crate) struct Uri<'a> {
    pub(crate) scheme: String,
    host: Vec<u8>,
    pub(crate) path: Vec<u8>,
    /// The path as written, where that is not how its bytes would be written.
    raw_path: Option<Vec<u8>>,
    query: &'a str,
    fragment: Vec<u8>,
}

/// Where in a URI a byte stands, which decides what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

impl<'a> Uri<'a> {
    /// Splits a URI or a relative reference.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut uri = Self::without_fragment(rest)?;
        uri.fragment = unescape(fragment.as_bytes(), Place::Fragment)?;
        Ok(uri)
    }

    fn without_fragment(text: &'a str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut uri =
            Self { scheme: String::new(), host: vec![], path: vec![], raw_path: None, query: "", fragment: vec![] };
        let (scheme, rest) = scheme(text)?;
        uri.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        uri.query = query;
        if !rest.starts_with('/') {
            if !uri.scheme.is_empty() {
                // What follows is opaque.
                return Ok(uri);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(authority) = rest.strip_prefix("//")
            && (!uri.scheme.is_empty() || !rest.starts_with("///"))
        {
            let end = authority.find('/').unwrap_or(authority.len());
            let (authority, path) = authority.split_at_checked(end).unwrap_or_default();
            uri.host = host_of(&uri.scheme, authority)?;
            rest = path;
        }
        uri.path = unescape(rest.as_bytes(), Place::Path)?;
        if escape(&uri.path) != rest.as_bytes() {
            uri.raw_path = Some(rest.as_bytes().to_vec());
        }
        Ok(uri)
    }

    fn host_and_port(&self) -> (&[u8], &[u8]) {
        let (mut host, mut port): (&[u8], &[u8]) = (&self.host, b"");
        if let Some(colon) = host.iter().rposition(|byte| *byte == b':')
            && let Some((before, after)) = host.split_at_checked(colon)
            && is_port(after)
        {
            (host, port) = (before, after.get(1..).unwrap_or_default());
        }
        if let Some(inner) = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")) {
            host = inner;
        }
        (host, port)
    }
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok(text.split_once(':').unwrap_or_default()),
            _ => break,
        }
    }
    Ok(("", text))
}

/// The host of `user:password@host:port`, port included.
fn host_of(scheme: &str, authority: &str) -> Result<Vec<u8>, String> {
    let Some((user, host)) = authority.rsplit_once('@') else { return checked_host(scheme, authority) };
    let host = checked_host(scheme, host)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(allowed) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    unescape(user.as_bytes(), Place::User)?;
    Ok(host)
}

fn checked_host(scheme: &str, host: &str) -> Result<Vec<u8>, String> {
    let bad_port = |port: &str| format!("invalid port {port:?} after host");
    match host.rfind('[') {
        Some(0) => {}
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {
            // Other schemes than the web's may have colons in their hosts.
            let web = matches!(scheme, "http" | "https");
            if let Some(colon) = if web { host.find(':') } else { host.rfind(':') }
                && let Some(port) = host.get(colon..).filter(|port| !is_port(port.as_bytes()))
            {
                return Err(bad_port(port));
            }
            return unescape(host.as_bytes(), Place::Host);
        }
    }
    let Some((literal, port)) = host.get(1..).and_then(|host| host.rsplit_once(']')) else {
        return Err("missing ']' in host".to_owned());
    };
    if !is_port(port.as_bytes()) {
        return Err(bad_port(port));
    }
    let zone = literal.find("%25").unwrap_or(literal.len());
    let (address, zone) = literal.split_at_checked(zone).unwrap_or_default();
    let mut unescaped = unescape(address.as_bytes(), Place::Host)?;
    unescaped.extend(unescape(zone.as_bytes(), Place::Zone)?);
    let bad_host = || "invalid host".to_owned();
    let (address, zone) = match unescaped.iter().position(|byte| *byte == b'%') {
        Some(at) => unescaped.split_at_checked(at).unwrap_or_default(),
        None => (unescaped.as_slice(), b"%.".as_slice()),
    };
    let address: IpAddr = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok()).ok_or_else(bad_host)?;
    if address.is_ipv4() || zone.len() < 2 {
        return Err("invalid IP-literal".to_owned());
    }
    let mut out = vec![b'['];
    out.append(&mut unescaped);
    out.push(b']');
    out.extend_from_slice(port.as_bytes());
    Ok(out)
}

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

fn must_escape(byte: u8, place: Place) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return false;
    }
    match place {
        Place::Host | Place::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Place::Path => !b"$&+,/:;=@".contains(&byte),
        Place::User => !b"$&+,;=".contains(&byte),
        Place::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
    }
}

fn unescape(text: &[u8], place: Place) -> Result<Vec<u8>, String> {
    let refuse = |escape: &[u8]| Err(format!("invalid URL escape {:?}", lossy(escape)));
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        if *byte != b'%' {
            if matches!(place, Place::Host | Place::Zone) && byte.is_ascii() && must_escape(*byte, place) {
                return Err(format!("invalid character {:?} in host name", char::from(*byte).to_string()));
            }
            out.push(*byte);
            rest = tail;
            continue;
        }
        let escape = rest.get(..3).unwrap_or(rest);
        let (Some(high), Some(low)) = (escape.get(1).and_then(digit), escape.get(2).and_then(digit)) else {
            return refuse(escape);
        };
        let value = high << 4 | low;
        let allowed = match place {
            // A host's ASCII is never escaped, but for the percent sign in front of a zone.
            Place::Host => high >= 8 || escape == b"%25",
            Place::Zone => escape == b"%25" || value == b' ' || !must_escape(value, Place::Host),
            Place::Path | Place::User | Place::Fragment => true,
        };
        if !allowed {
            return refuse(escape);
        }
        out.push(value);
        rest = rest.get(3..).unwrap_or_default();
    }
    Ok(out)
}

fn escape(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for byte in path {
        if must_escape(*byte, Place::Path) {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            out.push(*byte);
        }
    }
    out
}

/// Bytes as text, each byte that is no UTF-8 a replacement character of its own, as Go writes them to JSON.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|_| out.push(char::REPLACEMENT_CHARACTER));
    }
    out
}
