//! A certificate of its DER, as strict and as lenient as Go's parser.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::pki::der::{Oid, Reader, right_aligned, tag};
use crate::pki::public::{KeyInfo, PublicKey, parse_key_info};
use crate::pki::signature::{Hash, Salt, verify_ecdsa, verify_ed25519, verify_pkcs1v15, verify_pss};

use super::extensions::Understood;
use super::name::Name;
use super::time::Time;

/// An extension as it stands in the certificate.
#[derive(Debug, Clone)]
pub(crate) struct Extension {
    pub(super) id: Oid,
    pub(super) critical: bool,
    pub(super) value: Vec<u8>,
}

/// A certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(super) raw: Vec<u8>,
    pub(super) raw_tbs: Vec<u8>,
    pub(super) raw_key_info: Vec<u8>,
    pub(super) raw_subject: Vec<u8>,
    pub(super) raw_issuer: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) signature_algorithm: SignatureAlgorithm,
    pub(super) key_algorithm: Oid,
    pub(crate) key: Option<PublicKey>,
    pub(super) version: i64,
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Name,
    pub(super) subject: Name,
    pub(super) not_before: Time,
    pub(super) not_after: Time,
    pub(super) extensions: Vec<Extension>,
    pub(super) understood: Understood,
}

fn bad<T>(text: &str) -> Result<T, String> {
    Err(format!("x509: {text}"))
}

impl Certificate {
    /// Exactly one certificate.
    ///
    /// # Errors
    /// Go's text.
    pub(crate) fn parse_one(der: &[u8]) -> Result<Self, String> {
        let certificate = Self::parse(der)?;
        if certificate.raw.len() == der.len() { Ok(certificate) } else { bad("trailing data") }
    }

    /// Certificates one after the other, at most `limit`.
    ///
    /// # Errors
    /// Go's text for the first that is malformed.
    pub(super) fn parse_all(mut der: &[u8], limit: usize) -> Result<Vec<Arc<Self>>, String> {
        let mut certificates = Vec::new();
        while !der.is_empty() {
            if certificates.len() == limit {
                return Err(format!("more than {limit} certificates"));
            }
            let certificate = Self::parse(der)?;
            der = der.get(certificate.raw.len()..).unwrap_or_default();
            certificates.push(Arc::new(certificate));
        }
        Ok(certificates)
    }

    fn parse(der: &[u8]) -> Result<Self, String> {
        let Some(outer) = Reader(der).element(tag::SEQUENCE) else { return bad("malformed certificate") };
        let mut input = Reader(outer.contents);
        let Some(tbs_element) = input.element(tag::SEQUENCE) else { return bad("malformed tbs certificate") };
        let mut tbs = Reader(tbs_element.contents);

        let version = match tbs.optional(tag::context_constructed(0)) {
            Some(None) => Some(0),
            Some(Some(mut inner)) => inner.small(tag::INTEGER).filter(|version| *version >= 0 && inner.is_empty()),
            None => None,
        };
        let Some(version) = version.and_then(|version| version.checked_add(1)) else { return bad("malformed version") };
        if version > 3 {
            return bad("invalid version");
        }
        let serial = match tbs.integer() {
            None => return bad("malformed serial number"),
            Some([first, ..]) if first & 0x80 != 0 => return bad("negative serial number"),
            Some(bytes) => bytes.to_vec(),
        };
        let Some(algorithm) = tbs.expect(tag::SEQUENCE) else {
            return bad("malformed signature algorithm identifier");
        };
        let Some(outer_algorithm) = input.expect(tag::SEQUENCE) else { return bad("malformed algorithm identifier") };
        if outer_algorithm != algorithm {
            return bad("inner and outer signature algorithm identifiers don't match");
        }
        let signature_algorithm = SignatureAlgorithm::parse(algorithm)?;
        let Some(issuer) = tbs.element(tag::SEQUENCE) else { return bad("malformed issuer") };
        let issuer_name = Name::parse(issuer.full)?;
        let Some(mut validity) = tbs.expect(tag::SEQUENCE) else { return bad("malformed validity") };
        let (not_before, not_after) = (Time::read(&mut validity)?, Time::read(&mut validity)?);
        let Some(subject) = tbs.element(tag::SEQUENCE) else { return bad("malformed issuer") };
        let subject_name = Name::parse(subject.full)?;
        let Some(key_info) = tbs.element(tag::SEQUENCE) else { return bad("malformed spki") };
        let KeyInfo { algorithm: key_algorithm, key } = parse_key_info(Reader(key_info.contents))?;
        let extensions = extensions(&mut tbs, version)?;
        let understood = Understood::of(&extensions)?;
        let Some(signature) = input.bit_string() else { return bad("malformed signature") };

        Ok(Self {
            raw: outer.full.to_vec(),
            raw_tbs: tbs_element.full.to_vec(),
            raw_key_info: key_info.full.to_vec(),
            raw_subject: subject.full.to_vec(),
            raw_issuer: issuer.full.to_vec(),
            signature: right_aligned(signature).into_owned(),
            signature_algorithm,
            key_algorithm,
            key,
            version,
            serial,
            issuer: issuer_name,
            subject: subject_name,
            not_before,
            not_after,
            extensions,
            understood,
        })
    }

    pub(super) fn extension(&self, id: &[u32]) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.id.is(id))
    }

    /// Whether `parent` may sign certificates and signed this one. SHA-1 and MD5 do not count.
    pub(super) fn is_signed_by(&self, parent: &Self) -> bool {
        let constraints = &parent.understood;
        if (parent.version == 3 && !constraints.has_basic_constraints)
            || (constraints.has_basic_constraints && !constraints.is_ca)
            || (constraints.key_usage != 0 && constraints.key_usage & 1 << 5 == 0)
        {
            return false;
        }
        let (message, signature) = (self.raw_tbs.as_slice(), self.signature.as_slice());
        match (&parent.key, self.signature_algorithm.scheme()) {
            (Some(PublicKey::Rsa(key)), Some(Scheme::Pkcs1v15(hash))) => verify_pkcs1v15(key, hash, message, signature),
            (Some(PublicKey::Rsa(key)), Some(Scheme::Pss(hash))) => {
                verify_pss(key, hash, Salt::Hash, message, signature)
            }
            (Some(PublicKey::Ec(point)), Some(Scheme::Ecdsa(hash))) => {
                ecdsa_parts(signature).is_some_and(|(r, s)| verify_ecdsa(point, hash, message, r, s))
            }
            (Some(PublicKey::Ed25519(key)), Some(Scheme::Ed25519)) => verify_ed25519(key, message, signature),
            _ => false,
        }
    }
}

fn ecdsa_parts(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Reader(signature);
    let mut inner = outer.expect(tag::SEQUENCE)?;
    let parts = (inner.unsigned()?, inner.unsigned()?);
    (outer.is_empty() && inner.is_empty()).then_some(parts)
}

fn extensions(tbs: &mut Reader<'_>, version: i64) -> Result<Vec<Extension>, String> {
    if version < 2 {
        return Ok(Vec::new());
    }
    for (number, name) in [(1, "issuerUniqueID"), (2, "subjectUniqueID")] {
        if tbs.optional(tag::context(number)).is_none() {
            return bad(&format!("malformed {name}"));
        }
    }
    if version < 3 {
        return Ok(Vec::new());
    }
    match tbs.optional(tag::context_constructed(3)) {
        None => bad("malformed extensions"),
        Some(None) => Ok(Vec::new()),
        Some(Some(mut explicit)) => match explicit.expect(tag::SEQUENCE) {
            None => bad("malformed extensions"),
            Some(list) => extension_list(list),
        },
    }
}

/// The contents of a sequence of extensions, none twice.
pub(super) fn extension_list(mut list: Reader<'_>) -> Result<Vec<Extension>, String> {
    let (mut extensions, mut seen) = (Vec::new(), BTreeSet::new());
    while !list.is_empty() {
        let Some(mut extension) = list.expect(tag::SEQUENCE) else { return bad("malformed extension") };
        let Some(id) = extension.oid() else { return bad("malformed extension OID field") };
        let critical = if extension.peek(tag::BOOLEAN) { extension.boolean() } else { Some(false) };
        let Some(critical) = critical else { return bad("malformed extension critical field") };
        let Some(value) = extension.expect(tag::OCTET_STRING) else { return bad("malformed extension value field") };
        if !seen.insert(id.clone()) {
            let arcs: Vec<String> = id.0.iter().map(ToString::to_string).collect();
            return bad(&format!("certificate contains duplicate extension with OID {:?}", arcs.join(".")));
        }
        extensions.push(Extension { id, critical, value: value.0.to_vec() });
    }
    Ok(extensions)
}

/// How to check a signature.
enum Scheme {
    Pkcs1v15(Hash),
    Pss(Hash),
    Ecdsa(Hash),
    Ed25519,
}

/// Go's number of a signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SignatureAlgorithm(pub(super) i64);

impl SignatureAlgorithm {
    const UNKNOWN: Self = Self(0);

    /// Reads an AlgorithmIdentifier from its contents.
    pub(super) fn parse(mut identifier: Reader<'_>) -> Result<Self, String> {
        let Some(oid) = identifier.oid() else { return bad("malformed OID") };
        let parameters = if identifier.is_empty() { Some(&[][..]) } else { identifier.any().map(|any| any.full) };
        let Some(parameters) = parameters else { return bad("malformed parameters") };
        Ok(Self(match oid.0.as_slice() {
            [1, 2, 840, 113_549, 1, 1, 4] => 2,
            [1, 2, 840, 113_549, 1, 1, 5] | [1, 3, 14, 3, 2, 29] => 3,
            [1, 2, 840, 113_549, 1, 1, 11] => 4,
            [1, 2, 840, 113_549, 1, 1, 12] => 5,
            [1, 2, 840, 113_549, 1, 1, 13] => 6,
            [1, 2, 840, 10_040, 4, 3] => 7,
            [2, 16, 840, 1, 101, 3, 4, 3, 2] => 8,
            [1, 2, 840, 10_045, 4, 1] => 9,
            [1, 2, 840, 10_045, 4, 3, last @ 2..=4] => i64::from(*last) + 8,
            [1, 2, 840, 113_549, 1, 1, 10] => return Ok(pss(parameters).unwrap_or(Self::UNKNOWN)),
            [1, 3, 101, 112] if parameters.is_empty() => 16,
            _ => 0,
        }))
    }

    fn scheme(self) -> Option<Scheme> {
        Some(match self.0 {
            4 => Scheme::Pkcs1v15(Hash::Sha256),
            5 => Scheme::Pkcs1v15(Hash::Sha384),
            6 => Scheme::Pkcs1v15(Hash::Sha512),
            10 => Scheme::Ecdsa(Hash::Sha256),
            11 => Scheme::Ecdsa(Hash::Sha384),
            12 => Scheme::Ecdsa(Hash::Sha512),
            13 => Scheme::Pss(Hash::Sha256),
            14 => Scheme::Pss(Hash::Sha384),
            15 => Scheme::Pss(Hash::Sha512),
            16 => Scheme::Ed25519,
            _ => return None,
        })
    }
}

/// PSS with one hash throughout, the salt as long as it, and the default trailer.
fn pss(parameters: &[u8]) -> Option<SignatureAlgorithm> {
    /// The arc of a SHA-2 hash, which may carry a NULL.
    fn hash(mut identifier: Reader<'_>) -> Option<u32> {
        let oid = identifier.oid()?;
        let [2, 16, 840, 1, 101, 3, 4, 2, last] = oid.0.as_slice() else { return None };
        (identifier.is_empty() || identifier.0 == [5, 0]).then_some(*last)
    }
    let mut parameters = Reader(parameters).expect(tag::SEQUENCE)?;
    let digest = hash(parameters.expect(tag::context_constructed(0))?.expect(tag::SEQUENCE)?)?;
    let mut mask = parameters.expect(tag::context_constructed(1))?.expect(tag::SEQUENCE)?;
    if !mask.oid()?.is(&[1, 2, 840, 113_549, 1, 1, 8]) || hash(mask.expect(tag::SEQUENCE)?)? != digest {
        return None;
    }
    let salt = parameters.expect(tag::context_constructed(2))?.small(tag::INTEGER)?;
    if let Some(mut trailer) = parameters.optional(tag::context_constructed(3))?
        && trailer.small(tag::INTEGER)? != 1
    {
        return None;
    }
    match (digest, salt) {
        (1, 32) => Some(SignatureAlgorithm(13)),
        (2, 48) => Some(SignatureAlgorithm(14)),
        (3, 64) => Some(SignatureAlgorithm(15)),
        _ => None,
    }
}
