//! `http.send`: requests to the hosts of the network's allow-list.
//!
//! | module | what it does |
//! |---|---|
//! | `request` | the parameters of a call, checked |
//! | `tls` | certificates, keys and names for TLS |
//! | `client` | one request and its redirects, over a bounded time, to allowed addresses only |
//! | `response` | an answer in OPA's shape |
//! | `cache` | answers that are kept between decisions |

mod cache;
mod client;
mod request;
mod response;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::context::Context;
use crate::deadline::Deadline;
use crate::network::Network;
use crate::operand::{failed, member, object};
use crate::pki::json;
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

pub(crate) use cache::Cache;
use client::SendError;
use request::Request;
use response::Response;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("http.send", 1, Capability::Network, send);
}

fn send(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let parameters = object(args, 1)?;
    let raise = match member(parameters, "raise_error") {
        None => true,
        Some(Value::Bool(raise)) => *raise,
        Some(_) => return Err(failed("invalid value for raise_error field")),
    };
    match answer(context, parameters) {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Call(error)) if raise => Err(error),
        Err(Failure::Send(error)) if raise => Err(failed(error.to_string())),
        Err(failure) => Ok(Some(failure.into_value())),
    }
}

/// Why there is no answer.
enum Failure {
    /// The call is wrong.
    Call(BuiltinError),
    /// The request did not come through.
    Send(SendError),
}

impl Failure {
    /// What a policy sees that does not want errors raised.
    fn into_value(self) -> Value {
        let (code, message) = match self {
            Self::Call(error) => ("eval_http_send_internal_error", error.to_string()),
            Self::Send(error @ SendError::Refused(_)) => ("eval_http_send_internal_error", error.to_string()),
            Self::Send(error) => ("eval_http_send_network_error", error.to_string()),
        };
        let error = json::object([("code", code.into()), ("message", message.into())]);
        json::object([("status_code", 0.into()), ("error", error)])
    }
}

impl From<BuiltinError> for Failure {
    fn from(error: BuiltinError) -> Self {
        Self::Call(error)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Call(failed(text))
    }
}

/// The answer that this decision has had already, one that is kept, or a new one.
fn answer(context: &mut Context, parameters: &BTreeMap<Value, Value>) -> Result<Value, Failure> {
    crate::aws::check_request(parameters)?;
    let key = cache::key(parameters)?;
    let once = format!("http.send {}", key.to_text());
    if let Some(outcome) = context.recall(&once) {
        return outcome_of(outcome);
    }
    let Some(network) = context.network().map(Arc::clone) else {
        return Err(Failure::Send(SendError::Refused("the network is not granted".to_owned())));
    };
    let request = Request::parse(parameters)?;
    let now = context.now()?;
    match (Exchange { network, request: &request, deadline: context.deadline() }).answer(&key, now) {
        Ok(response) => {
            let value = response.to_value(request.force_json, request.force_yaml);
            if request.cache.is_some() || response.is_cacheable() {
                context.once(&once, || Ok(Value::Array(vec![true.into(), value.clone()])))?;
            }
            Ok(value)
        }
        Err(error) => {
            context.once(&once, || Ok(Value::Array(vec![false.into(), error.to_value()])))?;
            Err(Failure::Send(error))
        }
    }
}

/// What was remembered: `[true, answer]` or `[false, error]`.
fn outcome_of(outcome: Value) -> Result<Value, Failure> {
    let Value::Array(mut parts) = outcome else { return Err(Failure::Call(failed("malformed record"))) };
    match (parts.pop(), parts.pop()) {
        (Some(value), Some(Value::Bool(true))) => Ok(value),
        (Some(error), _) => Err(Failure::Send(SendError::from_value(&error))),
        (None, _) => Err(Failure::Call(failed("malformed record"))),
    }
}

/// A request that may be answered from what is kept.
struct Exchange<'a> {
    network: Arc<Network>,
    request: &'a Request,
    deadline: Deadline,
}

impl Exchange<'_> {
    /// An answer from what is kept, as far as the request allows that, or from the network.
    fn answer(&self, key: &Value, now: i64) -> Result<Response, SendError> {
        let Some(policy) = self.request.cache else { return self.send(&[]) };
        let cache = &self.network.cache;
        if let Some(kept) = cache.get(key) {
            if now < kept.expires {
                return Ok(kept.response);
            }
            cache.remove(key);
            if let Some(response) = self.revalidate(kept.response)? {
                cache.insert(key, &response, policy, now);
                return Ok(response);
            }
        }
        let response = self.send(&[])?;
        cache.insert(key, &response, policy, now);
        Ok(response)
    }

    /// Asks whether a stale answer still holds. `None`: ask anew.
    fn revalidate(&self, stale: Response) -> Result<Option<Response>, SendError> {
        let conditions: Vec<(&str, String)> = [("if-none-match", "etag"), ("if-modified-since", "last-modified")]
            .into_iter()
            .filter_map(|(condition, header)| Some((condition, stale.header(header).filter(|text| !text.is_empty())?)))
            .map(|(condition, text)| (condition, text.to_owned()))
            .collect();
        if conditions.is_empty() {
            return Ok(None);
        }
        let fresh = self.send(&conditions)?;
        Ok(match fresh.status {
            200 => Some(fresh),
            304 => Some(stale.with_headers_of(&fresh)),
            _ => None,
        })
    }

    fn send(&self, more: &[(&str, String)]) -> Result<Response, SendError> {
        client::send(&self.network, self.request, more, self.deadline)
    }
}
