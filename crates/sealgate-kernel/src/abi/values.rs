//! Value functions of the OPA ABI: text in and out, and edits of the data document.

use core::ffi::c_char;

use crate::json::{Notation, ParseError, parse_prefix};
use crate::{Heap, Text, Value, paths};

/// Reads the value at the start of a text. 0 if it is not one; what follows is ignored, because hosts differ in whether they
/// count a final NUL. Text that is not UTF-8 and illegal escapes abort.
pub(super) fn parse(start: *const u8, len: usize, notation: Notation) -> Option<Value<'static>> {
    if len == 0 {
        return None;
    }
    // SAFETY: the host wrote `len` bytes there, and leaves them alone until it resets the heap.
    let text = unsafe { core::slice::from_raw_parts(start, len) };
    match parse_prefix(Heap::module(), text, notation) {
        Ok((value, _)) => Some(value),
        Err(ParseError::Syntax | ParseError::Depth) => None,
        Err(ParseError::Encoding) => crate::abort(c"illegal utf-8"),
        Err(ParseError::Escape) => crate::abort(c"illegal string escape character"),
    }
}

/// Reads a text that is exactly one JSON value. Anything else aborts.
pub(super) fn parse_strictly(start: *const u8, len: usize) -> Value<'static> {
    // SAFETY: the host wrote `len` bytes there, and leaves them alone until it resets the heap.
    let text = if len == 0 { &[] } else { unsafe { core::slice::from_raw_parts(start, len) } };
    match crate::json::parse(Heap::module(), text, Notation::Json) {
        Ok(value) => value,
        Err(_) => crate::abort(c"the input is not one JSON value"),
    }
}

/// The NUL-terminated text of a value.
pub(super) fn text(value: Option<Value<'static>>, notation: Notation) -> *const c_char {
    let Some(value) = value else { return core::ptr::null() };
    let heap = Heap::module();
    let mut text = Text::new(heap, 256);
    crate::json::write(&mut text, value, notation);
    text.push('\0');
    text.finish_str().as_ptr().cast()
}

#[unsafe(no_mangle)]
extern "C" fn opa_json_parse(start: *const u8, len: usize) -> Option<Value<'static>> {
    parse(start, len, Notation::Json)
}

#[unsafe(no_mangle)]
extern "C" fn opa_value_parse(start: *const u8, len: usize) -> Option<Value<'static>> {
    parse(start, len, Notation::Rego)
}

#[unsafe(no_mangle)]
extern "C" fn opa_json_dump(value: Option<Value<'static>>) -> *const c_char {
    text(value, Notation::Json)
}

#[unsafe(no_mangle)]
extern "C" fn opa_value_dump(value: Option<Value<'static>>) -> *const c_char {
    text(value, Notation::Rego)
}

#[unsafe(no_mangle)]
extern "C" fn opa_value_free(_value: Option<Value<'static>>) {}

const INTERNAL: i32 = 1;

#[unsafe(no_mangle)]
extern "C" fn opa_value_add_path(
    document: Option<Value<'static>>,
    path: Option<Value<'static>>,
    value: Option<Value<'static>>,
) -> i32 {
    let (Some(document), Some(path), Some(value)) = (document, path, value) else { return INTERNAL };
    paths::add(Heap::module(), document, path, value).map_or_else(|error| error as i32, |()| 0)
}

#[unsafe(no_mangle)]
extern "C" fn opa_value_remove_path(document: Option<Value<'static>>, path: Option<Value<'static>>) -> i32 {
    let (Some(document), Some(path)) = (document, path) else { return INTERNAL };
    paths::remove(document, path).map_or_else(|error| error as i32, |()| 0)
}
