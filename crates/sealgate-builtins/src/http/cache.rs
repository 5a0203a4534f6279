//! Answers that are kept between decisions, as their headers or the policy say.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::operand::member;
use crate::time::http_date;
use crate::value::Value;

use super::request::boolean;
use super::response::Response;

/// Bytes that all answers may take together.
const MAX_BYTES: usize = 32 << 20;
const NANOS: i64 = 1_000_000_000;

/// How long answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CachePolicy {
    /// Seconds; zero is what the answer's headers say.
    forced: i32,
    /// Whether `caching_mode` is one that exists. What it says makes no difference to a policy.
    stores: bool,
}

impl CachePolicy {
    /// # Errors
    /// OPA's text.
    pub(super) fn parse(parameters: &BTreeMap<Value, Value>) -> Result<Option<Self>, String> {
        let by_headers = boolean(parameters, "cache")?;
        let mode = member(parameters, "caching_mode");
        let stores = mode.is_none_or(|mode| matches!(mode.as_str(), Some("serialized" | "deserialized")));
        if !boolean(parameters, "force_cache")? {
            return Ok(by_headers.then_some(Self { forced: 0, stores }));
        }
        let Some(seconds) = member(parameters, "force_cache_duration_seconds") else {
            return Err("'force_cache' set but 'force_cache_duration_seconds' parameter is missing".to_owned());
        };
        let text = seconds.to_text();
        let forced = text.parse().map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))?;
        Ok(Some(Self { forced, stores }))
    }
}

/// The request without the headers that it says to ignore.
///
/// # Errors
/// OPA's text.
pub(super) fn key(parameters: &BTreeMap<Value, Value>) -> Result<Value, String> {
    let mut key = parameters.clone();
    let ignored = key.insert("cache_ignored_headers".into(), Value::Null);
    if let (Some(ignored), Some(Value::Object(headers))) = (ignored, member(parameters, "headers")) {
        let Value::Array(ignored) = ignored else {
            return Err("cache_ignored_headers must be an array of strings".to_owned());
        };
        if ignored.iter().any(|name| name.as_str().is_none()) {
            return Err("cache_ignored_headers must be an array of strings".to_owned());
        }
        let kept = headers.iter().filter(|(name, _)| !ignored.contains(name));
        let kept = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        key.insert("headers".into(), Value::Object(kept));
    }
    Ok(Value::Object(key))
}

/// An answer and the time when it goes stale, in nanoseconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) response: Response,
    pub(super) expires: i64,
}

/// Answers by request.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<BTreeMap<Value, Kept>>);

impl Cache {
    pub(super) fn get(&self, key: &Value) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn remove(&self, key: &Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Keeps an answer, if it may be kept; those that go stale first make room.
    pub(super) fn insert(&self, key: &Value, response: &Response, policy: CachePolicy, now: i64) {
        let storable = policy.forced > 0 || !directives(response).contains_key("no-store");
        if !policy.stores || !storable || !response.is_cacheable() || response.size() > MAX_BYTES {
            return;
        }
        let expires = if policy.forced > 0 {
            Some(now.saturating_add(i64::from(policy.forced).saturating_mul(NANOS)))
        } else {
            expiry(response)
        };
        let Some(expires) = expires else { return };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key.clone(), Kept { response: response.clone(), expires });
        let mut size: usize = kept.values().map(|kept| kept.response.size().saturating_add(1024)).sum();
        while size > MAX_BYTES {
            let Some(first) = kept.iter().min_by_key(|(_, kept)| kept.expires).map(|(key, _)| key.clone()) else {
                return;
            };
            let removed = kept.remove(&first);
            size = size.saturating_sub(removed.map_or(0, |kept| kept.response.size().saturating_add(1024)));
        }
    }
}

/// When the headers say that an answer goes stale; `None` if it is not to be kept.
fn expiry(response: &Response) -> Option<i64> {
    let directives = directives(response);
    if let Some(age) = directives.get("max-age") {
        if age.is_empty() || !age.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let age = age.parse::<i64>().unwrap_or(i64::MAX).min(i64::from(i32::MAX));
        return Some(http_date(response.header("date")?)?.saturating_add(age).saturating_mul(NANOS));
    }
    // Without a date it is stale at once.
    let expires = response.header("expires").and_then(http_date).unwrap_or(0);
    Some(expires.saturating_mul(NANOS))
}

fn directives(response: &Response) -> BTreeMap<&str, &str> {
    let header = response.header("cache-control").unwrap_or_default();
    let parts = header.split(',').map(|part| part.trim_matches(' ')).filter(|part| !part.is_empty());
    let directive = |part: &'_ str| -> Option<(usize, usize)> {
        match part.matches('=').count() {
            0 => Some((part.len(), part.len())),
            1 => part.find('=').map(|at| (at, at + 1)),
            _ => None,
        }
    };
    parts
        .filter_map(|part| {
            let (end, start) = directive(part)?;
            Some((part.get(..end)?.trim_matches(' '), part.get(start..)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        Response { status: 200, reason: "OK", headers, body: Vec::new() }
    }

    #[test]
    fn headers_say_how_long_an_answer_is_kept() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in [date.1, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(http_date(text), Some(784_111_777), "{text}");
        }
        let expires = |headers: &[(&str, &str)]| expiry(&response(headers));
        assert_eq!(expires(&[date, ("cache-control", "max-age=10, public")]), Some(784_111_787 * NANOS));
        assert_eq!(expires(&[("cache-control", "max-age=10")]), None);
        assert_eq!(expires(&[date, ("cache-control", "max-age=x")]), None);
        assert_eq!(expires(&[("expires", date.1)]), Some(784_111_777 * NANOS));
        assert_eq!(expires(&[]), Some(0));
        for text in ["", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"]
        {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn the_cache_is_bounded() {
        let cache = Cache::default();
        let policy = CachePolicy { forced: 10, stores: true };
        let big = Response { body: vec![0; MAX_BYTES / 4], ..response(&[]) };
        for index in 0..10 {
            cache.insert(&Value::from(index), &big, policy, index);
        }
        assert_eq!((0..10).filter(|index| cache.get(&Value::from(*index)).is_some()).count(), 3);
        assert!(cache.get(&Value::from(9)).is_some());
        cache.insert(
            &Value::from(11),
            &response(&[("cache-control", "no-store")]),
            CachePolicy { forced: 0, stores: true },
            0,
        );
        assert!(cache.get(&Value::from(11)).is_none());
    }
}
