//! Decisions: whatever the input, an answer in time, and never another one than the reference gives.

use std::sync::LazyLock;
use std::time::Duration;

use sealgate::toolchain::compile::{CompileOptions, DEFAULT_PACKAGE, compile};
use sealgate::toolchain::policy::PolicySet;
use sealgate::toolchain::sources::PolicyFiles;
use sealgate_diagnostics::Sources;
use sealgate_runtime::{
    DecideError, Engine, EngineOptions, Format, LoadError, Policy, Reason, RuntimeOptions, UnverifiedPolicy,
};
use serde_json::Value;

use crate::kernel::has_long_exponent;
use crate::rego;

/// The sandbox of every target here: small, and of its own.
pub(crate) fn options() -> RuntimeOptions {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let options = EngineOptions { instances: 16, max_memory: 64 << 20, ..EngineOptions::default() };
        Engine::new(&options).expect("a sandbox can be set up")
    });
    RuntimeOptions {
        engine: Some(ENGINE.clone()),
        // Instrumented code under a busy machine is slow; what must hold is that a deadline holds at all.
        deadline: Duration::from_millis(500),
        max_result: 1 << 20,
        pool_size: Some(1),
        ..RuntimeOptions::default()
    }
}

struct Example {
    policy: PolicySet,
    compiled: Policy,
}

static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(|| {
    let texts = [
        include_str!("../../../bundles/customer-support/policy.yaml"),
        include_str!("../../../bundles/coding-agent/policy.yaml"),
        include_str!("../../../bundles/mcp-tools/policy.yaml"),
    ];
    texts.iter().map(|text| example(text)).collect()
});

fn example(yaml: &str) -> Example {
    let mut sources = Sources::new();
    let files = PolicyFiles::single("policy.yaml", yaml);
    let compiled = compile(&files, &mut sources, &CompileOptions::new(DEFAULT_PACKAGE)).expect("an example compiles");
    let policy = Policy::dangerous_load_unverified(UnverifiedPolicy::new(&compiled.wasm), &options());
    Example { policy: compiled.policy, compiled: policy.expect("an example loads") }
}

/// A call, as JSON, for one of the example policies (the first byte says which): the sandbox and the reference agree.
pub fn decision(data: &[u8]) {
    let Some((first, input)) = data.split_first() else { return };
    let example = &EXAMPLES[usize::from(*first) % EXAMPLES.len()];
    let decision = example.compiled.decide_json_or_deny(input);
    let Ok(call) = serde_json::from_slice::<Value>(input) else {
        assert!(!decision.is_allowed(), "allowed what is no JSON");
        return;
    };
    assert_ne!(decision.reason(), Reason::Timeout);
    if decision.failure().is_some() {
        assert!(!decision.is_allowed());
        return;
    }
    let native = example.policy.evaluate(&call).document();
    let ours = serde_json::to_value(&decision).expect("a decision is JSON");
    assert_eq!(native["reason"], ours["reason"], "{call}");
    assert_eq!(native["failures"], ours["violations"], "{call}");
}

/// Rules that look at every value of the input with what the kernel has.
const WALKER: &str = r#"package fuzz
import rego.v1

texts contains x if { walk(input, [_, x]); is_string(x) }
numbers contains x if { walk(input, [_, x]); is_number(x) }

decision := {
    "allow": false,
    "json": json.unmarshal(json.marshal(input)) == input,
    "upper": {upper(x) | some x in texts},
    "split": {split(x, "a") | some x in texts},
    "sorted": sort([x | some x in texts]),
    "match": {x | some x in texts; regex.match(`^[a-z]+(\d|é)*$`, x)},
    "glob": {x | some x in texts; glob.match("*/a", ["/"], x)},
    "sum": sum([x | some x in numbers; abs(x) < 1000000]),
    "round": {round(x) | some x in numbers; abs(x) < 1000000},
    "printed": {sprintf("%v %s", [x, x]) | some x in texts},
    "sub": {substring(x, 1, 2) | some x in texts},
    "base": [x | some x in texts; base64.decode(base64.encode(x)) != x],
    "paths": count([p | walk(input, [p, _])]),
    "union": object.union({"a": 1}, object.get(input, "o", {})),
    "equal": input == input,
    "less": [x | some x in numbers; some y in texts; x < y],
}
"#;

static WALKING: LazyLock<Policy> = LazyLock::new(|| {
    let wasm = rego::compile(WALKER).expect("the walker compiles");
    let options = RuntimeOptions { entrypoint: Some("fuzz/decision".to_owned()), ..options() };
    Policy::dangerous_load_unverified(UnverifiedPolicy::new(&wasm), &options).expect("the walker loads")
});

/// Any JSON, walked by Rego in the sandbox; the result is JSON.
pub fn rego_decision(data: &[u8]) {
    match WALKING.evaluate("fuzz/decision", data, Format::Json) {
        Ok(text) => {
            let rows: Value = serde_json::from_str(&text).expect("a result is JSON");
            if let Some(result) = rows.get(0).and_then(|row| row.get("result")) {
                assert_eq!((&result["json"], &result["equal"]), (&Value::Bool(true), &Value::Bool(true)));
                assert_eq!(result["base"], Value::Array(Vec::new()));
            }
        }
        Err(DecideError::InvalidInput(_)) => {
            assert!(serde_json::from_slice::<Value>(data).is_err() || deep(data) || has_long_exponent(data));
        }
        Err(DecideError::InputTooLarge { .. } | DecideError::ResultTooLarge { .. } | DecideError::Timeout) => {}
        // Numbers that are too large to compute with end a decision.
        Err(DecideError::Aborted(message)) if message.contains("number") => {}
        Err(error) => panic!("{error}"),
    }
}

/// Whether readers may differ in how deeply they nest.
pub(crate) fn deep(data: &[u8]) -> bool {
    data.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 100
}

/// Rego of any text: what compiles is loaded by the sandbox, and its rules have an answer in time or an error of Rego's.
pub fn rego_run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(wasm) = rego::compile(text) else { return };
    let options = RuntimeOptions { deadline: Duration::from_millis(100), max_memory: Some(32 << 20), ..options() };
    let policy = match Policy::dangerous_load_unverified(UnverifiedPolicy::new(&wasm), &options) {
        Ok(policy) => policy,
        // A policy may ask for what the host does not grant, and for more memory than it gets.
        Err(LoadError::BuiltinsNotGranted(_) | LoadError::Start(DecideError::MemoryLimit)) => return,
        Err(error) => panic!("{error}"),
    };
    let entrypoints: Vec<String> = policy.entrypoints().map(str::to_owned).collect();
    for entrypoint in entrypoints {
        for input in [&b"{}"[..], br#"{"a":[1,"x",{"b":null}],"tool":"t"}"#] {
            match policy.evaluate(&entrypoint, input, Format::Json) {
                Ok(text) => drop(serde_json::from_str::<serde::de::IgnoredAny>(&text).expect("a result is JSON")),
                Err(DecideError::BrokenAbi(_) | DecideError::Trapped(_) | DecideError::UnknownEntrypoint(_)) => {
                    panic!("{entrypoint}: {:?}", policy.evaluate(&entrypoint, input, Format::Json))
                }
                // Timeouts and bounds end what a policy asks too much of.
                Err(_) => {}
            }
        }
    }
}
