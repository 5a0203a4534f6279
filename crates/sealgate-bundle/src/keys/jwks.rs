//! JSON Web Key Sets (RFC 7517, 8037): public keys as other systems hand them out. Pure: bytes in, keys out.
//!
//! Takes Ed25519 (`OKP`), P-256, P-384 and P-521 (`EC`) and RSA keys. A set that holds any part of a private or symmetric key
//! is refused as a whole: such a file is a leak, not a trust store.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::BoxedUint;
use serde::Deserialize;

use super::{KeyError, PublicKey};
use crate::json;
use crate::opa::{Algorithm, VerificationKey};

/// Largest set that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;
/// Most keys in one set.
pub const MAX_KEYS: usize = 1024;

/// One key of a set.
#[derive(Clone, Debug)]
pub struct Jwk {
    /// What the set calls it.
    pub kid: Option<String>,
    /// The one algorithm that it is for, where the set says so.
    pub algorithm: Option<Algorithm>,
    /// The key.
    pub key: VerificationKey,
}

impl Jwk {
    /// The key as one that can sign Sealgate's manifests.
    pub fn ed25519(&self) -> Option<PublicKey> {
        match &self.key {
            VerificationKey::Ed25519(key) => Some(*key),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Set {
    #[serde(deserialize_with = "json::objects")]
    keys: Vec<Member>,
}

/// The members that are looked at; RFC 7517 has readers ignore the others.
#[derive(Deserialize)]
struct Member {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    /// Members that only private and symmetric keys have (RFC 7518, 6.2.2, 6.3.2 and 6.4); `null` is one as well.
    #[serde(default, deserialize_with = "json::present")]
    d: bool,
    #[serde(default, deserialize_with = "json::present")]
    p: bool,
    #[serde(default, deserialize_with = "json::present")]
    q: bool,
    #[serde(default, deserialize_with = "json::present")]
    dp: bool,
    #[serde(default, deserialize_with = "json::present")]
    dq: bool,
    #[serde(default, deserialize_with = "json::present")]
    qi: bool,
    #[serde(default, deserialize_with = "json::present")]
    oth: bool,
    #[serde(default, deserialize_with = "json::present")]
    k: bool,
}

impl Member {
    fn is_secret(&self) -> bool {
        self.d || self.p || self.q || self.dp || self.dq || self.qi || self.oth || self.k
    }

    /// Whether it is for signatures, as far as it says what it is for.
    fn is_for_signatures(&self) -> bool {
        let verifies = |operations: &Vec<String>| operations.iter().any(|operation| operation == "verify");
        self.purpose.as_deref().is_none_or(|purpose| purpose == "sig") && self.key_ops.as_ref().is_none_or(verifies)
    }
}

/// Reads a set; keys that are not for signatures (`use` other than `sig`, `key_ops` without `verify`) are left out.
///
/// # Errors
/// [`KeyError::Jwks`] with what is wrong, and for a key of a kind that is not taken here.
pub fn parse(bytes: &[u8]) -> Result<Vec<Jwk>, KeyError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(KeyError::Jwks(format!("it has more than {MAX_BYTES} bytes")));
    }
    let set: Set = json::from_slice(bytes).map_err(|error| KeyError::Jwks(error.to_string()))?;
    if set.keys.len() > MAX_KEYS {
        return Err(KeyError::Jwks(format!("it has more than {MAX_KEYS} keys")));
    }
    // Before anything else, so that a leak is not hidden behind another mistake.
    if set.keys.iter().any(Member::is_secret) {
        return Err(KeyError::Jwks("it holds a private or symmetric key; give the public keys alone".to_owned()));
    }
    set.keys.into_iter().filter(Member::is_for_signatures).map(read).collect()
}

fn read(member: Member) -> Result<Jwk, KeyError> {
    let named = member.kid.as_deref().unwrap_or("(no kid)").to_owned();
    let wrong = |problem: &str| KeyError::Jwks(format!("key `{named}`: {problem}"));
    let bytes = |name: &str, text: &Option<String>| {
        let text = text.as_deref().ok_or_else(|| wrong(&format!("`{name}` is missing")))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong(&format!("`{name}` is not base64url")))
    };
    let key = match (member.kty.as_str(), member.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => {
            let raw = <[u8; 32]>::try_from(bytes("x", &member.x)?).map_err(|_| wrong("`x` has not 32 bytes"))?;
            VerificationKey::Ed25519(PublicKey::from_bytes(&raw)?)
        }
        ("EC", Some(curve)) => {
            let (x, y) = (bytes("x", &member.x)?, bytes("y", &member.y)?);
            // Each is as long as the curve's field; a point of two odd halves would be the same in other words.
            let point = (x.len() == y.len()).then(|| [&[4][..], &x, &y].concat());
            point
                .and_then(|point| VerificationKey::from_sec1(curve, &point))
                .ok_or_else(|| wrong("it is no point of a curve that is known here"))?
        }
        ("RSA", _) => {
            let number = |bytes: Vec<u8>| BoxedUint::from_be_slice_vartime(&bytes);
            let (n, e) = (number(bytes("n", &member.n)?), number(bytes("e", &member.e)?));
            let key = rsa::PublicKey::new(n, e).map_err(|_| wrong("it is no RSA key of 2048 to 8192 bits"))?;
            VerificationKey::from_rsa(key).ok_or_else(|| wrong("it is no RSA key of 2048 to 8192 bits"))?
        }
        _ => return Err(wrong("keys of this kind are not taken")),
    };
    let algorithm = match member.alg.as_deref() {
        None => None,
        Some(name) => {
            let algorithm = Algorithm::parse(name).ok_or_else(|| wrong("its `alg` is not known here"))?;
            if !key.suits(algorithm) {
                return Err(wrong("its `alg` is for another kind of key"));
            }
            Some(algorithm)
        }
    };
    Ok(Jwk { kid: member.kid, algorithm, key })
}
