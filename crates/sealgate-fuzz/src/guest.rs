//! Hostile guests: modules of any bytes, and a module that returns whatever it is told to.

use std::sync::LazyLock;
use std::time::Duration;

use sealgate_bundle::{ModuleLimits, module as module_check};
use sealgate_runtime::{DecideError, Format, Outcome, Policy, RuntimeOptions, UnverifiedPolicy};

use crate::decision::options;

fn hostile() -> RuntimeOptions {
    RuntimeOptions {
        deadline: Duration::from_millis(20),
        load_deadline: Duration::from_millis(50),
        max_memory: Some(4 << 20),
        max_result: 64 << 10,
        ..options()
    }
}

/// Bytes that are to be a module: checked, compiled, started and asked.
pub fn module(data: &[u8]) {
    let checked = module_check::check(data, &[], &ModuleLimits::default());
    match Policy::dangerous_load_unverified(UnverifiedPolicy::new(data), &hostile()) {
        Ok(policy) => {
            assert!(checked.is_ok(), "loaded what the bundle's check refuses: {checked:?}");
            let decision = policy.decide_json_or_deny(b"{}");
            assert!(decision.failure().is_none() || decision.outcome() == Outcome::Deny);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A guest that copies the decoded input (pairs of hex digits inside a JSON string) to address 65,536, sets its registers
/// from the first eight bytes and then does what `attack` says.
fn guest(attack: &str, builtins: &str) -> Policy {
    let text = format!(
        r#"(module
            (import "env" "opa_abort" (func $abort (param i32)))
            (import "env" "opa_builtin1" (func $builtin1 (param i32 i32 i32) (result i32)))
            (import "env" "opa_builtin2" (func $builtin2 (param i32 i32 i32 i32) (result i32)))
            (import "env" "opa_builtin3" (func $builtin3 (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "memory" (memory 4))
            (export "memory" (memory 0))
            (global (export "opa_wasm_abi_version") i32 (i32.const 1))
            (global (export "opa_wasm_abi_minor_version") i32 (i32.const 3))
            (global $heap (mut i32) (i32.const 8192))
            (data (i32.const 16) "{{\22a/b\22:0}}\00")
            (data (i32.const 512) "{builtins}\00")
            (func (export "opa_malloc") (param i32) (result i32) (local i32)
                (local.set 1 (global.get $heap))
                (global.set $heap (i32.add (global.get $heap) (local.get 0)))
                (local.get 1))
            (func (export "opa_heap_ptr_get") (result i32) (global.get $heap))
            (func (export "opa_heap_ptr_set") (param i32) (global.set $heap (local.get 0)))
            (func (export "opa_json_parse") (param i32 i32) (result i32) (local.get 0))
            (func (export "opa_value_parse") (param i32 i32) (result i32)
                (i32.store8 (i32.add (local.get 0) (local.get 1)) (i32.const 0))
                (local.get 0))
            (func (export "opa_json_dump") (param i32) (result i32) (local.get 0))
            (func (export "opa_value_dump") (param i32) (result i32) (local.get 0))
            (func (export "entrypoints") (result i32) (i32.const 16))
            (func (export "builtins") (result i32) (i32.const 512))
            (func $digit (param i32) (result i32)
                (local.set 0 (i32.load8_u (local.get 0)))
                (if (result i32) (i32.ge_u (local.get 0) (i32.const 97))
                    (then (i32.sub (local.get 0) (i32.const 87)))
                    (else (i32.sub (local.get 0) (i32.const 48)))))
            (func (export "opa_eval") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (local $to i32) (local $end i32)
                (global.set $heap (i32.const 131072))
                (local.set $to (i32.const 65536))
                (local.set $end (i32.sub (i32.add (local.get 3) (local.get 4)) (i32.const 1)))
                (local.set 3 (i32.add (local.get 3) (i32.const 1)))
                (block $done (loop $next
                    (br_if $done (i32.ge_u (local.get 3) (local.get $end)))
                    (i32.store8 (local.get $to)
                        (i32.or (i32.shl (call $digit (local.get 3)) (i32.const 4))
                                (call $digit (i32.add (local.get 3) (i32.const 1)))))
                    (local.set $to (i32.add (local.get $to) (i32.const 1)))
                    (local.set 3 (i32.add (local.get 3) (i32.const 2)))
                    (br $next)))
                {attack}))"#,
        builtins = builtins.replace('"', "\\22"),
    );
    let wasm = wat::parse_str(&text).expect("the guest is good Wasm text");
    Policy::dangerous_load_unverified(UnverifiedPolicy::new(&wasm), &hostile()).expect("the guest loads")
}

fn told(data: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(data.len() * 2 + 2);
    text.push('"');
    data.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
    text.push('"');
    text.into_bytes()
}

/// A result of any bytes, at any address: eight bytes that say where, then what lies there.
pub fn abi_result(data: &[u8]) {
    static GUEST: LazyLock<Policy> = LazyLock::new(|| {
        guest("(select (i32.const 65544) (i32.load (i32.const 65536)) (i32.load8_u (i32.const 65540)))", "{}")
    });
    let mut data = data.to_vec();
    if data.len() < 8 {
        data.resize(8, 1);
    }
    let told = told(&data);
    let decision = GUEST.decide_json_or_deny(&told);
    assert!(decision.failure().is_none() || decision.outcome() == Outcome::Deny);
    if decision.is_allowed() {
        // Only a document that says so allows.
        let text = GUEST.evaluate("a/b", &told, Format::Json).expect("what decided evaluates");
        let rows: serde_json::Value = serde_json::from_str(&text).expect("what allows is JSON");
        let result = &rows[0]["result"];
        assert!(*result == true || result["allow"] == true, "{text}");
    }
    // Whatever came before, the next decision is made.
    let good = b"\0\0\0\0\x01\0\0\0[{\"result\":true}]\0";
    assert!(GUEST.decide_json_or_deny(&self::told(good)).is_allowed());
}

/// Builtins called with any bytes as arguments: eight bytes that say which builtin and where its arguments lie, then
/// what lies there.
pub fn abi_builtin(data: &[u8]) {
    static GUEST: LazyLock<Policy> = LazyLock::new(|| {
        let first = "(i32.const 65544)";
        let second = "(i32.add (i32.const 65544) (i32.load16_u (i32.const 65538)))";
        let third = "(i32.add (i32.const 65544) (i32.load16_u (i32.const 65540)))";
        let id = "(i32.load8_u (i32.const 65536))";
        let attack = format!(
            "(drop (if (result i32) (i32.eq {id} (i32.const 1))
                (then (call $builtin1 {id} (i32.const 0) {first}))
                (else (if (result i32) (i32.lt_u {id} (i32.const 16))
                    (then (call $builtin2 {id} (i32.const 0) {first} {second}))
                    (else (call $builtin3 {id} (i32.const 0) {first} {second} {third}))))))
             (i32.store (i32.const 65536) (i32.const 0x00005d5b)) (i32.const 65536)"
        );
        guest(
            &attack,
            r#"{"hex.encode":1,"sprintf":2,"strings.count":3,"regex.split":4,"time.format":5,"regex.replace":16,"indexof_n":6}"#,
        )
    });
    let mut data = data.to_vec();
    data.resize(data.len().max(8), 0);
    let decision = GUEST.decide_json_or_deny(&told(&data));
    // `[]` is what the guest returns once the builtin has: an undefined decision.
    assert_eq!(decision.outcome(), Outcome::Deny);
    assert!(decision.failure().is_some_and(|failure| *failure != DecideError::Timeout));
}
