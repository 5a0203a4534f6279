//! Keys for OPA's signatures: by the id that a token names, each for one algorithm and one scope, as OPA's configuration
//! has them. Shared secrets (`HS256` …) are not taken: who can verify with one can sign with it.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use p256::ecdsa::signature::Verifier as _;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use serde::Deserialize;
use sha2::{Sha256, Sha384, Sha512};

use crate::json;
use crate::keys::{PublicKey, jwks};

/// Smallest and largest RSA modulus, in bits. Larger ones make verification slow for whoever is given the signature.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// Why keys for OPA's signatures do not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpaKeyError {
    /// Not strict JSON of the shape of OPA's `keys`, or of a JWKS.
    #[error("the keys do not read: {0}")]
    Json(#[from] serde_json::Error),
    /// A JWKS that is refused.
    #[error(transparent)]
    Jwks(#[from] crate::keys::KeyError),
    /// The text is no PEM of a public key.
    #[error("key `{0}` is no public key in PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`)")]
    Pem(String),
    /// An algorithm that is not known or not taken.
    #[error("key `{id}` is for the algorithm `{algorithm}`, which is not taken")]
    Algorithm {
        /// The key's id.
        id: String,
        /// The algorithm's name.
        algorithm: String,
    },
    /// The algorithm is for another kind of key.
    #[error("key `{0}` is of another kind than its algorithm is for")]
    Kind(String),
    /// Without an id no token can name it.
    #[error("a key of the set has no `kid`")]
    NoId,
    /// Two keys of one id.
    #[error("two keys have the id `{0}`")]
    Twice(String),
}

/// An algorithm of RFC 7518 or 8037 that a token may be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Algorithm {
    Es256,
    Es384,
    Es512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    EdDsa,
}

const ALGORITHMS: [(&str, Algorithm); 10] = [
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("ES512", Algorithm::Es512),
    ("RS256", Algorithm::Rs256),
    ("RS384", Algorithm::Rs384),
    ("RS512", Algorithm::Rs512),
    ("PS256", Algorithm::Ps256),
    ("PS384", Algorithm::Ps384),
    ("PS512", Algorithm::Ps512),
    ("EdDSA", Algorithm::EdDsa),
];

impl Algorithm {
    /// By its registered name.
    pub fn parse(name: &str) -> Option<Self> {
        ALGORITHMS.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// Its registered name.
    pub fn as_str(self) -> &'static str {
        ALGORITHMS.iter().find(|(_, algorithm)| *algorithm == self).map_or("", |(name, _)| name)
    }
}

/// A public key of a kind that tokens are signed with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum VerificationKey {
    /// For `EdDSA`.
    Ed25519(PublicKey),
    /// For `ES256`.
    P256(p256::ecdsa::VerifyingKey),
    /// For `ES384`.
    P384(p384::ecdsa::VerifyingKey),
    /// For `ES512`.
    P521(p521::ecdsa::VerifyingKey),
    /// For `RS…` and `PS…`; 2048 to 8192 bits.
    Rsa(rsa::PublicKey),
}

impl VerificationKey {
    /// From PEM: `PUBLIC KEY` of any kind, or `RSA PUBLIC KEY`.
    pub fn from_pem(pem: &str) -> Option<Self> {
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            return PublicKey::from_bytes(key.as_bytes()).ok().map(Self::Ed25519);
        }
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Some(Self::P256(key));
        }
        if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Some(Self::P384(key));
        }
        if let Ok(key) = p521::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Some(Self::P521(key));
        }
        let rsa = rsa::PublicKey::from_public_key_pem(pem).or_else(|_| rsa::PublicKey::from_pkcs1_pem(pem));
        rsa.ok().and_then(Self::from_rsa)
    }

    pub(crate) fn from_rsa(key: rsa::PublicKey) -> Option<Self> {
        use rsa::traits::PublicKeyParts as _;
        RSA_BITS.contains(&key.n().bit_width_vartime()).then_some(Self::Rsa(key))
    }

    /// From an uncompressed point of a named curve.
    pub(crate) fn from_sec1(curve: &str, point: &[u8]) -> Option<Self> {
        match curve {
            "P-256" => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P256),
            "P-384" => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P384),
            "P-521" => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P521),
            _ => None,
        }
    }

    /// Whether it is of the kind that `algorithm` is for.
    pub fn suits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Ed25519(_) => algorithm == EdDsa,
            Self::P256(_) => algorithm == Es256,
            Self::P384(_) => algorithm == Es384,
            Self::P521(_) => algorithm == Es512,
            Self::Rsa(_) => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
        }
    }

    /// The algorithm that its kind alone allows; RSA keys are for `RS256` where nobody says otherwise, as in OPA.
    pub fn default_algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(_) => Algorithm::Es256,
            Self::P384(_) => Algorithm::Es384,
            Self::P521(_) => Algorithm::Es512,
            Self::Rsa(_) => Algorithm::Rs256,
        }
    }

    /// Whether `signature` is this key's over `message` by `algorithm`; false for an algorithm of another kind of key.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Ed25519(key), Algorithm::EdDsa) => {
                <&[u8; 64]>::try_from(signature).is_ok_and(|signature| key.verifies(message, signature))
            }
            // Of fixed length, r then s, as RFC 7518 has them; DER is not taken.
            (Self::P256(key), Algorithm::Es256) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            (Self::P384(key), Algorithm::Es384) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            (Self::P521(key), Algorithm::Es512) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            (Self::Rsa(key), algorithm) => rsa_verifies(key, algorithm, message, signature),
            _ => false,
        }
    }
}

fn rsa_verifies(key: &rsa::PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    use rsa::traits::PublicKeyParts as _;
    // The signature is as long as the modulus, no shorter and no longer.
    if signature.len() != key.size() {
        return false;
    }
    macro_rules! verify {
        ($scheme:ident, $digest:ty) => {
            rsa::$scheme::Signature::try_from(signature).is_ok_and(|signature| {
                rsa::$scheme::VerifyingKey::<$digest>::new(key.clone()).verify(message, &signature).is_ok()
            })
        };
    }
    match algorithm {
        Algorithm::Rs256 => verify!(pkcs1v15, Sha256),
        Algorithm::Rs384 => verify!(pkcs1v15, Sha384),
        Algorithm::Rs512 => verify!(pkcs1v15, Sha512),
        Algorithm::Ps256 => verify!(pss, Sha256),
        Algorithm::Ps384 => verify!(pss, Sha384),
        Algorithm::Ps512 => verify!(pss, Sha512),
        _ => false,
    }
}

/// A key with what it is for.
#[derive(Clone, Debug)]
pub struct OpaKey {
    key: VerificationKey,
    algorithm: Algorithm,
    scope: String,
}

impl OpaKey {
    /// A key for one algorithm and one scope (empty where tokens name none). [`None`] where the algorithm is for another
    /// kind of key.
    pub fn new(key: VerificationKey, algorithm: Algorithm, scope: impl Into<String>) -> Option<Self> {
        key.suits(algorithm).then(|| Self { key, algorithm, scope: scope.into() })
    }

    /// What it is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The scope that a token must state.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Whether a token whose header states `algorithm` is signed by it. The header cannot choose the algorithm: it must
    /// state the key's.
    pub(crate) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        algorithm == self.algorithm.as_str() && self.key.verifies(self.algorithm, message, signature)
    }
}

/// The keys whose tokens count, by id.
#[derive(Clone, Debug, Default)]
pub struct OpaTrust {
    keys: BTreeMap<String, OpaKey>,
    revoked: BTreeSet<String>,
}

/// One key of OPA's configuration (`keys: {ID: {key: PEM, algorithm: RS256, scope: …}}`).
#[derive(Deserialize)]
struct Configured {
    key: String,
    #[serde(default)]
    algorithm: Option<String>,
    #[serde(default)]
    scope: String,
}

impl OpaTrust {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the `keys` object of an OPA configuration or, where the object has a list `keys`, a JWKS.
    ///
    /// # Errors
    /// [`OpaKeyError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, OpaKeyError> {
        let members: BTreeMap<String, serde_json::Value> = json::from_slice(bytes)?;
        if members.get("keys").is_some_and(serde_json::Value::is_array) {
            return Self::from_jwks(bytes);
        }
        let mut trust = Self::new();
        for (id, configured) in json::from_slice::<BTreeMap<String, Configured>>(bytes)? {
            let key = VerificationKey::from_pem(&configured.key).ok_or_else(|| OpaKeyError::Pem(id.clone()))?;
            // OPA's default, whatever the key.
            let name = configured.algorithm.as_deref().filter(|name| !name.is_empty()).unwrap_or("RS256");
            let Some(algorithm) = Algorithm::parse(name) else {
                return Err(OpaKeyError::Algorithm { id, algorithm: name.to_owned() });
            };
            let key = OpaKey::new(key, algorithm, configured.scope).ok_or_else(|| OpaKeyError::Kind(id.clone()))?;
            trust.add(id, key)?;
        }
        Ok(trust)
    }

    fn from_jwks(bytes: &[u8]) -> Result<Self, OpaKeyError> {
        let mut trust = Self::new();
        for jwk in jwks::parse(bytes)? {
            let id = jwk.kid.ok_or(OpaKeyError::NoId)?;
            let algorithm = jwk.algorithm.unwrap_or_else(|| jwk.key.default_algorithm());
            let key = OpaKey::new(jwk.key, algorithm, "").ok_or_else(|| OpaKeyError::Kind(id.clone()))?;
            trust.add(id, key)?;
        }
        Ok(trust)
    }

    /// Trusts `key` under `id`.
    ///
    /// # Errors
    /// [`OpaKeyError::Twice`] where another key has the id.
    pub fn add(&mut self, id: impl Into<String>, key: OpaKey) -> Result<(), OpaKeyError> {
        let id = id.into();
        if self.keys.contains_key(&id) {
            return Err(OpaKeyError::Twice(id));
        }
        self.keys.insert(id, key);
        Ok(())
    }

    /// Withdraws trust from an id, whoever adds a key for it.
    pub fn revoke(&mut self, id: impl Into<String>) {
        self.revoked.insert(id.into());
    }

    /// The key of that id, unless it is revoked.
    pub fn get(&self, id: &str) -> Option<&OpaKey> {
        if self.is_revoked(id) { None } else { self.keys.get(id) }
    }

    /// Whether trust was withdrawn from the id.
    pub fn is_revoked(&self, id: &str) -> bool {
        self.revoked.contains(id)
    }

    /// The ids of keys that count, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str).filter(|id| !self.is_revoked(id))
    }
}
