//! The host's side of an instance: its limits, and the imports of the ABI (`opa_abort`, `opa_builtin0..4`).
//!
//! Arguments and results of builtins cross the border as Rego text through the module's own dump and parse functions, so
//! nothing here knows how a module lays out its values.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sealgate_builtins::{BuiltinError, Context, Entry, Value};
use wasmtime::{Caller, Linker, Memory, ResourceLimiter, Trap};

use crate::abi::ValueAbi;
use crate::error::DecideError;
use crate::guest::{self, GuestPtr};
use crate::rego_error::{ErrorCode, RegoError, RegoLocation};

/// Bytes of an abort message that are kept.
const MAX_MESSAGE: usize = 4096;
/// With this message a module gives up that gets no memory, OPA's too.
const MALLOC_FAILED: &str = "opa_malloc: failed";
/// Bytes of text that one builtin argument or result may have.
const MAX_VALUE: usize = 16 << 20;

/// The builtins that a module calls, by the id that the module gave them.
pub(crate) type BuiltinTable = HashMap<i32, (Box<str>, Entry)>;

/// What the host keeps for one instance.
pub(crate) struct HostState {
    pub(crate) limits: Limits,
    pub(crate) builtins: Arc<BuiltinTable>,
    /// Whether a builtin's error ends the evaluation.
    strict: bool,
    /// Set once the instance is bound; start functions run before.
    pub(crate) values: Option<(Memory, ValueAbi)>,
    /// What one decision sees only once.
    pub(crate) context: Context,
}

impl HostState {
    pub(crate) fn new(max_memory: usize, builtins: Arc<BuiltinTable>, strict: bool, context: Context) -> Self {
        Self { limits: Limits { max_memory, refused: false }, builtins, strict, values: None, context }
    }
}

/// The memory cap of one instance.
pub(crate) struct Limits {
    max_memory: usize,
    /// Whether a growth was refused, which tells a full memory from other aborts.
    pub(crate) refused: bool,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let limit = maximum.map_or(self.max_memory, |maximum| maximum.min(self.max_memory));
        let granted = desired <= limit;
        self.refused |= !granted;
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        Ok(desired <= crate::engine::MAX_TABLE_ELEMENTS)
    }
}

/// Why a host function stopped the policy.
#[derive(Debug, Clone)]
pub(crate) struct Stop(pub(crate) DecideError);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Stop {}

impl From<DecideError> for Stop {
    fn from(error: DecideError) -> Self {
        Self(error)
    }
}

/// What ended a call into the sandbox, as the caller of a decision sees it.
pub(crate) fn stopped(error: &wasmtime::Error, limits: &Limits) -> DecideError {
    if limits.refused {
        return DecideError::MemoryLimit;
    }
    if let Some(Stop(reason)) = error.downcast_ref::<Stop>() {
        return reason.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => DecideError::Timeout,
        Some(Trap::StackOverflow) => DecideError::StackLimit,
        Some(trap) => DecideError::Trapped(trap.to_string()),
        None if error.is::<wasmtime::PoolConcurrencyLimitError>() => DecideError::Busy(error.to_string()),
        None => DecideError::Trapped(format!("{error:#}")),
    }
}

/// Defines the ABI's imports.
///
/// # Errors
/// As wasmtime; never, for a new linker.
pub(crate) fn link(linker: &mut Linker<HostState>) -> Result<(), wasmtime::Error> {
    linker.func_wrap(
        "env",
        "opa_abort",
        |mut caller: Caller<'_, HostState>, at: i32| -> Result<(), wasmtime::Error> {
            let message = abort_message(&mut caller, at);
            // What a piece of memory that is larger than all of it is refused with.
            if message == MALLOC_FAILED {
                return Err(Stop(DecideError::MemoryLimit).into());
            }
            let error = RegoError::parse(&message).map_or_else(|| DecideError::Aborted(message), DecideError::Rego);
            Err(Stop(error).into())
        },
    )?;
    // A policy's prints are nobody's business at decision time; the ABI wants the import to exist.
    linker.func_wrap("env", "opa_println", |_: i32| {})?;
    type Guest<'a> = Caller<'a, HostState>;
    linker.func_wrap("env", "opa_builtin0", |host: Guest<'_>, id: i32, ctx: i32| call(host, id, ctx, &[]))?;
    linker.func_wrap("env", "opa_builtin1", |host: Guest<'_>, id: i32, ctx: i32, a: i32| call(host, id, ctx, &[a]))?;
    linker.func_wrap("env", "opa_builtin2", |host: Guest<'_>, id: i32, ctx: i32, a: i32, b: i32| {
        call(host, id, ctx, &[a, b])
    })?;
    linker.func_wrap("env", "opa_builtin3", |host: Guest<'_>, id: i32, ctx: i32, a: i32, b: i32, c: i32| {
        call(host, id, ctx, &[a, b, c])
    })?;
    linker.func_wrap("env", "opa_builtin4", |host: Guest<'_>, id: i32, ctx: i32, a: i32, b: i32, c: i32, d: i32| {
        call(host, id, ctx, &[a, b, c, d])
    })?;
    Ok(())
}

fn abort_message(caller: &mut Caller<'_, HostState>, at: i32) -> String {
    // A start function may abort before the instance is bound.
    let memory = match &caller.data().values {
        Some((memory, _)) => Some(*memory),
        None => caller.get_export("memory").and_then(wasmtime::Extern::into_memory),
    };
    match memory {
        Some(memory) => guest::message(memory.data(&*caller), GuestPtr::from_abi(at), MAX_MESSAGE),
        None => "no message".to_owned(),
    }
}

/// Serves `opa_builtinN`: 0 is undefined. Strict modules pass the address of the call's place as `ctx`.
fn call(mut caller: Caller<'_, HostState>, id: i32, ctx: i32, args: &[i32]) -> Result<i32, wasmtime::Error> {
    let builtins = Arc::clone(&caller.data().builtins);
    let Some((name, entry)) = builtins.get(&id) else {
        return Err(Stop(DecideError::BrokenAbi("it called a builtin that it does not list")).into());
    };
    let Some((memory, abi)) = caller.data().values.clone() else {
        return Err(Stop(DecideError::BrokenAbi("it called a builtin while it started")).into());
    };
    let failed = |problem: String| Stop(DecideError::BuiltinFailed { name: name.to_string(), problem });
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        let at = abi.value_dump.call(&mut caller, *arg)?;
        let text = guest::text(memory.data(&caller), GuestPtr::from_abi(at), MAX_VALUE).map_err(Stop)?;
        values.push(Value::parse(text).map_err(|error| failed(format!("argument unreadable: {error}")))?);
    }
    let result = entry.call(&mut caller.data_mut().context, &values);
    // The sandbox looks at its deadline by ticks. What a builtin gave because its time was cut short must not decide.
    caller.data().context.deadline().check().map_err(|_| Stop(DecideError::Timeout))?;
    match result {
        Ok(Some(value)) => Ok(pass(&mut caller, memory, &abi, &value)?),
        Ok(None) => Ok(0),
        // As in OPA, unless it is told to be strict.
        Err(BuiltinError::Operand(_) | BuiltinError::Failed(_)) if !caller.data().strict => Ok(0),
        Err(BuiltinError::Halt(problem)) => Err(failed(problem).into()),
        Err(BuiltinError::Timeout) => Err(Stop(DecideError::Timeout).into()),
        Err(error) => {
            let code = if matches!(error, BuiltinError::Operand(_)) { ErrorCode::Type } else { ErrorCode::Builtin };
            let location = place(memory.data(&caller), GuestPtr::from_abi(ctx));
            Err(Stop(DecideError::Rego(RegoError { code, message: format!("{name}: {error}"), location })).into())
        }
    }
}

/// The place of a call, as strict modules of Sealgate's compiler describe it: the address of the file's name, row, column.
fn place(memory: &[u8], at: GuestPtr) -> Option<RegoLocation> {
    let [file, row, column] = guest::words(memory, Some(at).filter(|at| !at.is_null())?)?;
    Some(RegoLocation { file: guest::message(memory, GuestPtr(file), MAX_MESSAGE), row, column })
}

/// Hands a value to the policy.
fn pass(
    caller: &mut Caller<'_, HostState>,
    memory: Memory,
    abi: &ValueAbi,
    value: &Value,
) -> Result<i32, wasmtime::Error> {
    let text = value.to_text();
    let length = i32::try_from(text.len()).map_err(|_| Stop(DecideError::ResultTooLarge { limit: MAX_VALUE }))?;
    let at = GuestPtr::from_abi(abi.malloc.call(&mut *caller, length)?);
    match guest::region(memory.data_mut(&mut *caller), at, text.len()) {
        Some(region) if !at.is_null() => region.copy_from_slice(text.as_bytes()),
        _ => return Err(Stop(DecideError::BrokenAbi("it allocated outside its memory")).into()),
    }
    let parsed = abi.value_parse.call(&mut *caller, (at.to_abi(), length))?;
    if parsed == 0 {
        return Err(Stop(DecideError::BrokenAbi("it cannot read a builtin's result")).into());
    }
    Ok(parsed)
}
