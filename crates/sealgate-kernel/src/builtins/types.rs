//! A value's type: tests, its name, and the deprecated casts.

use super::failure::{Failure, Given};
use super::operand::truth;
use crate::{Heap, Kind, Number, SetBuilder, Text, Value, View};

builtins! { TABLE:
    "is_number" => sg_b_is_number = is_number as (value: ANY);
    "is_string" => sg_b_is_string = is_string as (value: ANY);
    "is_boolean" => sg_b_is_boolean = is_boolean as (value: ANY);
    "is_array" => sg_b_is_array = is_array as (value: ANY);
    "is_set" => sg_b_is_set = is_set as (value: ANY);
    "is_object" => sg_b_is_object = is_object as (value: ANY);
    "is_null" => sg_b_is_null = is_null as (value: ANY);
    "type_name" => sg_b_type_name = type_name as (value: ANY);
    "to_number" => sg_b_to_number = to_number as (value: NULL | BOOLEAN | NUMBER | STRING) or "not a number";
    "cast_array" => sg_b_cast_array = cast_array as (value: ARRAY | SET);
    "cast_set" => sg_b_cast_set = cast_set as (value: ARRAY | SET);
    "cast_string" => sg_b_cast_string = cast_string as (value: STRING);
    "cast_boolean" => sg_b_cast_boolean = cast_boolean as (value: BOOLEAN);
    "cast_null" => sg_b_cast_null = cast_null as (value: NULL);
    "cast_object" => sg_b_cast_object = cast_object as (value: OBJECT);
}

fn is_number<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    truth(value.kind() == Kind::Number)
}

fn is_string<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    truth(value.kind() == Kind::String)
}

fn is_boolean<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    truth(value.kind() == Kind::Bool)
}

fn is_array<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    truth(value.kind() == Kind::Array)
}

fn is_set<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    truth(value.kind() == Kind::Set)
}

fn is_object<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    truth(value.kind() == Kind::Object)
}

fn is_null<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    truth(value.kind() == Kind::Null)
}

fn type_name<'h>(heap: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    let name = match value.kind() {
        Kind::Null => "null",
        Kind::Bool => "boolean",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
        Kind::Set => "set",
    };
    Some(Value::string(heap, name))
}

fn to_number<'h>(heap: Heap<'h>, value: Value<'h>) -> Given<'h> {
    match value.view() {
        View::Null => Ok(Value::int(heap, 0)),
        View::Bool(value) => Ok(Value::int(heap, i64::from(value))),
        View::Number(_) => Ok(value),
        View::String(text) => match parse_number(heap, text) {
            Some(number) => Ok(Value::number(heap, number)),
            None if is_no_number(text) => Err(Some(Failure::Operand(1, "must be valid number string but got string"))),
            None => Err(None),
        },
        _ => Err(None),
    }
}

/// Whether a text says that it stands for no number, or for none that JSON has.
fn is_no_number(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    ["inf", "infinity", "nan"].iter().any(|name| text.eq_ignore_ascii_case(name))
}

/// Reads what Go's `ParseFloat` reads, in decimal. Where JSON would not allow the text (`+5`, `.5`, `5.`, `007`), it gives
/// the number as JSON writes it. A number beyond a double's range is none, as in Go.
fn parse_number<'h>(heap: Heap<'h>, text: &'h str) -> Option<Number<'h>> {
    let number = parse_decimal(heap, text)?;
    let bounds = [Number::Decimal(DOUBLE_LIMIT), Number::Decimal(NEGATIVE_DOUBLE_LIMIT)];
    let in_range = matches!(number, Number::Int(_)) || number < bounds[0] && number > bounds[1];
    in_range.then_some(number)
}

/// As [`parse_number`], of any range.
pub(super) fn parse_decimal<'h>(heap: Heap<'h>, text: &'h str) -> Option<Number<'h>> {
    match Number::parse(text) {
        Some(number) => Some(number),
        None => Number::parse(normalized(heap, text)?),
    }
}

/// Half a unit in the last place beyond the largest double: from here on a text does not fit one.
const DOUBLE_LIMIT: &str = "1.797693134862315807937e308";
const NEGATIVE_DOUBLE_LIMIT: &str = "-1.797693134862315807937e308";

fn normalized<'h>(heap: Heap<'h>, text: &str) -> Option<&'h str> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", text.get(1..)?),
        b'+' => ("", text.get(1..)?),
        _ => ("", text),
    };
    let mantissa_end = rest.find(['e', 'E']).unwrap_or(rest.len());
    let (mantissa, exponent) = rest.split_at_checked(mantissa_end)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        || mantissa.len() < 1 + usize::from(mantissa.contains('.'))
    {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    let mut out = Text::new(heap, text.len() + 2);
    out.push_str(sign);
    out.push_str(if significant.is_empty() { "0" } else { significant });
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out.push_str(exponent);
    Some(out.finish_str())
}

fn cast_array<'h>(heap: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    match value.view() {
        View::Array(_) => Some(value),
        View::Set(elements) => Some(Value::array(heap, elements)),
        _ => None,
    }
}

fn cast_set<'h>(heap: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    match value.view() {
        View::Array(elements) => {
            let mut set = SetBuilder::new(heap, elements.len());
            for element in elements {
                set.add(*element);
            }
            Some(set.finish())
        }
        View::Set(_) => Some(value),
        _ => None,
    }
}

fn cast_string<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    (value.kind() == Kind::String).then_some(value)
}

fn cast_boolean<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    (value.kind() == Kind::Bool).then_some(value)
}

fn cast_null<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    (value.kind() == Kind::Null).then_some(value)
}

fn cast_object<'h>(_: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    (value.kind() == Kind::Object).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::to_number;
    use crate::{Arena, Number, Value};

    #[test]
    fn texts_that_json_would_write_otherwise() {
        let arena = Arena::new();
        let heap = arena.heap();
        let read = |text: &str| to_number(heap, Value::string_copy(heap, text)).ok().and_then(Value::as_number);
        for (text, expected) in
            [("+5", "5"), (".5", "0.5"), ("-.5e1", "-0.5e1"), ("5.", "5"), ("007", "7"), ("00.50", "0.50")]
        {
            assert_eq!(read(text), Number::parse(expected), "{text:?}");
        }
        for text in ["", ".", "+", "-", "1_000", "0x1p4", "0x10", "Inf", "nan", "1e400", "-2e308", "1e", "1 ", "++1"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
