//! Strings with values in them (`$"… {x} …"`).

use crate::json::{self, Notation};
use crate::{Heap, Text, Value, View};

builtins! { TABLE:
    "internal.template_string" => sg_b_internal_template_string = template_string as (parts: ARRAY);
}

/// The parts in a row. A part is a scalar, or a set of the values that an expression has: none is `<undefined>`, more than
/// one ends the evaluation.
fn template_string<'h>(heap: Heap<'h>, parts: Value<'h>) -> Option<Value<'h>> {
    let mut out = Text::new(heap, 0);
    for part in parts.as_array()? {
        match part.view() {
            View::Set([]) => out.push_str("<undefined>"),
            View::Set([value]) => push(&mut out, *value),
            View::Set(_) => crate::abort(c"eval_conflict_error: template-strings must not produce multiple outputs"),
            View::Array(_) | View::Object(_) => crate::abort(c"internal.template_string: illegal argument type"),
            _ => push(&mut out, *part),
        }
    }
    Some(out.finish())
}

fn push<'h>(out: &mut Text<'h>, value: Value<'h>) {
    match value.as_str() {
        Some(text) => out.push_str(text),
        None => json::write(out, value, Notation::Rego),
    }
}
