//! Lookups in the dispatch tables of generated code; their layout is described in `index.rs`.

use crate::compare::equal;
use crate::index::{combine, hash_bool, hash_int, hash_null, hash_text};
use crate::number::arithmetic::to_i64;
use crate::{Value, View};

type Maybe = Option<Value<'static>>;

/// The record under `keys`, or null.
///
/// # Safety
/// `table` must be a dispatch table of `N` keys with at least one free slot.
unsafe fn find<const N: usize>(table: *const u32, keys: [Maybe; N]) -> *const u32 {
    let mut hash = 0;
    for key in keys {
        let Some(next) = key.and_then(hash_value) else { return core::ptr::null() };
        hash = combine(hash, next);
    }
    // SAFETY: the caller's promise: the mask, the number of keys, then `mask + 1` slots.
    unsafe {
        let (mask, slots) = (*table, table.add(2).cast::<*const u32>());
        let mut at = hash & mask;
        loop {
            let record = *slots.add(at as usize);
            if record.is_null() {
                return record;
            }
            if *record == hash {
                let held = record.add(1).cast::<Maybe>();
                let mut place = 0;
                let same = keys.iter().all(|key| {
                    let other = *held.add(place);
                    place += 1;
                    matches!((key, other), (Some(key), Some(other)) if key.is_same(other) || equal(*key, other))
                });
                if same {
                    return record;
                }
            }
            at = (at + 1) & mask;
        }
    }
}

/// The hash of a value that can be a key.
#[inline]
fn hash_value(value: Value<'_>) -> Option<u32> {
    if let Some(hash) = value.interned_hash() {
        return Some(hash);
    }
    hash_other(value)
}

#[inline(never)]
fn hash_other(value: Value<'_>) -> Option<u32> {
    match value.view() {
        View::Null => Some(hash_null()),
        View::Bool(value) => Some(hash_bool(value)),
        View::Number(number) => to_i64(number).map(hash_int),
        View::String(text) => Some(hash_text(text.as_bytes())),
        _ => None,
    }
}

macro_rules! lookups {
    ($($name:ident($($key:ident),*);)*) => {$(
        /// The record of the key or keys in a table of generated code, or 0.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(table: *const u32, $($key: Maybe),*) -> *const u32 {
            // SAFETY: generated code passes its own tables, of as many keys.
            unsafe { find(table, [$($key),*]) }
        }
    )*};
}

lookups! {
    sg_index_find1(a);
    sg_index_find2(a, b);
    sg_index_find3(a, b, c);
    sg_index_find4(a, b, c, d);
}
