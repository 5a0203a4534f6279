//! What a module is allowed to be before it is compiled: valid Wasm of the plain kind, importing the policy ABI's
//! functions and memory only, within bounds. Parses and validates; never compiles, never runs.

use std::collections::BTreeSet;

use wasmparser::{FuncType, MemoryType, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures};

use crate::names;

/// Bounds on a module, and the builtins that the host supplies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleLimits {
    /// Largest module in bytes.
    pub bytes: u64,
    /// Most 64 KiB pages that the memory may start with.
    pub memory_pages: u64,
    /// Most elements that all tables may start with.
    pub table_elements: u64,
    /// Whether the code of functions is looked at, which takes half the time of a verification. A host that loads the bundle
    /// need not have that done here: nothing is compiled before it was validated. Default true.
    pub code: bool,
    /// The builtins that the host supplies; `None` leaves that to the host's own check when it loads the module.
    pub builtins: Option<BTreeSet<String>>,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self { bytes: 128 << 20, memory_pages: 1024, table_elements: 1 << 20, code: true, builtins: None }
    }
}

/// Why a module is refused before it is compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// More bytes than the limits allow.
    #[error("the module has {size} bytes, more than {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not valid Wasm, or a kind of Wasm that policies have no use for (threads, 64-bit memory, components …).
    #[error("the module is not valid: {0}")]
    Invalid(String),
    /// An import that is not the policy ABI's.
    #[error("the module imports `{}.{}`, which policies may not", names::shown(.module), names::shown(.name))]
    Import {
        /// The import's module name.
        module: String,
        /// The import's name.
        name: String,
    },
    /// A memory or table that is too large from the start.
    #[error("the module's {what} starts with {size}, more than {limit}")]
    TooMuch {
        /// `memory pages` or `table elements`.
        what: &'static str,
        /// What it asks for.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// More than one memory, or none.
    #[error("the module has {0} memories instead of one")]
    Memories(usize),
    /// A builtin that the host does not supply.
    #[error("the module needs the builtin `{}`, which this host does not supply", names::shown(.0))]
    Builtin(String),
}

/// Checks `wasm` and the builtins that its manifest declares.
///
/// # Errors
/// [`ModuleError`], the first that is found.
pub fn check(wasm: &[u8], builtins: &[String], limits: &ModuleLimits) -> Result<(), ModuleError> {
    if wasm.len() as u64 > limits.bytes {
        return Err(ModuleError::TooLarge { size: wasm.len() as u64, limit: limits.bytes });
    }
    check_shape(wasm, limits)?;
    if limits.code {
        Validator::new_with_features(features()).validate_all(wasm).map_err(|error| invalid(&error))?;
    }
    if let Some(supplied) = &limits.builtins
        && let Some(missing) = builtins.iter().find(|name| !supplied.contains(*name))
    {
        return Err(ModuleError::Builtin(missing.clone()));
    }
    Ok(())
}

fn features() -> WasmFeatures {
    WasmFeatures::WASM2 | WasmFeatures::EXTENDED_CONST
}

/// Imports, memories and tables, by their declarations.
fn check_shape(wasm: &[u8], limits: &ModuleLimits) -> Result<(), ModuleError> {
    let mut types = Vec::new();
    let mut memories = 0;
    let mut elements = 0_u64;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| invalid(&error))? {
            Payload::TypeSection(section) => {
                for group in section.into_iter_err_on_gc_types() {
                    types.push(group.map_err(|error| invalid(&error))?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(|error| invalid(&error))?;
                    let refused =
                        || ModuleError::Import { module: import.module.to_owned(), name: import.name.to_owned() };
                    match import.ty {
                        TypeRef::Memory(memory) if (import.module, import.name) == ("env", "memory") => {
                            check_memory(&memory, limits)?;
                            memories += 1;
                        }
                        TypeRef::Func(index) if import.module == "env" => {
                            let function = types.get(index as usize).ok_or_else(refused)?;
                            if !is_abi_function(import.name, function) {
                                return Err(refused());
                            }
                        }
                        _ => return Err(refused()),
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    check_memory(&memory.map_err(|error| invalid(&error))?, limits)?;
                    memories += 1;
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    elements = elements.saturating_add(table.map_err(|error| invalid(&error))?.ty.initial);
                }
            }
            _ => {}
        }
    }
    if elements > limits.table_elements {
        return Err(ModuleError::TooMuch { what: "table elements", size: elements, limit: limits.table_elements });
    }
    if memories == 1 { Ok(()) } else { Err(ModuleError::Memories(memories)) }
}

fn check_memory(memory: &MemoryType, limits: &ModuleLimits) -> Result<(), ModuleError> {
    if memory.initial > limits.memory_pages {
        return Err(ModuleError::TooMuch { what: "memory pages", size: memory.initial, limit: limits.memory_pages });
    }
    Ok(())
}

/// Whether `env.NAME` is a function of the ABI and has its type: `opa_abort(i32)`, `opa_builtinN(i32; 2 + N) -> i32`.
/// `opa_println` is in OPA's own modules, though nothing calls it there.
fn is_abi_function(name: &str, function: &FuncType) -> bool {
    let (params, results) = match name {
        "opa_abort" | "opa_println" => (1, 0),
        "opa_builtin0" => (2, 1),
        "opa_builtin1" => (3, 1),
        "opa_builtin2" => (4, 1),
        "opa_builtin3" => (5, 1),
        "opa_builtin4" => (6, 1),
        _ => return false,
    };
    function.params().len() == params
        && function.results().len() == results
        && function.params().iter().chain(function.results()).all(|ty| *ty == ValType::I32)
}

fn invalid(error: &wasmparser::BinaryReaderError) -> ModuleError {
    ModuleError::Invalid(error.to_string())
}
