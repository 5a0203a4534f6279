//! `io.jwt.decode_verify`: signature and claims against constraints.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::context::Context;
use crate::deadline::Deadline;
use crate::number::Number;
use crate::operand::{failed, member, object, string};
use crate::pki::{base64, json};
use crate::registry::BuiltinError;
use crate::value::Value;

use super::jwk::{self, VerificationKey};
use super::token::{self, Header, Token};

/// What a token must meet; an empty string is no constraint.
#[derive(Default)]
struct Constraints {
    keys: Option<Vec<VerificationKey>>,
    secret: String,
    alg: String,
    iss: String,
    aud: String,
    /// Nanoseconds since 1970.
    time: Option<f64>,
}

impl Constraints {
    fn parse(entries: &BTreeMap<Value, Value>, context: &mut Context) -> Result<Self, BuiltinError> {
        let mut constraints = Self::default();
        for (key, value) in entries {
            let Value::String(name) = key else {
                return Err(failed(format!("unknown token validation constraint: {}", key.to_text())));
            };
            let text = || match value {
                Value::String(text) => Ok(text.clone()),
                _ => Err(failed(format!("{name} constraint: must be a string"))),
            };
            match name.as_str() {
                "cert" => constraints.keys = Some(jwk::verification_keys(&text()?).map_err(failed)?),
                "secret" => constraints.secret = text()?,
                "alg" => constraints.alg = text()?,
                "iss" => constraints.iss = text()?,
                "aud" => constraints.aud = text()?,
                "time" => constraints.time = Some(time(value)?),
                _ => return Err(failed(format!("unknown token validation constraint: {name}"))),
            }
        }
        if constraints.time.is_none() {
            constraints.time = Some(time(&Value::from(context.now()?))?);
        }
        match (&constraints.keys, constraints.secret.is_empty()) {
            (Some(_), false) => Err(failed("duplicate key constraints")),
            (None, true) => Err(failed("no key constraint")),
            _ => Ok(constraints),
        }
    }

    fn verify(
        &self,
        header: &Header,
        token: &Token<'_>,
        signature: &[u8],
        deadline: Deadline,
    ) -> Result<bool, BuiltinError> {
        let message = token.signed().as_bytes();
        match &self.keys {
            Some(keys) => jwk::any_of(keys, &header.kid, &header.alg, deadline, |key| {
                key.verifies_strictly(&header.alg, message, signature)
            }),
            None => Ok(jwk::verify_secret(self.secret.as_bytes(), &header.alg, message, signature)),
        }
    }

    /// Whether the registered claims are met (RFC 7519, 4.1).
    fn allow(&self, payload: &BTreeMap<Value, Value>) -> Result<bool, BuiltinError> {
        let issuer = match member(payload, "iss") {
            _ if self.iss.is_empty() => true,
            Some(Value::String(issuer)) => *issuer == self.iss,
            Some(_) => return Err(failed("iss value must be a string")),
            None => false,
        };
        let audience = match member(payload, "aud") {
            Some(Value::String(audience)) => *audience == self.aud,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(&self.aud)),
            Some(_) => false,
            None => self.aud.is_empty(),
        };
        if !issuer || !audience {
            return Ok(false);
        }
        // The constraint is in nanoseconds, claims are in seconds.
        let now = self.time.and_then(|nanos| Number::from_f64(nanos / 1e9));
        let compare = |claim: &str| match member(payload, claim) {
            None => Ok(None),
            Some(Value::Number(limit)) => Ok(Some(now.as_ref().map_or(Ordering::Equal, |now| now.cmp(limit)))),
            Some(_) => Err(failed(format!("{claim} value must be a number"))),
        };
        if compare("exp")?.is_some_and(|order| order != Ordering::Less) {
            return Ok(false);
        }
        Ok(compare("nbf")? != Some(Ordering::Less))
    }
}

fn time(value: &Value) -> Result<f64, BuiltinError> {
    let Value::Number(number) = value else { return Err(failed("token time constraint: must be a number")) };
    match number.as_f64() {
        time if !time.is_finite() => Err(failed("token time constraint: unvalid float64")),
        time if time < 0.0 => Err(failed("token time constraint: must not be negative")),
        time => Ok(time),
    }
}

/// `[valid, header, payload]`; with a constraint that is not met `[false, {}, {}]`.
pub(super) fn decode_verify(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let constraints = Constraints::parse(object(args, 2)?, context)?;
    let empty = || Value::Object(BTreeMap::new());
    let verified = verified(&constraints, string(args, 1)?, context.deadline())?;
    let (valid, header, payload) = match verified {
        Some((header, payload)) if constraints.allow(&payload)? => {
            (true, Value::Object(header), Value::Object(payload))
        }
        _ => (false, empty(), empty()),
    };
    Ok(Some(Value::Array(vec![valid.into(), header, payload])))
}

type Parts = (BTreeMap<Value, Value>, BTreeMap<Value, Value>);

/// Header and payload of the innermost token, if every signature down to it is good.
fn verified(constraints: &Constraints, text: &str, deadline: Deadline) -> Result<Option<Parts>, BuiltinError> {
    // Every level is shorter than the one around it, so the loop ends.
    let mut text = text.to_owned();
    loop {
        let token = Token::split(&text)?;
        let entries = token.header()?;
        let header = Header::of(&entries).map_err(failed)?;
        if !header.is_valid() || (!constraints.alg.is_empty() && constraints.alg != header.alg) {
            return Ok(None);
        }
        let signature = base64::decode_url(token.signature).map_err(failed)?;
        if !constraints.verify(&header, &token, &signature, deadline)? {
            return Ok(None);
        }
        let payload = token.payload()?;
        if header.cty.eq_ignore_ascii_case("JWT") {
            text = json::utf8(&payload);
        } else {
            return Ok(Some((entries, token::json_object(&payload).map_err(failed)?)));
        }
    }
}
