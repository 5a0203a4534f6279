//! Making `.signatures.json`, so that OPA itself verifies a bundle: a token over the digests of all other files.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::json;

use super::keys::{Algorithm, VerificationKey};
use crate::BundleFile;
use crate::keys::{KeyError, PublicKey};
use crate::names;
use crate::opa_signatures;

/// A private key that signs for OPA: P-256, P-384 or Ed25519, in PEM. Wiped when dropped; its `Debug` shows no secret.
pub struct OpaSigner {
    key: Private,
    id: String,
    scope: String,
}

enum Private {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl OpaSigner {
    /// From PEM (`PRIVATE KEY` or, for the curves, `EC PRIVATE KEY`), under the id that OPA's configuration has for it.
    ///
    /// # Errors
    /// [`KeyError::Pem`] for anything else, RSA keys among it.
    pub fn from_pem(pem: &str, id: impl Into<String>) -> Result<Self, KeyError> {
        let key = if let Ok(key) = p256::SecretKey::from_pkcs8_pem(pem).or_else(|_| p256::SecretKey::from_sec1_pem(pem))
        {
            Private::P256(key.into())
        } else if let Ok(key) = p384::SecretKey::from_pkcs8_pem(pem).or_else(|_| p384::SecretKey::from_sec1_pem(pem)) {
            Private::P384(key.into())
        } else if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            Private::Ed25519(key)
        } else {
            return Err(KeyError::Pem);
        };
        Ok(Self { key, id: id.into(), scope: String::new() })
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

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        match self.key {
            Private::P256(_) => Algorithm::Es256,
            Private::P384(_) => Algorithm::Es384,
            Private::Ed25519(_) => Algorithm::EdDsa,
        }
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
        })
    }

    /// The file `.signatures.json` over all `files`.
    ///
    /// # Errors
    /// [`KeyError::Signer`] where a document that OPA reads as JSON is none.
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
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.signature(signed.as_bytes())));
        Ok(BundleFile::new(names::OPA_SIGNATURES, json!({ "signatures": [token] }).to_string()))
    }

    /// The same key over the same bytes gives the same signature (RFC 6979, RFC 8032).
    fn signature(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Private::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Private::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Private::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for OpaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpaSigner(id {:?}, {}, secret redacted)", self.id, self.algorithm().as_str())
    }
}
