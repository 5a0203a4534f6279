//! `crypto.parse_private_keys`, `crypto.x509.parse_rsa_private_key`, `crypto.x509.parse_keypair`.

use crate::context::Context;
use crate::operand::{any, as_string, failed, string};
use crate::pki::base64::{RAW_URL, STANDARD};
use crate::pki::json::object;
use crate::pki::private::{PrivateKey, RsaParts, parse_pkcs1, parse_pkcs8, parse_sec1};
use crate::pki::public::PublicKey;
use crate::pki::{MAX_TEXT, pem};
use crate::registry::BuiltinError;
use crate::value::Value;

use super::certificate::Certificate;
use super::json;

/// Private keys that one text may hold: each is checked with arithmetic on large numbers.
const MAX_KEYS: usize = 16;

pub(super) fn parse_private_keys(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let input = string(args, 1)?;
    if input.is_empty() {
        return Ok(Some(Value::Null));
    }
    let keys = private_keys(input).map_err(failed)?;
    let values: Option<Vec<Value>> = keys.iter().map(json::private_key).collect();
    values.map(|values| Some(Value::Array(values))).ok_or_else(|| failed("the key cannot be written"))
}

/// The first private key as a JWK.
pub(super) fn jwk_from_private_key(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let input = string(args, 1)?;
    if input.is_empty() {
        return Err(failed("input PEM data was empty"));
    }
    let decoded;
    let text = if input.starts_with("-----BEGIN") {
        input
    } else {
        let bytes = STANDARD.decode(input.as_bytes()).map_err(|error| failed(error.to_string()))?;
        decoded = String::from_utf8_lossy(&bytes).into_owned();
        &decoded
    };
    match private_keys(text).map_err(failed)?.first() {
        None => Ok(Some(Value::Null)),
        Some(key) => jwk(key).map(Some).ok_or_else(|| failed("the key cannot be written as a JWK")),
    }
}

fn jwk(key: &PrivateKey) -> Option<Value> {
    let text = |bytes: &[u8]| Value::from(RAW_URL.encode(bytes));
    Some(match key {
        PrivateKey::Rsa(key) => {
            let parts = RsaParts::of(key)?;
            let [p, q] = parts.primes.as_slice() else { return None };
            object([
                ("kty", "RSA".into()),
                ("n", text(&parts.n)),
                ("e", text(&parts.e)),
                ("d", text(&parts.d)),
                ("p", text(p)),
                ("q", text(q)),
                ("dp", text(&parts.dp)),
                ("dq", text(&parts.dq)),
                ("qi", text(&parts.qinv)),
            ])
        }
        PrivateKey::Ec { point, scalar } => object([
            ("kty", "EC".into()),
            ("crv", point.curve.name().into()),
            ("x", text(point.x())),
            ("y", text(point.y())),
            ("d", text(scalar)),
        ]),
        PrivateKey::Ed25519(key) => object([
            ("kty", "OKP".into()),
            ("crv", "Ed25519".into()),
            ("x", text(key.verifying_key().as_bytes())),
            ("d", text(key.as_bytes())),
        ]),
        PrivateKey::X25519(scalar) => object([
            ("kty", "OKP".into()),
            ("crv", "X25519".into()),
            ("x", text(curve25519_dalek::MontgomeryPoint::mul_base_clamped(*scalar).as_bytes())),
            ("d", text(scalar)),
        ]),
    })
}

/// Every private key among the PEM blocks of a text, or of base64 of one.
fn private_keys(text: &str) -> Result<Vec<PrivateKey>, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("keys are longer than {MAX_TEXT} bytes"));
    }
    let decoded = STANDARD.decode(text.as_bytes());
    let mut rest = decoded.as_deref().unwrap_or(text.as_bytes());
    let mut keys = Vec::new();
    while let (Some(block), after) = pem::decode(rest) {
        rest = after;
        let key = match block.label {
            b"RSA PRIVATE KEY" => parse_pkcs1(&block.bytes)?,
            b"PRIVATE KEY" => parse_pkcs8(&block.bytes)?,
            b"EC PRIVATE KEY" => parse_sec1(&block.bytes)?,
            _ => continue,
        };
        if keys.len() == MAX_KEYS {
            return Err(format!("more than {MAX_KEYS} private keys"));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A certificate chain and its key in the shape of Go's `tls.Certificate`, if they belong together.
pub(super) fn parse_keypair(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let certificate = string(args, 1)?;
    // OPA calls the key the first operand, too.
    let key = as_string(any(args, 2)?, 1)?;
    if certificate.len().max(key.len()) > MAX_TEXT {
        return Err(failed(format!("certificate or key are longer than {MAX_TEXT} bytes")));
    }
    let pair = KeyPair::parse(&input(certificate, "CERTIFICATE")?, &input(key, "PRIVATE KEY")?).map_err(failed)?;
    let key = json::private_key(&pair.key).ok_or_else(|| failed("the key cannot be written"))?;
    Ok(Some(object([
        ("Certificate", Value::Array(pair.chain.iter().map(|der| json::bytes(der)).collect())),
        ("PrivateKey", key),
        ("SupportedSignatureAlgorithms", Value::Null),
        ("OCSPStaple", Value::Null),
        ("SignedCertificateTimestamps", Value::Null),
        ("Leaf", json::certificate(&pair.leaf, false)),
    ])))
}

/// PEM as it is, or of the DER that base64 holds.
fn input(text: &str, label: &str) -> Result<Vec<u8>, BuiltinError> {
    if text.starts_with("-----BEGIN ") {
        return Ok(text.as_bytes().to_vec());
    }
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| failed(error.to_string()))?;
    if bytes.starts_with(b"-----BEGIN ") {
        return Ok(bytes);
    }
    Ok(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(&bytes)).into_bytes())
}

/// A chain, and the key of its first certificate.
struct KeyPair {
    chain: Vec<Vec<u8>>,
    leaf: Certificate,
    key: PrivateKey,
}

impl KeyPair {
    fn parse(mut certificates: &[u8], mut keys: &[u8]) -> Result<Self, String> {
        let fail = |text: &str| Err(format!("tls: {text}"));
        let mut chain = Vec::new();
        while let (Some(block), rest) = pem::decode(certificates) {
            if block.label == b"CERTIFICATE" {
                chain.push(block.bytes);
            }
            certificates = rest;
        }
        let Some(first) = chain.first() else {
            return fail("failed to find any PEM data in certificate input");
        };
        let key = loop {
            let (block, rest) = pem::decode(keys);
            let Some(block) = block else { return fail("failed to find any PEM data in key input") };
            if block.label == b"PRIVATE KEY" || block.label.ends_with(b" PRIVATE KEY") {
                break block.bytes;
            }
            keys = rest;
        };
        let leaf = Certificate::parse_one(first)?;
        let key = parse_pkcs1(&key).or_else(|_| parse_pkcs8(&key)).or_else(|_| parse_sec1(&key));
        let Ok(key) = key else { return fail("failed to parse private key") };
        match (&leaf.key, key.public()) {
            (Some(PublicKey::Rsa(_)), Some(PublicKey::Rsa(_)))
            | (Some(PublicKey::Ec(_)), Some(PublicKey::Ec(_)))
            | (Some(PublicKey::Ed25519(_)), Some(PublicKey::Ed25519(_))) => {}
            (Some(PublicKey::Rsa(_) | PublicKey::Ec(_) | PublicKey::Ed25519(_)), _) => {
                return fail("private key type does not match public key type");
            }
            _ => return fail("unknown public key algorithm"),
        }
        if leaf.key != key.public() {
            return fail("private key does not match public key");
        }
        Ok(Self { chain, leaf, key })
    }
}
