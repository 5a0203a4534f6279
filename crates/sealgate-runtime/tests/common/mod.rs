//! Guests written by hand, for tests: a module that speaks the ABI, with the parts that a test wants to be hostile.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use sealgate_runtime::{LoadError, Policy, RuntimeOptions, UnverifiedPolicy};

/// The parts of a guest. A value is the address of its JSON text, which is all that the ABI asks for.
pub struct Guest<'a> {
    pub memory: &'a str,
    pub entrypoints: &'a str,
    pub builtins: &'a str,
    /// The body of `opa_eval`; parameters 3 and 4 are the input's address and length.
    pub eval: &'a str,
    /// The body of `opa_heap_ptr_get`.
    pub heap: &'a str,
    /// The body of `opa_json_dump`.
    pub dump: &'a str,
    /// More fields of the module.
    pub extra: &'a str,
}

/// The address of a text that allows.
pub const ALLOW: &str = "(i32.const 1024)";

impl Default for Guest<'_> {
    fn default() -> Self {
        Self {
            memory: r#"(import "env" "memory" (memory 2))"#,
            entrypoints: r#"{"test/decision":0}"#,
            builtins: "{}",
            eval: ALLOW,
            heap: "(global.get $heap)",
            dump: "(local.get 0)",
            extra: "",
        }
    }
}

impl Guest<'_> {
    pub fn wasm(&self) -> Vec<u8> {
        let text = self.text();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    pub fn text(&self) -> String {
        let escape = |text: &str| text.replace('\\', "\\5c").replace('"', "\\22");
        format!(
            r#"(module
                (import "env" "opa_abort" (func $abort (param i32)))
                (import "env" "opa_builtin1" (func $builtin1 (param i32 i32 i32) (result i32)))
                {memory}
                (global (export "opa_wasm_abi_version") i32 (i32.const 1))
                (global (export "opa_wasm_abi_minor_version") i32 (i32.const 3))
                (global $heap (mut i32) (i32.const 8192))
                (data (i32.const 16) "{entrypoints}\00")
                (data (i32.const 512) "{builtins}\00")
                (data (i32.const 1008) "{{}}\00")
                (data (i32.const 1024) "[{{\22result\22:{{\22allow\22:true}}}}]\00")
                (data (i32.const 1100) "[]\00")
                (data (i32.const 1200) "gave up\00")
                (data (i32.const 1300) "\ff\fe\00")
                (data (i32.const 1400) "7\00")
                (export "memory" (memory 0))
                (func $malloc (export "opa_malloc") (param i32) (result i32) (local i32)
                    (local.set 1 (global.get $heap))
                    (global.set $heap (i32.add (global.get $heap) (local.get 0)))
                    (local.get 1))
                (func (export "opa_heap_ptr_get") (result i32) {heap})
                (func (export "opa_heap_ptr_set") (param i32) (global.set $heap (local.get 0)))
                (func (export "opa_json_parse") (param i32 i32) (result i32) (i32.const 1008))
                (func (export "opa_json_dump") (param i32) (result i32) {dump})
                (func (export "entrypoints") (result i32) (i32.const 16))
                (func (export "builtins") (result i32) (i32.const 512))
                (func (export "opa_eval") (param i32 i32 i32 i32 i32 i32 i32) (result i32) {eval})
                {extra})"#,
            memory = self.memory,
            entrypoints = escape(self.entrypoints),
            builtins = escape(self.builtins),
            heap = self.heap,
            dump = self.dump,
            eval = self.eval,
            extra = self.extra,
        )
    }

    pub fn load(&self, options: &RuntimeOptions) -> Result<Policy, LoadError> {
        load(&self.wasm(), options)
    }
}

pub fn load(wasm: &[u8], options: &RuntimeOptions) -> Result<Policy, LoadError> {
    Policy::dangerous_load_unverified(UnverifiedPolicy::new(wasm), options)
}

/// A body that does `attack` if the input is two bytes long (`{}`), and else allows.
pub fn on_empty_object(attack: &str) -> String {
    format!("(if (result i32) (i32.eq (local.get 4) (i32.const 2)) (then {attack}) (else {ALLOW}))")
}
