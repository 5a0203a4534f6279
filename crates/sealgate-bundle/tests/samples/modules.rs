//! Signed bundles whose module is beyond what a policy may be.

use sealgate_bundle::BundleContents;
use wasm_encoder::{
    EntityType, ExportKind, ExportSection, GlobalType, ImportSection, MemorySection, MemoryType, Module, TypeSection,
    ValType,
};

use crate::common::{contents, key, module, module_with};
use crate::{Sample, TRUSTED, accepted, refused};

pub fn samples() -> Vec<Sample> {
    let with = |wasm: Vec<u8>| build(wasm);
    let importing = |module: &'static str, name: &'static str, ty: EntityType| {
        with(module_with(
            |imports| {
                imports.import(module, name, ty);
            },
            2,
        ))
    };
    let function = |module, name, ty| importing(module, name, EntityType::Function(ty));
    let global = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    vec![
        refused("module-empty", "no module", "module", with(Vec::new())),
        refused("module-text", "the text form of a module", "module", with(b"(module)".to_vec())),
        refused("module-cut", "half of a module", "module", with(module()[..module().len() / 2].to_vec())),
        refused(
            "module-wasi",
            "a module that asks for files",
            "module",
            function("wasi_snapshot_preview1", "path_open", 0),
        ),
        refused(
            "module-other-function",
            "a module that asks for a function that no policy needs",
            "module",
            function("env", "system", 0),
        ),
        refused(
            "module-other-type",
            "an ABI function under another type",
            "module",
            function("env", "opa_builtin1", 0),
        ),
        refused(
            "module-global",
            "a module that asks for a global",
            "module",
            importing("env", "memory_base", global.into()),
        ),
        refused("module-memory", "a module that asks for 64 GiB", "module", with(module_with(|_| {}, 65536))),
        refused(
            "module-two-memories",
            "a module with a memory of its own beside the imported one",
            "module",
            with(two_memories()),
        ),
        refused("module-no-memory", "a module without a memory", "module", with(no_memory())),
        refused("module-memory64", "a module with a 64-bit memory", "module", with(memory64())),
        refused("module-builtin", "a module that needs a builtin that the host does not supply", "module", {
            let contents = contents().with_builtins(["http.send", "time.now_ns"]);
            contents.sign(&key(TRUSTED)).unwrap().tar_gz().unwrap()
        }),
        accepted("module-known-builtin", "nothing: the builtin that it needs is supplied", {
            contents().with_builtins(["time.now_ns"]).sign(&key(TRUSTED)).unwrap().tar_gz().unwrap()
        }),
        accepted("module-own-memory", "nothing: a module that defines its memory is as good", with(own_memory())),
    ]
}

fn build(wasm: Vec<u8>) -> Vec<u8> {
    let contents = BundleContents::new("acme/support", wasm).unwrap().with_source("support.yaml", "x").with_serial(7);
    contents.sign(&key(TRUSTED)).unwrap().tar_gz().unwrap()
}

fn memory(minimum: u64, memory64: bool) -> MemoryType {
    MemoryType { minimum, maximum: None, memory64, shared: false, page_size_log2: None }
}

fn own_memory() -> Vec<u8> {
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    Module::new().section(MemorySection::new().memory(memory(2, false))).section(&exports).clone().finish()
}

fn two_memories() -> Vec<u8> {
    let mut imports = ImportSection::new();
    imports.import("env", "memory", memory(2, false));
    Module::new().section(&imports).section(MemorySection::new().memory(memory(2, false))).clone().finish()
}

fn memory64() -> Vec<u8> {
    let mut imports = ImportSection::new();
    imports.import("env", "memory", memory(2, true));
    Module::new().section(&imports).clone().finish()
}

fn no_memory() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    Module::new().section(&types).clone().finish()
}
