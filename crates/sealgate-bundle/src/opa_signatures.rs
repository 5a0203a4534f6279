//! OPA's `.signatures.json`: one JWT that lists the bundle's other files with their digests. Where a bundle carries one
//! it must tell the truth about every file; its own signature is checked where the trust store holds its key. What makes
//! a Sealgate bundle trusted is the signed manifest, never this file.

mod canonical;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::BundleFile;
use crate::json;
use crate::keys::{KeyId, KeyStatus, TrustStore};
use crate::limits::Limits;
use crate::names;

/// How `.signatures.json` contradicts the bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpaSignatureError {
    /// More bytes than the limits allow.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// Not strict JSON of OPA's shape.
    #[error("it does not read: {0}")]
    Json(#[from] serde_json::Error),
    /// Not exactly one token, or not a compact JWS.
    #[error("it does not hold exactly one signed token")]
    Token,
    /// Made by a plugin that nobody here knows.
    #[error("it asks for the plugin `{0}`")]
    Plugin(String),
    /// A file is listed twice, or under a name that is no path.
    #[error("it may not list `{0}`")]
    Name(String),
    /// A listed file is not there.
    #[error("it lists `{0}`, which is missing")]
    MissingFile(String),
    /// A file is not listed.
    #[error("it does not list `{0}`")]
    UnlistedFile(String),
    /// A digest by an algorithm other than SHA-256, SHA-384 and SHA-512.
    #[error("it uses the digest algorithm `{0}`")]
    Algorithm(String),
    /// A digest is wrong, or the file that OPA reads as JSON is none.
    #[error("it has a wrong digest for `{0}`")]
    Digest(String),
    /// Its key is revoked.
    #[error("it is signed with the key `{0}`, which is revoked")]
    RevokedKey(KeyId),
    /// Its key is trusted, and the signature is not that key's.
    #[error("its signature does not verify with the key `{0}`")]
    BadSignature(KeyId),
}

#[derive(Deserialize)]
struct SignaturesFile {
    signatures: Vec<String>,
    #[serde(default)]
    plugin: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(deserialize_with = "json::objects")]
    files: Vec<Listed>,
    #[serde(default)]
    keyid: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    hash: String,
    #[serde(default)]
    algorithm: String,
}

/// Checks `signatures` against `others`, which are all the other files of the bundle.
pub(crate) fn check<'a>(
    signatures: &BundleFile,
    others: impl Iterator<Item = &'a BundleFile>,
    trust: &TrustStore,
    limits: &Limits,
) -> Result<(), OpaSignatureError> {
    if signatures.bytes.len() as u64 > limits.manifest_bytes {
        return Err(OpaSignatureError::TooLarge(limits.manifest_bytes));
    }
    let file: SignaturesFile = json::from_slice(&signatures.bytes)?;
    if let Some(plugin) = file.plugin.filter(|plugin| !matches!(plugin.as_str(), "" | "_default")) {
        return Err(OpaSignatureError::Plugin(plugin));
    }
    let [token] = file.signatures.as_slice() else { return Err(OpaSignatureError::Token) };
    let token = Token::parse(token)?;
    check_files(&token.payload.files, others)?;
    token.check_signature(trust)
}

struct Token<'a> {
    header: Header,
    payload: Payload,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    fn parse(text: &'a str) -> Result<Self, OpaSignatureError> {
        let (signed, signature) = text.rsplit_once('.').ok_or(OpaSignatureError::Token)?;
        let (header, payload) = signed.split_once('.').ok_or(OpaSignatureError::Token)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| OpaSignatureError::Token);
        Ok(Self {
            header: json::from_slice(&decode(header)?)?,
            payload: json::from_slice(&decode(payload)?)?,
            signed,
            signature: decode(signature)?,
        })
    }

    fn check_signature(&self, trust: &TrustStore) -> Result<(), OpaSignatureError> {
        let named = self.header.kid.as_deref().or(self.payload.keyid.as_deref());
        let Some(id) = named.and_then(KeyId::parse) else { return Ok(()) };
        match trust.status(id) {
            KeyStatus::Unknown => Ok(()),
            KeyStatus::Revoked => Err(OpaSignatureError::RevokedKey(id)),
            KeyStatus::Trusted(key) => match <&[u8; 64]>::try_from(self.signature.as_slice()) {
                Ok(signature) if self.header.alg == "EdDSA" && key.verifies(self.signed.as_bytes(), signature) => {
                    Ok(())
                }
                _ => Err(OpaSignatureError::BadSignature(id)),
            },
        }
    }
}

fn check_files<'a>(listed: &[Listed], others: impl Iterator<Item = &'a BundleFile>) -> Result<(), OpaSignatureError> {
    let mut by_name = BTreeMap::new();
    for entry in listed {
        let name = names::normalise(&entry.name).ok_or_else(|| OpaSignatureError::Name(entry.name.clone()))?;
        if by_name.insert(name, entry).is_some() {
            return Err(OpaSignatureError::Name(entry.name.clone()));
        }
    }
    let mut others: Vec<_> = others.collect();
    others.sort_by(|a, b| a.name.cmp(&b.name));
    for file in others {
        let entry =
            by_name.remove(file.name.as_str()).ok_or_else(|| OpaSignatureError::UnlistedFile(file.name.clone()))?;
        if digest(file, &entry.algorithm)? != entry.hash {
            return Err(OpaSignatureError::Digest(file.name.clone()));
        }
    }
    match by_name.into_keys().next() {
        Some(missing) => Err(OpaSignatureError::MissingFile(missing.to_owned())),
        None => Ok(()),
    }
}

/// A file's digest as OPA takes it: of the bytes, or for the documents that OPA reads as JSON of their canonical form.
fn digest(file: &BundleFile, algorithm: &str) -> Result<String, OpaSignatureError> {
    let base = file.name.rsplit('/').next().unwrap_or(&file.name);
    let canonical;
    let bytes = if matches!(base, "data.json" | ".manifest") {
        canonical = canonical::of(&file.bytes).ok_or_else(|| OpaSignatureError::Digest(file.name.clone()))?;
        canonical.as_bytes()
    } else {
        file.bytes.as_slice()
    };
    match algorithm {
        "SHA-256" => Ok(hex::encode(Sha256::digest(bytes))),
        "SHA-384" => Ok(hex::encode(Sha384::digest(bytes))),
        "SHA-512" => Ok(hex::encode(Sha512::digest(bytes))),
        other => Err(OpaSignatureError::Algorithm(other.to_owned())),
    }
}
