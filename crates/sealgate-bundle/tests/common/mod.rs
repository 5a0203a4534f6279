//! What several test programs share: a module to pack, contents around it, keys that are no secret.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test program uses a part of this, and a test may unwrap"
)]

use sealgate_bundle::{BundleContents, SigningKey, TrustStore, UnixSeconds, VerifyOptions};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, MemoryType, Module, TypeSection, ValType,
};

pub const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
pub const REGO: &str = "package sealgate.policy\n\ndecision := {\"allow\": input.tool == \"search\"}\n";
pub const YAML: &str = "version: 1\ntools:\n  search:\n    mode: allow\n";

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn options(key: &SigningKey) -> VerifyOptions {
    VerifyOptions::new(TrustStore::of(key.public_key()), NOW)
}

/// A valid module of the ABI's kind: imports, one exported function, a data segment.
pub fn module() -> Vec<u8> {
    module_with(|_| {}, 2)
}

pub fn module_with(more_imports: impl FnOnce(&mut ImportSection), memory_pages: u64) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], []);
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    let mut imports = ImportSection::new();
    let memory =
        MemoryType { minimum: memory_pages, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", memory);
    imports.import("env", "opa_abort", EntityType::Function(0));
    imports.import("env", "opa_builtin0", EntityType::Function(2));
    more_imports(&mut imports);
    let functions_imported = imports.len() - 1;
    let mut functions = FunctionSection::new();
    functions.function(1);
    let mut exports = ExportSection::new();
    exports.export("opa_heap_ptr_get", ExportKind::Func, functions_imported);
    let mut code = CodeSection::new();
    let mut body = Function::new([]);
    body.instructions().i32_const(1024).end();
    code.function(&body);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(64), b"a policy's static data".iter().copied());
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code).section(&data);
    module.finish()
}

pub fn contents() -> BundleContents {
    BundleContents::new("acme/support", module())
        .unwrap()
        .with_rego(REGO)
        .with_source("support.yaml", YAML)
        .with_entrypoints(["sealgate/policy/decision"])
        .with_roots(["sealgate/policy"])
        .with_serial(7)
        .with_toolchain("sealgate-compiler 0.1.0", "sealgate-kernel 0.1.0")
}
