//! `providers.aws.sign_req`: AWS Signature Version 4.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::operand::{any, as_object, failed, int64, member, object, refused};
use crate::pki::json;
use crate::pki::signature::Hash;
use crate::registry::{BuiltinError, Capability, Registry};
use crate::url::Url;
use crate::value::Value;
use crate::x509::civil_time;

/// Headers that a proxy may change, so that the signature leaves them out.
const IGNORED: [&str; 3] = ["authorization", "user-agent", "x-amzn-trace-id"];

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("providers.aws.sign_req", 3, Capability::Pure, sign_req);
}

struct Credentials<'a> {
    service: &'a str,
    access_key: &'a str,
    secret_key: &'a str,
    region: &'a str,
    session_token: &'a str,
}

impl<'a> Credentials<'a> {
    fn of(config: &'a BTreeMap<Value, Value>) -> Result<Self, BuiltinError> {
        const REQUIRED: [&str; 4] = ["aws_access_key", "aws_region", "aws_secret_access_key", "aws_service"];
        let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| member(config, name).is_none()).collect();
        if !missing.is_empty() {
            let names = names(&missing);
            return Err(refused(2, &format!("missing required AWS config parameters(s): {names}")));
        }
        let text = |name: &str| member(config, name).and_then(Value::as_str);
        let invalid: Vec<&str> = REQUIRED.into_iter().filter(|name| text(name).is_none()).collect();
        if !invalid.is_empty() {
            let names = names(&invalid);
            return Err(refused(2, &format!("invalid values for required AWS config parameters(s): {names}")));
        }
        Ok(Self {
            service: text("aws_service").unwrap_or_default(),
            access_key: text("aws_access_key").unwrap_or_default(),
            secret_key: text("aws_secret_access_key").unwrap_or_default(),
            region: text("aws_region").unwrap_or_default(),
            session_token: text("aws_session_token").unwrap_or_default(),
        })
    }
}

/// A set of names as Rego writes it.
pub(crate) fn names(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("{{{}}}", quoted.join(", "))
}

/// The request with the headers that sign it.
fn sign_req(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let request = object(args, 1)?;
    let config = as_object(any(args, 2)?, 1)?;
    let credentials = Credentials::of(config)?;
    let nanos = match any(args, 3)? {
        Value::Number(nanos) => int64(nanos),
        other => return Err(BuiltinError::operand(1, "number", other)),
    };
    let Some(nanos) = nanos else {
        return Err(refused(3, "could not convert time_ns value into a unix timestamp"));
    };
    check_request(request)?;

    let headers: BTreeMap<String, String> = match member(request, "headers") {
        None => BTreeMap::new(),
        Some(Value::Object(entries)) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            entries.iter().map(|(key, value)| (text(key), text(value))).collect()
        }
        Some(other) => return Err(BuiltinError::operand(0, "object", other)),
    };
    let text = |name: &str| member(request, name).and_then(Value::as_str);
    let invalid: Vec<&str> = ["method", "url"].into_iter().filter(|name| text(name).is_none()).collect();
    if !invalid.is_empty() {
        let names = names(&invalid);
        return Err(refused(1, &format!("invalid values for required request parameters(s): {names}")));
    }
    let url = Url::parse(text("url").unwrap_or_default()).map_err(failed)?;
    let body = match (member(request, "raw_body"), member(request, "body")) {
        (Some(raw), _) => raw.as_str().unwrap_or_default().to_owned(),
        (None, Some(body)) => json::marshal(body),
        (None, None) => String::new(),
    };
    let sign_payload = match member(config, "disable_payload_signing") {
        None => true,
        Some(Value::Bool(disabled)) => !disabled,
        Some(_) => return Err(refused(2, "invalid value for 'disable_payload_signing' in AWS config")),
    };
    let content_hash =
        if sign_payload { hex(&Hash::Sha256.digest(body.as_bytes())) } else { "UNSIGNED-PAYLOAD".to_owned() };

    let signing = Signing { credentials, url, method: text("method").unwrap_or_default(), content_hash, nanos };
    let mut signed: BTreeMap<Value, Value> =
        headers.iter().map(|(key, value)| (Value::from(key.as_str()), Value::from(value.as_str()))).collect();
    let (authorization, added) = signing.sign(&headers);
    signed.insert("Authorization".into(), authorization.into());
    signed.extend(added.into_iter().map(|(key, value)| (key.into(), value.into())));
    let mut request = request.clone();
    request.insert("headers".into(), Value::Object(signed));
    Ok(Some(Value::Object(request)))
}

/// The parameters that `http.send` knows, and those that it needs.
pub(crate) fn check_request(request: &BTreeMap<Value, Value>) -> Result<(), BuiltinError> {
    let unknown: Vec<String> = request
        .keys()
        .filter(|key| !key.as_str().is_some_and(|key| PARAMETERS.contains(&key)))
        .map(Value::to_text)
        .collect();
    if !unknown.is_empty() {
        return Err(refused(1, &format!("invalid request parameters(s): {{{}}}", unknown.join(", "))));
    }
    let missing: Vec<&str> = ["method", "url"].into_iter().filter(|name| member(request, name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(refused(1, &format!("missing required request parameters(s): {}", names(&missing))))
}

const PARAMETERS: [&str; 28] = [
    "body",
    "cache",
    "cache_ignored_headers",
    "caching_mode",
    "enable_redirect",
    "force_cache",
    "force_cache_duration_seconds",
    "force_json_decode",
    "force_yaml_decode",
    "headers",
    "max_retry_attempts",
    "method",
    "raise_error",
    "raw_body",
    "timeout",
    "tls_ca_cert",
    "tls_ca_cert_env_variable",
    "tls_ca_cert_file",
    "tls_client_cert",
    "tls_client_cert_env_variable",
    "tls_client_cert_file",
    "tls_client_key",
    "tls_client_key_env_variable",
    "tls_client_key_file",
    "tls_insecure_skip_verify",
    "tls_server_name",
    "tls_use_system_certs",
    "url",
];

struct Signing<'a> {
    credentials: Credentials<'a>,
    url: Url,
    method: &'a str,
    content_hash: String,
    nanos: i64,
}

impl Signing<'_> {
    /// The `Authorization` header, and the others that are new.
    fn sign(&self, headers: &BTreeMap<String, String>) -> (String, BTreeMap<String, String>) {
        let Credentials { service, access_key, secret_key, region, session_token } = &self.credentials;
        let (date, time) = civil_time(self.nanos.div_euclid(1_000_000_000));
        let mut added =
            BTreeMap::from([("host".to_owned(), self.url.host.clone()), ("x-amz-date".to_owned(), time.clone())]);
        if matches!(*service, "s3" | "glacier") {
            added.insert("x-amz-content-sha256".to_owned(), self.content_hash.clone());
        }
        if !session_token.is_empty() {
            added.insert("x-amz-security-token".to_owned(), (*session_token).to_owned());
        }
        let mut to_sign = added.clone();
        for (name, value) in headers {
            let name = name.to_lowercase();
            if !IGNORED.contains(&name.as_str()) {
                to_sign.insert(name, value.clone());
            }
        }
        let list = to_sign.keys().cloned().collect::<Vec<_>>().join(";");
        let lines: String = to_sign.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!(
            "{}\n{}\n{}\n{lines}\n{list}\n{}",
            self.method,
            self.url.escaped_path(),
            self.url.raw_query,
            self.content_hash
        );
        let scope = format!("{date}/{region}/{service}/aws4_request");
        let digest = hex(&Hash::Sha256.digest(canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");
        let key = [date.as_str(), region, service, "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{secret_key}").into_bytes(), |key, part| Hash::Sha256.hmac(&key, part.as_bytes()));
        let signature = hex(&Hash::Sha256.hmac(&key, text.as_bytes()));
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope},SignedHeaders={list},Signature={signature}");
        (authorization, added)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
