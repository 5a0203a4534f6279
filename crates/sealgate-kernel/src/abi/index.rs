//! Lookups in the dispatch tables of generated code; their layout is described in `index.rs`.

use crate::compare::equal;
use crate::index::prefix::{self, NODE_WORDS};
use crate::index::{combine, hash_bool, hash_int, hash_null, hash_text};
use crate::number::arithmetic::to_i64;
use crate::{Value, View};

type Maybe = Option<Value<'static>>;

/// What [`hash_value`] gives for what is no key. No hash has so many bits.
const NO_KEY: u64 = u64::MAX;

/// The hash of a value that can be a key.
#[inline(always)]
fn hash_value(value: Value<'_>) -> u64 {
    match value.interned_hash() {
        Some(hash) => hash.into(),
        None => hash_other(value),
    }
}

#[inline(never)]
fn hash_other(value: Value<'_>) -> u64 {
    let hash = match value.view() {
        View::Null => Some(hash_null()),
        View::Bool(value) => Some(hash_bool(value)),
        View::Number(number) => to_i64(number).map(hash_int),
        View::String(text) => Some(hash_text(text.as_bytes())),
        _ => None,
    };
    hash.map_or(NO_KEY, u64::from)
}

/// Whether the key is the one that lies at `held`.
///
/// # Safety
/// The address of a value must lie at `held`.
#[inline(always)]
unsafe fn is_at(key: Value<'static>, held: *const u32) -> bool {
    // SAFETY: the caller's promise.
    let held = unsafe { *held.cast::<Value<'static>>() };
    key.is_same(held) || equal(key, held)
}

/// The keys are written out, each in code of its own: an array of them would lie in memory.
macro_rules! lookups {
    ($($name:ident($($key:ident at $place:literal),*);)*) => {$(
        /// The record of the key or keys in a table of generated code, or 0.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(table: *const u32, $($key: Maybe),*) -> *const u32 {
            let mut hash = 0;
            $(
                let Some($key) = $key else { return core::ptr::null() };
                let next = hash_value($key);
                if next == NO_KEY {
                    return core::ptr::null();
                }
                hash = combine(hash, next as u32);
            )*
            // SAFETY: generated code passes its own tables, of as many keys and with a free slot: the mask, the bits of the hash
            // that slots have, then `mask + 1` slots.
            unsafe {
                let (mask, tag, slots) = (*table, *table.add(1), table.add(2));
                let mut at = hash & mask;
                loop {
                    let slot = *slots.add(at as usize);
                    let record = ((slot & !tag) << 2) as *const u32;
                    if slot == 0 || ((slot ^ hash) & tag == 0 $(&& is_at($key, record.add($place)))*) {
                        return record;
                    }
                    at = (at + 1) & mask;
                }
            }
        }
    )*};
}

lookups! {
    sg_index_find1(a at 0);
    sg_index_find2(a at 0, b at 1);
    sg_index_find3(a at 0, b at 1, c at 2);
    sg_index_find4(a at 0, b at 1, c at 2, d at 3);
}

/// The node of the longest text in a tree of generated code that a string begins with, or 0.
#[unsafe(no_mangle)]
unsafe extern "C" fn sg_prefix_find(tree: *const u32, value: Maybe) -> *const u32 {
    let Some(View::String(text)) = value.map(Value::view) else { return core::ptr::null() };
    // SAFETY: generated code passes its own trees: the number of nodes, then those, with addresses of strings in static data
    // and of nodes of the same tree.
    unsafe {
        let (count, nodes) = (*tree as usize, tree.add(1));
        let node = |place: usize| nodes.add(place * NODE_WORDS);
        let text_of = |place: usize| match (*node(place).cast::<Value<'static>>()).view() {
            View::String(text) => text.as_bytes(),
            _ => b"",
        };
        let parent = |place: usize| {
            let parent = *node(place).add(1).cast::<*const u32>();
            (!parent.is_null()).then(|| parent.offset_from_unsigned(nodes) / NODE_WORDS)
        };
        prefix::find(text.as_bytes(), count, text_of, parent).map_or(core::ptr::null(), node)
    }
}
