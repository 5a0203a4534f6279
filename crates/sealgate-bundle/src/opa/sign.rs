//! Making `.signatures.json`, so that OPA itself verifies a bundle: a token over the digests of all other files.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use p256::pkcs8::DecodePrivateKey as _;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use serde_json::json;
use sha2::{Sha256, Sha384, Sha512};

use super::keys::{Algorithm, VerificationKey};
use crate::BundleFile;
use crate::keys::{KeyError, PublicKey};
use crate::names;
use crate::opa_signatures;

/// A private key that signs for OPA: P-256, P-384, RSA or Ed25519, in PEM. Wiped when dropped; its `Debug` shows no secret.
pub struct OpaSigner {
    key: Private,
    algorithm: Algorithm,
    id: String,
    scope: String,
}

enum Private {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    Rsa(Box<rsa::PrivateKey>),
}

impl Private {
    fn from_pem(pem: &str) -> Option<Self> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_pem(pem).or_else(|_| p256::SecretKey::from_sec1_pem(pem)) {
            return Some(Self::P256(key.into()));
        }
        if let Ok(key) = p384::SecretKey::from_pkcs8_pem(pem).or_else(|_| p384::SecretKey::from_sec1_pem(pem)) {
            return Some(Self::P384(key.into()));
        }
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            return Some(Self::Ed25519(key));
        }
        let rsa = rsa::PrivateKey::from_pkcs8_pem(pem).or_else(|_| rsa::PrivateKey::from_pkcs1_pem(pem)).ok()?;
        // No verifier takes what is shorter or longer.
        VerificationKey::from_rsa(rsa.to_public_key())?;
        Some(Self::Rsa(Box::new(rsa)))
    }
}

impl OpaSigner {
    /// From PEM (`PRIVATE KEY`, for the curves `EC PRIVATE KEY`, for RSA `RSA PRIVATE KEY`), under the id that OPA's
    /// configuration has for it. RSA keys sign by `RS256` unless [`OpaSigner::with_algorithm`] says otherwise.
    ///
    /// # Errors
    /// [`KeyError::Pem`] for anything else.
    pub fn from_pem(pem: &str, id: impl Into<String>) -> Result<Self, KeyError> {
        let key = Private::from_pem(pem).ok_or(KeyError::Pem)?;
        let mut signer = Self { key, algorithm: Algorithm::EdDsa, id: id.into(), scope: String::new() };
        signer.algorithm = signer.verification_key()?.default_algorithm();
        Ok(signer)
    }

    /// Signs by `algorithm`, which must be one for the key's kind.
    ///
    /// # Errors
    /// [`KeyError::Signer`] for one of another kind.
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if !self.verification_key()?.suits(algorithm) {
            return Err(KeyError::Signer(format!("the key cannot sign by {}", algorithm.as_str())));
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// States a scope in tokens.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// The id that tokens name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it signs by.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that verifies it.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`]; never, for a key that was read.
    pub fn verification_key(&self) -> Result<VerificationKey, KeyError> {
        Ok(match &self.key {
            Private::P256(key) => VerificationKey::P256(*key.verifying_key()),
            Private::P384(key) => VerificationKey::P384(*key.verifying_key()),
            Private::Ed25519(key) => VerificationKey::Ed25519(PublicKey::from_bytes(key.verifying_key().as_bytes())?),
            Private::Rsa(key) => VerificationKey::from_rsa(key.to_public_key()).ok_or(KeyError::Pem)?,
        })
    }

    /// The file `.signatures.json` over all `files`.
    ///
    /// # Errors
    /// [`KeyError::Signer`] where a document that OPA reads as JSON is none, or the operating system gives no randomness.
    pub fn sign(&self, files: &[BundleFile]) -> Result<BundleFile, KeyError> {
        let mut listed = Vec::with_capacity(files.len());
        for file in files {
            let hash = opa_signatures::sha256(file).map_err(|error| KeyError::Signer(error.to_string()))?;
            listed.push(json!({ "name": file.name, "hash": hash, "algorithm": "SHA-256" }));
        }
        let header = json!({ "alg": self.algorithm().as_str(), "kid": self.id, "typ": "JWT" });
        let mut payload = json!({ "files": listed, "keyid": self.id });
        if let (false, Some(payload)) = (self.scope.is_empty(), payload.as_object_mut()) {
            payload.insert("scope".to_owned(), self.scope.as_str().into());
        }
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&payload));
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.signature(signed.as_bytes())?));
        Ok(BundleFile::new(names::OPA_SIGNATURES, json!({ "signatures": [token] }).to_string()))
    }

    /// The same key over the same bytes gives the same signature (RFC 6979, RFC 8032, RFC 8017), but by `PS…`, which is
    /// salted. RSA's arithmetic is blinded.
    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.key {
            Private::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                Ok(signature.to_bytes().to_vec())
            }
            Private::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                Ok(signature.to_bytes().to_vec())
            }
            Private::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
            Private::Rsa(key) => rsa_signature(key, self.algorithm, message),
        }
    }
}

fn rsa_signature(key: &rsa::PrivateKey, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    macro_rules! sign {
        ($scheme:ident, $digest:ty) => {
            rsa::$scheme::SigningKey::<$digest>::new(key.clone())
                .try_sign_with_rng(&mut getrandom::SysRng, message)
                .map(|signature| signature.to_vec())
                .map_err(|error| KeyError::Signer(error.to_string()))
        };
    }
    match algorithm {
        Algorithm::Rs256 => sign!(pkcs1v15, Sha256),
        Algorithm::Rs384 => sign!(pkcs1v15, Sha384),
        Algorithm::Rs512 => sign!(pkcs1v15, Sha512),
        Algorithm::Ps256 => sign!(pss, Sha256),
        Algorithm::Ps384 => sign!(pss, Sha384),
        Algorithm::Ps512 => sign!(pss, Sha512),
        other => Err(KeyError::Signer(format!("an RSA key cannot sign by {}", other.as_str()))),
    }
}

impl fmt::Debug for OpaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpaSigner(id {:?}, {}, secret redacted)", self.id, self.algorithm().as_str())
    }
}
