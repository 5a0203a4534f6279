//! The kernel's builtins for modules that do not carry the kernel: those of OPA's own compiler import what OPA's Wasm lacks.
//!
//! The same code as inside the sandbox, run natively over an arena per call. A bound of the kernel halts the decision; memory is
//! bounded as the sandbox's is, and what would take longer than the product of its operands allows is not begun, since nothing
//! stops it here.

use sealgate_kernel::builtins::{Builtin as Native, Failure, all};
use sealgate_kernel::json::{self, Notation};
use sealgate_kernel::{Arena, caught};

use crate::context::Context;
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

/// Bytes that a call may take.
const MAX_MEMORY: usize = 256 << 20;
/// Builtins that take as long as the product of their operands' lengths, and the largest product that is allowed.
const PRODUCTS: [&str; 6] = [
    "regex.",
    "re_match",
    "glob.match",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "net.cidr_contains_matches",
];
const MAX_PRODUCT: usize = 1 << 28;

/// Registers every builtin of the kernel that the registry does not have yet.
pub(super) fn register(registry: &mut Registry) {
    for native in all() {
        if registry.get(native.name).is_none() {
            registry.insert(native.name, native.arity, Capability::Pure, |_: &mut Context, args: &[Value]| {
                call(native, args)
            });
        }
    }
}

fn call(native: &'static Native, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let halted = |message: &std::ffi::CStr| BuiltinError::Halt(message.to_string_lossy().into_owned());
    caught(|| run(native, args)).map_err(halted)?
}

fn run(native: &'static Native, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let texts: Vec<String> = args.iter().map(Value::to_text).collect();
    if PRODUCTS.iter().any(|name| native.name.starts_with(name)) {
        let mut lengths: Vec<usize> = texts.iter().map(String::len).collect();
        lengths.sort_unstable();
        if lengths.iter().rev().take(2).fold(1_usize, |product, length| product.saturating_mul(*length)) > MAX_PRODUCT {
            return Err(BuiltinError::Halt("the operands are too large together".to_owned()));
        }
    }
    let arena = Arena::limited(MAX_MEMORY);
    let mut values = Vec::with_capacity(texts.len());
    for text in &texts {
        let value = json::parse(arena.heap(), text.as_bytes(), Notation::Rego);
        values.push(value.map_err(|_| BuiltinError::Halt("an argument is unreadable".to_owned()))?);
    }
    match native.invoke(arena.heap(), &values) {
        Ok(value) => {
            let text = json::dump(arena.heap(), value, Notation::Rego);
            let unreadable = |_| BuiltinError::Halt("the result is unreadable".to_owned());
            Value::parse(text).map(Some).map_err(unreadable)
        }
        Err(Failure::Undefined) => Ok(None),
        Err(failure @ (Failure::Type(position, _) | Failure::Operand(position, _))) => {
            let at = usize::try_from(position).unwrap_or_default().saturating_sub(1);
            Err(BuiltinError::Operand(failure.message(values.get(at).copied())))
        }
        Err(failure @ Failure::Failed(_)) => Err(BuiltinError::Failed(failure.message(None))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_builtins_run_natively() {
        let registry = Registry::standard();
        let call = |name: &str, args: &[Value]| registry.get(name).unwrap().call(&mut Context::new(), args);
        let text = |text: &str| Value::from(text);
        assert_eq!(call("regex.replace", &[text("a1b"), text("[0-9]"), text("-")]), Ok(Some(text("a-b"))));
        let wrong = call("regex.replace", &[1.into(), text("a"), text("b")]);
        assert!(matches!(wrong, Err(BuiltinError::Operand(_))), "{wrong:?}");
        let failed = call("units.parse", &[text("1 parsec")]);
        assert!(matches!(failed, Err(BuiltinError::Failed(_) | BuiltinError::Operand(_))), "{failed:?}");
        let long = text(&"a".repeat(50_000));
        let widths = text(&"%999999d".repeat(1000));
        for (name, operands) in [
            ("units.parse", vec![text("1e999999")]),
            ("regex.match", vec![long.clone(), long.clone()]),
            ("replace", vec![long.clone(), text("a"), long]),
            ("sprintf", vec![widths, Value::Array(vec![1.into(); 1000])]),
        ] {
            let halted = call(name, &operands);
            assert!(matches!(halted, Err(BuiltinError::Halt(_))), "{name}: {halted:?}");
        }
    }
}
