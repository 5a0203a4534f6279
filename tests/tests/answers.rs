//! A warm instance answers as a new one does, whether its answers are new to it, known, or known again after many new ones.

#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

use std::sync::LazyLock;

use proptest::prelude::*;
use sealgate::toolchain::compile::{CompileOptions, compile};
use sealgate::toolchain::diagnostics::Sources;
use sealgate::toolchain::sources::PolicyFiles;
use sealgate::{DecideError, Isolation, Outcome, Policy, Reason, Request, RuntimeOptions, UnverifiedPolicy};
use serde_json::json;

const ROLES: usize = 20;
const TOOLS: usize = 40;

/// A rule for each tool of each role, so that there are more answers than an instance keeps.
fn policy_text() -> String {
    let rule = |tool| {
        let mode = if tool % 3 == 0 { "approval_required" } else { "allow" };
        format!("      tool-{tool}:\n        mode: {mode}\n        constraints: [args.amount <= {}]\n", 100 + tool)
    };
    let rules: String = (0..TOOLS).map(rule).collect();
    let role = |role| format!("  role-{role}:\n    tools:\n{rules}");
    format!("version: 1\nroles:\n{}", (0..ROLES).map(role).collect::<String>())
}

fn policies() -> [Policy; 2] {
    let text = policy_text();
    let files = PolicyFiles::single("policy.yaml", &text);
    let wasm = compile(&files, &mut Sources::new(), &CompileOptions::new("sealgate.policy")).unwrap().wasm;
    [Isolation::Pooled, Isolation::Fresh].map(|isolation| {
        let options = RuntimeOptions { isolation, pool_size: Some(1), ..RuntimeOptions::default() };
        Policy::dangerous_load_unverified(UnverifiedPolicy::new(&wasm), &options).unwrap()
    })
}

/// A call of one of the rules, or of none.
fn call(number: usize, amount: usize) -> String {
    let (role, tool) = (number / TOOLS, number % TOOLS);
    format!(r#"{{"role":"role-{role}","tool":"tool-{tool}","args":{{"amount":{amount}}}}}"#)
}

type Said = (Outcome, Reason, Option<String>, Vec<String>);

/// All that a policy says of a call: its answer's text, and its decision in both ways to ask for one.
fn said(policy: &Policy, number: usize, amount: usize) -> (Result<String, DecideError>, [Said; 2]) {
    let input = call(number, amount);
    let mut text = Vec::new();
    let text = policy.decide_raw(input.as_bytes(), &mut text).map(|()| String::from_utf8(text).unwrap());
    let (role, tool) = (format!("role-{}", number / TOOLS), format!("tool-{}", number % TOOLS));
    let args = json!({"amount": amount});
    let by_request = policy.decide(&Request::new(&tool).role(&role).args(&args)).unwrap();
    let decisions = [policy.decide_json(input.as_bytes()).unwrap(), by_request].map(|decision| {
        let violations = decision.violations().map(ToString::to_string).collect();
        (decision.outcome(), decision.reason(), decision.rule().map(str::to_owned), violations)
    });
    (text, decisions)
}

fn hold([warm, new]: &[Policy; 2], number: usize, amount: usize) {
    let (text, decisions) = said(warm, number, amount);
    assert_eq!(decisions[0], decisions[1], "{}", call(number, amount));
    assert_eq!((text, decisions), said(new, number, amount), "{}", call(number, amount));
}

#[test]
fn answers_are_the_same_whether_they_are_known() {
    let policies = policies();
    for round in 0..3 {
        // All rules, each once: everything is new, or was long ago.
        (0..ROLES * TOOLS).for_each(|number| hold(&policies, number, 100 + round));
        // A few again and again.
        (0..60).for_each(|turn| hold(&policies, turn % 4, 100 + turn % 3));
        // Denials, and roles that nobody has.
        (0..60).for_each(|turn| hold(&policies, turn * 17, 1000));
    }
}

#[test]
fn what_is_no_input_is_refused_amid_new_answers_too() {
    let [warm, new] = policies();
    let (mut text, mut other) = (Vec::new(), Vec::new());
    for number in 0..ROLES * TOOLS {
        warm.decide_raw(call(number, 1).as_bytes(), &mut text).unwrap();
        for input in ["", "{", r#"{"role":"role-1"} x"#, "{\"role\":\"\u{0}\"}"] {
            let refused = warm.decide_raw(input.as_bytes(), &mut text);
            assert_eq!(refused, new.decide_raw(input.as_bytes(), &mut other), "{input}");
            assert!(refused.is_err() && text.is_empty(), "{input}");
        }
    }
}

proptest! {
    #[test]
    fn any_order_of_calls_gives_the_same_answers(
        calls in prop::collection::vec((0..ROLES * TOOLS + TOOLS, 90..150_usize, 1..6_usize), 1..60),
    ) {
        static POLICIES: LazyLock<[Policy; 2]> = LazyLock::new(policies);
        for (number, amount, times) in calls {
            (0..times).for_each(|_| hold(&POLICIES, number, amount));
        }
    }
}
