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

/// Modules written byte by byte: what validators and compilers trip over.
pub fn more() -> Vec<Sample> {
    let bad = |name, attack, sections: &[(u8, &[u8])]| refused(name, attack, "module", build(raw(sections)));
    let good = |name, attack, sections: &[(u8, &[u8])]| accepted(name, attack, build(raw(sections)));
    let memory: (u8, &[u8]) = (2, b"\x01\x03env\x06memory\x02\0\x02");
    let types: (u8, &[u8]) = (1, b"\x02\x60\0\0\x60\x01\x7f\0");
    let function: (u8, &[u8]) = (3, b"\x01\0");
    let body: (u8, &[u8]) = (10, b"\x01\x02\0\x0b");
    let many = |count: usize, bytes: &[u8]| [&leb(count)[..], &bytes.repeat(count)].concat();
    vec![
        good("wasm-smallest", "nothing: a memory and nothing more", &[memory]),
        good(
            "wasm-custom-sections",
            "nothing: sections that nobody reads",
            &[(0, b"\x04nameand more"), memory, (0, b"\x01x"), (0, b"\x01x")],
        ),
        bad(
            "wasm-custom-no-name",
            "a section that nobody reads, whose name is longer than it",
            &[memory, (0, b"\x7fx")],
        ),
        bad("wasm-section-twice", "two sections of imports", &[memory, (2, b"\0")]),
        bad("wasm-section-order", "a section out of its order", &[types, (3, b"\0"), memory]),
        bad("wasm-section-unknown", "a section that nobody knows", &[memory, (14, b"\0")]),
        bad("wasm-section-longer", "a section longer than what it says", &[(2, b"\x01\x03env\x06memory\x02\0\x02\0")]),
        refused("wasm-section-past-end", "a section longer than the module", "module", {
            build([raw(&[memory]), b"\0\xff\xff\x03".to_vec()].concat())
        }),
        bad("wasm-count-lies", "more imports said than there are", &[(2, b"\x7f\x03env\x06memory\x02\0\x02")]),
        bad("wasm-count-largest", "the largest count of imports", &[(2, b"\xff\xff\xff\xff\x0f")]),
        bad(
            "wasm-number-too-long",
            "a number in more bytes than it may take",
            &[(2, b"\x81\x80\x80\x80\x80\0\x03env\x06memory\x02\0\x02")],
        ),
        bad(
            "wasm-number-too-large",
            "a number with bits above the 32nd",
            &[(2, b"\x81\x80\x80\x80\x70\x03env\x06memory\x02\0\x02")],
        ),
        good(
            "wasm-number-padded",
            "nothing: a number in as many bytes as it may take",
            &[(2, b"\x81\x80\x80\x80\0\x03env\x06memory\x02\0\x02")],
        ),
        bad("wasm-name-not-utf-8", "an import's name that is not UTF-8", &[(2, b"\x01\x03env\x02\xff\xfe\x02\0\x02")]),
        bad(
            "wasm-memory-shrinks",
            "a memory whose largest size is below its smallest",
            &[(2, b"\x01\x03env\x06memory\x02\x01\x02\x01")],
        ),
        bad(
            "wasm-memory-shared",
            "a memory that is shared between threads",
            &[(2, b"\x01\x03env\x06memory\x02\x03\x02\x03")],
        ),
        bad("wasm-memory-other-name", "a memory under another name", &[(2, b"\x01\x03env\x06Memory\x02\0\x02")]),
        bad("wasm-memory-other-module", "a memory of another module", &[(2, b"\x01\x03Env\x06memory\x02\0\x02")]),
        bad(
            "wasm-two-imported-memories",
            "two imported memories",
            &[(2, b"\x02\x03env\x06memory\x02\0\x02\x03env\x06memory\x02\0\x02")],
        ),
        bad(
            "wasm-table-huge",
            "a table of four thousand million elements",
            &[memory, (4, b"\x01\x70\0\xff\xff\xff\xff\x0f")],
        ),
        bad(
            "wasm-tables-many",
            "a thousand tables that are too large together",
            &[memory, (4, &many(1000, b"\x70\0\x80\x20"))],
        ),
        bad(
            "wasm-table-imported",
            "a table from the host",
            &[(2, b"\x02\x03env\x06memory\x02\0\x02\x03env\x05table\x01\x70\0\x01")],
        ),
        bad(
            "wasm-locals-huge",
            "a function with four thousand million locals",
            &[types, memory, function, (10, b"\x01\x08\x01\xff\xff\xff\xff\x0f\x7f\x0b")],
        ),
        bad(
            "wasm-locals-many",
            "a function with too many locals in many groups",
            &[
                types,
                memory,
                function,
                (10, &{
                    let body = [&many(60, b"\x90\x4e\x7f")[..], b"\x0b"].concat();
                    [&b"\x01"[..], &leb(body.len()), &body].concat()
                }),
            ],
        ),
        bad("wasm-bodies-missing", "functions without bodies", &[types, memory, function]),
        bad(
            "wasm-bodies-more",
            "more bodies than functions",
            &[types, memory, function, (10, b"\x02\x02\0\x0b\x02\0\x0b")],
        ),
        bad("wasm-body-longer", "a body longer than its section", &[types, memory, function, (10, b"\x01\x7f\0\x0b")]),
        bad("wasm-body-type", "a function of a type that is not there", &[types, memory, (3, b"\x01\x09"), body]),
        bad(
            "wasm-export-twice",
            "two exports of one name",
            &[types, memory, function, (7, b"\x02\x01a\0\0\x01a\0\0"), body],
        ),
        bad(
            "wasm-export-nothing",
            "an export of a function that is not there",
            &[types, memory, function, (7, b"\x01\x01a\0\x09"), body],
        ),
        good(
            "wasm-start",
            "nothing: a start function, which runs under the deadline",
            &[types, memory, function, (8, b"\0"), body],
        ),
        bad("wasm-start-nothing", "a start function that is not there", &[types, memory, function, (8, b"\x09"), body]),
        bad(
            "wasm-start-takes",
            "a start function that wants an argument",
            &[types, memory, (3, b"\x01\x01"), (8, b"\0"), body],
        ),
        good(
            "wasm-data-outside",
            "nothing here: data past the memory's end traps when the module is started",
            &[memory, (11, b"\x01\0\x41\x80\x80\x80\x01\x0b\x01x")],
        ),
        bad("wasm-data-of-no-memory", "data for a second memory", &[memory, (11, b"\x01\x02\x01\x41\0\x0b\x01x")]),
        bad(
            "wasm-data-count-lies",
            "another number of data segments than was said",
            &[memory, (12, b"\x02"), (11, b"\x01\x01\x01x")],
        ),
        bad(
            "wasm-threads-import",
            "a global from the host under the memory's name",
            &[(2, b"\x01\x03env\x06memory\x03\x7f\0")],
        ),
        refused(
            "wasm-version-2",
            "a module of a version that is not there",
            "module",
            build(b"\0asm\x02\0\0\0".to_vec()),
        ),
        refused("wasm-component", "a component instead of a module", "module", build(b"\0asm\x0d\0\x01\0".to_vec())),
        refused("wasm-elf", "a program for the processor", "module", build(b"\x7fELF\x02\x01\x01\0".to_vec())),
    ]
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        out.push(if value == 0 { byte } else { byte | 0x80 });
        if value == 0 {
            return out;
        }
    }
}

/// A module of these sections, whatever they are.
pub fn raw(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        out.push(*id);
        out.extend(leb(content.len()));
        out.extend_from_slice(content);
    }
    out
}

pub fn build(wasm: Vec<u8>) -> Vec<u8> {
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
