//! The builtins of Rego: names, types and flags, for every crate that has to know them.
//!
//! Declares only; `sealgate-kernel` and `sealgate-builtins` say what they compute.

mod table;

/// A builtin function.
#[derive(Debug, PartialEq, Eq)]
pub struct Builtin {
    /// The full name, dots included: `regex.match`.
    pub name: &'static str,
    /// The types of the arguments.
    pub args: &'static [Type],
    /// The type of the result; `None` for a builtin that returns nothing (`print`).
    pub result: Option<Type>,
    /// The operator that it is written as.
    pub infix: Option<&'static str>,
    flags: u8,
}

/// A type as builtin declarations use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Anything.
    Any,
    /// `null`.
    Null,
    /// `true`, `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array: so many elements of fixed types, then any number of others.
    Array {
        /// The first elements.
        fixed: &'static [Type],
        /// The others; none without it.
        rest: Option<&'static Type>,
    },
    /// A set of elements of a type.
    Set(&'static Type),
    /// An object: fixed keys, then any number of others.
    Object {
        /// The keys that must be there.
        fixed: &'static [(&'static str, Type)],
        /// Key and value of the others; none without it.
        rest: Option<(&'static Type, &'static Type)>,
    },
    /// One of several.
    Union(&'static [Type]),
}

const NONDETERMINISTIC: u8 = 1;
const RELATION: u8 = 2;
const DEPRECATED: u8 = 4;
const VARIADIC: u8 = 8;
const IN_OPA_WASM: u8 = 16;

impl Builtin {
    /// The builtin with this full name.
    pub fn find(name: &str) -> Option<&'static Self> {
        let at = table::BUILTINS.binary_search_by(|builtin| builtin.name.cmp(name)).ok()?;
        table::BUILTINS.get(at)
    }

    /// Every builtin, sorted by name.
    pub fn all() -> &'static [Self] {
        table::BUILTINS
    }

    /// How many arguments it takes.
    pub fn arity(&self) -> usize {
        self.args.len()
    }

    /// Whether two calls with the same arguments may differ (clock, randomness, network).
    pub fn is_nondeterministic(&self) -> bool {
        self.flags & NONDETERMINISTIC != 0
    }

    /// Whether it gives several results (`walk`): an array, each element of which is one.
    pub fn is_relation(&self) -> bool {
        self.flags & RELATION != 0
    }

    /// Whether Rego v1 refuses it.
    pub fn is_deprecated(&self) -> bool {
        self.flags & DEPRECATED != 0
    }

    /// Whether it takes any number of arguments (`print`).
    pub fn is_variadic(&self) -> bool {
        self.flags & VARIADIC != 0
    }

    /// Whether OPA's own Wasm runtime has it.
    pub fn is_in_opa_wasm(&self) -> bool {
        self.flags & IN_OPA_WASM != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(Builtin::all().is_sorted_by_key(|builtin| builtin.name));
        assert_eq!(Builtin::all().len(), 206);
        let walk = Builtin::find("walk").unwrap();
        assert!(walk.is_relation() && walk.arity() == 1);
        assert!(Builtin::find("time.now_ns").unwrap().is_nondeterministic());
        assert!(Builtin::find("no.such").is_none());
    }
}
