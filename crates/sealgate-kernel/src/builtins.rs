//! The builtins that run inside the sandbox. A builtin takes values and gives one, or fails ([`Failure`]).
//!
//! Each is a safe function `fn(Heap<'h>, Value<'h>, …) -> Option<Value<'h>>`, where `None` is an error that its table explains,
//! or `-> Result<Value<'h>, Option<Failure>>` where there is more to tell. [`builtins!`] exports it to generated code as
//! `sg_b_<name>` (with `.` written `_`), which gives 0 for every failure, and lists it in its family's table. From [`find`]
//! the compiler learns what the kernel has. What a builtin would need without bound ends the evaluation, so that it is never
//! mistaken for undefined.
//!
//! `tests/builtins` holds every builtin against real OPA. Where one differs on purpose, `DIFFERENCES` of
//! `sealgate-builtins` says so, which is what the documentation's table is made from.

use crate::{Heap, Value};

/// Exports and lists builtins: what each takes, and what is said when it fails although it takes its operands.
/// `builtins! { TABLE: "div" => sg_b_div = div as (a: NUMBER, b: NUMBER) or "divide by zero"; … }`.
macro_rules! builtins {
    ($table:ident : $(
        $name:literal => $symbol:ident = $function:path as ($($argument:ident : $($kind:ident)|+),*) $(or $failure:literal)?;
    )*) => {
        /// The builtins of this module, by name.
        pub(super) static $table: &[$crate::builtins::Builtin] = &[$(
            $crate::builtins::Builtin {
                name: $name,
                symbol: stringify!($symbol),
                arity: <[&str]>::len(&[$(stringify!($argument)),*]),
                operands: &[$($crate::builtins::Operand::NONE$(.or($crate::builtins::Operand::$kind))+),*],
                failure: concat!($($failure)?),
                call: |heap, arguments| {
                    let &[$($argument),*] = arguments else { return Err(None) };
                    $crate::builtins::failure::Outcome::outcome($function(heap, $($argument),*))
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
                    let value = $function($crate::Heap::module(), $($argument?),*);
                    match $crate::builtins::failure::Outcome::outcome(value) {
                        Ok(value) => Some(value),
                        Err(None) => None,
                        Err(failure) => {
                            $crate::builtins::failure::noted::note(failure);
                            None
                        }
                    }
                }
            )*
        }
    };
}

mod aggregates;
mod arithmetic;
mod arrays;
mod casing;
mod comparison;
mod digests;
mod encoding;
pub(crate) mod failure;
pub mod glob;
mod globs;
mod graphs;
mod json;
mod json_patch;
mod json_paths;
mod network;
mod objects;
mod operand;
pub mod regex;
mod semver;
mod sets;
mod sprintf;
mod strings;
mod templates;
mod trimming;
mod types;
mod units;
mod uuids;

/// The families of builtins, each a table in no particular order.
pub static FAMILIES: &[&[Builtin]] = &[
    aggregates::TABLE,
    arithmetic::TABLE,
    arrays::TABLE,
    casing::TABLE,
    comparison::TABLE,
    digests::TABLE,
    encoding::TABLE,
    glob::TABLE,
    globs::TABLE,
    graphs::TABLE,
    json::TABLE,
    json_patch::TABLE,
    json_paths::TABLE,
    network::TABLE,
    objects::TABLE,
    regex::TABLE,
    semver::TABLE,
    sets::TABLE,
    sprintf::TABLE,
    strings::TABLE,
    templates::TABLE,
    trimming::TABLE,
    types::TABLE,
    units::TABLE,
    uuids::TABLE,
];

/// Every builtin of the kernel.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    FAMILIES.iter().copied().flatten()
}

/// The builtin with this name in Rego.
pub fn find(name: &str) -> Option<&'static Builtin> {
    all().find(|builtin| builtin.name == name)
}

pub use failure::{Failure, Operand};

/// A builtin of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name in Rego, `regex.match`.
    pub name: &'static str,
    /// The symbol that generated code calls, `sg_b_regex_match`.
    pub symbol: &'static str,
    /// Number of arguments.
    pub arity: usize,
    /// What it takes.
    pub operands: &'static [Operand],
    /// What a failure says that no operand's type explains; empty where there is none.
    pub failure: &'static str,
    /// Calls it. The failure is `None` where the function names none, also for a wrong number of arguments:
    /// [`Builtin::invoke`] finds it out.
    pub call: for<'h> fn(Heap<'h>, &[Value<'h>]) -> Result<Value<'h>, Option<Failure>>,
}
