//! `crypto.x509.*` and `crypto.parse_private_keys`: certificates, requests and keys in the JSON shape of Go's structs.
//!
//! | module | what it does |
//! |---|---|
//! | `certificate` | a certificate of its DER, with Go's strictness |
//! | `extensions` | the extensions that Go understands |
//! | `name` | distinguished names |
//! | `time` | validity times |
//! | `chain` | chains from a leaf to the root, as Go builds and judges them |
//! | `constraints` | name constraints |
//! | `policies` | certificate policies along a chain |
//! | `hostname` | whether a certificate is for a host |
//! | `options` | the options of `parse_and_verify_certificates_with_options` |
//! | `request` | certificate signing requests |
//! | `keys` | private keys and key pairs |
//! | `json` | Go's JSON shapes |

mod certificate;
mod chain;
mod constraints;
mod extensions;
mod hostname;
mod json;
mod keys;
mod name;
mod options;
mod policies;
mod request;
mod time;

use std::sync::Arc;

use crate::context::Context;
use crate::operand::{failed, object, string};
use crate::pki::{MAX_TEXT, base64, pem};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

pub(crate) use certificate::Certificate;
use options::Options;
pub(crate) use time::civil_time;

/// Certificates that one text may hold.
const MAX_CERTIFICATES: usize = 256;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("crypto.x509.parse_certificates", 1, Capability::Pure, parse_certificates);
    registry.insert("crypto.x509.parse_and_verify_certificates", 1, Capability::Clock, parse_and_verify);
    let name = "crypto.x509.parse_and_verify_certificates_with_options";
    registry.insert(name, 2, Capability::Clock, parse_and_verify_with_options);
    registry.insert("crypto.x509.parse_certificate_request", 1, Capability::Pure, request::parse_request);
    registry.insert("crypto.x509.parse_keypair", 2, Capability::Pure, keys::parse_keypair);
    registry.insert("crypto.x509.parse_rsa_private_key", 1, Capability::Pure, keys::jwk_from_private_key);
    registry.insert("crypto.parse_private_keys", 1, Capability::Pure, keys::parse_private_keys);
}

fn parse_certificates(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let certificates = certificates(string(args, 1)?).map_err(failed)?;
    let values = certificates.iter().map(|certificate| json::certificate(certificate, true)).collect();
    Ok(Some(Value::Array(values)))
}

fn parse_and_verify(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let certificates = certificates(string(args, 1)?);
    let options = Options::default();
    verdict(context, certificates, &options, true)
}

fn parse_and_verify_with_options(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let (text, entries) = (string(args, 1)?, object(args, 2)?);
    let certificates = certificates(text);
    if certificates.is_err() {
        return verdict(context, certificates, &Options::default(), false);
    }
    verdict(context, certificates, &Options::parse(entries).map_err(failed)?, false)
}

/// `[true, chain]` from leaf to root, or `[false, []]`.
fn verdict(
    context: &mut Context,
    certificates: Result<Vec<Arc<Certificate>>, String>,
    options: &Options,
    with_uri_strings: bool,
) -> Result<Option<Value>, BuiltinError> {
    let now = match options.time {
        Some(time) => time,
        None => context.now()?,
    };
    let chain = certificates.ok().and_then(|certificates| chain::verify(&certificates, options, now));
    let valid = chain.is_some();
    let chain = chain.unwrap_or_default();
    let chain = chain.iter().map(|certificate| json::certificate(certificate, with_uri_strings)).collect();
    Ok(Some(Value::Array(vec![valid.into(), Value::Array(chain)])))
}

/// PEM blocks, base64 of them, or base64 of DER certificates one after the other.
fn certificates(text: &str) -> Result<Vec<Arc<Certificate>>, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("certificates are longer than {MAX_TEXT} bytes"));
    }
    let decoded;
    let bytes = if text.starts_with("-----BEGIN") {
        text.as_bytes()
    } else {
        decoded = base64::STANDARD.decode(text.as_bytes()).map_err(|error| error.to_string())?;
        decoded.as_slice()
    };
    if !bytes.starts_with(b"-----BEGIN") {
        return Certificate::parse_all(bytes, MAX_CERTIFICATES);
    }
    let (mut rest, mut der) = (bytes, Vec::new());
    while let (Some(block), after) = pem::decode(rest) {
        if block.label != b"CERTIFICATE" {
            let label = String::from_utf8_lossy(block.label);
            return Err(format!("PEM block type is '{label}', expected CERTIFICATE"));
        }
        der.extend_from_slice(&block.bytes);
        rest = after;
    }
    Certificate::parse_all(&der, MAX_CERTIFICATES)
}
