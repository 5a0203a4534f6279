//! Evaluation by the OPA ABI: the context functions with `eval`, and `opa_eval` in one call.

use core::ffi::c_char;

use super::values;
use crate::heap::wasm;
use crate::input::scan::SLACK;
use crate::input::{self, Table, header};
use crate::json::Notation;
use crate::{Heap, ObjectBuilder, SetBuilder, Text, Value};

unsafe extern "C" {
    /// Generated code: what an entrypoint gives. It aborts on an id that is none. Where there are slots, it finds the input
    /// there.
    safe fn sg_entry(
        input: Option<Value<'static>>,
        data: Option<Value<'static>>,
        entrypoint: i32,
    ) -> Option<Value<'static>>;
    /// Generated code: 1 if `sg_entry` gives the value of the one result that there may be, 0 if it gives the result set.
    safe fn sg_single() -> i32;
    /// Generated code: the table of what is read of the input, or null.
    safe fn sg_input_table() -> *const u32;
    /// Generated code: the description of that table, NUL-terminated, or null.
    safe fn sg_input_description() -> *const c_char;
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
    unsafe { (*context).result = Some(result_set((*context).entrypoint, (*context).input, (*context).data)) };
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
        crate::abort(c"not a value");
    }
    let result = result_set(entrypoint, value, data);
    values::text(Some(result), if format == 0 { Notation::Json } else { Notation::Rego })
}

/// The result set of an entrypoint, as OPA's hosts know it: a set of objects with one member.
fn result_set(entrypoint: i32, input: Option<Value<'static>>, data: Option<Value<'static>>) -> Value<'static> {
    let heap = Heap::module();
    let given = evaluate(entrypoint, input, data);
    if sg_single() == 0
        && let Some(set) = given
    {
        return set;
    }
    let mut set = SetBuilder::new(heap, 1);
    if let Some(value) = given {
        let mut row = ObjectBuilder::new(heap, 1);
        row.insert(Value::string(heap, "result"), value);
        set.add(row.finish());
    }
    set.finish()
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
    result_text(given(entrypoint, data, input, input_len))
}

/// What `sealgate_decide` decided last, as [`sg_entry`] gave it: for `sealgate_answer_text`, which is called before the next
/// call of anything else.
static mut DECIDED: Option<Value<'static>> = None;

/// As `sealgate_eval`, but the result set is named, not written: `sealgate_answer_text` writes it. Gives where its identity
/// lies and, from the 32nd bit on, the length of that in bytes: bytes that no other answer of this module has; none where that
/// cannot be said.
///
/// The input is JSON if `records` is negative: so many bytes, in one's complement. Else the host has written it into the slots,
/// but for what so many records say, with which what lies below the heap begins. The heap's address is a multiple of 8.
#[unsafe(no_mangle)]
#[target_feature(enable = "simd128")]
extern "C" fn sealgate_decide(
    entrypoint: i32,
    data: Option<Value<'static>>,
    input: *const u8,
    heap: usize,
    records: i32,
) -> u64 {
    wasm::set_aligned_top(heap);
    let given = if records < 0 {
        given(entrypoint, data, input, !records as usize)
    } else {
        if records != 0 {
            let input_len = heap.saturating_sub(input as usize);
            // SAFETY: the host has written the input below the heap, strings as UTF-8.
            unsafe { read_records(core::slice::from_raw_parts(input, input_len), records as usize) }
        }
        enter(entrypoint, None, data)
    };
    // SAFETY: a Wasm instance is single-threaded, and no reference to the static is kept.
    unsafe { DECIDED = given }
    let identity = match given {
        Some(value) if sg_single() != 0 => crate::identity::of(Heap::module(), value),
        _ => &[],
    };
    (size_of_val(identity) as u64) << 32 | identity.as_ptr() as u64
}

/// Reads records into the slots, or aborts.
///
/// # Safety
/// The input must lie below the heap, and its strings must be UTF-8.
#[inline(never)]
unsafe fn read_records(input: &'static [u8], count: usize) {
    let table = sg_input_table();
    wasm::ensure(SLACK);
    // SAFETY: the table is generated code's; the caller's promise, and there is some memory behind the input.
    let read = !table.is_null()
        && unsafe { input::records::fill(Heap::module(), Table(table), slots(Table(table)), input, count) };
    if !read {
        crate::abort(c"the input is not what the policy reads");
    }
}

/// The result set of what was decided last, as JSON.
#[unsafe(no_mangle)]
extern "C" fn sealgate_answer_text() -> *const c_char {
    // SAFETY: as in `sealgate_decide`.
    result_text(unsafe { DECIDED })
}

/// Where the slots are and what they are for, as JSON; null where the policy reads the input as a whole.
#[unsafe(no_mangle)]
extern "C" fn sealgate_slots() -> *const c_char {
    sg_input_description()
}

/// What an entrypoint gives for an input that is exactly one JSON value and lies below the heap. Anything else aborts.
#[inline(always)]
fn given(entrypoint: i32, data: Option<Value<'static>>, input: *const u8, input_len: usize) -> Option<Value<'static>> {
    let table = sg_input_table();
    // SAFETY: the table is generated code's; the host has written the input below the heap.
    let read = !table.is_null() && unsafe { scan(Table(table), input, input_len) };
    if read { enter(entrypoint, None, data) } else { given_whole(entrypoint, data, input, input_len) }
}

/// The same for an input that the scanner leaves to the parser.
#[inline(never)]
fn given_whole(
    entrypoint: i32,
    data: Option<Value<'static>>,
    input: *const u8,
    input_len: usize,
) -> Option<Value<'static>> {
    evaluate(entrypoint, Some(values::parse_strictly(input, input_len)), data)
}

/// What an entrypoint gives for an input that is in no slots yet.
#[inline(never)]
fn evaluate(entrypoint: i32, input: Option<Value<'static>>, data: Option<Value<'static>>) -> Option<Value<'static>> {
    let table = sg_input_table();
    if !table.is_null() {
        // SAFETY: the table is generated code's.
        unsafe { input::fill(Table(table), slots(Table(table)), input) }
    }
    enter(entrypoint, input, data)
}

/// As [`sg_entry`]. A host that has no data does not make an empty document for nothing.
#[inline(always)]
fn enter(entrypoint: i32, input: Option<Value<'static>>, data: Option<Value<'static>>) -> Option<Value<'static>> {
    sg_entry(input, Some(data.unwrap_or_else(Value::empty_object)), entrypoint)
}

/// The result set of what an entrypoint gave, as JSON.
fn result_text(given: Option<Value<'static>>) -> *const c_char {
    if sg_single() == 0 {
        return values::text(given, Notation::Json);
    }
    let mut text = Text::new(Heap::module(), 512);
    match given {
        Some(value) => {
            text.push_str("[{\"result\":");
            crate::json::write(&mut text, value, Notation::Json);
            text.push_str("}]\0");
        }
        None => text.push_str("[]\0"),
    }
    text.finish_str().as_ptr().cast()
}

/// Reads the input into the slots, if it lies where its end can be marked. Whether it did.
///
/// # Safety
/// `table` must be one of generated code, and `input_len` bytes must lie at `input`.
unsafe fn scan(table: Table, input: *const u8, input_len: usize) -> bool {
    // SAFETY: the text is within memory; what is behind it is below the heap pointer's rounding, or free.
    unsafe {
        let Some(end) = (input as usize).checked_add(input_len).filter(|end| wasm::top().wrapping_sub(*end) < 8) else {
            return false;
        };
        wasm::ensure(SLACK);
        (end as *mut u8).write(0);
        let text = core::slice::from_raw_parts(input, input_len);
        input::scan::scan(Heap::module(), table, slots(table), text)
    }
}

unsafe fn slots(table: Table) -> *mut Option<Value<'static>> {
    // SAFETY: a table in a module holds the address of slots in its zeroed memory.
    unsafe { table.word(header::ADDRESS) as *mut Option<Value<'static>> }
}

#[unsafe(no_mangle)]
extern "C" fn entrypoints() -> Option<Value<'static>> {
    sg_entrypoints_value()
}

#[unsafe(no_mangle)]
extern "C" fn builtins() -> Option<Value<'static>> {
    sg_builtins_value()
}
