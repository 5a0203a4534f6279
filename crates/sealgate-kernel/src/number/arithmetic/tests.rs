//! Arithmetic held against known results and against real OPA on generated operands.

use super::*;
use crate::Number;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sealgate_testkit::{Evaluation, Opa, require};
use serde_json::{Value, json};

fn num(text: &str) -> Number<'_> {
    Number::parse(text).unwrap_or_else(|| panic!("{text} is no number"))
}

fn show(result: Result<Computed, NumberError>) -> Option<String> {
    match result {
        Ok(Computed::Int(value)) => Some(value.to_string()),
        Ok(Computed::Decimal(text)) => Some(text),
        Err(NumberError::Invalid | NumberError::OutOfBounds) => panic!("{result:?}"),
        Err(_) => None,
    }
}

#[test]
fn order_is_exact_whatever_the_notation() {
    let ascending = [
        "-1e999999999",
        "-9223372036854775809",
        "-9223372036854775808",
        "-10.5",
        "-1",
        "-1e-9999999",
        "0",
        "1e-9999999",
        "0.1",
        "0.10000000000000000000000000001",
        "1",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "1e19",
        "1e999999999",
        "2e999999999",
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(num(a).cmp(&num(b)), i.cmp(&j), "{a} against {b}");
        }
    }
    for same in [["1", "1.0"], ["100", "1e2"], ["0", "-0.0"], ["0.5", "50e-2"], ["12.50", "1.25E+1"]] {
        assert_eq!(num(same[0]).cmp(&num(same[1])), std::cmp::Ordering::Equal, "{same:?}");
    }
}

#[test]
fn texts_that_are_no_numbers() {
    for text in
        ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x10", "1_000", "NaN", "Infinity", " 1", "1 ", "1.2.3", "--1"]
    {
        assert!(Number::parse(text).is_none(), "{text:?}");
        assert!(add(Number::Decimal(text), Number::Int(1)).is_err());
    }
}

#[test]
fn hostile_sizes_fail_and_do_not_expand() {
    let long = "7".repeat(MAX_DIGITS + 1);
    for huge in ["1e999999999", "1e-999999999", "1e100001", &long] {
        let huge = Number::Decimal(huge);
        assert_eq!(add(huge, Number::Int(1)), Err(NumberError::OutOfBounds));
        assert_eq!(mul(Number::Decimal("0.5"), huge), Err(NumberError::OutOfBounds));
        assert_eq!(sum([huge].into_iter()), Err(NumberError::OutOfBounds));
        assert_eq!(round(huge), Err(NumberError::OutOfBounds));
        assert_eq!(to_i64(huge), None);
    }
    let half = "7".repeat(MAX_DIGITS / 2 + 10);
    assert!(mul(Number::Decimal(&half), Number::Decimal(&half)) == Err(NumberError::OutOfBounds));
    assert_eq!(shift_left(Number::Int(1), Number::Int(i64::MAX)), Err(NumberError::OutOfBounds));
    assert_eq!(shift_right(Number::Int(-5), Number::Int(i64::MAX)), Ok(Computed::Int(-1)));
}

#[test]
fn integers_however_they_are_written() {
    assert_eq!(to_i64(Number::Decimal("1e3")), Some(1000));
    assert_eq!(to_i64(Number::Decimal("12.50e1")), Some(125));
    assert_eq!(to_i64(Number::Decimal("-9223372036854775808")), Some(i64::MIN));
    assert_eq!(to_i64(Number::Decimal("9223372036854775808")), None);
    assert_eq!(to_i64(Number::Decimal("0.5")), None);
    assert!(is_integer(Number::Decimal("5.000")) && !is_integer(Number::Decimal("5.001")));
}

/// Every operation on two numbers, by the name that OPA calls it by.
type Binary = (&'static str, fn(Number<'_>, Number<'_>) -> Result<Computed, NumberError>);
type Unary = (&'static str, fn(Number<'_>) -> Result<Computed, NumberError>);

const BINARY: [Binary; 8] = [
    ("plus", add),
    ("minus", sub),
    ("mul", mul),
    ("div", div),
    ("rem", rem),
    ("bits.and", |a, b| bits(a, b, Bits::And)),
    ("bits.or", |a, b| bits(a, b, Bits::Or)),
    ("bits.xor", |a, b| bits(a, b, Bits::Xor)),
];
const SHIFTS: [Binary; 2] = [("bits.lsh", shift_left), ("bits.rsh", shift_right)];
const UNARY: [Unary; 5] = [("abs", abs), ("round", round), ("ceil", ceil), ("floor", floor), ("bits.negate", bits_not)];

fn number_text() -> impl Strategy<Value = String> {
    prop_oneof![
        (-20i64..20).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,40})",
        "-?(0|[1-9][0-9]{0,4})\\.[0-9]{1,4}",
        "-?(0|[1-9][0-9]{0,25})\\.[0-9]{1,25}",
        "-?(0|[1-9][0-9]{0,10})(\\.[0-9]{1,10})?[eE][+-]?[0-9]{1,2}",
        "-?[1-9](\\.[0-9]{1,3})?e[+-]?[1-9][0-9]{2}",
        prop::sample::select(vec![
            "0",
            "-0",
            "-0.0",
            "0.0",
            "1.0",
            "-1.0",
            "0.5",
            "-0.5",
            "1.5",
            "2.5",
            "-2.5",
            "1e0",
            "1e-1",
            "0.1",
            "0.3",
            "0.1e1",
            "9007199254740993",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "36893488147419103233",
            "4294967295.5",
            "0.00001",
            "0.0001",
            "123456.5",
            "1234567.5",
            "1e21",
            "1e20",
        ])
        .prop_map(str::to_string),
    ]
}

fn draw<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}

fn raw(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn ask(opa: &Opa, call: &str, cases: Vec<Value>) -> Vec<Option<String>> {
    let count = cases.len();
    let query = format!("{{i: v | some i, c in input.cases; v := {call}}}");
    let answer = opa.eval(Evaluation::default(), &query, Some(&json!({ "cases": cases }))).unwrap().unwrap();
    (0..count).map(|i| answer.get(i.to_string()).map(Value::to_string)).collect()
}

#[test]
fn agrees_with_opa_on_two_operands() {
    let Some(opa) = require(Opa::find()) else { return };
    let mut runner = TestRunner::deterministic();
    let operand = number_text();
    for (name, operation) in BINARY {
        let pairs: Vec<_> = (0..3000).map(|_| (draw(&mut runner, &operand), draw(&mut runner, &operand))).collect();
        let cases = pairs.iter().map(|(a, b)| json!([raw(a), raw(b)])).collect();
        for ((a, b), expected) in pairs.iter().zip(ask(&opa, &format!("{name}(c[0], c[1])"), cases)) {
            assert_eq!(show(operation(num(a), num(b))), expected, "{name}({a}, {b})");
        }
    }
}

#[test]
fn agrees_with_opa_on_shifts() {
    let Some(opa) = require(Opa::find()) else { return };
    let mut runner = TestRunner::deterministic();
    let operand = number_text();
    for (name, operation) in SHIFTS {
        let pairs: Vec<_> =
            (0..1000).map(|_| (draw(&mut runner, &operand), draw(&mut runner, &(-2i64..200)).to_string())).collect();
        let cases = pairs.iter().map(|(a, b)| json!([raw(a), raw(b)])).collect();
        for ((a, b), expected) in pairs.iter().zip(ask(&opa, &format!("{name}(c[0], c[1])"), cases)) {
            assert_eq!(show(operation(num(a), num(b))), expected, "{name}({a}, {b})");
        }
    }
}

#[test]
fn agrees_with_opa_on_one_operand() {
    let Some(opa) = require(Opa::find()) else { return };
    let mut runner = TestRunner::deterministic();
    let operand = number_text();
    for (name, operation) in UNARY {
        let operands: Vec<_> = (0..3000).map(|_| draw(&mut runner, &operand)).collect();
        let cases = operands.iter().map(|a| json!([raw(a)])).collect();
        for (a, expected) in operands.iter().zip(ask(&opa, &format!("{name}(c[0])"), cases)) {
            assert_eq!(show(operation(num(a))), expected, "{name}({a})");
        }
    }
}

#[test]
fn agrees_with_opa_on_sums_and_order() {
    let Some(opa) = require(Opa::find()) else { return };
    let mut runner = TestRunner::deterministic();
    let operands = prop::collection::vec(number_text(), 0..6);
    let lists: Vec<_> = (0..2000).map(|_| draw(&mut runner, &operands)).collect();
    let cases = || lists.iter().map(|list| list.iter().map(|text| raw(text)).collect()).collect();
    for (list, expected) in lists.iter().zip(ask(&opa, "sum(c)", cases())) {
        assert_eq!(show(sum(list.iter().map(|text| num(text)))), expected, "sum({list:?})");
    }
    for (list, expected) in lists.iter().zip(ask(&opa, "product(c)", cases())) {
        assert_eq!(show(product(list.iter().map(|text| num(text)))), expected, "product({list:?})");
    }
    for (list, expected) in lists.iter().zip(ask(&opa, "[[a < b, a == b] | some a in c; some b in c]", cases())) {
        let mut pairs = Vec::new();
        for a in list {
            for b in list {
                let order = num(a).cmp(&num(b));
                pairs.push(json!([order.is_lt(), order.is_eq()]));
            }
        }
        assert_eq!(Some(Value::from(pairs).to_string()), expected, "order of {list:?}");
    }
}

#[test]
fn agrees_with_opa_on_formatted_integers() {
    let Some(opa) = require(Opa::find()) else { return };
    let mut runner = TestRunner::deterministic();
    let operand = number_text();
    let operands: Vec<_> = (0..1000).map(|_| draw(&mut runner, &operand)).collect();
    for base in [2, 8, 10, 16] {
        let cases = operands.iter().map(|a| json!([raw(a)])).collect();
        for (a, expected) in operands.iter().zip(ask(&opa, &format!("format_int(c[0], {base})"), cases)) {
            let ours = format_integer(num(a), base).map(|text| Value::from(text).to_string());
            assert_eq!(ours.ok(), expected, "format_int({a}, {base})");
        }
    }
}

#[test]
fn integers_are_known_however_they_are_written() {
    for (text, value) in [
        ("1.0", Some(1)),
        ("-0.0", Some(0)),
        ("0e999", Some(0)),
        ("0.0001e4", Some(1)),
        ("123.4500e2", Some(12345)),
        ("9223372036854775807.000", Some(i64::MAX)),
        ("922337203685477580.7e1", Some(i64::MAX)),
        ("-9223372036854775809", None),
        ("1e18", Some(1_000_000_000_000_000_000)),
        ("1e19", None),
        ("1e999999999", None),
        ("1e-1", None),
        ("10e-1", Some(1)),
        ("1.5", None),
        ("0.00", Some(0)),
    ] {
        assert_eq!(to_i64(Number::Decimal(text)), value, "{text}");
    }
}
