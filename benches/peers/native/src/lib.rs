//! The smallest refund policy that is measured, written in Rust, for scale: as most would write it ([`Untyped`]), and as
//! fast as serde goes ([`typed`]).
//!
//! Both take the JSON that the sandbox takes and give the JSON that it gives, byte for byte. There is no sandbox, no
//! signature and no deadline, a rule changes with the next release, and what is not of the expected type is an error.
//! `typed` takes no escapes in strings either, because it copies none.

#![allow(clippy::indexing_slicing, reason = "a missing member is null, and the slices are of constants")]

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A rule.
#[derive(Debug)]
struct Rule {
    limit: f64,
    path: &'static str,
    amount_text: &'static str,
}

const STATE_TEXT: &str = "ctx.ticket.state == \"active\"";

macro_rules! rule {
    ($limit:literal, $path:literal) => {
        Rule {
            limit: $limit as f64,
            path: $path,
            amount_text: concat!("args.amount > 0 and args.amount <= ", stringify!($limit)),
        }
    };
}

static RULES: [[Rule; 2]; 2] = [
    [rule!(50, "tier-000/tools/refund-000"), rule!(51, "tier-000/tools/refund-001")],
    [rule!(100, "tier-001/tools/refund-000"), rule!(101, "tier-001/tools/refund-001")],
];

/// Rules in maps, calls and answers as `serde_json::Value`.
#[derive(Debug)]
pub struct Untyped {
    rules: HashMap<&'static str, HashMap<&'static str, &'static Rule>>,
}

impl Default for Untyped {
    fn default() -> Self {
        let [low, high] = &RULES;
        let tools =
            |[first, second]: &'static [Rule; 2]| HashMap::from([("refund-000", first), ("refund-001", second)]);
        Self { rules: HashMap::from([("tier-000", tools(low)), ("tier-001", tools(high))]) }
    }
}

impl Untyped {
    /// Decides one call; the result set as JSON.
    ///
    /// # Errors
    /// What is not JSON.
    pub fn decide(&self, input: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        let input: Value = serde_json::from_slice(input)?;
        let (role, tool) = (input["role"].as_str(), input["tool"].as_str());
        let Some((role, tools)) = role.and_then(|role| self.rules.get_key_value(role)) else {
            return serde_json::to_vec(&document("unknown_role", Value::Null, &[]));
        };
        let Some(rule) = tool.and_then(|tool| tools.get(tool)) else {
            return serde_json::to_vec(&document("denied_by_default", json!(format!("{role}/default_policy")), &[]));
        };
        let mut failures = Vec::new();
        if !input["args"]["amount"].as_f64().is_some_and(|amount| amount > 0.0 && amount <= rule.limit) {
            failures.push(rule.amount_text);
        }
        if input["ctx"]["ticket"]["state"] != "active" {
            failures.push(STATE_TEXT);
        }
        let reason = if failures.is_empty() { "allowed" } else { "constraint_failed" };
        serde_json::to_vec(&document(reason, json!(rule.path), &failures))
    }
}

fn document(reason: &str, rule: Value, failures: &[&str]) -> Value {
    let mut violations = failures.to_vec();
    violations.sort_unstable();
    json!([{"result": {
        "allow": reason == "allowed",
        "failures": failures,
        "reason": reason,
        "requires_approval": false,
        "rule": rule,
        "violations": violations,
    }}])
}

#[derive(Deserialize)]
struct Call<'a> {
    role: &'a str,
    tool: &'a str,
    args: Args,
    #[serde(borrow)]
    ctx: Ctx<'a>,
}

#[derive(Deserialize)]
struct Args {
    amount: f64,
}

#[derive(Deserialize)]
struct Ctx<'a> {
    #[serde(borrow)]
    ticket: Ticket<'a>,
}

#[derive(Deserialize)]
struct Ticket<'a> {
    state: &'a str,
}

#[derive(Serialize)]
struct Row<'a> {
    result: Document<'a>,
}

#[derive(Serialize)]
struct Document<'a> {
    allow: bool,
    failures: &'a [&'static str],
    reason: &'static str,
    requires_approval: bool,
    rule: Option<&'static str>,
    violations: &'a [&'static str],
}

/// Decides one call with types that borrow from the input; the result set is written to `out`, which is cleared first.
///
/// # Errors
/// What is not JSON, or has other types than a call.
pub fn typed(input: &[u8], out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let call: Call<'_> = serde_json::from_slice(input)?;
    let [[a, b], [c, d]] = &RULES;
    let rule = match (call.role, call.tool) {
        ("tier-000", "refund-000") => a,
        ("tier-000", "refund-001") => b,
        ("tier-001", "refund-000") => c,
        ("tier-001", "refund-001") => d,
        ("tier-000", _) => return answer("denied_by_default", Some("tier-000/default_policy"), &[], out),
        ("tier-001", _) => return answer("denied_by_default", Some("tier-001/default_policy"), &[], out),
        _ => return answer("unknown_role", None, &[], out),
    };
    let amount = call.args.amount > 0.0 && call.args.amount <= rule.limit;
    let state = call.ctx.ticket.state == "active";
    let both = [rule.amount_text, STATE_TEXT];
    let failures: &[&str] = match (amount, state) {
        (true, true) => &[],
        (false, true) => &both[..1],
        (true, false) => &both[1..],
        (false, false) => &both,
    };
    let reason = if failures.is_empty() { "allowed" } else { "constraint_failed" };
    answer(reason, Some(rule.path), failures, out)
}

fn answer(
    reason: &'static str,
    rule: Option<&'static str>,
    failures: &[&'static str],
    out: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    out.clear();
    // Their order in RULES is the sorted one.
    let result =
        Document { allow: reason == "allowed", failures, reason, requires_approval: false, rule, violations: failures };
    serde_json::to_writer(out, &[Row { result }])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends by panicking")]
mod tests {
    use super::*;

    /// Calls, and what a policy's module answers to them; `cargo test -p sealgate-benches` holds modules to the same.
    const ANSWERS: &str = include_str!("../../../answers.jsonl");

    #[test]
    fn both_answer_as_the_policy_does() {
        let mut decided = 0;
        for pair in ANSWERS.lines().collect::<Vec<_>>().chunks_exact(2) {
            let [call, answer] = pair else { unreachable!() };
            let said = Untyped::default().decide(call.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(said).unwrap(), *answer, "{call}");
            let mut out = b"what was there before".to_vec();
            typed(call.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), *answer, "{call}");
            decided += 1;
        }
        assert!(decided >= 9);
    }

    #[test]
    fn what_is_no_call_is_an_error() {
        for text in ["", "{}", "[]", "{\"role\":\"tier-000\""] {
            assert!(typed(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
