//! Modules that real OPA compiled load and decide here as OPA itself does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::io::Read;
use std::sync::Arc;

use sealgate_runtime::builtins::{FixedClock, Host, Recording};
use sealgate_runtime::{
    DecideError, Decision, ErrorCode, Format, Isolation, Outcome, Policy, Reason, Request, RuntimeOptions,
    UnverifiedPolicy,
};
use sealgate_testkit::{Evaluation, Opa, require};
use serde_json::{Value, json};

/// The module that `opa build -t wasm` makes of one Rego file.
fn build(opa: &Opa, rego: &str, entrypoints: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.rego"), rego).unwrap();
    let mut args = vec!["build", "-t", "wasm", "policy.rego"];
    for entrypoint in entrypoints {
        args.extend(["-e", entrypoint]);
    }
    let output = opa.run(folder.path(), &args, "").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let archive = std::fs::read(folder.path().join("bundle.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with("policy.wasm") {
            let mut wasm = Vec::new();
            entry.read_to_end(&mut wasm).unwrap();
            return wasm;
        }
    }
    panic!("no module in the bundle");
}

const REFUNDS: &str = r#"package refunds
import rego.v1

default allow := false

allow if {
    input.tool == "issue_refund"
    input.args.amount <= data.limits[input.role]
}

violations contains "args.amount <= limit" if {
    input.tool == "issue_refund"
    not allow
}

decision := {"allow": allow, "requires_approval": false, "violations": violations}

message := sprintf("%s may refund %d", [input.role, data.limits[input.role]])

conflict := x if some x in [1, 2]
"#;

const ENTRYPOINTS: [&str; 4] = ["refunds/decision", "refunds/violations", "refunds/message", "refunds/conflict"];

#[test]
fn decisions_are_as_opas() {
    let Some(opa) = require(Opa::find()) else { return };
    let wasm = build(&opa, REFUNDS, &ENTRYPOINTS);
    let data = json!({"limits": {"agent": 50, "lead": 500}});
    let inputs: Vec<Value> = ["agent", "lead", "nobody"]
        .iter()
        .flat_map(|role| {
            [10, 50, 51, 5000].map(|amount| json!({"tool": "issue_refund", "role": role, "args": {"amount": amount}}))
        })
        .chain([json!({}), json!([]), json!(null), json!({"tool": "other"})])
        .collect();
    let modules = [("policy.rego", REFUNDS)];
    let evaluation = Evaluation { modules: &modules, data: Some(&data), ..Evaluation::default() };
    let data_text = data.to_string();
    for isolation in [Isolation::Pooled, Isolation::Fresh] {
        let options = RuntimeOptions { isolation, ..RuntimeOptions::default() };
        let source = UnverifiedPolicy { data: Some(data_text.as_bytes()), ..UnverifiedPolicy::new(&wasm) };
        let policy = Policy::dangerous_load_unverified(source, &options).unwrap();
        assert_eq!(policy.entrypoints().collect::<Vec<_>>(), {
            let mut names = ENTRYPOINTS;
            names.sort_unstable();
            names
        });
        for name in ["decision", "violations", "message"] {
            let expected = opa.eval_inputs(evaluation, &format!("data.refunds.{name}"), &inputs).unwrap();
            for (input, expected) in inputs.iter().zip(expected) {
                let entrypoint = format!("refunds/{name}");
                let text = policy.evaluate(&entrypoint, input.to_string().as_bytes(), Format::Json).unwrap();
                let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
                assert_eq!(rows.first().map(|row| &row["result"]), expected.as_ref(), "{name} {input}");
            }
        }
        let rego = policy.evaluate("refunds/violations", inputs[2].to_string().as_bytes(), Format::Rego).unwrap();
        let expected = r#"{{"result": {"args.amount <= limit"}}}"#;
        assert_eq!(sealgate_builtins::Value::parse(&rego), sealgate_builtins::Value::parse(expected));
    }
}

#[test]
fn typed_requests_decide_and_conflicts_deny() {
    let Some(opa) = require(Opa::find()) else { return };
    let wasm = build(&opa, REFUNDS, &ENTRYPOINTS);
    let source = UnverifiedPolicy { data: Some(br#"{"limits":{"agent":50}}"#), ..UnverifiedPolicy::new(&wasm) };
    let policy = Policy::dangerous_load_unverified(source, &RuntimeOptions::default()).unwrap();
    let ask = |amount: i64| policy.decide(&Request::new("issue_refund").role("agent").args(&json!({"amount": amount})));
    let decision = ask(50).unwrap();
    assert_eq!((decision.outcome(), decision.reason()), (Outcome::Allow, Reason::Allowed));
    let decision = ask(51).unwrap();
    assert_eq!((decision.outcome(), decision.reason()), (Outcome::Deny, Reason::ConstraintFailed));
    assert_eq!(decision.violations().collect::<Vec<_>>(), ["args.amount <= limit"]);
    let error = policy.evaluate("refunds/conflict", b"{}", Format::Json).unwrap_err();
    match error {
        DecideError::Rego(error) => assert_eq!(error.code, ErrorCode::Conflict, "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(ask(1).unwrap().is_allowed());

    let richer = policy.with_data(br#"{"limits":{"agent":100}}"#).unwrap();
    let request = json!({"amount": 51});
    assert!(richer.decide(&Request::new("issue_refund").role("agent").args(&request)).unwrap().is_allowed());
    assert!(!ask(51).unwrap().is_allowed());
    assert!(policy.with_data(b"{").is_err());
}

#[test]
fn a_boolean_entrypoint_decides() {
    let Some(opa) = require(Opa::find()) else { return };
    let rego = "package a\nimport rego.v1\nallow if input.tool == \"read\"\n";
    let wasm = build(&opa, rego, &["a/allow"]);
    let policy = common::load(&wasm, &RuntimeOptions::default()).unwrap();
    assert!(policy.decide(&Request::new("read")).unwrap().is_allowed());
    assert_eq!(policy.decide(&Request::new("write")).map(drop), Err(DecideError::Undefined));
    assert_eq!(policy.decide_or_deny(&Request::new("write")).reason(), Reason::Undefined);
}

#[test]
fn thousands_of_decisions_leave_no_trace_in_memory() {
    let Some(opa) = require(Opa::find()) else { return };
    let wasm = build(&opa, REFUNDS, &ENTRYPOINTS);
    let options = RuntimeOptions { pool_size: Some(1), max_retained: 0, ..RuntimeOptions::default() };
    let source = UnverifiedPolicy { data: Some(br#"{"limits":{"agent":50}}"#), ..UnverifiedPolicy::new(&wasm) };
    let policy = Policy::dangerous_load_unverified(source, &options).unwrap();
    for amount in 0..20_000 {
        let args = json!({"amount": amount, "note": "x".repeat(amount % 500)});
        let decision = policy.decide(&Request::new("issue_refund").role("agent").args(&args)).unwrap();
        assert_eq!(decision.is_allowed(), amount <= 50);
    }
    // With that bound an instance whose memory grew by one page would have been replaced.
    assert_eq!(policy.stats().dropped_grown, 0);
}

#[test]
fn a_recorded_decision_replays() {
    let Some(opa) = require(Opa::find()) else { return };
    let rego = r#"package a
import rego.v1

drawn := [time.now_ns(), rand.intn("k", 1000000000), rand.intn("k", 1000000000), uuid.rfc4122("u")]

decision := {"allow": drawn[1] != drawn[2], "requires_approval": false, "violations": [json.marshal(drawn)]}
"#;
    let wasm = build(&opa, rego, &["a/decision"]);
    let host = Host::default().with_clock(FixedClock(5));
    let policy = common::load(&wasm, &RuntimeOptions { host, ..RuntimeOptions::default() }).unwrap();
    let input = br#"{"tool":"x"}"#;
    let seen = |decision: &Decision| decision.violations().map(str::to_owned).collect::<Vec<_>>();

    let (recorded, recording) = policy.decide_json_recorded(input);
    assert_eq!((recorded.outcome(), recorded.failure()), (Outcome::Deny, None), "one draw per key");
    assert!(seen(&recorded)[0].starts_with("[5,"), "{:?}", seen(&recorded));
    let document = recording.to_json();
    let recording = Arc::new(Recording::parse(&document).unwrap());
    // Another host, another time: what is recorded stands.
    let elsewhere = common::load(&wasm, &RuntimeOptions::default()).unwrap();
    for policy in [&policy, &elsewhere] {
        let again = policy.replay_json(input, &recording);
        assert_eq!((again.outcome(), seen(&again)), (recorded.outcome(), seen(&recorded)));
    }
    // A decision that is not replayed draws anew, and nothing of a replay stays behind.
    let (other, _) = elsewhere.decide_json_recorded(input);
    assert_ne!(seen(&other), seen(&recorded));
    let lacking = policy.replay_json(input, &Arc::new(Recording::default()));
    assert!(!lacking.is_allowed() && lacking.failure().is_some());
    assert!(policy.decide_json(input).is_ok());
}

/// A bundle of OPA's own, with data in two files and two entrypoints, signed by `opa build`: verified by its signature file,
/// then loaded and asked as OPA is.
#[test]
fn a_bundle_that_opa_built_and_signed_decides() {
    use sealgate_bundle::opa::{OpaExpectations, OpaTrust};
    let Some(opa) = require(Opa::find()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::create_dir_all(source.join("limits")).unwrap();
    std::fs::write(source.join("p.rego"), REFUNDS).unwrap();
    std::fs::write(source.join("limits/data.json"), r#"{"agent": 50, "lead": 500}"#).unwrap();
    std::fs::write(folder.path().join("key.pem"), PRIVATE_PEM).unwrap();
    std::fs::write(folder.path().join("claims.json"), r#"{"keyid": "k1"}"#).unwrap();
    let mut args = vec!["build", "-t", "wasm", "-b", "source", "--signing-key", "key.pem", "--signing-alg", "ES256"];
    args.extend(["--claims-file", "claims.json"]);
    ENTRYPOINTS.iter().for_each(|entrypoint| args.extend(["-e", entrypoint]));
    let built = opa.run(folder.path(), &args, "").unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let keys = json!({"k1": {"key": PUBLIC_PEM, "algorithm": "ES256"}}).to_string();
    let expected = OpaExpectations::new("refunds", OpaTrust::parse(keys.as_bytes()).unwrap());
    let bytes = std::fs::read(folder.path().join("bundle.tar.gz")).unwrap();
    let bundle = sealgate_bundle::UnverifiedBundle::read(&bytes).unwrap().verify_opa(&expected).unwrap();
    let options = RuntimeOptions { entrypoint: Some("refunds/decision".to_owned()), ..RuntimeOptions::default() };
    let policy = Policy::load(&bundle, &options).unwrap();
    assert!(policy.identity().verified && &*policy.identity().name == "refunds");
    assert_eq!(policy.host_builtins(), ["sprintf"]);
    for (role, amount, allowed) in
        [("agent", 50, true), ("agent", 51, false), ("lead", 500, true), ("nobody", 1, false)]
    {
        let args = json!({"amount": amount});
        let decision = policy.decide(&Request::new("issue_refund").role(role).args(&args)).unwrap();
        assert_eq!(decision.is_allowed(), allowed, "{role} {amount}");
    }
    let input = json!({"role": "agent"}).to_string();
    let message = policy.evaluate("refunds/message", input.as_bytes(), Format::Json).unwrap();
    assert_eq!(message, r#"[{"result":"agent may refund 50"}]"#);
}

/// A key pair that is no secret.
const PRIVATE_PEM: &str = include_str!("common/p256-of-no-secret.pem");
const PUBLIC_PEM: &str = include_str!("common/p256-of-no-secret.public.pem");
