//! The parameters of `http.send`, checked.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::operand::{failed, int64, member, refused};
use crate::pki::json;
use crate::registry::BuiltinError;
use crate::url::Url;
use crate::value::Value;

use super::cache::CachePolicy;
use super::tls::TlsOptions;

/// What a request takes if it names no time.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// What it may take at most.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of body that are sent.
const MAX_BODY: usize = 4 << 20;
/// Attempts after the first one.
const MAX_RETRIES: u32 = 16;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) follow_redirects: bool,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) force_json: bool,
    pub(super) force_yaml: bool,
    /// `None`: answers live only as long as the decision.
    pub(super) cache: Option<CachePolicy>,
    pub(super) tls: TlsOptions,
}

impl Request {
    /// # Errors
    /// As OPA's.
    pub(super) fn parse(parameters: &BTreeMap<Value, Value>) -> Result<Self, BuiltinError> {
        let timeout = timeout(member(parameters, "timeout"));
        let request = Self::read(parameters).map_err(failed)?;
        Ok(Self { timeout: timeout?, ..request })
    }

    /// Everything but the timeout.
    fn read(parameters: &BTreeMap<Value, Value>) -> Result<Self, String> {
        let text = |name: &str| match member(parameters, name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim_matches('"'))),
            Some(_) => Err(format!("{name:?} must be a string")),
        };
        let url = text("url")?.unwrap_or_default();
        if url.starts_with("unix:") {
            return Err("disallowed host: sockets of the host's file system are not reached".to_owned());
        }
        let body = match (text("raw_body")?, member(parameters, "body")) {
            (Some(raw), _) => raw.to_owned(),
            (None, Some(body)) => json::marshal(body),
            (None, None) => String::new(),
        };
        if body.len() > MAX_BODY {
            return Err(format!("the body is longer than {MAX_BODY} bytes"));
        }
        Ok(Self {
            method: text("method")?.unwrap_or_default().to_uppercase(),
            url: Url::parse(url)?,
            headers: headers(member(parameters, "headers"))?,
            body: body.into_bytes(),
            follow_redirects: switch(parameters, "enable_redirect")?,
            timeout: DEFAULT_TIMEOUT,
            retries: retries(member(parameters, "max_retry_attempts"))?,
            force_json: boolean(parameters, "force_json_decode")?,
            force_yaml: boolean(parameters, "force_yaml_decode")?,
            cache: CachePolicy::parse(parameters)?,
            tls: TlsOptions::parse(parameters)?,
        })
    }
}

/// A field that is false where it is missing.
pub(super) fn boolean(parameters: &BTreeMap<Value, Value>, name: &str) -> Result<bool, String> {
    match member(parameters, name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(format!("invalid value for {name:?} field")),
    }
}

/// A field that Go reads with `strconv.ParseBool`, so that the numbers 0 and 1 will do, too.
pub(super) fn switch(parameters: &BTreeMap<Value, Value>, name: &str) -> Result<bool, String> {
    match member(parameters, name).map(Value::to_text).as_deref() {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(text) => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

fn headers(value: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let entries = match value {
        None => return Ok(Vec::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err("invalid type for headers key".to_owned()),
    };
    let header = |(name, value): (&Value, &Value)| {
        let name = name.as_str().map_or_else(|| json::marshal(name), str::to_owned);
        match value {
            Value::String(value) => Ok((name, value.clone())),
            other => Err(format!("invalid type for headers value {:?}", other.to_text())),
        }
    };
    entries.iter().map(header).collect()
}

fn retries(value: Option<&Value>) -> Result<u32, String> {
    let Some(value) = value else { return Ok(0) };
    let number = value.as_number().and_then(int64).and_then(|number| u32::try_from(number).ok());
    let number = number.ok_or_else(|| format!("invalid value {} for field \"max_retry_attempts\"", value.to_text()))?;
    Ok(number.min(MAX_RETRIES))
}

/// Nanoseconds, or a text as Go's `time.ParseDuration` reads it. Zero is no limit for OPA, and the longest here.
fn timeout(value: Option<&Value>) -> Result<Duration, BuiltinError> {
    let nanos = match value {
        None => return Ok(DEFAULT_TIMEOUT),
        Some(Value::Number(number)) => {
            int64(number).ok_or_else(|| failed(format!("invalid timeout number value {number}, must be int64")))?
        }
        Some(Value::String(text)) => match text.parse::<i64>() {
            Ok(nanos) => nanos,
            Err(_) => duration(text)
                .ok_or_else(|| failed(format!("invalid timeout value {text:?}: time: invalid duration {text:?}")))?,
        },
        Some(other) => {
            let kind = other.type_name();
            return Err(refused(1, &format!("'timeout' must be one of {{string, number}} but got {kind}")));
        }
    };
    match u64::try_from(nanos) {
        Ok(0) => Ok(MAX_TIMEOUT),
        Ok(nanos) => Ok(Duration::from_nanos(nanos).min(MAX_TIMEOUT)),
        // A deadline in the past.
        Err(_) => Ok(Duration::from_nanos(1)),
    }
}

/// Nanoseconds of a text such as `1m1.5s`.
fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    if text.trim_start_matches(['-', '+']).is_empty() || total >= 9.2e18 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let nanos = total as i64;
    Some(if negative { -nanos } else { nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_in_go() {
        assert_eq!(duration("1m1.5s"), Some(61_500_000_000));
        assert_eq!(duration("-2ms"), Some(-2_000_000));
        assert_eq!(duration("0"), Some(0));
        for text in ["", "-", "1", "1x", "s", "1s2", ".s", "999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(timeout(Some(&Value::from("1h"))), Ok(MAX_TIMEOUT));
        assert_eq!(timeout(Some(&Value::from(0))), Ok(MAX_TIMEOUT));
        assert!(timeout(Some(&Value::Null)).is_err());
    }
}
