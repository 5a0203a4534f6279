//! Hostile guests: modules of any bytes, and a module that returns whatever it is told to.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use sealgate_bundle::{ModuleLimits, module as module_check};
use sealgate_runtime::builtins::{Grants, Registry};
use sealgate_runtime::{Format, Outcome, Policy, RuntimeOptions, UnverifiedPolicy};

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
            (import "env" "opa_builtin0" (func $builtin0 (param i32 i32) (result i32)))
            (import "env" "opa_builtin1" (func $builtin1 (param i32 i32 i32) (result i32)))
            (import "env" "opa_builtin2" (func $builtin2 (param i32 i32 i32 i32) (result i32)))
            (import "env" "opa_builtin3" (func $builtin3 (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "opa_builtin4" (func $builtin4 (param i32 i32 i32 i32 i32 i32) (result i32)))
            (import "env" "memory" (memory 4))
            (export "memory" (memory 0))
            (global (export "opa_wasm_abi_version") i32 (i32.const 1))
            (global (export "opa_wasm_abi_minor_version") i32 (i32.const 3))
            (global $heap (mut i32) (i32.const 16384))
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
    // It never loops: on a busy machine it is to have the time that it needs.
    let options =
        RuntimeOptions { deadline: Duration::from_secs(5), load_deadline: Duration::from_secs(5), ..hostile() };
    Policy::dangerous_load_unverified(UnverifiedPolicy::new(&wasm), &options).expect("the guest loads")
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

/// The builtins that [`abi_builtin`] calls: all that a host grants without being asked.
struct Served {
    guest: Policy,
    /// The number that the guest gives to each, and how many arguments it takes.
    builtins: BTreeMap<String, (u16, u16)>,
}

/// Where [`abi_builtin`] puts number, arity and addresses, and behind them the arguments.
const REGISTERS: u32 = 65536;
const ARGUMENTS: u32 = REGISTERS + 20;

static SERVED: LazyLock<Served> = LazyLock::new(|| {
    let registry = Registry::standard();
    let grants = Grants::default();
    let granted = |name: &&str| {
        let entry = registry.get(name).unwrap();
        grants.check(name, entry.capability).is_ok()
    };
    let numbered = registry.names().filter(granted).zip(1_u16..).map(|(name, id)| {
        let arity = u16::try_from(registry.get(name).unwrap().arity).unwrap();
        (name.to_owned(), (id, arity))
    });
    let builtins: BTreeMap<_, _> = numbered.collect();
    let listed = builtins.iter().map(|(name, (id, _))| format!("\"{name}\":{id}")).collect::<Vec<_>>().join(",");
    let register = |at: u32| format!("(i32.load (i32.const {}))", REGISTERS + at);
    let id = "(i32.load16_u (i32.const 65536))";
    let arity = "(i32.load16_u (i32.const 65538))";
    let mut calls = "(unreachable)".to_owned();
    for count in (0..=4).rev() {
        let arguments: String = (0..count).map(|n| register(4 + 4 * n)).collect();
        calls = format!(
            "(if (result i32) (i32.eq {arity} (i32.const {count}))
                (then (call $builtin{count} {id} (i32.const 0) {arguments})) (else {calls}))"
        );
    }
    let attack = format!("(drop {calls}) (i32.store (i32.const 65536) (i32.const 0x00005d5b)) (i32.const 65536)");
    Served { guest: guest(&attack, &format!("{{{listed}}}")), builtins }
});

/// A builtin of the host's, called by a guest: its name, a line break, and its arguments, a NUL behind each. An argument is a
/// value's text or, as `@N`, an address that need not lead to one.
pub fn abi_builtin(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let name = parts.next().and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    let arguments = parts.next().unwrap_or_default();
    // One that is not listed may be called as well, and is refused.
    let (id, arity) = SERVED.builtins.get(name).copied().unwrap_or((u16::MAX, 1));
    let mut told = [id.to_le_bytes(), arity.to_le_bytes()].concat();
    let mut texts = Vec::new();
    let mut arguments = arguments.split(|byte| *byte == 0);
    for _ in 0..4 {
        let argument = arguments.next().unwrap_or_default();
        let lie = argument.strip_prefix(b"@").and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let address = lie.unwrap_or(ARGUMENTS + u32::try_from(texts.len()).unwrap());
        told.extend_from_slice(&address.to_le_bytes());
        texts.extend_from_slice(argument);
        texts.push(0);
    }
    told.extend(texts);
    let decision = SERVED.guest.decide_json_or_deny(&self::told(&told));
    // `[]` is what the guest returns once the builtin has: an undefined decision.
    assert_eq!(decision.outcome(), Outcome::Deny);
    assert!(decision.failure().is_some());
}
