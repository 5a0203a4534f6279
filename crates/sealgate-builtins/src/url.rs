//! URLs as Go's `net/url` reads and writes them.

use std::fmt;
use std::net::Ipv6Addr;

/// A parsed URL. Where Go keeps both a decoded and an encoded form, so does this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) opaque: String,
    /// Name, and password if there is one; decoded.
    pub(crate) user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    /// Decoded, with port and brackets.
    pub(crate) host: String,
    pub(crate) path: Vec<u8>,
    pub(crate) raw_path: String,
    pub(crate) omit_host: bool,
    pub(crate) force_query: bool,
    pub(crate) raw_query: String,
    pub(crate) fragment: Vec<u8>,
    pub(crate) raw_fragment: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

impl Url {
    /// # Errors
    /// Go's text, as `url.Error` words it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(|error| format!("parse {text:?}: {error}"))
    }

    fn read(text: &str) -> Result<Self, String> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Self::default();
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        url.set_rest(text)?;
        if !fragment.is_empty() {
            url.fragment = unescape(fragment, Part::Fragment)?;
            if escape(&url.fragment, Part::Fragment) != fragment {
                fragment.clone_into(&mut url.raw_fragment);
            }
        }
        Ok(url)
    }

    fn set_rest(&mut self, text: &str) -> Result<(), String> {
        if text == "*" {
            self.path = b"*".to_vec();
            return Ok(());
        }
        let (scheme, rest) = scheme(text)?;
        self.scheme = scheme.to_ascii_lowercase();
        let rest = match rest.strip_suffix('?') {
            Some(before) if !before.contains('?') => {
                self.force_query = true;
                before
            }
            _ => {
                let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
                query.clone_into(&mut self.raw_query);
                rest
            }
        };
        if !rest.starts_with('/') {
            if !self.scheme.is_empty() {
                rest.clone_into(&mut self.opaque);
                return Ok(());
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let mut path = rest;
        match rest.strip_prefix("//") {
            Some(authority) if !self.scheme.is_empty() || !rest.starts_with("///") => {
                let (authority, after) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
                path = after;
                self.set_authority(authority)?;
            }
            _ => self.omit_host = !self.scheme.is_empty() && rest.starts_with('/'),
        }
        self.path = unescape(path, Part::Path)?;
        if escape(&self.path, Part::Path) != path {
            path.clone_into(&mut self.raw_path);
        }
        Ok(())
    }

    fn set_authority(&mut self, authority: &str) -> Result<(), String> {
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        self.host = parse_host(host)?;
        let Some(user) = user else { return Ok(()) };
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
        if !user.bytes().all(valid) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(unescape(password, Part::User)?)),
            None => (user, None),
        };
        self.user = Some((unescape(name, Part::User)?, password));
        Ok(())
    }

    /// The host without port and brackets.
    #[cfg(any(feature = "http", test))]
    pub(crate) fn hostname(&self) -> &str {
        let host = match self.host.rfind(':') {
            Some(at) if valid_port(self.host.get(at..).unwrap_or_default()) => self.host.get(..at).unwrap_or_default(),
            _ => &self.host,
        };
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// The port, or the one that the scheme means.
    #[cfg(feature = "http")]
    pub(crate) fn port_or_default(&self) -> u16 {
        let port = self.host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.unwrap_or(if self.scheme == "https" { 443 } else { 80 })
    }

    /// Where a reference on this page leads (RFC 3986, 5.2).
    #[cfg(feature = "http")]
    pub(crate) fn join(&self, mut reference: Self) -> Self {
        if !reference.scheme.is_empty() {
            return reference;
        }
        reference.scheme.clone_from(&self.scheme);
        if !reference.host.is_empty() || reference.user.is_some() {
            return reference;
        }
        reference.host.clone_from(&self.host);
        reference.user.clone_from(&self.user);
        reference.omit_host = false;
        let path = reference.escaped_path();
        let base = self.escaped_path();
        let merged = if path.is_empty() {
            if reference.raw_query.is_empty() && !reference.force_query {
                reference.raw_query.clone_from(&self.raw_query);
            }
            base
        } else if path.starts_with('/') {
            path
        } else {
            let folder = base.rfind('/').and_then(|end| base.get(..=end)).unwrap_or("/");
            format!("{folder}{path}")
        };
        let merged = without_dots(&merged);
        // Both texts were paths of URLs, so that what they escape can be read.
        reference.path = unescape(&merged, Part::Path).unwrap_or_default();
        reference.raw_path = if escape(&reference.path, Part::Path) == merged { String::new() } else { merged };
        reference
    }

    /// The path as it goes over the wire.
    pub(crate) fn escaped_path(&self) -> String {
        let valid = |byte: u8| b"!$&'()*+,;=:@[]%".contains(&byte) || !should_escape(byte, Part::Path);
        if !self.raw_path.is_empty()
            && self.raw_path.bytes().all(valid)
            && unescape(&self.raw_path, Part::Path).as_ref() == Ok(&self.path)
        {
            return self.raw_path.clone();
        }
        if self.path == b"*" { "*".to_owned() } else { escape(&self.path, Part::Path) }
    }

    fn escaped_fragment(&self) -> String {
        let valid = |byte: u8| b"!$&'()*+,;=:@[]%".contains(&byte) || !should_escape(byte, Part::Fragment);
        if !self.raw_fragment.is_empty() && self.raw_fragment.bytes().all(valid) {
            return self.raw_fragment.clone();
        }
        escape(&self.fragment, Part::Fragment)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            let named = !self.host.is_empty() || self.user.is_some();
            let omitted = self.omit_host && !named;
            if (!self.scheme.is_empty() || named) && !omitted && (named || !self.path.is_empty()) {
                f.write_str("//")?;
            }
            if let Some((name, password)) = &self.user {
                f.write_str(&escape(name, Part::User))?;
                if let Some(password) = password {
                    write!(f, ":{}", escape(password, Part::User))?;
                }
                f.write_str("@")?;
            }
            f.write_str(&escape(self.host.as_bytes(), Part::Host))?;
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                f.write_str("/")?;
            }
            if self.scheme.is_empty() && !named && path.split('/').next().is_some_and(|first| first.contains(':')) {
                f.write_str("./")?;
            }
            f.write_str(&path)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if self.force_query || !self.raw_query.is_empty() {
            write!(f, "?{}", self.raw_query)?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", self.escaped_fragment())?;
        }
        Ok(())
    }
}

/// Takes `.` and `..` out of a path.
#[cfg(feature = "http")]
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            part => segments.push(part),
        }
    }
    format!("/{}", segments.join("/"))
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((text.get(..index).unwrap_or_default(), text.get(index + 1..).unwrap_or_default())),
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn parse_host(host: &str) -> Result<String, String> {
    let invalid_port = |port: &str| Err(format!("invalid port {port:?} after host"));
    match host.rfind('[') {
        Some(0) => {
            let Some(close) = host.rfind(']') else { return Err("missing ']' in host".to_owned()) };
            let (literal, port) = host.split_at(close + 1);
            if !valid_port(port) {
                return invalid_port(port);
            }
            let inner = literal.get(1..close).unwrap_or_default();
            let (address, zone) = match inner.split_once("%25") {
                Some((address, zone)) => (address, Some(unescape(zone, Part::Zone)?)),
                None => (inner, None),
            };
            let address = String::from_utf8_lossy(&unescape(address, Part::Host)?).into_owned();
            if address.parse::<Ipv6Addr>().is_err() {
                return Err(format!("invalid host: {address:?}"));
            }
            let zone = zone.map(|zone| format!("%{}", String::from_utf8_lossy(&zone))).unwrap_or_default();
            return Ok(format!("[{address}{zone}]{port}"));
        }
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    if let Some(at) = host.find(':')
        && !valid_port(host.get(at..).unwrap_or_default())
    {
        return invalid_port(host.get(at..).unwrap_or_default());
    }
    let bytes = unescape(host, Part::Host)?;
    String::from_utf8(bytes).map_err(|_| "invalid character in host name".to_owned())
}

/// Nothing, or a colon and digits.
fn valid_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn should_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    if matches!(part, Part::Host | Part::Zone) && b"!$&'()*+,;=:[]<>\"".contains(&byte) {
        return false;
    }
    if b"$&+,/:;=?@".contains(&byte) {
        return match part {
            Part::Path => byte == b'?',
            Part::User => b"@/?:".contains(&byte),
            Part::Fragment => false,
            Part::Host | Part::Zone => true,
        };
    }
    !(part == Part::Fragment && b"!()*".contains(&byte))
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if should_escape(*byte, part) {
            out.push_str(&format!("%{byte:02X}"));
        } else {
            out.push(char::from(*byte));
        }
    }
    out
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte != b'%' {
            if matches!(part, Part::Host | Part::Zone) && byte < 0x80 && should_escape(byte, part) {
                return Err(format!("invalid character {:?} in host name", char::from(byte).to_string()));
            }
            out.push(byte);
            continue;
        }
        let digits = text.as_bytes().get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let shown = || {
            let end = text.len().min(at + 3);
            String::from_utf8_lossy(text.as_bytes().get(at..end).unwrap_or_default()).into_owned()
        };
        let Some(value) = value else { return Err(format!("invalid URL escape {:?}", shown())) };
        // In a host only what is no ASCII may be escaped, and the percent sign of a zone.
        if part == Part::Host && value < 0x80 && value != b'%' {
            return Err(format!("invalid URL escape {:?}", shown()));
        }
        out.push(value);
        bytes.nth(1);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written_as_in_go() {
        for (text, host, path) in [
            ("https://example.com/a%20b?x=1#f", "example.com", "/a%20b"),
            ("http://u:p@[::1]:80/", "::1", "/"),
            ("spiffe://domain.com/wl/x", "domain.com", "/wl/x"),
            ("http://h/a%2Fb", "h", "/a%2Fb"),
            ("mailto:a@b", "", ""),
            ("/only/path", "", "/only/path"),
            ("http://h?", "h", ""),
            ("file:/x", "", "/x"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.hostname(), url.escaped_path().as_str(), url.to_string().as_str()), (host, path, text));
        }
        #[cfg(feature = "http")]
        for (reference, joined) in [
            ("/x", "http://h:1/x"),
            ("x?y", "http://h:1/a/x?y"),
            ("../x", "http://h:1/x"),
            ("//o/x", "http://o/x"),
            ("https://o", "https://o"),
            ("?q", "http://h:1/a/b?q"),
            ("./../../..", "http://h:1/"),
        ] {
            let base = Url::parse("http://h:1/a/b?c").unwrap();
            assert_eq!(base.join(Url::parse(reference).unwrap()).to_string(), joined);
        }
        assert_eq!(Url::parse("http://h/a b").unwrap().escaped_path(), "/a%20b");
        for text in
            ["http://h:x/", ":a", "http://h/%zz", "http://[::1/", "http://a b/", "a:b:c\n", "1:2", "http://%41/"]
        {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
