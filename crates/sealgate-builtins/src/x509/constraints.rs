//! Name constraints: which names the certificates below one may have (RFC 5280, 4.2.1.10, as Go reads it).

use std::net::IpAddr;

use crate::pki::der::{Reader, tag};

use super::certificate::Certificate;
use super::extensions::{AltNames, NAME_CONSTRAINTS, SUBJECT_ALT_NAME};

/// Comparisons of a name with a constraint that one chain may cost.
const MAX_COMPARISONS: usize = 250_000;

/// Subtrees of names, of one side.
#[derive(Debug, Clone, Default)]
pub(super) struct Subtrees {
    pub(super) dns: Vec<String>,
    /// Address and mask of equal length.
    pub(super) ips: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) emails: Vec<String>,
    pub(super) uri_domains: Vec<String>,
}

impl Subtrees {
    /// What is permitted, what is excluded, and whether all of it is understood.
    ///
    /// # Errors
    /// Go's text.
    pub(super) fn parse_both(mut value: Reader<'_>) -> Result<(Self, Self, bool), String> {
        let sides = value.expect(tag::SEQUENCE).filter(|_| value.is_empty()).and_then(|mut outer| {
            let permitted = outer.optional(tag::context_constructed(0))?;
            let excluded = outer.optional(tag::context_constructed(1))?;
            outer.is_empty().then_some((permitted, excluded))
        });
        let Some((permitted, excluded)) = sides else {
            return Err("x509: invalid NameConstraints extension".to_owned());
        };
        let (permitted, excluded) = (permitted.unwrap_or(Reader(&[])), excluded.unwrap_or(Reader(&[])));
        if permitted.is_empty() && excluded.is_empty() {
            return Err("x509: empty name constraints extension".to_owned());
        }
        let mut complete = true;
        let permitted = Self::parse(permitted, &mut complete)?;
        let excluded = Self::parse(excluded, &mut complete)?;
        Ok((permitted, excluded, complete))
    }

    fn parse(mut list: Reader<'_>, complete: &mut bool) -> Result<Self, String> {
        let mut subtrees = Self::default();
        while !list.is_empty() {
            let Some(base) = list.expect(tag::SEQUENCE).and_then(|mut subtree| subtree.any()) else {
                return Err("x509: invalid NameConstraints extension".to_owned());
            };
            let ascii = || match std::str::from_utf8(base.contents) {
                Ok(text) if text.is_ascii() => Ok(text.to_owned()),
                _ => Err("x509: invalid constraint value: contains non-ASCII characters".to_owned()),
            };
            let failed = |kind: &str, text: &str| Err(format!("x509: failed to parse {kind} constraint {text:?}"));
            match base.tag {
                0x82 => {
                    let domain = ascii()?;
                    if !domain_valid(&domain, true) {
                        return failed("dnsName", &domain);
                    }
                    subtrees.dns.push(domain);
                }
                0x81 => {
                    let constraint = ascii()?;
                    let valid = if constraint.contains('@') {
                        Mailbox::parse(&constraint).is_some()
                    } else {
                        domain_valid(&constraint, true)
                    };
                    if !valid {
                        return failed("rfc822Name", &constraint);
                    }
                    subtrees.emails.push(constraint);
                }
                0x86 => {
                    let domain = ascii()?;
                    if domain.parse::<IpAddr>().is_ok() || !domain_valid(&domain, true) {
                        return failed("URI", &domain);
                    }
                    subtrees.uri_domains.push(domain);
                }
                0x87 => {
                    let length = base.contents.len();
                    if !matches!(length, 8 | 32) {
                        return Err(format!("x509: IP constraint contained value of length {length}"));
                    }
                    let (address, mask) = base.contents.split_at(length / 2);
                    if !is_mask(mask) {
                        return Err("x509: IP constraint contained invalid mask".to_owned());
                    }
                    subtrees.ips.push((address.to_vec(), mask.to_vec()));
                }
                _ => *complete = false,
            }
        }
        Ok(subtrees)
    }
}

/// Ones, then zeros.
fn is_mask(mask: &[u8]) -> bool {
    let rest: Vec<u8> = mask.iter().copied().skip_while(|byte| *byte == 0xff).collect();
    match rest.split_first() {
        None => true,
        Some((first, zeros)) => {
            first.leading_ones() + first.trailing_zeros() == 8 && zeros.iter().all(|byte| *byte == 0)
        }
    }
}

/// Whether a text can be a domain in a certificate.
pub(super) fn domain_valid(domain: &str, is_constraint: bool) -> bool {
    if domain.is_empty() {
        return true;
    }
    if domain.ends_with('.') {
        return false;
    }
    let domain = if is_constraint { domain.strip_prefix('.').unwrap_or(domain) } else { domain };
    domain.bytes().all(|byte| (33..=126).contains(&byte)) && domain.split('.').all(|label| !label.is_empty())
}

/// Whether every name in the chain obeys the constraints of those above it. The chain begins with the leaf.
pub(super) fn allow(chain: &[&Certificate]) -> bool {
    let constraining = |certificate: &Certificate| certificate.extension(NAME_CONSTRAINTS).is_some();
    let mut left = MAX_COMPARISONS;
    for (index, certificate) in chain.iter().enumerate() {
        if certificate.extension(SUBJECT_ALT_NAME).is_none() {
            continue;
        }
        let mut above = chain.iter().skip(index + 1).filter(|certificate| constraining(certificate)).peekable();
        if above.peek().is_none() {
            return true;
        }
        let Some(names) = Names::of(&certificate.understood.names) else { return false };
        for parent in above {
            if !names.obey(&parent.understood.permitted, &parent.understood.excluded, &mut left) {
                return false;
            }
        }
    }
    true
}

/// The names of a certificate, as constraints see them.
struct Names<'a> {
    dns: &'a [String],
    ips: &'a [Vec<u8>],
    uri_hosts: Vec<String>,
    mailboxes: Vec<Mailbox>,
}

impl<'a> Names<'a> {
    fn of(names: &'a AltNames) -> Option<Self> {
        let host = |host: &str| {
            let host = host.to_lowercase();
            let host = match host.split_once(':') {
                Some((before, port)) if !host.ends_with(']') && !port.contains(':') => before.to_owned(),
                Some(_) => return None,
                None => host,
            };
            (!host.is_empty() && host.parse::<IpAddr>().is_err() && !host.starts_with('[')).then_some(host)
        };
        let uri_hosts = names.uris.iter().map(|uri| host(&uri.host)).collect::<Option<_>>()?;
        let mailboxes = names.emails.iter().map(|email| Mailbox::parse(email)).collect::<Option<_>>()?;
        Some(Self { dns: &names.dns, ips: &names.ips, uri_hosts, mailboxes })
    }

    fn obey(&self, permitted: &Subtrees, excluded: &Subtrees, left: &mut usize) -> bool {
        let cost = |names: usize, permitted: usize, excluded: usize| names.saturating_mul(permitted + excluded);
        let total = [
            cost(self.ips.len(), permitted.ips.len(), excluded.ips.len()),
            cost(self.dns.len(), permitted.dns.len(), excluded.dns.len()),
            cost(self.uri_hosts.len(), permitted.uri_domains.len(), excluded.uri_domains.len()),
            cost(self.mailboxes.len(), permitted.emails.len(), excluded.emails.len()),
        ];
        let Some(rest) = left.checked_sub(total.into_iter().fold(0, usize::saturating_add)) else { return false };
        *left = rest;
        within(self.ips, &permitted.ips, &excluded.ips, |ip, subtree, _| in_network(ip, subtree))
            && self.dns.iter().all(|name| domain_valid(name, false))
            && within(self.dns, &permitted.dns, &excluded.dns, |name, domain, excluding| {
                in_domain(name, domain) || (excluding && wildcard_reaches(name, domain))
            })
            && self.uri_hosts.iter().all(|host| domain_valid(host, false))
            && within(&self.uri_hosts, &permitted.uri_domains, &excluded.uri_domains, |host, domain, _| {
                in_domain(host, domain)
            })
            && within(&self.mailboxes, &permitted.emails, &excluded.emails, |mailbox, constraint, _| {
                mailbox.matches(constraint)
            })
    }
}

/// Whether each name is in a permitted subtree, if there are any, and in no excluded one.
fn within<N, S>(names: &[N], permitted: &[S], excluded: &[S], matches: impl Fn(&N, &S, bool) -> bool) -> bool {
    names.iter().all(|name| {
        (permitted.is_empty() || permitted.iter().any(|subtree| matches(name, subtree, false)))
            && !excluded.iter().any(|subtree| matches(name, subtree, true))
    })
}

fn in_network(ip: &[u8], (address, mask): &(Vec<u8>, Vec<u8>)) -> bool {
    ip.len() == address.len()
        && ip.iter().zip(address).zip(mask).all(|((ip, address), mask)| ip & mask == address & mask)
}

/// Whether a name is the domain or below it; below only, if the domain begins with a full stop.
fn in_domain(name: &str, domain: &str) -> bool {
    if domain.is_empty() {
        return true;
    }
    let Some(start) = name.len().checked_sub(domain.len()) else { return false };
    let (Some(before), Some(end)) = (name.get(..start), name.get(start..)) else { return false };
    end.eq_ignore_ascii_case(domain) && (domain.starts_with('.') || before.is_empty() || before.ends_with('.'))
}

/// Whether a name like `*.example.com` may stand for the excluded `host.example.com`.
fn wildcard_reaches(name: &str, domain: &str) -> bool {
    let (Some(rest), Some(dot)) = (name.strip_prefix('*'), domain.find('.')) else { return false };
    !rest.is_empty() && domain.get(dot..).is_some_and(|parent| parent.eq_ignore_ascii_case(rest))
}

/// An address of mail (RFC 2821).
#[derive(Debug, PartialEq, Eq)]
struct Mailbox {
    local: Vec<u8>,
    domain: String,
}

impl Mailbox {
    fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (local, at) = if bytes.first() == Some(&b'"') { quoted(bytes)? } else { atoms(bytes)? };
        let domain = text.get(at..)?.strip_prefix('@')?;
        let valid = domain.bytes().all(|byte| (33..=126).contains(&byte))
            && (domain.is_empty() || domain.split('.').all(|label| !label.is_empty()));
        valid.then(|| Self { local, domain: domain.to_lowercase() })
    }

    fn matches(&self, constraint: &str) -> bool {
        if constraint.contains('@') {
            return Self::parse(constraint).as_ref() == Some(self);
        }
        in_domain(&self.domain, constraint)
    }
}

/// A quoted local part, and where it ends.
fn quoted(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut local = Vec::new();
    let mut at = 1;
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match byte {
            b'"' => return Some((local, at)),
            b'\\' => {
                let escaped = *bytes.get(at)?;
                at += 1;
                if !matches!(escaped, 1..=9 | 11 | 12 | 14..=127) {
                    return None;
                }
                local.push(escaped);
            }
            1..=8 | 11 | 12 | 14..=33 | 35..=91 | 93..=127 => local.push(byte),
            _ => return None,
        }
    }
}

/// A local part of atoms, and where it ends.
fn atoms(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut local = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\\' => {
                local.push(*bytes.get(at + 1)?);
                at += 2;
            }
            _ if byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte) => {
                local.push(byte);
                at += 1;
            }
            _ => break,
        }
    }
    let bad = local.first().is_none_or(|first| *first == b'.')
        || local.last() == Some(&b'.')
        || local.windows(2).any(|pair| pair == b"..");
    (!bad).then_some((local, at))
}
