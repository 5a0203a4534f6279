//! The functions that generated code calls, beside the builtins. A parameter that is *undefined* gives *undefined*, or
//! nothing is done.

use core::ffi::{CStr, c_char};

use crate::builtins::failure::{Failure, Operand, diagnose, noted};
use crate::collection::{array_push, new_collection, object_insert, object_insert_once, set_add};
use crate::layout::{FLAG_STATIC, TAG_ARRAY, TAG_OBJECT, TAG_SET};
use crate::{Heap, Value, View, paths};

type Maybe = Option<Value<'static>>;

/// The member, element or set element at `key`.
#[unsafe(no_mangle)]
extern "C" fn sg_get(value: Maybe, key: Maybe) -> Maybe {
    let (value, key) = (value?, key?);
    value.member_at(key).or_else(|| value.get(key))
}

/// The member or element at `key` of base data.
#[unsafe(no_mangle)]
extern "C" fn sg_get_base(value: Maybe, key: Maybe) -> Maybe {
    paths::base_member(value?, key?)
}

/// -1, 0 or 1 by Rego's total order; *undefined* comes first.
#[unsafe(no_mangle)]
extern "C" fn sg_compare(a: Maybe, b: Maybe) -> i32 {
    a.cmp(&b) as i32
}

#[unsafe(no_mangle)]
extern "C" fn sg_equal(a: Maybe, b: Maybe) -> i32 {
    i32::from(a == b)
}

/// Elements or pairs; -1 for what has none.
#[unsafe(no_mangle)]
extern "C" fn sg_len(value: Maybe) -> i32 {
    // Memory holds fewer than 2^31 elements.
    value.and_then(Value::count).map_or(-1, |count| count as i32)
}

/// The key of the i-th element: the index, the key of a pair, the element of a set.
#[unsafe(no_mangle)]
extern "C" fn sg_iter_key(value: Maybe, index: u32) -> Maybe {
    match value?.view() {
        View::Array(elements) => {
            ((index as usize) < elements.len()).then(|| Value::int(Heap::module(), i64::from(index)))
        }
        View::Object(pairs) => pairs.get(index as usize).map(|pair| pair.key),
        View::Set(elements) => elements.get(index as usize).copied(),
        _ => None,
    }
}

/// The i-th element, or the value of the i-th pair.
#[unsafe(no_mangle)]
extern "C" fn sg_iter_value(value: Maybe, index: u32) -> Maybe {
    match value?.view() {
        View::Array(elements) | View::Set(elements) => elements.get(index as usize).copied(),
        View::Object(pairs) => pairs.get(index as usize).map(|pair| pair.value),
        _ => None,
    }
}

#[unsafe(no_mangle)]
extern "C" fn sg_number(value: i64) -> Maybe {
    Some(Value::int(Heap::module(), value))
}

#[unsafe(no_mangle)]
extern "C" fn sg_array_new(capacity: u32) -> Maybe {
    Some(new_collection(Heap::module(), TAG_ARRAY, capacity as usize))
}

#[unsafe(no_mangle)]
extern "C" fn sg_array_push(array: Maybe, value: Maybe) {
    if let (Some(array), Some(value)) = (array, value) {
        array_push(Heap::module(), array, value);
    }
}

#[unsafe(no_mangle)]
extern "C" fn sg_set_new(capacity: u32) -> Maybe {
    Some(new_collection(Heap::module(), TAG_SET, capacity as usize))
}

#[unsafe(no_mangle)]
extern "C" fn sg_set_add(set: Maybe, value: Maybe) {
    if let (Some(set), Some(value)) = (set, value) {
        set_add(Heap::module(), set, value);
    }
}

/// The array with `value` behind its last element: a new one where it is the empty constant.
#[unsafe(no_mangle)]
extern "C" fn sg_array_gather(array: Maybe, value: Maybe) -> Maybe {
    let array = own(array?, TAG_ARRAY);
    array_push(Heap::module(), array, value?);
    Some(array)
}

/// The set with `value` in it: a new one where it is the empty constant.
#[unsafe(no_mangle)]
extern "C" fn sg_set_gather(set: Maybe, value: Maybe) -> Maybe {
    let set = own(set?, TAG_SET);
    set_add(Heap::module(), set, value?);
    Some(set)
}

fn own(collection: Value<'static>, tag: u8) -> Value<'static> {
    if collection.flags() & FLAG_STATIC == 0 {
        return collection;
    }
    new_collection(Heap::module(), tag, 4)
}

/// The word of a number that is worth a small integer, however it is written; 0 for everything else.
#[unsafe(no_mangle)]
extern "C" fn sg_small_integer(value: Maybe) -> Maybe {
    let integer = crate::number::arithmetic::to_i64(value?.as_number()?)?;
    i32::try_from(integer).ok()?.checked_mul(2)?;
    Some(Value::int(Heap::module(), integer))
}

#[unsafe(no_mangle)]
extern "C" fn sg_object_new(capacity: u32) -> Maybe {
    Some(new_collection(Heap::module(), TAG_OBJECT, capacity as usize))
}

/// So many bytes, which the caller fills.
#[unsafe(no_mangle)]
extern "C" fn sg_alloc(size: usize) -> *mut u8 {
    Heap::module().alloc(size).as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn sg_object_insert(object: Maybe, key: Maybe, value: Maybe) {
    if let (Some(object), Some(key), Some(value)) = (object, key, value) {
        object_insert(Heap::module(), object, key, value);
    }
}

/// 1, or 0 if another value is under the key.
#[unsafe(no_mangle)]
extern "C" fn sg_object_insert_once(object: Maybe, key: Maybe, value: Maybe) -> i32 {
    match (object, key, value) {
        (Some(object), Some(key), Some(value)) => i32::from(object_insert_once(Heap::module(), object, key, value)),
        _ => 1,
    }
}

/// Both objects in one, recursively; where only one can be, `a`'s.
#[unsafe(no_mangle)]
extern "C" fn sg_object_merge(a: Maybe, b: Maybe) -> Maybe {
    match (a, b) {
        (Some(a), Some(b)) => Some(paths::merge(Heap::module(), a, b)),
        (a, b) => a.or(b),
    }
}

/// What `base` is with `value` at `path`, an array; `base` itself is not changed.
#[unsafe(no_mangle)]
extern "C" fn sg_path_put(base: Maybe, path: Maybe, value: Maybe) -> Maybe {
    Some(paths::put(Heap::module(), base, path?.as_array()?, value?))
}

/// Tells the host the NUL-terminated text at `message`, and traps.
#[unsafe(no_mangle)]
unsafe extern "C" fn sg_abort(message: *const c_char) -> ! {
    // SAFETY: generated code passes the address of a NUL-terminated text in its static data.
    crate::abort(unsafe { CStr::from_ptr(message) })
}

/// What strict code knows of a builtin: its name, how many operands it takes, what it says of a failure that no operand
/// explains, and the operands.
#[repr(C)]
struct BuiltinRecord {
    name: *const c_char,
    arity: u32,
    failure: *const c_char,
    operands: [u32; MOST_OPERANDS],
}

/// Operands that a builtin of the kernel takes at most.
const MOST_OPERANDS: usize = 4;

/// Where a call is in the policy's source.
#[repr(C)]
struct Place {
    file: *const c_char,
    row: u32,
    col: u32,
}

/// Ends the evaluation because a builtin has failed, unless it is undefined without an error.
#[unsafe(no_mangle)]
unsafe extern "C" fn sg_builtin_failed(
    builtin: *const BuiltinRecord,
    place: *const Place,
    a: Maybe,
    b: Maybe,
    c: Maybe,
    d: Maybe,
) {
    // SAFETY: generated code passes the addresses of such records in its static data, here and below.
    let (builtin, place) = unsafe { (&*builtin, &*place) };
    let operands = [a, b, c, d];
    let failure = noted::take().unwrap_or_else(|| {
        let declared = builtin.operands.iter().map(|word| Operand::from_word(*word)).take(builtin.arity as usize);
        // SAFETY: as above.
        let otherwise = unsafe { CStr::from_ptr(builtin.failure) }.to_str().unwrap_or_default();
        diagnose(declared.zip(operands.iter().map_while(|operand| *operand)), otherwise)
    });
    let Some(code) = failure.code() else { return };
    let value = match failure {
        Failure::Type(position, _) => operands.get((position as usize).wrapping_sub(1)).copied().flatten(),
        _ => None,
    };
    let mut text = crate::Text::new(Heap::module(), 128);
    // SAFETY: as above.
    let (file, name) = unsafe { (static_text(place.file), static_text(builtin.name)) };
    push_place(&mut text, file, place.row, place.col);
    for part in [": ", code, ": ", name, ": ", &failure.message(value), "\0"] {
        text.push_str(part);
    }
    abort_with(text)
}

/// A NUL-terminated text of generated code's static data, which is UTF-8.
///
/// # Safety
/// `at` must be the address of one.
unsafe fn static_text(at: *const c_char) -> &'static str {
    // SAFETY: the caller's promise.
    unsafe { core::str::from_utf8_unchecked(CStr::from_ptr(at).to_bytes()) }
}

/// Tells the host a text that ends with NUL, and traps.
fn abort_with(text: crate::Text<'_>) -> ! {
    // SAFETY: the first NUL ends what the host reads, and the last byte is one.
    crate::abort(unsafe { CStr::from_ptr(text.finish_str().as_ptr().cast()) })
}

fn push_place(text: &mut crate::Text<'_>, file: &str, row: u32, col: u32) {
    let mut buffer = [0; 20];
    text.push_str(file);
    for number in [row, col] {
        text.push_str(":");
        text.push_ascii(crate::number::digits(u64::from(number), &mut buffer));
    }
}

/// Tells the host `file:row:col: message` and traps; both texts are NUL-terminated.
#[unsafe(no_mangle)]
unsafe extern "C" fn sg_runtime_error(file: *const c_char, row: u32, col: u32, message: *const c_char) -> ! {
    let mut text = crate::Text::new(Heap::module(), 64);
    // SAFETY: generated code passes the addresses of NUL-terminated texts in its static data.
    let (file, message) = unsafe { (static_text(file), static_text(message)) };
    push_place(&mut text, file, row, col);
    for part in [": ", message, "\0"] {
        text.push_str(part);
    }
    abort_with(text)
}
