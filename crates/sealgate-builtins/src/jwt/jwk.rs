//! Keys as policies give them: JWK, JWKS, PEM certificates, PEM public keys.

use std::collections::BTreeMap;

use crate::deadline::Deadline;
use crate::pki::private::PrivateKey;
use crate::pki::public::{Curve, EcPoint, PublicKey, RsaPublic, parse_pkix};
use crate::pki::signature::{Salt, verify_ecdsa, verify_ed25519, verify_pkcs1v15, verify_pss};
use crate::pki::{MAX_TEXT, base64, json, pem, private, signature};
use crate::registry::BuiltinError;
use crate::value::Value;
use crate::x509::Certificate;

use super::algorithm::{self, Algorithm};

/// Keys that one set may have.
const MAX_KEYS: usize = 1000;

/// A key with the names that a set gives it; empty where there is none.
pub(super) struct VerificationKey {
    alg: String,
    kid: String,
    pub(super) material: Material,
}

/// What a key is made of.
pub(super) enum Material {
    Public(PublicKey),
    /// The private key is missing where its parts do not belong together.
    Private {
        public: PublicKey,
        private: Option<PrivateKey>,
    },
    Secret(Vec<u8>),
    /// A key that signs nothing.
    Other,
}

/// Whether one of the keys is the right one: the one that `kid` names, or else any whose `alg` does not differ.
pub(super) fn any_of(
    keys: &[VerificationKey],
    kid: &str,
    alg: &str,
    deadline: Deadline,
    mut verifies: impl FnMut(&VerificationKey) -> bool,
) -> Result<bool, BuiltinError> {
    if !kid.is_empty()
        && let Some(key) = keys.iter().find(|key| key.kid == kid)
    {
        return Ok(verifies(key));
    }
    for key in keys.iter().filter(|key| key.alg.is_empty() || key.alg == alg) {
        deadline.check()?;
        if verifies(key) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl VerificationKey {
    /// As the builtins `io.jwt.verify_*` see it: only a public key of the right kind verifies, a PSS salt may have any
    /// length, and the two halves of an ECDSA signature may too.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&self.material, algorithm) {
            (Material::Public(PublicKey::Rsa(key)), Algorithm::Pkcs1v15(hash)) => {
                verify_pkcs1v15(key, hash, message, signature)
            }
            (Material::Public(PublicKey::Rsa(key)), Algorithm::Pss(hash)) => {
                verify_pss(key, hash, Salt::Any, message, signature)
            }
            (Material::Public(PublicKey::Ec(point)), Algorithm::Ecdsa(hash)) => {
                let (r, s) = signature.split_at(signature.len() / 2);
                verify_ecdsa(point, hash, message, r, s)
            }
            (Material::Public(PublicKey::Ed25519(key)), Algorithm::EdDsa) => verify_ed25519(key, message, signature),
            _ => false,
        }
    }

    /// As `io.jwt.decode_verify` sees it: private keys and secrets verify too, and every length is exact.
    pub(super) fn verifies_strictly(&self, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        let public = match &self.material {
            Material::Secret(secret) => return verify_secret(secret, alg, message, signature),
            Material::Public(key) | Material::Private { public: key, .. } => key,
            Material::Other => return false,
        };
        let algorithm = algorithm::named(if alg == "Ed25519" { "EdDSA" } else { alg });
        match (public, algorithm) {
            (PublicKey::Rsa(key), Some(Algorithm::Pkcs1v15(hash))) => verify_pkcs1v15(key, hash, message, signature),
            (PublicKey::Rsa(key), Some(Algorithm::Pss(hash))) => verify_pss(key, hash, Salt::Hash, message, signature),
            (PublicKey::Ec(point), Some(Algorithm::Ecdsa(hash))) if signature.len() == 2 * point.curve.size() => {
                let (r, s) = signature.split_at(point.curve.size());
                verify_ecdsa(point, hash, message, r, s)
            }
            (PublicKey::Ed25519(key), Some(Algorithm::EdDsa)) => verify_ed25519(key, message, signature),
            _ => false,
        }
    }
}

/// Whether the signature is an HMAC by this secret.
pub(super) fn verify_secret(secret: &[u8], alg: &str, message: &[u8], signature: &[u8]) -> bool {
    match algorithm::named(alg) {
        Some(Algorithm::Hmac(hash)) if !secret.is_empty() => signature::equal(&hash.hmac(secret, message), signature),
        _ => false,
    }
}

/// Every key of a text: one PEM block, one JWK, or a JWKS. Keys for algorithms that verify nothing are left out.
///
/// # Errors
/// OPA's text.
pub(super) fn verification_keys(text: &str) -> Result<Vec<VerificationKey>, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("keys are longer than {MAX_TEXT} bytes"));
    }
    let (Some(block), rest) = pem::decode(text.as_bytes()) else {
        let keys = parse_set(text).map_err(|error| format!("failed to parse a JWK key (set): {error}"))?;
        return Ok(keys.into_iter().filter(|key| key.alg.is_empty() || algorithm::named(&key.alg).is_some()).collect());
    };
    if !rest.is_empty() {
        return Err("extra data after a PEM certificate block".to_owned());
    }
    let material = match block.label {
        b"CERTIFICATE" => {
            let certificate = Certificate::parse_one(&block.bytes)
                .map_err(|error| format!("failed to parse a PEM certificate: {error}"))?;
            certificate.key.map_or(Material::Other, Material::Public)
        }
        b"PUBLIC KEY" => Material::Public(
            parse_pkix(&block.bytes).map_err(|error| format!("failed to parse a PEM public key: {error}"))?,
        ),
        _ => return Err("failed to extract a Key from the PEM certificate".to_owned()),
    };
    Ok(vec![VerificationKey { alg: String::new(), kid: String::new(), material }])
}

/// A JWK or a JWKS.
///
/// # Errors
/// What is wrong with the first key that is not acceptable.
pub(super) fn parse_set(text: &str) -> Result<Vec<VerificationKey>, String> {
    let Value::Object(document) = json::parse(text.as_bytes())? else {
        return Err("jwk.Parse: expected a JSON object".to_owned());
    };
    let Some(keys) = document.get(&Value::from("keys")) else {
        return parse_key(&document).map(|key| vec![key]);
    };
    let Value::Array(keys) = keys else { return Err("failed to decode \"keys\": expected a list".to_owned()) };
    if keys.len() > MAX_KEYS {
        return Err(format!("too many keys in \"keys\" array: max {MAX_KEYS}"));
    }
    let parse = |(index, key): (usize, &Value)| {
        match key {
            Value::Object(key) => parse_key(key),
            _ => Err("expected a JSON object".to_owned()),
        }
        .map_err(|error| format!("failed to decode key #{index} in \"keys\": {error}"))
    };
    keys.iter().enumerate().map(parse).collect()
}

/// A key's members; `null` counts as an empty string.
struct Members<'a>(&'a BTreeMap<Value, Value>);

impl<'a> Members<'a> {
    fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.0.get(&Value::from(name)) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some("")),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("failed to decode value for key {name}: expected a string")),
        }
    }

    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let decode = |text| {
            base64::decode_any(text)
                .map_err(|_| format!("failed to decode value for key {name}: expected base64 encoded []byte"))
        };
        self.text(name)?.map(decode).transpose()
    }

    fn required(&self, name: &str) -> Result<Vec<u8>, String> {
        match self.bytes(name)? {
            Some(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(format!("required field {name} is missing")),
        }
    }
}

fn parse_key(document: &BTreeMap<Value, Value>) -> Result<VerificationKey, String> {
    let members = Members(document);
    let alg = members.text("alg")?;
    if let Some(alg) = alg
        && !algorithm::is_registered(alg)
    {
        return Err(format!("invalid key value: {alg:?}: invalid key algorithm"));
    }
    let private = document.contains_key(&Value::from("d"));
    let material = match members.text("kty")?.unwrap_or_default() {
        "RSA" => rsa(&members, private)?,
        "EC" => ec(&members, private)?,
        "OKP" => okp(&members, private)?,
        "oct" => Material::Secret(members.required("k")?),
        other => return Err(format!("invalid key type from JSON ({other})")),
    };
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(VerificationKey { alg: owned(alg), kid: owned(members.text("kid")?), material })
}

fn rsa(members: &Members<'_>, is_private: bool) -> Result<Material, String> {
    let (n, e) = (members.required("n")?, members.required("e")?);
    let (n, e) = (private::trimmed(&n), private::trimmed(&e));
    if n.is_empty() {
        return Err("missing \"n\" value".to_owned());
    }
    let exponent = e.iter().try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)));
    let Some(e) = exponent.filter(|e| i64::try_from(*e).is_ok()) else {
        return Err("rsa public exponent too large for this platform".to_owned());
    };
    if e.is_multiple_of(2) {
        return Err("invalid rsa public exponent: must be a positive odd integer".to_owned());
    }
    let public = PublicKey::Rsa(RsaPublic { n: n.to_vec(), e });
    if !is_private {
        return Ok(Material::Public(public));
    }
    let (d, p, q) = (members.required("d")?, members.required("p")?, members.required("q")?);
    for optional in ["dp", "dq", "qi"] {
        members.bytes(optional)?;
    }
    let private = PrivateKey::from_rsa_parts(n, e, &d, &[private::trimmed(&p), private::trimmed(&q)]);
    Ok(Material::Private { public, private })
}

fn ec(members: &Members<'_>, is_private: bool) -> Result<Material, String> {
    let name = members.text("crv")?.ok_or("missing \"crv\" field")?;
    let curve = Curve::named(name).ok_or_else(|| format!("invalid curve algorithm {name:?}"))?;
    let coordinate = |name: &str| {
        let bytes = members.bytes(name)?.unwrap_or_default();
        if bytes.len() == curve.size() {
            return Ok(bytes);
        }
        Err(format!("invalid {name:?} length ({}) for curve {:?}", bytes.len(), curve.name()))
    };
    let point = EcPoint::from_coordinates(curve, &coordinate("x")?, &coordinate("y")?)
        .ok_or("jwk: invalid ECDSA public key: point is not on the curve")?;
    let public = PublicKey::Ec(point);
    if !is_private {
        return Ok(Material::Public(public));
    }
    let private = PrivateKey::from_scalar(curve, &coordinate("d")?);
    // A scalar of another point signs nothing.
    let private = private.filter(|private| private.public().as_ref() == Some(&public));
    Ok(Material::Private { public, private })
}

fn okp(members: &Members<'_>, is_private: bool) -> Result<Material, String> {
    let curve = members.text("crv")?.ok_or("invalid curve algorithm")?;
    let name = match curve {
        "Ed25519" => "ed25519",
        "X25519" => "x25519",
        other => return Err(format!("invalid curve algorithm {other}")),
    };
    let key = |member: &str, kind: &str| {
        <[u8; 32]>::try_from(members.required(member)?).map_err(|_| format!("{name}: wrong {kind} key size"))
    };
    let x = key("x", "public")?;
    let seed = if is_private { Some(key("d", "private")?) } else { None };
    match (curve, seed) {
        ("Ed25519", None) => Ok(Material::Public(PublicKey::Ed25519(x))),
        ("Ed25519", Some(seed)) => {
            let private = PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)));
            let public = PublicKey::Ed25519(x);
            if private.public().as_ref() != Some(&public) {
                return Err("ed25519: invalid x value given d value".to_owned());
            }
            Ok(Material::Private { public, private: Some(private) })
        }
        _ => Ok(Material::Other),
    }
}
