//! Ed25519 keys: generation, their text form, their ids, and the set of keys that a host trusts. The text form is the
//! raw 32 bytes in unpadded base64url on one line. Files of keys are in [`mod@file`]; this module touches none.

pub mod command;
pub mod file;
pub mod jwks;
mod store;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::digest::Sha256Digest;

pub use store::{KeyStatus, TrustStore};

/// Length of the text form of a key in characters.
pub const KEY_TEXT_LEN: usize = 43;

/// Why a key could not be made, read or used. No message ever holds secret bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not one line of 43 unpadded base64url characters for 32 bytes.
    #[error("a key is one line of 43 base64url characters without padding")]
    Malformed,
    /// The 32 bytes are no point of the curve, or one of small order.
    #[error("the bytes are not a usable Ed25519 public key")]
    NotOnCurve,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(String),
    /// A second, different key has the id of one that is already trusted.
    #[error("two different keys share the id `{0}`")]
    IdCollision(KeyId),
    /// An external signer failed.
    #[error("the signer failed: {0}")]
    Signer(String),
    /// A signer returned a signature that its own public key does not verify.
    #[error("the signer's signature does not verify with its public key")]
    SignerMismatch,
    /// A JWKS that is no set of public keys that are taken here.
    #[error("the JWKS does not read: {0}")]
    Jwks(String),
    /// The text is no private key that signs for OPA.
    #[error("the text is no private key in PEM of P-256, P-384, Ed25519 or RSA of 2048 to 8192 bits")]
    Pem,
    /// An environment variable that is to hold a key does not.
    #[error("the environment variable `{0}` is not set, or not to text")]
    NoVariable(String),
    /// A key file could not be read or written.
    #[error("`{path}`: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A key file's text is no key.
    #[error("`{path}`: {source}")]
    InFile {
        /// The file.
        path: String,
        /// What is wrong with its text.
        source: Box<KeyError>,
    },
    /// A private key that others can read is no secret.
    #[error(
        "`{path}` can be read by others (mode {mode:04o}); run `chmod 600 {path}`, or make a new key if it may have been seen"
    )]
    ReadableByOthers {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file is there already and may not be overwritten.
    #[error("`{path}` exists already")]
    Exists {
        /// The file.
        path: String,
    },
    /// A file of keys for OPA's signatures that does not read.
    #[error("`{path}`: {source}")]
    Opa {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: Box<crate::opa::OpaKeyError>,
    },
    /// A folder of keys without a single public key.
    #[error("`{path}` holds no `*.public` file")]
    EmptyFolder {
        /// The folder.
        path: String,
    },
}

/// The id of a public key: the first 16 bytes of the SHA-256 of its raw 32 bytes, as 32 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// Reads 32 lowercase hex digits; anything else gives `None`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return None;
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a key id is 32 lowercase hex digits"))
    }
}

/// An Ed25519 public key that is a point of the curve of full order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// From the raw 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`] where the bytes are no point, or one of small order (whose signatures mean nothing).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotOnCurve)?;
        // A point of small order verifies messages that nobody signed; a non-canonical encoding would give one key two ids.
        if key.is_weak() || key.to_edwards().compress().to_bytes() != *bytes {
            return Err(KeyError::NotOnCurve);
        }
        Ok(Self(key))
    }

    /// From the text form; one trailing line break is allowed.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for any other text, [`KeyError::NotOnCurve`] as [`PublicKey::from_bytes`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&*decode_key_text(text)?)
    }

    /// The raw 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 16];
        id.iter_mut().zip(Sha256Digest::of(self.0.as_bytes()).0).for_each(|(to, from)| *to = from);
        KeyId(id)
    }

    /// Whether `signature` is this key's over exactly `message`, by the strict rules (no malleable or small-order part).
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// An Ed25519 private key. Wiped when dropped; its `Debug` shows the id only; it can be neither compared nor copied.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Random`] where the system gives none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| KeyError::Random(error.to_string()))?;
        Ok(Self::from_bytes(&seed))
    }

    /// From the raw 32 bytes of the seed.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// From the text form; one trailing line break is allowed.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for any other text.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ok(Self::from_bytes(&*decode_key_text(text)?))
    }

    /// The text form, which is the secret itself: wiped when dropped.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(id {}, secret redacted)", self.public_key().id())
    }
}

/// Something that signs manifests: a [`SigningKey`] in memory, or a host's own call to a key service.
pub trait ManifestSigner {
    /// The public key that the signature will verify with.
    fn public_key(&self) -> PublicKey;

    /// The raw 64-byte Ed25519 signature over exactly `message`.
    ///
    /// # Errors
    /// [`KeyError::Signer`] where no signature can be had.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError>;
}

impl ManifestSigner for SigningKey {
    fn public_key(&self) -> PublicKey {
        SigningKey::public_key(self)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        Ok(self.0.sign(message).to_bytes())
    }
}

fn decode_key_text(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.len() != KEY_TEXT_LEN {
        return Err(KeyError::Malformed);
    }
    let mut bytes = Zeroizing::new([0; 32]);
    match URL_SAFE_NO_PAD.decode_slice(line, bytes.as_mut_slice()) {
        Ok(32) => Ok(bytes),
        _ => Err(KeyError::Malformed),
    }
}

#[cfg(test)]
mod tests;
