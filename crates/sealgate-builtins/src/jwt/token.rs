//! A token's three parts, and its header.

use std::collections::{BTreeMap, BTreeSet};

use crate::operand::failed;
use crate::pki::{MAX_TEXT, base64, json};
use crate::registry::BuiltinError;
use crate::value::Value;

/// A token whose parts are still encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    text: &'a str,
    header: &'a str,
    payload: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Token<'a> {
    /// # Errors
    /// If there are not three parts, or more text than is looked at.
    pub(super) fn split(text: &'a str) -> Result<Self, BuiltinError> {
        if text.len() > MAX_TEXT {
            return Err(failed(format!("encoded JWT is longer than {MAX_TEXT} bytes")));
        }
        if !text.contains('.') {
            return Err(failed("encoded JWT had no period separators"));
        }
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature), None) => Ok(Self { text, header, payload, signature }),
            _ => {
                let found = text.split('.').count();
                Err(failed(format!("encoded JWT must have 3 sections, found {found}")))
            }
        }
    }

    /// What the signature is over.
    pub(super) fn signed(&self) -> &'a str {
        let length = self.header.len() + 1 + self.payload.len();
        self.text.get(..length).unwrap_or_default()
    }

    /// # Errors
    /// If it is no JSON object, or a JWE's.
    pub(super) fn header(&self) -> Result<BTreeMap<Value, Value>, BuiltinError> {
        let bytes = base64::decode_url(self.header)
            .map_err(|error| failed(format!("JWT header had invalid encoding: {error}")))?;
        let header = json_object(&bytes).map_err(|error| failed(format!("bad JWT header: {error}")))?;
        if header.contains_key(&Value::from("enc")) {
            return Err(failed("JWT is a JWE object, which is not supported"));
        }
        Ok(header)
    }

    /// # Errors
    /// If it is not base64url.
    pub(super) fn payload(&self) -> Result<Vec<u8>, BuiltinError> {
        base64::decode_url(self.payload).map_err(|error| failed(format!("JWT payload had invalid encoding: {error}")))
    }
}

/// Reads an object; of two members of one name the last counts.
///
/// # Errors
/// OPA's text.
pub(super) fn json_object(bytes: &[u8]) -> Result<BTreeMap<Value, Value>, String> {
    match json::parse(bytes).map_err(|error| format!("invalid JSON: {error}"))? {
        Value::Object(entries) => Ok(entries),
        _ => Err("decoded JSON type was not an Object".to_owned()),
    }
}

/// The members of a header that matter; empty where they are missing.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: String,
    pub(super) cty: String,
    critical: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

impl Header {
    /// # Errors
    /// If a known member has another type than it must.
    pub(super) fn of(entries: &BTreeMap<Value, Value>) -> Result<Self, String> {
        let mut header = Self::default();
        for (key, value) in entries {
            let Value::String(key) = key else { continue };
            let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{key}: must be a string"));
            match key.as_str() {
                "alg" => header.alg = text()?,
                "kid" => header.kid = text()?,
                "cty" => header.cty = text()?,
                "typ" => drop(text()?),
                "crit" => header.critical = critical(value)?,
                _ => drop(header.unknown.insert(key.clone())),
            }
        }
        Ok(header)
    }

    /// Whether it names an algorithm, and nothing critical that nobody here knows (RFC 7515, 4.1.1 and 4.1.11).
    pub(super) fn is_valid(&self) -> bool {
        !self.alg.is_empty() && self.critical.is_disjoint(&self.unknown)
    }
}

fn critical(value: &Value) -> Result<BTreeSet<String>, String> {
    let Value::Array(items) = value else { return Err("crit: must be a list".to_owned()) };
    // What follows an element that is no string is not looked at, as in OPA.
    let names: BTreeSet<String> = items.iter().map_while(Value::as_str).map(str::to_owned).collect();
    if names.is_empty() { Err("crit: must be a nonempty list".to_owned()) } else { Ok(names) }
}
