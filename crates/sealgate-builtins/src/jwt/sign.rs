//! `io.jwt.encode_sign` and `io.jwt.encode_sign_raw`.

use crate::context::Context;
use crate::operand::{failed, string};
use crate::pki::base64::RAW_URL;
use crate::pki::private::PrivateKey;
use crate::pki::signature::{Hash, sign_ecdsa, sign_pkcs1v15, sign_pss};
use crate::pki::{MAX_TEXT, json};
use crate::registry::BuiltinError;
use crate::value::Value;

use super::algorithm::{self, Algorithm};
use super::json_operand;
use super::jwk::{Material, parse_set};

pub(super) fn encode_sign(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    sign(context, &json_operand(args, 1)?, &json_operand(args, 2)?, &json_operand(args, 3)?).map(Some)
}

pub(super) fn encode_sign_raw(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let key = string(args, 3)?;
    sign(context, string(args, 1)?, string(args, 2)?, key).map(Some)
}

fn sign(context: &mut Context, header: &str, payload: &str, jwk: &str) -> Result<Value, BuiltinError> {
    if header.len().max(payload.len()).max(jwk.len()) > MAX_TEXT {
        return Err(failed(format!("headers, payload or key are longer than {MAX_TEXT} bytes")));
    }
    let keys = parse_set(jwk).map_err(failed)?;
    let Some(key) = keys.first() else { return Err(failed("no keys found in JWK set")) };
    let members = json::parse(header.as_bytes());
    let text = |name: &str| match &members {
        Err(error) => Err(format!("cannot parse JSON: {error}")),
        Ok(Value::Object(members)) => match members.get(&Value::from(name)) {
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(other) => Err(format!("value doesn't contain string; it contains {}", other.type_name())),
            None => Err(format!("jwsbb: header {name:?} not found")),
        },
        Ok(_) => Err(format!("jwsbb: header {name:?} not found")),
    };
    let name = text("alg").map_err(|error| failed(format!("missing or invalid 'alg' header: {error}")))?;
    let algorithm = algorithm::named(name).ok_or_else(|| failed(format!("unknown JWS algorithm: {name}")))?;
    if text("typ").is_ok_and(|kind| kind != "JWT") || json::parse(payload.as_bytes()).is_ok() {
        let message = format!("{}.{}", RAW_URL.encode(header.as_bytes()), RAW_URL.encode(payload.as_bytes()));
        let make = || {
            let signature = signature(&key.material, algorithm, message.as_bytes());
            let signature = signature.ok_or_else(|| failed(format!("the key cannot sign with {name}")))?;
            Ok(Value::from(format!("{message}.{}", RAW_URL.encode(&signature))))
        };
        return match algorithm {
            // Its salt is random: within a decision, and when the decision is replayed, the same call gives the same token.
            Algorithm::Pss(_) => {
                let call = Hash::Sha256.digest(format!("{jwk}\0{message}").as_bytes());
                context.once(&format!("io.jwt.encode_sign {}", RAW_URL.encode(&call)), make)
            }
            _ => make(),
        };
    }
    Err(failed("type is JWT but payload is not JSON"))
}

fn signature(key: &Material, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
    let private = match (key, algorithm) {
        (Material::Secret(secret), Algorithm::Hmac(hash)) => return Some(hash.hmac(secret, message)),
        (Material::Private { private: Some(private), .. }, _) => private,
        _ => return None,
    };
    match (private, algorithm) {
        (PrivateKey::Rsa(key), Algorithm::Pkcs1v15(hash)) => sign_pkcs1v15(key, hash, message),
        (PrivateKey::Rsa(key), Algorithm::Pss(hash)) => sign_pss(key, hash, message),
        (PrivateKey::Ec { point, scalar }, Algorithm::Ecdsa(hash)) => sign_ecdsa(point.curve, scalar, hash, message),
        (key @ PrivateKey::Ed25519(_), Algorithm::EdDsa) => key.sign_ed25519(message),
        _ => None,
    }
}
