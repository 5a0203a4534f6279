//! What the extensions of a certificate say, as far as Go understands them.

use crate::pki::der::{Oid, Reader, tag};
use crate::url::Url;

use super::certificate::Extension;
use super::constraints::{Subtrees, domain_valid};

pub(super) const SUBJECT_ALT_NAME: &[u32] = &[2, 5, 29, 17];
pub(super) const NAME_CONSTRAINTS: &[u32] = &[2, 5, 29, 30];
const AUTHORITY_INFO_ACCESS: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];

/// Subject alternative names.
#[derive(Debug, Clone, Default)]
pub(super) struct AltNames {
    pub(super) dns: Vec<String>,
    pub(super) emails: Vec<String>,
    /// Four or sixteen bytes each.
    pub(super) ips: Vec<Vec<u8>>,
    pub(super) uris: Vec<Url>,
}

/// A number that may be missing; Go tells an explicit zero apart.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) value: i64,
    pub(super) is_explicit_zero: bool,
}

impl Count {
    fn of(value: i64) -> Self {
        Self { value, is_explicit_zero: value == 0 }
    }
}

/// Everything that was understood.
#[derive(Debug, Clone, Default)]
pub(super) struct Understood {
    /// Nine bits, the first bit of the bit string the lowest.
    pub(super) key_usage: i64,
    pub(super) has_basic_constraints: bool,
    pub(super) is_ca: bool,
    /// -1 where the extension does not limit it, 0 without the extension.
    pub(super) max_path_len: i64,
    pub(super) names: AltNames,
    pub(super) constraints_critical: bool,
    pub(super) permitted: Subtrees,
    pub(super) excluded: Subtrees,
    pub(super) crl_distribution_points: Vec<String>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) require_explicit_policy: Count,
    pub(super) inhibit_policy_mapping: Count,
    pub(super) inhibit_any_policy: Count,
    /// Go's numbers.
    pub(super) ext_key_usage: Vec<i64>,
    pub(super) unknown_ext_key_usage: Vec<Oid>,
    pub(super) policies: Option<Vec<Oid>>,
    pub(super) policy_mappings: Vec<(Oid, Oid)>,
    pub(super) ocsp_servers: Vec<String>,
    pub(super) issuing_urls: Vec<String>,
    pub(super) unhandled_critical: Vec<Oid>,
}

impl Understood {
    /// # Errors
    /// Go's text for an extension that is malformed.
    pub(super) fn of(extensions: &[Extension]) -> Result<Self, String> {
        let mut understood = Self::default();
        for extension in extensions {
            let handled = understood.add(extension)?;
            if extension.critical && !handled {
                understood.unhandled_critical.push(extension.id.clone());
            }
        }
        Ok(understood)
    }

    /// Whether the extension is understood in full.
    fn add(&mut self, extension: &Extension) -> Result<bool, String> {
        let value = Reader(&extension.value);
        let invalid = |what: &str| format!("x509: invalid {what}");
        if extension.id.is(AUTHORITY_INFO_ACCESS) {
            if extension.critical {
                return Err("x509: authority info access incorrectly marked critical".to_owned());
            }
            self.authority_info(value).ok_or_else(|| invalid("authority info access"))?;
            return Ok(true);
        }
        let [2, 5, 29, number] = extension.id.0.as_slice() else { return Ok(false) };
        match number {
            14 | 35 if extension.critical => {
                let name = if *number == 14 { "subject" } else { "authority" };
                return Err(format!("x509: {name} key identifier incorrectly marked critical"));
            }
            14 => {
                let id = read(value, |mut value| Some(value.expect(tag::OCTET_STRING)?.0.to_vec()))
                    .ok_or_else(|| invalid("subject key identifier"))?;
                self.subject_key_id = Some(id);
            }
            15 => self.key_usage = key_usage(value).ok_or_else(|| invalid("key usage"))?,
            17 => {
                self.names = alt_names(value)?;
                let names = &self.names;
                return Ok(!(names.dns.is_empty()
                    && names.emails.is_empty()
                    && names.ips.is_empty()
                    && names.uris.is_empty()));
            }
            19 => self.basic_constraints(value).ok_or_else(|| invalid("basic constraints"))?,
            30 => {
                let (permitted, excluded, complete) = Subtrees::parse_both(value)?;
                (self.permitted, self.excluded, self.constraints_critical) = (permitted, excluded, extension.critical);
                return Ok(complete);
            }
            31 => self.distribution_points(value).ok_or_else(|| invalid("CRL distribution points"))?,
            32 => {
                self.policies = Some(policies(value).ok_or_else(|| invalid("certificate policies"))?);
            }
            33 => self.mappings(value).ok_or_else(|| invalid("policy mappings extension"))?,
            35 => {
                self.authority_key_id = read(value, |mut value| {
                    let mut inner = value.expect(tag::SEQUENCE)?;
                    let id = inner.optional(tag::context(0))?;
                    Some(id.map(|id| id.0.to_vec()))
                })
                .ok_or_else(|| invalid("authority key identifier"))?
            }
            36 => self.policy_constraints(value).ok_or_else(|| invalid("policy constraints extension"))?,
            37 => self.usages(value).ok_or_else(|| invalid("extended key usages"))?,
            54 => {
                let count = read(value, |mut value| value.small(tag::INTEGER));
                self.inhibit_any_policy = Count::of(count.ok_or_else(|| invalid("inhibit any policy extension"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn basic_constraints(&mut self, mut value: Reader<'_>) -> Option<()> {
        let mut inner = value.expect(tag::SEQUENCE)?;
        self.is_ca = if inner.peek(tag::BOOLEAN) { inner.boolean()? } else { false };
        self.max_path_len = -1;
        if inner.peek(tag::INTEGER) {
            self.max_path_len = inner.small(tag::INTEGER).filter(|length| *length >= 0)?;
        }
        self.has_basic_constraints = true;
        Some(())
    }

    fn distribution_points(&mut self, mut value: Reader<'_>) -> Option<()> {
        let mut points = value.expect(tag::SEQUENCE)?;
        while !points.is_empty() {
            let mut point = points.expect(tag::SEQUENCE)?;
            let Some(mut name) = point.optional(tag::context_constructed(0))? else { continue };
            let mut names = name.expect(tag::context_constructed(0))?;
            while names.peek(tag::context(6)) {
                self.crl_distribution_points.push(latin(names.expect(tag::context(6))?.0));
            }
        }
        Some(())
    }

    fn authority_info(&mut self, mut value: Reader<'_>) -> Option<()> {
        let mut descriptions = value.expect(tag::SEQUENCE)?;
        while !descriptions.is_empty() {
            let mut description = descriptions.expect(tag::SEQUENCE)?;
            let method = description.oid()?;
            if !description.peek(tag::context(6)) {
                continue;
            }
            let location = latin(description.expect(tag::context(6))?.0);
            match method.0.as_slice() {
                [1, 3, 6, 1, 5, 5, 7, 48, 1] => self.ocsp_servers.push(location),
                [1, 3, 6, 1, 5, 5, 7, 48, 2] => self.issuing_urls.push(location),
                _ => {}
            }
        }
        Some(())
    }

    fn policy_constraints(&mut self, mut value: Reader<'_>) -> Option<()> {
        let mut inner = value.expect(tag::SEQUENCE)?;
        if inner.peek(tag::context(0)) {
            self.require_explicit_policy = Count::of(inner.small(tag::context(0))?);
        }
        if inner.peek(tag::context(1)) {
            self.inhibit_policy_mapping = Count::of(inner.small(tag::context(1))?);
        }
        Some(())
    }

    fn mappings(&mut self, mut value: Reader<'_>) -> Option<()> {
        let mut mappings = value.expect(tag::SEQUENCE)?;
        while !mappings.is_empty() {
            let mut mapping = mappings.expect(tag::SEQUENCE)?;
            self.policy_mappings.push((mapping.oid()?, mapping.oid()?));
        }
        Some(())
    }

    fn usages(&mut self, mut value: Reader<'_>) -> Option<()> {
        let mut usages = value.expect(tag::SEQUENCE)?;
        while !usages.is_empty() {
            let usage = usages.oid()?;
            match usage_number(&usage) {
                Some(number) => self.ext_key_usage.push(number),
                None => self.unknown_ext_key_usage.push(usage),
            }
        }
        Some(())
    }
}

fn read<'a, T>(value: Reader<'a>, how: impl FnOnce(Reader<'a>) -> Option<T>) -> Option<T> {
    how(value)
}

fn usage_number(usage: &Oid) -> Option<i64> {
    Some(match usage.0.as_slice() {
        [2, 5, 29, 37, 0] => 0,
        // serverAuth to ipsecUser, timeStamping, OCSPSigning.
        [1, 3, 6, 1, 5, 5, 7, 3, last @ 1..=9] => i64::from(*last),
        [1, 3, 6, 1, 4, 1, 311, 10, 3, 3] => 10,
        [2, 16, 840, 1, 113_730, 4, 1] => 11,
        [1, 3, 6, 1, 4, 1, 311, 2, 1, 22] => 12,
        [1, 3, 6, 1, 4, 1, 311, 61, 1, 1] => 13,
        _ => return None,
    })
}

fn key_usage(mut value: Reader<'_>) -> Option<i64> {
    let (bytes, unused) = value.bit_string()?;
    let length = bytes.len() * 8 - usize::from(unused);
    let is_set = |bit: usize| bit < length && bytes.get(bit / 8).is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1);
    Some((0..9).filter(|bit| is_set(*bit)).fold(0, |usage, bit| usage | 1 << bit))
}

fn policies(mut value: Reader<'_>) -> Option<Vec<Oid>> {
    let mut list = value.expect(tag::SEQUENCE)?;
    let mut policies: Vec<Oid> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    while !list.is_empty() {
        let policy = list.expect(tag::SEQUENCE)?.oid()?;
        if !seen.insert(policy.clone()) {
            return None;
        }
        policies.push(policy);
    }
    Some(policies)
}

/// Reads subject alternative names.
///
/// # Errors
/// Go's text.
pub(super) fn alt_names(mut value: Reader<'_>) -> Result<AltNames, String> {
    let Some(mut list) = value.expect(tag::SEQUENCE) else {
        return Err("x509: invalid subject alternative names".to_owned());
    };
    let mut names = AltNames::default();
    while !list.is_empty() {
        let Some(name) = list.any() else { return Err("x509: invalid subject alternative name".to_owned()) };
        let ascii = |kind: &str| match std::str::from_utf8(name.contents) {
            Ok(text) if text.is_ascii() => Ok(text.to_owned()),
            _ => Err(format!("x509: SAN {kind} is malformed")),
        };
        match name.tag ^ 0x80 {
            1 => names.emails.push(ascii("rfc822Name")?),
            2 => names.dns.push(ascii("dNSName")?),
            6 => {
                let text = ascii("uniformResourceIdentifier")?;
                let uri = Url::parse(&text).map_err(|error| format!("x509: cannot parse URI {text:?}: {error}"))?;
                if !uri.host.is_empty() && !domain_valid(&uri.host, false) {
                    return Err(format!("x509: cannot parse URI {text:?}: invalid domain"));
                }
                names.uris.push(uri);
            }
            7 => match name.contents.len() {
                4 | 16 => names.ips.push(name.contents.to_vec()),
                length => return Err(format!("x509: cannot parse IP address of length {length}")),
            },
            _ => {}
        }
    }
    Ok(names)
}

/// Bytes as text; certificates have ASCII here.
fn latin(bytes: &[u8]) -> String {
    crate::pki::json::utf8(bytes)
}
