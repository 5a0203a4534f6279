//! Evaluation by the OPA ABI: the context functions with `eval`, and `opa_eval` in one call.

use core::ffi::c_char;

use super::values;
use crate::heap::wasm;
use crate::json::Notation;
use crate::{Heap, Value};

unsafe extern "C" {
    /// Generated code: the result set of an entrypoint. It aborts on an id that is none.
    safe fn sg_entry(
        entrypoint: i32,
        input: Option<Value<'static>>,
        data: Option<Value<'static>>,
    ) -> Option<Value<'static>>;
    /// Generated code: the object of entrypoints, name to id.
    safe fn sg_entrypoints_value() -> Option<Value<'static>>;
    /// Generated code: the object of the builtins that the host must supply, name to id.
    safe fn sg_builtins_value() -> Option<Value<'static>>;
}

/// What hosts fill in before `eval`, and read afterwards.
#[repr(C)]
struct Context {
    input: Option<Value<'static>>,
    data: Option<Value<'static>>,
    result: Option<Value<'static>>,
    entrypoint: i32,
}

#[unsafe(no_mangle)]
extern "C" fn opa_eval_ctx_new() -> *mut Context {
    let context: *mut Context = Heap::module().alloc_array::<[usize; 4]>(1).as_ptr().cast();
    // SAFETY: fresh memory of the right size.
    unsafe { context.write(Context { input: None, data: None, result: None, entrypoint: 0 }) };
    context
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opa_eval_ctx_set_input(context: *mut Context, value: Option<Value<'static>>) {
    // SAFETY: the host passes what `opa_eval_ctx_new` gave, here and below.
    unsafe { (*context).input = value }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opa_eval_ctx_set_data(context: *mut Context, value: Option<Value<'static>>) {
    // SAFETY: as above.
    unsafe { (*context).data = value }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opa_eval_ctx_set_entrypoint(context: *mut Context, entrypoint: i32) {
    // SAFETY: as above.
    unsafe { (*context).entrypoint = entrypoint }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opa_eval_ctx_get_result(context: *mut Context) -> Option<Value<'static>> {
    // SAFETY: as above.
    unsafe { (*context).result }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn eval(context: *mut Context) -> i32 {
    // SAFETY: as above.
    unsafe { (*context).result = sg_entry((*context).entrypoint, (*context).input, (*context).data) };
    0
}

/// Evaluates in one call. The input is a Rego value; an empty one is *undefined*. Anything else that is not a value aborts:
/// a policy must not decide as if there were no input.
#[unsafe(no_mangle)]
extern "C" fn opa_eval(
    reserved: usize,
    entrypoint: i32,
    data: Option<Value<'static>>,
    input: *const u8,
    input_len: usize,
    heap: usize,
    format: i32,
) -> *const c_char {
    if reserved != 0 {
        crate::abort(c"invalid reserved argument");
    }
    wasm::set_top(heap);
    let value = values::parse(input, input_len, Notation::Rego);
    if value.is_none() && input_len != 0 {
        crate::abort(c"the input is not a value");
    }
    let result = sg_entry(entrypoint, value, data);
    values::text(result, if format == 0 { Notation::Json } else { Notation::Rego })
}

/// Evaluates in one call, as Sealgate's own host asks: the input is exactly one JSON value, or the call aborts, so that the
/// host need not look at it. The result set comes back as JSON.
#[unsafe(no_mangle)]
extern "C" fn sealgate_eval(
    entrypoint: i32,
    data: Option<Value<'static>>,
    input: *const u8,
    input_len: usize,
    heap: usize,
) -> *const c_char {
    wasm::set_top(heap);
    let value = values::parse_strictly(input, input_len);
    values::text(sg_entry(entrypoint, Some(value), data), Notation::Json)
}

#[unsafe(no_mangle)]
extern "C" fn entrypoints() -> Option<Value<'static>> {
    sg_entrypoints_value()
}

#[unsafe(no_mangle)]
extern "C" fn builtins() -> Option<Value<'static>> {
    sg_builtins_value()
}
