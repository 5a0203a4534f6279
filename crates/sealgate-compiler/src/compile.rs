//! The crate's entry: from a plan to a finished module.

use std::sync::OnceLock;

use crate::codegen::{self, CodegenError, CodegenOptions};
use crate::ir::{InvalidPlan, Policy};
use crate::link::{self, Exports, LinkError, Object};

/// The kernel's relocatable object, built by `cargo xtask build-kernel`.
static KERNEL_OBJECT: &[u8] = include_bytes!("../kernel/kernel.o");

/// The ABI that modules have: version, minor version.
pub const ABI_VERSION: (i32, i32) = (1, 3);

/// Our own exports, by which a host reaches decisions faster than by the ABI's; `sealgate-runtime` says what they do.
const OWN_EXPORTS: [&str; 4] = ["sealgate_eval", "sealgate_decide", "sealgate_answer_text", "sealgate_slots"];

/// The global that a module exports which is strict about errors of builtins; by it a host knows that an error of a builtin
/// that it serves is to end the evaluation, too.
const STRICT_BUILTIN_ERRORS: &str = "sealgate_strict_builtin_errors";

/// What a module exports, as hosts use it.
const EXPORTS: Exports<'static> = Exports {
    functions: &[
        "opa_malloc",
        "opa_free",
        "opa_heap_ptr_get",
        "opa_heap_ptr_set",
        "opa_heap_blocks_stash",
        "opa_heap_blocks_restore",
        "opa_heap_stash_clear",
        "opa_json_parse",
        "opa_value_parse",
        "opa_json_dump",
        "opa_value_dump",
        "opa_value_free",
        "opa_value_add_path",
        "opa_value_remove_path",
        "opa_eval_ctx_new",
        "opa_eval_ctx_set_input",
        "opa_eval_ctx_set_data",
        "opa_eval_ctx_set_entrypoint",
        "opa_eval_ctx_get_result",
        "opa_eval",
        "eval",
        "builtins",
        "entrypoints",
        OWN_EXPORTS[0],
        OWN_EXPORTS[1],
        OWN_EXPORTS[2],
        OWN_EXPORTS[3],
    ],
    outermost: &["opa_eval", "opa_heap_ptr_set", OWN_EXPORTS[0], OWN_EXPORTS[1]],
    constants: &[("opa_wasm_abi_version", ABI_VERSION.0), ("opa_wasm_abi_minor_version", ABI_VERSION.1)],
    imports: &["opa_abort", "opa_builtin0", "opa_builtin1", "opa_builtin2", "opa_builtin3", "opa_builtin4"],
};

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct CompiledModule {
    /// The module's bytes.
    pub wasm: Vec<u8>,
    /// Names of the builtins that a host must serve, sorted.
    pub builtins: Vec<String>,
}

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The plan is not whole.
    #[error(transparent)]
    Invalid(#[from] InvalidPlan),
    /// The plan asks for something that a module cannot do.
    #[error(transparent)]
    Codegen(#[from] CodegenError),
    /// The module cannot be put together.
    #[error("linking failed: {0}")]
    Link(#[from] LinkError),
    /// The bytes are not a module that can be printed.
    #[error("not a Wasm module: {0}")]
    Print(String),
}

/// Compiles a plan, ours or OPA's, to a module with the OPA ABI. The same plan gives the same bytes.
///
/// # Errors
/// See [`CompileError`].
pub fn compile_plan(policy: &Policy) -> Result<CompiledModule, CompileError> {
    compile_plan_with(policy, CodegenOptions::default())
}

/// As [`compile_plan`], with options.
///
/// # Errors
/// See [`CompileError`].
pub fn compile_plan_with(policy: &Policy, options: CodegenOptions) -> Result<CompiledModule, CompileError> {
    policy.validate()?;
    let fresh;
    let object = match kernel_object() {
        Some(object) => object,
        // Reads it again for its error.
        None => {
            fresh = Object::read(KERNEL_OBJECT)?;
            &fresh
        }
    };
    let output = codegen::generate(policy, options, &|symbol| object.defines(symbol))?;
    let functions: Vec<&str> =
        EXPORTS.functions.iter().copied().filter(|name| !OWN_EXPORTS.contains(name) || object.defines(name)).collect();
    let mut constants = EXPORTS.constants.to_vec();
    if options.strict_builtin_errors {
        constants.push((STRICT_BUILTIN_ERRORS, 1));
    }
    let exports = Exports { functions: &functions, constants: &constants, ..EXPORTS };
    let wasm = link::link(object, &output.generated, &exports)?;
    Ok(CompiledModule { wasm, builtins: output.required_builtins })
}

/// The kernel's object, read once per process; none where it cannot be.
fn kernel_object() -> Option<&'static Object<'static>> {
    OBJECT.get_or_init(|| Object::read(KERNEL_OBJECT).ok()).as_ref()
}

static OBJECT: OnceLock<Option<Object<'static>>> = OnceLock::new();

/// Reads the kernel's object on a thread of its own, unless it has been read. Whoever is to compile a policy calls this
/// before parsing it; what is compiled meanwhile waits for the thread, and where there is none reads the object itself.
pub fn prepare() {
    if OBJECT.get().is_none() {
        let read = || {
            kernel_object();
            kernel();
        };
        // No thread, no loss but of time.
        drop(std::thread::Builder::new().name("sealgate-kernel".to_owned()).spawn(read));
    }
}

/// The text form of a module.
///
/// # Errors
/// [`CompileError::Print`] for bytes that are not Wasm.
pub fn wat(wasm: &[u8]) -> Result<String, CompileError> {
    wasmprinter::print_bytes(wasm).map_err(|error| CompileError::Print(error.to_string()))
}

/// Whether the builtin is part of the kernel, so that a module that calls it asks its host for nothing.
pub fn is_in_kernel(name: &str) -> bool {
    sealgate_kernel::builtins::find(name).is_some()
}

/// Name, version and digest of the kernel that modules are linked with.
pub fn kernel() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(KERNEL_OBJECT);
        let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("sealgate-kernel {} sha256:{short}", env!("CARGO_PKG_VERSION"))
    })
}
