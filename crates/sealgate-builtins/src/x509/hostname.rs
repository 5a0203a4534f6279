//! Whether a certificate is for a host: by its DNS names and addresses, never by its common name.

use std::net::IpAddr;

use super::certificate::Certificate;

/// Whether the certificate names this host.
pub(super) fn allow(certificate: &Certificate, host: &str) -> bool {
    let names = &certificate.understood.names;
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = address.parse::<IpAddr>() {
        return names.ips.iter().any(|candidate| canonical(candidate) == Some(address.to_canonical()));
    }
    let host = host.to_ascii_lowercase();
    let plain = is_hostname(host.strip_suffix('.').unwrap_or(&host), false);
    names.dns.iter().any(|pattern| {
        let pattern = pattern.to_ascii_lowercase();
        if plain && is_hostname(&pattern, true) {
            matches(&pattern, host.strip_suffix('.').unwrap_or(&host))
        } else {
            !matches!(pattern.as_str(), "" | ".") && pattern == host
        }
    })
}

fn canonical(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(bytes));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|bytes| IpAddr::from(bytes).to_canonical())
}

/// A `*` stands for the whole first label, and for nothing else.
fn matches(pattern: &str, host: &str) -> bool {
    let (mut patterns, mut labels) = (pattern.split('.'), host.split('.'));
    let first = match (patterns.next(), labels.next()) {
        (Some(pattern), Some(label)) => pattern == "*" || pattern == label,
        _ => false,
    };
    first && patterns.eq(labels)
}

fn is_hostname(host: &str, is_pattern: bool) -> bool {
    host != "*"
        && host.split('.').enumerate().all(|(index, label)| {
            (is_pattern && index == 0 && label == "*")
                || (!label.is_empty()
                    && !label.starts_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
        })
}
