//! OPA's `.signatures.json`: one JWT that lists the bundle's other files with their digests. Where a Sealgate bundle
//! carries one it must tell the truth about every file; its own signature is checked where a trust store holds its key
//! ([`check`]). What makes a Sealgate bundle trusted is the signed manifest, never this file. A bundle of OPA's own is
//! trusted by it alone, and then its key must count ([`require`]).

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
use crate::opa::OpaTrust;

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
    #[error("it asks for the plugin `{}`", names::shown(.0))]
    Plugin(String),
    /// A file is listed twice, or under a name that is no path.
    #[error("it may not list `{}`", names::shown(.0))]
    Name(String),
    /// A listed file is not there.
    #[error("it lists `{}`, which is missing", names::shown(.0))]
    MissingFile(String),
    /// A file is not listed.
    #[error("it does not list `{}`", names::shown(.0))]
    UnlistedFile(String),
    /// A digest by an algorithm other than SHA-256, SHA-384 and SHA-512.
    #[error("it uses the digest algorithm `{}`", names::shown(.0))]
    Algorithm(String),
    /// A digest is wrong, or the file that OPA reads as JSON is none.
    #[error("it has a wrong digest for `{}`", names::shown(.0))]
    Digest(String),
    /// Its key is revoked.
    #[error("it is signed with the key `{}`, which is revoked", names::shown(.0))]
    RevokedKey(String),
    /// Its key is trusted, and the signature is not that key's, or not by that key's algorithm.
    #[error("its signature does not verify with the key `{}`", names::shown(.0))]
    BadSignature(String),
    /// Its key does not count.
    #[error("it is signed with the key `{}`, which is not trusted", names::shown(.0.as_deref().unwrap_or("(none named)")))]
    UnknownKey(Option<String>),
    /// It is for another scope than its key.
    #[error("its scope is `{}`, and `{expected}` is expected", names::shown(.found))]
    Scope {
        /// What is expected.
        expected: String,
        /// What the token says.
        found: String,
    },
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
    /// Names members that a reader must understand (RFC 7515); none are understood here.
    #[serde(default, deserialize_with = "json::present")]
    crit: bool,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(deserialize_with = "json::objects")]
    files: Vec<Listed>,
    #[serde(default)]
    keyid: Option<String>,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    hash: String,
    #[serde(default)]
    algorithm: String,
}

/// What the token's scope must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    /// That of its key.
    OfKey,
    /// This one.
    Exactly(&'a str),
}

/// Checks `signatures` against `others`, which are all the other files of the bundle, and its signature where one of the
/// trust stores holds its key.
pub(crate) fn check<'a>(
    signatures: &BundleFile,
    others: impl Iterator<Item = &'a BundleFile>,
    trust: &TrustStore,
    opa: &OpaTrust,
    limits: &Limits,
) -> Result<(), OpaSignatureError> {
    let text = read(signatures, limits)?;
    let token = Token::parse(&text)?;
    check_files(&token.payload.files, others)?;
    token.check_signature(trust, opa)
}

/// Checks `signatures` as what makes the bundle trusted, signature first, and gives the id of its key.
pub(crate) fn require<'a>(
    signatures: &BundleFile,
    others: impl Iterator<Item = &'a BundleFile>,
    trust: &OpaTrust,
    scope: Scope<'_>,
    limits: &Limits,
) -> Result<String, OpaSignatureError> {
    let text = read(signatures, limits)?;
    let token = Token::parse(&text)?;
    let id = token.require_signature(trust, scope)?;
    check_files(&token.payload.files, others)?;
    Ok(id)
}

/// The one token.
fn read(signatures: &BundleFile, limits: &Limits) -> Result<String, OpaSignatureError> {
    if signatures.bytes.len() as u64 > limits.manifest_bytes {
        return Err(OpaSignatureError::TooLarge(limits.manifest_bytes));
    }
    let file: SignaturesFile = json::from_slice(&signatures.bytes)?;
    if let Some(plugin) = file.plugin.filter(|plugin| !matches!(plugin.as_str(), "" | "_default")) {
        return Err(OpaSignatureError::Plugin(plugin));
    }
    match <[String; 1]>::try_from(file.signatures) {
        Ok([token]) => Ok(token),
        Err(_) => Err(OpaSignatureError::Token),
    }
}

/// The digest by SHA-256 that OPA takes of a file, in hex.
pub(crate) fn sha256(file: &BundleFile) -> Result<String, OpaSignatureError> {
    digest(file, "SHA-256")
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
        let header: Header = json::from_slice(&decode(header)?)?;
        if header.crit {
            return Err(OpaSignatureError::Token);
        }
        Ok(Self { header, payload: json::from_slice(&decode(payload)?)?, signed, signature: decode(signature)? })
    }

    /// The id of the key that it names: in the header, else in the payload.
    fn key_id(&self) -> Option<String> {
        let named = |id: &Option<String>| id.as_deref().filter(|id| !id.is_empty()).map(str::to_owned);
        named(&self.header.kid).or_else(|| named(&self.payload.keyid))
    }

    fn check_signature(&self, trust: &TrustStore, opa: &OpaTrust) -> Result<(), OpaSignatureError> {
        let Some(named) = self.key_id() else { return Ok(()) };
        let named = named.as_str();
        let signed = self.signed.as_bytes();
        if opa.is_revoked(named) {
            return Err(OpaSignatureError::RevokedKey(named.to_owned()));
        }
        let verified = match (opa.get(named), KeyId::parse(named).map(|id| trust.status(id))) {
            (_, Some(KeyStatus::Revoked)) => return Err(OpaSignatureError::RevokedKey(named.to_owned())),
            (Some(key), _) => key.verifies(&self.header.alg, signed, &self.signature),
            (None, Some(KeyStatus::Trusted(key))) => {
                let signature = <&[u8; 64]>::try_from(self.signature.as_slice());
                self.header.alg == "EdDSA" && signature.is_ok_and(|signature| key.verifies(signed, signature))
            }
            (None, Some(KeyStatus::Unknown) | None) => return Ok(()),
        };
        if verified { Ok(()) } else { Err(OpaSignatureError::BadSignature(named.to_owned())) }
    }

    fn require_signature(&self, trust: &OpaTrust, scope: Scope<'_>) -> Result<String, OpaSignatureError> {
        let Some(named) = self.key_id() else { return Err(OpaSignatureError::UnknownKey(None)) };
        let named = named.as_str();
        if trust.is_revoked(named) {
            return Err(OpaSignatureError::RevokedKey(named.to_owned()));
        }
        let key = trust.get(named).ok_or_else(|| OpaSignatureError::UnknownKey(Some(named.to_owned())))?;
        if !key.verifies(&self.header.alg, self.signed.as_bytes(), &self.signature) {
            return Err(OpaSignatureError::BadSignature(named.to_owned()));
        }
        let expected = match scope {
            Scope::OfKey => key.scope(),
            Scope::Exactly(scope) => scope,
        };
        if self.payload.scope != expected {
            let (expected, found) = (expected.to_owned(), self.payload.scope.clone());
            return Err(OpaSignatureError::Scope { expected, found });
        }
        Ok(named.to_owned())
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
