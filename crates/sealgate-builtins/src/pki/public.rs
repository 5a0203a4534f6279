//! Public keys: what an X.509 SubjectPublicKeyInfo may hold.

use super::der::{Oid, Reader, right_aligned, tag};

pub(crate) const RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
pub(crate) const DSA: &[u32] = &[1, 2, 840, 10_040, 4, 1];
pub(crate) const ECDSA: &[u32] = &[1, 2, 840, 10_045, 2, 1];
pub(crate) const X25519: &[u32] = &[1, 3, 101, 110];
pub(crate) const ED25519: &[u32] = &[1, 3, 101, 112];

/// The curves whose keys can be read and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Bytes of a coordinate and of a scalar.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The name in JWK.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.name() == name)
    }

    pub(crate) fn from_oid(oid: &Oid) -> Option<Self> {
        match oid.0.as_slice() {
            [1, 2, 840, 10_045, 3, 1, 7] => Some(Self::P256),
            [1, 3, 132, 0, 34] => Some(Self::P384),
            [1, 3, 132, 0, 35] => Some(Self::P521),
            _ => None,
        }
    }

    /// Whether the uncompressed point lies on the curve.
    fn has_point(self, sec1: &[u8]) -> bool {
        match self {
            Self::P256 => p256::PublicKey::from_sec1_bytes(sec1).is_ok(),
            Self::P384 => p384::PublicKey::from_sec1_bytes(sec1).is_ok(),
            Self::P521 => p521::PublicKey::from_sec1_bytes(sec1).is_ok(),
        }
    }
}

/// A point that lies on its curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EcPoint {
    pub(crate) curve: Curve,
    /// `04`, x, y.
    pub(crate) sec1: Vec<u8>,
}

impl EcPoint {
    /// The point, if the bytes are one in uncompressed form.
    pub(crate) fn parse(curve: Curve, sec1: &[u8]) -> Option<Self> {
        let uncompressed = sec1.len() == 1 + 2 * curve.size() && sec1.first() == Some(&4);
        (uncompressed && curve.has_point(sec1)).then(|| Self { curve, sec1: sec1.to_vec() })
    }

    pub(crate) fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        Self::parse(curve, &[&[4], x, y].concat())
    }

    pub(crate) fn x(&self) -> &[u8] {
        self.sec1.get(1..=self.curve.size()).unwrap_or_default()
    }

    pub(crate) fn y(&self) -> &[u8] {
        self.sec1.get(1 + self.curve.size()..).unwrap_or_default()
    }
}

/// Modulus and exponent, big-endian without leading zeros. Not yet checked for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RsaPublic {
    pub(crate) n: Vec<u8>,
    pub(crate) e: u64,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa(RsaPublic),
    Ec(EcPoint),
    Ed25519([u8; 32]),
    X25519([u8; 32]),
    Dsa { p: Vec<u8>, q: Vec<u8>, g: Vec<u8>, y: Vec<u8> },
}

/// What stands in a SubjectPublicKeyInfo.
pub(crate) struct KeyInfo {
    pub(crate) algorithm: Oid,
    /// `None` for an algorithm that nobody knows here.
    pub(crate) key: Option<PublicKey>,
}

/// Reads a SubjectPublicKeyInfo from its contents.
///
/// # Errors
/// Go's text.
pub(crate) fn parse_key_info(mut spki: Reader<'_>) -> Result<KeyInfo, String> {
    let bad = |text: &str| Err(format!("x509: {text}"));
    let Some(mut algorithm) = spki.expect(tag::SEQUENCE) else {
        return bad("malformed public key algorithm identifier");
    };
    let Some(oid) = algorithm.oid() else { return bad("malformed OID") };
    let parameters = if algorithm.is_empty() {
        &[][..]
    } else {
        match algorithm.any() {
            Some(element) => element.full,
            None => return bad("malformed parameters"),
        }
    };
    let Some(bits) = spki.bit_string() else { return bad("malformed subjectPublicKey") };
    let data = &*right_aligned(bits);
    let key = match oid.0.as_slice() {
        RSA => Some(rsa(parameters, data)?),
        ECDSA => Some(ec(parameters, data)?),
        DSA => Some(dsa(parameters, data)?),
        ED25519 | X25519 => {
            let (name, make): (_, fn([u8; 32]) -> PublicKey) =
                if oid.is(ED25519) { ("Ed25519", PublicKey::Ed25519) } else { ("X25519", PublicKey::X25519) };
            if !parameters.is_empty() {
                return bad(&format!("{name} key encoded with illegal parameters"));
            }
            match data.try_into() {
                Ok(bytes) => Some(make(bytes)),
                Err(_) => return bad(&format!("wrong {name} public key size")),
            }
        }
        _ => None,
    };
    Ok(KeyInfo { algorithm: oid, key })
}

/// Reads the DER of a SubjectPublicKeyInfo with nothing behind it.
///
/// # Errors
/// Go's text.
pub(crate) fn parse_pkix(der: &[u8]) -> Result<PublicKey, String> {
    let mut outer = Reader(der);
    let Some(info) = outer.expect(tag::SEQUENCE) else { return Err("asn1: structure error".to_owned()) };
    if !outer.is_empty() {
        return Err("x509: trailing data after ASN.1 of public-key".to_owned());
    }
    parse_key_info(info)?.key.ok_or_else(|| "x509: unknown public key algorithm".to_owned())
}

fn rsa(parameters: &[u8], data: &[u8]) -> Result<PublicKey, String> {
    if parameters != [5, 0] {
        return Err("x509: RSA key missing NULL parameters".to_owned());
    }
    let Some(mut key) = Reader(data).expect(tag::SEQUENCE) else {
        return Err("x509: invalid RSA public key".to_owned());
    };
    let n = match key.integer() {
        None => return Err("x509: invalid RSA modulus".to_owned()),
        Some([first, ..]) if first & 0x80 != 0 => {
            return Err("x509: RSA modulus is not a positive number".to_owned());
        }
        Some([0, rest @ ..]) => rest,
        Some(bytes) => bytes,
    };
    if n.is_empty() {
        return Err("x509: RSA modulus is not a positive number".to_owned());
    }
    let Some(e) = key.small(tag::INTEGER) else { return Err("x509: invalid RSA public exponent".to_owned()) };
    match u64::try_from(e) {
        Ok(e) if e > 0 => Ok(PublicKey::Rsa(RsaPublic { n: n.to_vec(), e })),
        _ => Err("x509: RSA public exponent is not a positive number".to_owned()),
    }
}

fn ec(parameters: &[u8], data: &[u8]) -> Result<PublicKey, String> {
    let Some(oid) = Reader(parameters).oid() else { return Err("x509: invalid ECDSA parameters".to_owned()) };
    let Some(curve) = Curve::from_oid(&oid) else { return Err("x509: unsupported elliptic curve".to_owned()) };
    let point = EcPoint::parse(curve, data);
    point.map(PublicKey::Ec).ok_or_else(|| "ecdsa: invalid uncompressed public key".to_owned())
}

fn dsa(parameters: &[u8], data: &[u8]) -> Result<PublicKey, String> {
    let Some(y) = Reader(data).unsigned() else { return Err("x509: invalid DSA public key".to_owned()) };
    let group = || {
        let mut group = Reader(parameters).expect(tag::SEQUENCE)?;
        Some((group.unsigned()?, group.unsigned()?, group.unsigned()?))
    };
    let Some((p, q, g)) = group() else { return Err("x509: invalid DSA parameters".to_owned()) };
    if [y, p, q, g].iter().any(|number| number.is_empty()) {
        return Err("x509: zero or negative DSA parameter".to_owned());
    }
    Ok(PublicKey::Dsa { p: p.to_vec(), q: q.to_vec(), g: g.to_vec(), y: y.to_vec() })
}
