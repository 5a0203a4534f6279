//! An answer, and its shape in Rego.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::pki::json;
use crate::registry::Registry;
use crate::value::Value;

/// An answer with its body.
#[derive(Debug, Clone)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    /// By name in lower case.
    pub(super) headers: BTreeMap<String, Vec<String>>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    /// This answer with the headers of a newer one where that has them.
    pub(super) fn with_headers_of(mut self, newer: &Self) -> Self {
        self.headers.extend(newer.headers.iter().map(|(name, values)| (name.clone(), values.clone())));
        self
    }

    /// Whether its status lets it be kept (RFC 7231, 6.1).
    pub(super) fn is_cacheable(&self) -> bool {
        matches!(self.status, 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501)
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        let headers =
            self.headers.iter().map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>());
        self.body.len().saturating_add(headers.sum())
    }

    /// The answer as OPA gives it. A body that cannot be decoded is `null`.
    pub(super) fn to_value(&self, force_json: bool, force_yaml: bool) -> Value {
        let raw = json::utf8(&self.body);
        let kind = self.header("content-type").unwrap_or_default();
        let body = if force_json || is_json(kind) {
            json::parse(&self.body).unwrap_or(Value::Null)
        } else if force_yaml || kind.contains("application/yaml") || kind.contains("application/x-yaml") {
            yaml(&raw)
        } else {
            Value::Null
        };
        let list = |values: &Vec<String>| Value::Array(values.iter().map(|text| Value::from(text.as_str())).collect());
        let headers = self.headers.iter().map(|(name, values)| (Value::from(name.as_str()), list(values))).collect();
        json::object([
            ("status", format!("{} {}", self.status, self.reason).into()),
            ("status_code", i64::from(self.status).into()),
            ("body", body),
            ("raw_body", raw.into()),
            ("headers", Value::Object(headers)),
        ])
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/")
        .is_some_and(|kind| !kind.contains('/') && (kind == "json" || kind.ends_with("+json")))
}

/// What `yaml.unmarshal` makes of a text.
fn yaml(text: &str) -> Value {
    let registry = Registry::standard();
    let value = registry
        .get("yaml.unmarshal")
        .and_then(|unmarshal| unmarshal.call(&mut Context::new(), &[Value::from(text)]).ok().flatten());
    value.unwrap_or(Value::Null)
}
