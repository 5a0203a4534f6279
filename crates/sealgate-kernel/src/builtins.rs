//! The builtins that run inside the sandbox. A builtin takes values and gives one, or `None`: undefined, also for an error.
//!
//! Each is a safe function `fn(Heap<'h>, Value<'h>, …) -> Option<Value<'h>>`; [`builtins!`] exports it to generated code as
//! `sg_b_<name>` (with `.` written `_`) and lists it in [`TABLE`], from which the compiler learns what the kernel has.

use crate::{Heap, Value};

/// A builtin of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name in Rego, `regex.match`.
    pub name: &'static str,
    /// The symbol that generated code calls, `sg_b_regex_match`.
    pub symbol: &'static str,
    /// Number of arguments.
    pub arity: usize,
    /// Calls it; `None` is undefined, also for a wrong number of arguments.
    pub call: for<'h> fn(Heap<'h>, &[Value<'h>]) -> Option<Value<'h>>,
}

/// Exports and lists builtins: `builtins! { TABLE: "count" => sg_b_count = aggregates::count(collection); … }`.
#[macro_export]
#[doc(hidden)]
macro_rules! builtins {
    ($table:ident : $($name:literal => $symbol:ident = $function:path as ($($argument:ident),*);)*) => {
        /// The builtins of this module, by name.
        pub static $table: &[$crate::builtins::Builtin] = &[$(
            $crate::builtins::Builtin {
                name: $name,
                symbol: stringify!($symbol),
                arity: <[&str]>::len(&[$(stringify!($argument)),*]),
                call: |heap, arguments| {
                    let &[$($argument),*] = arguments else { return None };
                    $function(heap, $($argument),*)
                },
            },
        )*];

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "exports symbols to generated code")]
        mod exports {
            use super::*;
            $(
                #[unsafe(no_mangle)]
                extern "C" fn $symbol(
                    $($argument: Option<$crate::Value<'static>>),*
                ) -> Option<$crate::Value<'static>> {
                    $function($crate::Heap::module(), $($argument?),*)
                }
            )*
        }
    };
}

builtins! { TABLE:
    "count" => sg_b_count = count as (collection);
}

/// `count(collection)`: elements, pairs, or code points of a string.
fn count<'h>(heap: Heap<'h>, collection: Value<'h>) -> Option<Value<'h>> {
    let count = match collection.as_str() {
        Some(text) => text.chars().count(),
        None => collection.count()?,
    };
    Some(Value::int(heap, i64::try_from(count).ok()?))
}
