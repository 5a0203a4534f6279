//! Private keys in PKCS #1, PKCS #8 and SEC 1.

use p256::elliptic_curve::sec1::ToSec1Point as _;
use rsa::BoxedUint;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};

use super::der::{Oid, Reader, tag};
use super::public::{Curve, ECDSA, ED25519, EcPoint, PublicKey, RSA, RsaPublic, X25519};

/// Bits that a modulus may have.
pub(crate) const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=8192;

/// A private key that is consistent with its public one.
pub(crate) enum PrivateKey {
    Rsa(Box<rsa::PrivateKey>),
    Ec {
        point: EcPoint,
        scalar: Vec<u8>,
    },
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// The scalar, which is good for key agreement only.
    X25519([u8; 32]),
}

impl PrivateKey {
    pub(crate) fn public(&self) -> Option<PublicKey> {
        match self {
            Self::Rsa(key) => {
                let e = trimmed(&key.e().to_be_bytes())
                    .iter()
                    .try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)))?;
                Some(PublicKey::Rsa(RsaPublic { n: trimmed(&key.n().to_be_bytes()).to_vec(), e }))
            }
            Self::Ec { point, .. } => Some(PublicKey::Ec(point.clone())),
            Self::Ed25519(key) => Some(PublicKey::Ed25519(key.verifying_key().to_bytes())),
            Self::X25519(_) => None,
        }
    }

    /// The key of a scalar; `None` if it is zero or too large.
    pub(crate) fn from_scalar(curve: Curve, scalar: &[u8]) -> Option<Self> {
        macro_rules! sec1 {
            ($curve:ident) => {{
                let key = $curve::SecretKey::from_slice(scalar).ok()?;
                key.public_key().to_sec1_point(false).as_bytes().to_vec()
            }};
        }
        let sec1 = match curve {
            Curve::P256 => sec1!(p256),
            Curve::P384 => sec1!(p384),
            Curve::P521 => sec1!(p521),
        };
        Some(Self::Ec { point: EcPoint::parse(curve, &sec1)?, scalar: scalar.to_vec() })
    }

    /// An RSA key of its parts, checked.
    pub(crate) fn from_rsa_parts(n: &[u8], e: u64, d: &[u8], primes: &[&[u8]]) -> Option<Self> {
        let bits = trimmed(n).len().checked_mul(8)?;
        let longest = primes.iter().map(|prime| prime.len()).chain([trimmed(d).len()]).max()?;
        if bits > *RSA_BITS.end()
            || longest > trimmed(n).len()
            || e < 2
            || e.is_multiple_of(2)
            || e > u64::from(u32::MAX >> 1)
        {
            return None;
        }
        let primes = primes.iter().map(|prime| number(prime)).collect();
        let mut key = rsa::PrivateKey::from_components(number(n), BoxedUint::from(e), number(d), primes).ok()?;
        key.validate().ok()?;
        key.precompute().ok()?;
        Some(Self::Rsa(Box::new(key)))
    }
}

/// A number of big-endian bytes.
pub(crate) fn number(bytes: &[u8]) -> BoxedUint {
    let bytes = trimmed(bytes);
    let bits = u32::try_from(bytes.len().saturating_mul(8)).unwrap_or(u32::MAX).max(64);
    BoxedUint::from_be_slice(bytes, bits).unwrap_or_else(|_| BoxedUint::zero())
}

/// Without leading zeros.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// PKCS #1.
///
/// # Errors
/// Go's text, as far as it can be told.
pub(crate) fn parse_pkcs1(der: &[u8]) -> Result<PrivateKey, String> {
    let mut outer = Reader(der);
    let parts = outer.expect(tag::SEQUENCE).and_then(|mut key| {
        let version = key.small(tag::INTEGER)?;
        let numbers = (key.unsigned()?, key.small(tag::INTEGER)?, key.unsigned()?, key.unsigned()?, key.unsigned()?);
        let mut exponents = Vec::new();
        while exponents.len() < 3 && key.next_is(tag::INTEGER)? {
            exponents.push(key.integer()?);
        }
        let mut primes = Vec::new();
        if key.next_is(tag::SEQUENCE)? {
            let mut additional = key.expect(tag::SEQUENCE)?;
            while !additional.is_empty() {
                primes.push(additional.expect(tag::SEQUENCE)?.unsigned()?);
            }
        }
        Some((version, numbers, exponents, primes))
    });
    let Some((version, (n, e, d, p, q), exponents, additional)) = parts else { return Err(hint(der, "pkcs1")) };
    if !outer.is_empty() {
        return Err("asn1: syntax error: trailing data".to_owned());
    }
    if version > 1 {
        return Err("x509: unsupported private key version".to_owned());
    }
    let is_positive = |number: &&[u8]| number.first().is_some_and(|first| first & 0x80 == 0) && *number != [0];
    if [n, d, p, q].iter().any(|number| number.is_empty()) || !exponents.iter().all(is_positive) {
        return Err("x509: private key contains zero or negative value".to_owned());
    }
    let mut primes = vec![p, q];
    primes.extend(additional);
    let key = u64::try_from(e).ok().and_then(|e| PrivateKey::from_rsa_parts(n, e, d, &primes));
    // What could be computed must be right where it is given.
    let key = key.filter(|key| match (key, exponents.as_slice()) {
        (PrivateKey::Rsa(key), [dp, dq, qinv]) if primes.len() == 2 => RsaParts::of(key).is_some_and(|parts| {
            [parts.dp, parts.dq, parts.qinv].iter().zip([dp, dq, qinv]).all(|(ours, given)| ours == trimmed(given))
        }),
        _ => true,
    });
    key.ok_or_else(|| "crypto/rsa: invalid private key".to_owned())
}

/// PKCS #8.
///
/// # Errors
/// Go's text, as far as it can be told.
pub(crate) fn parse_pkcs8(der: &[u8]) -> Result<PrivateKey, String> {
    let parts = Reader(der).expect(tag::SEQUENCE).and_then(|mut key| {
        key.small(tag::INTEGER)?;
        let mut algorithm = key.expect(tag::SEQUENCE)?;
        let oid = algorithm.oid()?;
        let parameters = algorithm.0;
        if !algorithm.is_empty() {
            algorithm.any()?;
        }
        Some((oid, parameters, key.expect(tag::OCTET_STRING)?.0))
    });
    let Some((oid, parameters, inner)) = parts else { return Err(hint(der, "pkcs8")) };
    match oid.0.as_slice() {
        RSA => parse_pkcs1(inner)
            .map_err(|error| format!("x509: failed to parse RSA private key embedded in PKCS#8: {error}")),
        ECDSA => {
            let curve = Reader(parameters).oid();
            let curve = curve.map(|oid| Curve::from_oid(&oid));
            parse_ec(curve, inner)
                .map_err(|error| format!("x509: failed to parse EC private key embedded in PKCS#8: {error}"))
        }
        ED25519 | X25519 => {
            let name = if oid.is(ED25519) { "Ed25519" } else { "X25519" };
            if !parameters.is_empty() {
                return Err(format!("x509: invalid {name} private key parameters"));
            }
            let Some(seed) = Reader(inner).expect(tag::OCTET_STRING) else {
                return Err(format!("x509: invalid {name} private key: asn1: structure error"));
            };
            match <[u8; 32]>::try_from(seed.0) {
                Ok(seed) if oid.is(ED25519) => {
                    Ok(PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
                }
                Ok(scalar) => Ok(PrivateKey::X25519(scalar)),
                Err(_) => Err(format!("x509: invalid {name} private key length: {}", seed.0.len())),
            }
        }
        _ => {
            let arcs: Vec<String> = oid.0.iter().map(ToString::to_string).collect();
            Err(format!("x509: PKCS#8 wrapping contained private key with unknown algorithm: {}", arcs.join(".")))
        }
    }
}

/// SEC 1.
///
/// # Errors
/// Go's text, as far as it can be told.
pub(crate) fn parse_sec1(der: &[u8]) -> Result<PrivateKey, String> {
    parse_ec(None, der)
}

/// SEC 1, whose curve may be known from around it.
fn parse_ec(known: Option<Option<Curve>>, der: &[u8]) -> Result<PrivateKey, String> {
    let parts = Reader(der).expect(tag::SEQUENCE).and_then(|mut key| {
        let version = key.small(tag::INTEGER)?;
        let scalar = key.expect(tag::OCTET_STRING)?.0;
        let named = match key.explicit(tag::context_constructed(0), tag::OID)? {
            Some(oid) => Some(Oid::parse(oid.0)?),
            None => None,
        };
        if let Some(point) = key.explicit(tag::context_constructed(1), tag::BIT_STRING)? {
            point.as_bits()?;
        }
        Some((version, scalar, named))
    });
    let Some((version, scalar, named)) = parts else { return Err(hint(der, "sec1")) };
    if version != 1 {
        return Err(format!("x509: unknown EC private key version {version}"));
    }
    let curve = known.unwrap_or_else(|| named.as_ref().and_then(Curve::from_oid));
    let Some(curve) = curve else { return Err("x509: unknown elliptic curve".to_owned()) };
    let scalar = trimmed(scalar);
    let Some(zeros) = curve.size().checked_sub(scalar.len()) else {
        return Err("x509: invalid private key length".to_owned());
    };
    let padded = [vec![0; zeros].as_slice(), scalar].concat();
    PrivateKey::from_scalar(curve, &padded).ok_or_else(|| "ecdsa: invalid private key".to_owned())
}

/// What Go says of a key in another format than its label tells.
fn hint(der: &[u8], expected: &str) -> String {
    let second = Reader(der).expect(tag::SEQUENCE).and_then(|mut key| {
        key.small(tag::INTEGER)?;
        key.any().map(|element| element.tag)
    });
    let (format, function) = match second {
        Some(tag::OCTET_STRING) => ("sec1", "ParseECPrivateKey"),
        Some(tag::SEQUENCE) => ("pkcs8", "ParsePKCS8PrivateKey"),
        Some(tag::INTEGER) => ("pkcs1", "ParsePKCS1PrivateKey"),
        _ => return "asn1: structure error: malformed private key".to_owned(),
    };
    if format == expected {
        return "asn1: structure error: malformed private key".to_owned();
    }
    format!("x509: failed to parse private key (use {function} instead for this key format)")
}

/// The parts of an RSA key: n, e, d, primes, d mod p-1, d mod q-1, 1/q mod p.
pub(crate) struct RsaParts {
    pub(crate) n: Vec<u8>,
    pub(crate) e: Vec<u8>,
    pub(crate) d: Vec<u8>,
    pub(crate) primes: Vec<Vec<u8>>,
    pub(crate) dp: Vec<u8>,
    pub(crate) dq: Vec<u8>,
    pub(crate) qinv: Vec<u8>,
}

impl RsaParts {
    pub(crate) fn of(key: &rsa::PrivateKey) -> Option<Self> {
        let bytes = |number: &BoxedUint| trimmed(&number.to_be_bytes()).to_vec();
        Some(Self {
            n: bytes(key.n()),
            e: bytes(key.e()),
            d: bytes(key.d()),
            primes: key.primes().iter().map(|prime| bytes(prime)).collect(),
            dp: bytes(key.dp()?),
            dq: bytes(key.dq()?),
            qinv: bytes(&key.crt_coefficient()?),
        })
    }
}
