//! `io.jwt.*`: decode, verify and sign JSON Web Tokens (JWS in compact form).
//!
//! | module | what it does |
//! |---|---|
//! | `token` | splits and decodes a token; reads its header |
//! | `jwk` | keys from JWK, JWKS, PEM certificates and PEM public keys |
//! | `algorithm` | which hash, padding and kind of key an `alg` means |
//! | `decode_verify` | the constraints, and everything at once |
//! | `sign` | `encode_sign`, `encode_sign_raw` |

mod algorithm;
mod decode_verify;
mod jwk;
mod sign;
mod token;

use crate::context::Context;
use crate::operand::{any, failed, string};
use crate::pki::base64;
use crate::pki::signature::{self, Hash};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

use algorithm::Algorithm;
use jwk::VerificationKey;
use token::Token;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("io.jwt.decode", 1, Capability::Pure, decode);
    registry.insert("io.jwt.decode_verify", 2, Capability::Clock, decode_verify::decode_verify);
    registry.insert("io.jwt.encode_sign", 3, Capability::Random, sign::encode_sign);
    registry.insert("io.jwt.encode_sign_raw", 3, Capability::Random, sign::encode_sign_raw);
    for (name, algorithm) in algorithm::ALL {
        let name = format!("io.jwt.verify_{}", name.to_ascii_lowercase());
        let verify = move |context: &mut Context, args: &[Value]| verify(context, algorithm, args);
        registry.insert(&name, 2, Capability::Pure, verify);
    }
}

/// Header, payload and signature (as hexadecimal digits) of a token that nobody has verified.
fn decode(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    decode_text(string(args, 1)?).map(Some)
}

fn decode_text(text: &str) -> Result<Value, BuiltinError> {
    let token = Token::split(text)?;
    let header = token.header()?;
    let payload = token.payload()?;
    match header.get(&Value::from("cty")) {
        Some(Value::String(kind)) if kind == "JWT" => {
            let inner = crate::pki::json::utf8(&payload);
            return decode_text(inner.trim_matches(['"', '\'']));
        }
        Some(Value::String(_)) | None => {}
        Some(_) => return Err(failed("cty: must be a string")),
    }
    let payload = token::json_object(&payload).map_err(failed)?;
    let signature = base64::decode_url(token.signature)
        .map_err(|error| failed(format!("JWT signature had invalid encoding: {error}")))?;
    let digits: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Value::Array(vec![Value::Object(header), Value::Object(payload), digits.into()]))
}

/// Whether the token's signature is one of this algorithm by the given key, or by one of the given keys.
fn verify(context: &Context, algorithm: Algorithm, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    if let Algorithm::Hmac(hash) = algorithm {
        return verify_hmac(hash, args).map(Some);
    }
    let token = Token::split(string(args, 1)?)?;
    let keys = jwk::verification_keys(string(args, 2)?).map_err(failed)?;
    let signature = base64::decode_url(token.signature).map_err(failed)?;
    let header = token::Header::of(&token.header()?).map_err(failed)?;
    let valid = jwk::any_of(&keys, &header.kid, &header.alg, context.deadline(), |key: &VerificationKey| {
        key.verifies(algorithm, token.signed().as_bytes(), &signature)
    })?;
    Ok(Some(valid.into()))
}

fn verify_hmac(hash: Hash, args: &[Value]) -> Result<Value, BuiltinError> {
    let (text, secret) = (string(args, 1)?, string(args, 2)?);
    let token = Token::split(text)?;
    let signature = base64::decode_url(token.signature).map_err(failed)?;
    let expected = hash.hmac(secret.as_bytes(), token.signed().as_bytes());
    Ok(signature::equal(&expected, &signature).into())
}

/// An operand as JSON text.
fn json_operand(args: &[Value], position: usize) -> Result<String, BuiltinError> {
    any(args, position).map(crate::pki::json::marshal)
}
