//! The OPA ABI, typed: what a policy module exports, found once per module and bound once per instance.
//!
//! [`Exports`] is made from a compiled module and refuses one that lacks what every evaluation needs. [`Abi`] is made from
//! an instance. Neither evaluates anything; `instance` does, and `host` serves the module's imports.

use wasmtime::{
    AsContextMut, ExternType, Instance, Memory, Module, ModuleExport, TypedFunc, ValType, WasmParams, WasmResults,
};

use crate::error::ModuleError;
use crate::host::HostState;
use crate::options::Isolation;

/// The parameters of `opa_eval`: reserved, entrypoint, data, input, input length, heap, format.
pub(crate) type EvalParams = (i32, i32, i32, i32, i32, i32, i32);
/// The parameters of `sealgate_eval`: entrypoint, data, input, input length, heap.
pub(crate) type StrictEvalParams = (i32, i32, i32, i32, i32);
/// The parameters of `sealgate_decide`: entrypoint, data, input, heap, what the input is (see [`DECIDE`]).
pub(crate) type DecideParams = (i32, i32, i32, i32, i32);

/// Where a module's exports are.
pub(crate) struct Exports {
    memory: ModuleExport,
    heap_ptr_get: ModuleExport,
    heap_ptr_set: ModuleExport,
    malloc: ModuleExport,
    json_parse: ModuleExport,
    json_dump: ModuleExport,
    entrypoints: ModuleExport,
    builtins: ModuleExport,
    eval: EvalExports,
    decide: Option<DecideExports>,
    strict_builtin_errors: bool,
    value_parse: Option<ModuleExport>,
    value_dump: Option<ModuleExport>,
}

/// How a module is evaluated.
enum EvalExports {
    /// As JSON to JSON by Sealgate's own export, and else in one call.
    Strict { strict: ModuleExport, any: ModuleExport },
    /// In one call, ABI 1.2 and later.
    OneCall(ModuleExport),
    /// Through an evaluation context, before that.
    Context(Box<[ModuleExport; 6]>),
}

/// Where the exports for decisions are that need no text.
struct DecideExports {
    decide: ModuleExport,
    text: ModuleExport,
    slots: ModuleExport,
}

const CONTEXT_EXPORTS: [&str; 6] = [
    "opa_eval_ctx_new",
    "opa_eval_ctx_set_input",
    "opa_eval_ctx_set_data",
    "opa_eval_ctx_set_entrypoint",
    "eval",
    "opa_eval_ctx_get_result",
];

/// Sealgate's own export: as `opa_eval` from JSON to JSON, but an input that is not exactly one JSON value aborts. Modules of
/// its compiler have it; by it the host knows that it need not look at the input.
const STRICT_EVAL: &str = "sealgate_eval";

/// Sealgate's own export for decisions. It evaluates as [`STRICT_EVAL`] does but gives the address of bytes that no other
/// decision of the module has, and in the upper half how many they are, or 0. Its last parameter is negative where the input is
/// JSON, the one's complement of its length; else the slots have been written (see `slots`), but for so many records. No data is
/// an empty document.
const DECIDE: &str = "sealgate_decide";
/// Writes the result set of what was decided last as JSON.
const ANSWER_TEXT: &str = "sealgate_answer_text";
/// Says what slots the input has, as JSON, or gives 0 where the policy reads the whole input.
const INPUT_SLOTS: &str = "sealgate_slots";

/// The global that modules export which are strict about errors of builtins: their host must be, too.
const STRICT_BUILTIN_ERRORS: &str = "sealgate_strict_builtin_errors";

/// What `sealgate_eval` aborts with if the input is not one JSON value.
pub(crate) const INPUT_REFUSED: &str = "the input is not one JSON value";

/// What `sealgate_decide` aborts with if its input is not records of slots.
pub(crate) const RECORDS_REFUSED: &str = "the input is not what the policy reads";

impl Exports {
    /// Finds the exports of `module`.
    ///
    /// # Errors
    /// [`ModuleError::Export`] names the first that is missing.
    pub(crate) fn find(module: &Module) -> Result<Self, ModuleError> {
        let need = |name: &'static str| module.get_export_index(name).ok_or(ModuleError::Export(name));
        let eval = match module.get_export_index("opa_eval") {
            Some(any) => match strict_eval(module) {
                Some(strict) => EvalExports::Strict { strict, any },
                None => EvalExports::OneCall(any),
            },
            None => {
                let mut found = Vec::with_capacity(CONTEXT_EXPORTS.len());
                for name in CONTEXT_EXPORTS {
                    found.push(need(name)?);
                }
                EvalExports::Context(Box::new(found.try_into().map_err(|_| ModuleError::Export("opa_eval"))?))
            }
        };
        Ok(Self {
            memory: need("memory")?,
            heap_ptr_get: need("opa_heap_ptr_get")?,
            // Bound by few modules only: its type is looked at here.
            heap_ptr_set: export_of_type(module, "opa_heap_ptr_set", 1, &[])
                .ok_or(ModuleError::Export("opa_heap_ptr_set"))?,
            malloc: need("opa_malloc")?,
            json_parse: need("opa_json_parse")?,
            json_dump: need("opa_json_dump")?,
            entrypoints: need("entrypoints")?,
            builtins: need("builtins")?,
            eval,
            decide: decide_exports(module),
            strict_builtin_errors: module.get_export_index(STRICT_BUILTIN_ERRORS).is_some(),
            value_parse: module.get_export_index("opa_value_parse"),
            value_dump: module.get_export_index("opa_value_dump"),
        })
    }

    /// Whether the module itself refuses an input that is not exactly one JSON value, where the result is to be JSON.
    pub(crate) const fn checks_input(&self) -> bool {
        matches!(self.eval, EvalExports::Strict { .. })
    }

    /// Whether the module has Sealgate's exports for decisions, which take no data for an empty document.
    pub(crate) const fn can_decide(&self) -> bool {
        self.decide.is_some()
    }

    /// Whether an error of a builtin is to end the evaluation.
    pub(crate) const fn strict_builtin_errors(&self) -> bool {
        self.strict_builtin_errors
    }

    /// Binds the exports that every decision needs; of an instance for a single one no more than that one needs, because
    /// binding takes longer than deciding.
    ///
    /// # Errors
    /// [`ModuleError::Export`] names the first with a wrong type.
    pub(crate) fn bind(
        &self,
        mut store: impl AsContextMut<Data = HostState>,
        instance: Instance,
        isolation: Isolation,
    ) -> Result<Abi, ModuleError> {
        let store = &mut store;
        let memory = instance
            .get_module_export(&mut *store, &self.memory)
            .and_then(wasmtime::Extern::into_memory)
            .ok_or(ModuleError::Export("memory"))?;
        let eval = match &self.eval {
            EvalExports::Strict { strict, .. } => Eval::Strict(typed(store, instance, strict, STRICT_EVAL)?),
            EvalExports::OneCall(export) => Eval::OneCall(typed(store, instance, export, "opa_eval")?),
            EvalExports::Context(exports) => {
                let [new, set_input, set_data, set_entrypoint, eval, get_result] = exports.as_ref();
                Eval::Context(Box::new(ContextEval {
                    new: typed(store, instance, new, "opa_eval_ctx_new")?,
                    set_input: typed(store, instance, set_input, "opa_eval_ctx_set_input")?,
                    set_data: typed(store, instance, set_data, "opa_eval_ctx_set_data")?,
                    set_entrypoint: typed(store, instance, set_entrypoint, "opa_eval_ctx_set_entrypoint")?,
                    eval: typed(store, instance, eval, "eval")?,
                    get_result: typed(store, instance, get_result, "opa_eval_ctx_get_result")?,
                    heap_ptr_set: typed(store, instance, &self.heap_ptr_set, "opa_heap_ptr_set")?,
                }))
            }
        };
        let decide = match &self.decide {
            // What it decides need not be recognised by the next decision.
            _ if isolation == Isolation::Fresh => None,
            Some(exports) => Some(Decide {
                decide: typed(store, instance, &exports.decide, DECIDE)?,
                text: typed(store, instance, &exports.text, ANSWER_TEXT)?,
            }),
            None => None,
        };
        Ok(Abi { memory, eval, decide })
    }

    /// Binds what says where the heap ends.
    ///
    /// # Errors
    /// [`ModuleError::Export`] if it has a wrong type.
    pub(crate) fn bind_heap_end(
        &self,
        mut store: impl AsContextMut<Data = HostState>,
        instance: Instance,
    ) -> Result<TypedFunc<(), i32>, ModuleError> {
        typed(&mut store, instance, &self.heap_ptr_get, "opa_heap_ptr_get")
    }

    /// Binds `opa_eval`, for what a module that checks its input itself is rarely asked: no input, or Rego as the result.
    ///
    /// # Errors
    /// [`ModuleError::Export`] if it is missing or has a wrong type.
    pub(crate) fn bind_any_eval(
        &self,
        mut store: impl AsContextMut<Data = HostState>,
        instance: Instance,
    ) -> Result<TypedFunc<EvalParams, i32>, ModuleError> {
        match &self.eval {
            EvalExports::Strict { any: export, .. } | EvalExports::OneCall(export) => {
                typed(&mut store, instance, export, "opa_eval")
            }
            EvalExports::Context(_) => Err(ModuleError::Export("opa_eval")),
        }
    }

    /// Binds what says which slots the input has, if the module does.
    ///
    /// # Errors
    /// [`ModuleError::Export`] if it has a wrong type.
    pub(crate) fn bind_slots(
        &self,
        mut store: impl AsContextMut<Data = HostState>,
        instance: Instance,
    ) -> Result<Option<TypedFunc<(), i32>>, ModuleError> {
        let Some(exports) = &self.decide else { return Ok(None) };
        typed(&mut store, instance, &exports.slots, INPUT_SLOTS).map(Some)
    }

    /// Binds the exports that only loading and host builtins need.
    ///
    /// # Errors
    /// [`ModuleError::Export`] names the first with a wrong type.
    pub(crate) fn bind_values(
        &self,
        mut store: impl AsContextMut<Data = HostState>,
        instance: Instance,
    ) -> Result<ValueAbi, ModuleError> {
        let store = &mut store;
        let (parse, parse_name) = match &self.value_parse {
            Some(export) => (export, "opa_value_parse"),
            None => (&self.json_parse, "opa_json_parse"),
        };
        let (dump, dump_name) = match &self.value_dump {
            Some(export) => (export, "opa_value_dump"),
            None => (&self.json_dump, "opa_json_dump"),
        };
        Ok(ValueAbi {
            malloc: typed(store, instance, &self.malloc, "opa_malloc")?,
            json_parse: typed(store, instance, &self.json_parse, "opa_json_parse")?,
            json_dump: typed(store, instance, &self.json_dump, "opa_json_dump")?,
            value_parse: typed(store, instance, parse, parse_name)?,
            value_dump: typed(store, instance, dump, dump_name)?,
            entrypoints: typed(store, instance, &self.entrypoints, "entrypoints")?,
            builtins: typed(store, instance, &self.builtins, "builtins")?,
        })
    }
}

/// The module's `sealgate_eval`, if its type is the one that this host knows.
fn strict_eval(module: &Module) -> Option<ModuleExport> {
    export_of_type(module, STRICT_EVAL, 5, &[ValType::I32])
}

/// The module's exports for decisions, if it has all of them with the types that this host knows, and `sealgate_eval`.
fn decide_exports(module: &Module) -> Option<DecideExports> {
    strict_eval(module)?;
    Some(DecideExports {
        decide: export_of_type(module, DECIDE, 5, &[ValType::I64])?,
        text: export_of_type(module, ANSWER_TEXT, 0, &[ValType::I32])?,
        slots: export_of_type(module, INPUT_SLOTS, 0, &[ValType::I32])?,
    })
}

/// A function from so many i32, if the module exports it with these results.
fn export_of_type(module: &Module, name: &str, params: usize, results: &[ValType]) -> Option<ModuleExport> {
    let Some(ExternType::Func(ty)) = module.get_export(name) else { return None };
    let known = ty.params().len() == params
        && ty.params().all(|ty| matches!(ty, ValType::I32))
        && ty.results().len() == results.len()
        && ty.results().zip(results).all(|(ty, expected)| ValType::eq(&ty, expected));
    if known { module.get_export_index(name) } else { None }
}

fn typed<P: WasmParams, R: WasmResults>(
    store: &mut impl AsContextMut<Data = HostState>,
    instance: Instance,
    export: &ModuleExport,
    name: &'static str,
) -> Result<TypedFunc<P, R>, ModuleError> {
    instance
        .get_module_export(&mut *store, export)
        .and_then(wasmtime::Extern::into_func)
        .and_then(|func| func.typed(&*store).ok())
        .ok_or(ModuleError::Export(name))
}

/// An instance's exports on the way of every decision.
pub(crate) struct Abi {
    pub(crate) memory: Memory,
    pub(crate) eval: Eval,
    pub(crate) decide: Option<Decide>,
}

/// How an instance is evaluated.
pub(crate) enum Eval {
    Strict(TypedFunc<StrictEvalParams, i32>),
    OneCall(TypedFunc<EvalParams, i32>),
    Context(Box<ContextEval>),
}

/// Decisions without text.
#[derive(Clone)]
pub(crate) struct Decide {
    pub(crate) decide: TypedFunc<DecideParams, i64>,
    pub(crate) text: TypedFunc<(), i32>,
}

/// Evaluation through a context.
pub(crate) struct ContextEval {
    pub(crate) new: TypedFunc<(), i32>,
    pub(crate) set_input: TypedFunc<(i32, i32), ()>,
    pub(crate) set_data: TypedFunc<(i32, i32), ()>,
    pub(crate) set_entrypoint: TypedFunc<(i32, i32), ()>,
    pub(crate) eval: TypedFunc<i32, i32>,
    pub(crate) get_result: TypedFunc<i32, i32>,
    pub(crate) heap_ptr_set: TypedFunc<i32, ()>,
}

/// An instance's exports for values.
#[derive(Clone)]
pub(crate) struct ValueAbi {
    pub(crate) malloc: TypedFunc<i32, i32>,
    pub(crate) json_parse: TypedFunc<(i32, i32), i32>,
    pub(crate) json_dump: TypedFunc<i32, i32>,
    pub(crate) value_parse: TypedFunc<(i32, i32), i32>,
    pub(crate) value_dump: TypedFunc<i32, i32>,
    pub(crate) entrypoints: TypedFunc<(), i32>,
    pub(crate) builtins: TypedFunc<(), i32>,
}

/// What a module says about its version, where it says so.
///
/// # Errors
/// [`ModuleError::AbiVersion`] for any major version but 1.
pub(crate) fn check_version(
    mut store: impl AsContextMut<Data = HostState>,
    instance: Instance,
) -> Result<(), ModuleError> {
    let Some(global) = instance.get_global(&mut store, "opa_wasm_abi_version") else { return Ok(()) };
    match global.get(&mut store).i32() {
        Some(1) => Ok(()),
        Some(other) => Err(ModuleError::AbiVersion(other)),
        None => Err(ModuleError::Export("opa_wasm_abi_version")),
    }
}
