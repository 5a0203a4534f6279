//! Modules of both compilers in the runtime: whatever bytes come as the input, nothing but a good call is allowed, and every
//! refusal has its reason.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test ends by panicking")]

use std::io;
use std::time::{Duration, Instant};

use sealgate::toolchain::compile::{CompileOptions, Compiled, Compiler, compile};
use sealgate::toolchain::diagnostics::Sources;
use sealgate::toolchain::sources::PolicyFiles;
use sealgate::{
    DecideError, Format, Isolation, Outcome, Policy, Reason, Request, RuntimeOptions, Start, UnverifiedPolicy,
    WriteJson,
};
use sealgate_testkit::{Opa, require};
use sealgate_tests::ENTRYPOINT;

/// Allows every tool but `refund` without looking at the call, so that whatever is taken for a call would pass.
const POLICY: &str = "
version: 1
default_policy: allow
tools:
  refund:
    mode: allow
    constraints: [args.amount <= 50]
";

const GOOD: &[u8] = br#"{"tool":"search","args":{"text":"\u00e4"}}"#;

fn compiled(compiler: Compiler) -> Compiled {
    let files = PolicyFiles::single("policy.yaml", POLICY);
    let options = CompileOptions { compiler, ..CompileOptions::new("sealgate.policy") };
    compile(&files, &mut Sources::new(), &options).unwrap()
}

fn load(compiler: Compiler, isolation: Isolation) -> Policy {
    let options = RuntimeOptions { isolation, pool_size: Some(1), ..RuntimeOptions::default() };
    Policy::dangerous_load_unverified(UnverifiedPolicy::new(&compiled(compiler).wasm), &options).unwrap()
}

/// Bytes that are not one JSON value.
fn not_json() -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> = (0..GOOD.len()).map(|end| GOOD[..end].to_vec()).collect();
    for tail in ["x", ",", "}", "\0", "{}", "\u{feff}", " //", "\n1"] {
        inputs.push([GOOD, tail.as_bytes()].concat());
    }
    for head in ["\0", "\u{feff}", "[", "x", ")]}'"] {
        inputs.push([head.as_bytes(), GOOD].concat());
    }
    for text in [
        "{'tool':'search'}",
        "{tool:\"search\"}",
        "{\"tool\":\"search\",}",
        "{\"tool\":\"sea\0rch\"}",
        "{\"tool\":\"sea\nrch\"}",
        "{\"tool\":\"\\x41\"}",
        "{\"tool\":\"search\",\"args\":{\"amount\":01}}",
        "{\"tool\":\"search\",\"args\":{\"amount\":+1}}",
        "{\"tool\":\"search\",\"args\":{\"amount\":1e}}",
        "{\"tool\":\"search\",\"args\":{\"amount\":NaN}}",
        "{\"tool\":\"search\",\"args\":{\"amount\":-Infinity}}",
        // Rego's own notation, which is not JSON.
        "{\"tool\":\"search\",\"args\":{1,2}}",
        "{\"tool\":\"search\",\"args\":set()}",
        "{\"tool\":\"search\",\"args\":{1:2}}",
        "{\"tool\":`search`}",
    ] {
        inputs.push(text.as_bytes().to_vec());
    }
    for bytes in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe4"] {
        inputs.push([b"{\"tool\":\"", bytes, b"\"}"].concat());
        inputs.push([b"{\"tool\":\"search\",\"", bytes, b"\":1}"].concat());
        inputs.push([GOOD, bytes].concat());
    }
    inputs.push([b"{\"tool\":\"search\",\"args\":".as_slice(), &b"[".repeat(200_000)].concat());
    inputs
}

/// JSON that no policy should take well.
fn odd_json() -> Vec<Vec<u8>> {
    let deep = |depth: usize| {
        [br#"{"tool":"refund","args":"#.as_slice(), &b"[".repeat(depth), &b"]".repeat(depth), b"}"].concat()
    };
    let mut inputs = vec![deep(900), deep(1_100), deep(100_000), deep(500_000)];
    for text in [
        r#"null"#,
        r#"0"#,
        r#""search""#,
        r#"[{"tool":"search"}]"#,
        r#"{}"#,
        r#"{"tool":null}"#,
        r#"{"tool":["search"]}"#,
        r#"{"TOOL":"search"}"#,
        // Half a character.
        r#"{"tool":"\ud800"}"#,
        r#"{"tool":"search","\udc00":1}"#,
        r#"{"tool":"refund"}"#,
        r#"{"tool":"refund","args":{"amount":"1"}}"#,
        r#"{"tool":"refund","args":{"amount":1e999999}}"#,
        r#"{"tool":"refund","args":{"amount":1e9999999999999999999999}}"#,
        r#"{"tool":"refund","args":{"amount":50.000000000000000000000000000000001}}"#,
        // The last of several keys counts.
        r#"{"tool":"search","tool":"refund"}"#,
        r#"{"tool":"search","to\u006fl":"refund"}"#,
        r#"{"tool":"refund","args":{"amount":1},"args":{"amount":51}}"#,
        r#"{"tool":"refund","args":{"amount":1,"amount":51}}"#,
    ] {
        inputs.push(text.as_bytes().to_vec());
    }
    inputs
}

/// An input, cut to what fits a message.
fn shown(input: &[u8]) -> String {
    String::from_utf8_lossy(&input[..input.len().min(100)]).into_owned()
}

/// Asks in every way that a host has; all must deny for the same reason.
fn denied(policy: &Policy, input: &[u8]) -> Reason {
    let decision = policy.decide_json_or_deny(input);
    assert_eq!(decision.outcome(), Outcome::Deny, "{}", shown(input));
    let mut out = b"left over".to_vec();
    match (policy.decide_json(input), policy.decide_raw(input, &mut out)) {
        (Err(a), Err(b)) => {
            assert_eq!((a.reason(), &a), (decision.reason(), &b), "{}", shown(input));
            assert!(out.is_empty());
        }
        (Ok(decided), Ok(())) => {
            assert_eq!(decided.reason(), decision.reason());
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains(r#""allow":false"#), "{text}");
        }
        other => panic!("{}: {other:?}", shown(input)),
    }
    decision.reason()
}

fn check(compiler: &Compiler) {
    let ours = [Reason::InvalidInput, Reason::InvalidRequest, Reason::ConstraintFailed, Reason::Undefined];
    for isolation in [Isolation::Pooled, Isolation::Fresh] {
        let policy = load(compiler.clone(), isolation);
        for input in not_json() {
            assert_eq!(denied(&policy, &input), Reason::InvalidInput, "{}", shown(&input));
            assert!(policy.decide_json(GOOD).unwrap().is_allowed());
        }
        // A refused input costs no instance.
        assert_eq!(policy.stats().instances_started, 1);
        for input in odd_json() {
            let reason = denied(&policy, &input);
            let expected = match compiler {
                Compiler::Sealgate => &ours[..],
                // They recurse, and give up on half a character.
                Compiler::Opa(_) => &[&ours[..], &[Reason::StackLimit, Reason::Aborted]].concat(),
            };
            assert!(expected.contains(&reason), "{}: {reason:?}", shown(&input));
            assert!(policy.decide_json(GOOD).unwrap().is_allowed());
        }
    }
}

#[test]
fn no_bad_input_passes_a_module_of_ours() {
    check(&Compiler::Sealgate);
}

#[test]
fn no_bad_input_passes_a_module_of_opas() {
    let Some(opa) = require(Opa::find()) else { return };
    check(&Compiler::Opa(opa.program().to_owned()));
}

#[test]
fn our_modules_check_the_input_themselves_and_the_host_says_what_is_wrong() {
    let needle = b"sealgate_eval";
    let exported = compiled(Compiler::Sealgate).wasm.windows(needle.len()).any(|bytes| bytes == needle);
    assert!(exported);
    let policy = load(Compiler::Sealgate, Isolation::Pooled);
    let Err(DecideError::InvalidInput(problem)) = policy.decide_json(b"{\"tool\":\"search\"} x") else { panic!() };
    assert_eq!(problem, "trailing characters at line 1 column 19");
    let deep = [b"[".repeat(5_000), b"]".repeat(5_000)].concat();
    let Err(DecideError::InvalidInput(problem)) = policy.decide_json(&deep) else { panic!() };
    assert_eq!(problem, "the policy cannot read it");
}

/// A part of a request whose author got JSON wrong.
struct Broken(&'static str);

impl WriteJson for Broken {
    fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(self.0.as_bytes())
    }
}

#[test]
fn a_request_with_a_part_that_is_not_json_is_refused() {
    let mut compilers = vec![Compiler::Sealgate];
    compilers.extend(require(Opa::find()).map(|opa| Compiler::Opa(opa.program().to_owned())));
    for compiler in compilers {
        let policy = load(compiler, Isolation::Pooled);
        for part in ["", "{", "}", "1 2", "{},", "\u{1}", "nul"] {
            let args = Broken(part);
            let error = policy.decide(&Request::new("search").args(&args)).unwrap_err();
            assert_eq!(error.reason(), Reason::InvalidInput, "{part}");
            assert!(policy.decide(&Request::new("search")).unwrap().is_allowed());
        }
    }
}

#[test]
fn quick_code_decides_alike_until_the_best_is_there() {
    for isolation in [Isolation::Pooled, Isolation::Fresh] {
        let module = compiled(Compiler::Sealgate).wasm;
        let options = RuntimeOptions { isolation, start: Start::Quick, ..RuntimeOptions::default() };
        let policy = Policy::dangerous_load_unverified(UnverifiedPolicy::new(&module), &options).unwrap();
        let outcome = |policy: &Policy, input: &str| policy.decide_json_or_deny(input.as_bytes()).outcome();
        let as_it_should = |policy: &Policy| {
            assert_eq!(outcome(policy, r#"{"tool":"refund","args":{"amount":50}}"#), Outcome::Allow);
            assert_eq!(outcome(policy, r#"{"tool":"refund","args":{"amount":51}}"#), Outcome::Deny);
            assert_eq!(outcome(policy, r#"{"tool":"refund","args":{"amount":"5"#), Outcome::Deny);
        };
        as_it_should(&policy);
        let other = policy.with_data(b"{}").unwrap();
        let began = Instant::now();
        while !(policy.is_compiled() && other.is_compiled()) {
            assert!(began.elapsed() < Duration::from_secs(60), "it is compiled some time");
            as_it_should(&policy);
            as_it_should(&other);
        }
        as_it_should(&policy);
        as_it_should(&other);
        let at_once = RuntimeOptions { start: Start::Compiled, ..options };
        assert!(Policy::dangerous_load_unverified(UnverifiedPolicy::new(&module), &at_once).unwrap().is_compiled());
    }
}

#[test]
fn a_query_may_have_no_input_and_ask_for_rego() {
    let policy = load(Compiler::Sealgate, Isolation::Pooled);
    let without = policy.evaluate(ENTRYPOINT, b"", Format::Json).unwrap();
    assert!(without.contains(r#""allow":false"#), "{without}");
    let rego = policy.evaluate(ENTRYPOINT, GOOD, Format::Rego).unwrap();
    assert!(rego.contains(r#""allow": true"#) && rego.contains("set()"), "{rego}");
    let json = policy.evaluate(ENTRYPOINT, GOOD, Format::Json).unwrap();
    assert!(json.contains(r#""allow":true"#) && json.contains(r#""violations":[]"#), "{json}");
    for format in [Format::Json, Format::Rego] {
        let error = policy.evaluate(ENTRYPOINT, b"{\"tool\":", format).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidInput);
    }
}
