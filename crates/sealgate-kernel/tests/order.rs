//! Rego's total order: its laws, and what it says of types and contents.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::cmp::Ordering;

use proptest::prelude::*;
use sealgate_kernel::json::{Notation, parse};
use sealgate_kernel::{Arena, Value};

/// Rego values as text, in which equal ones are likely.
fn any_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null", "true", "false", "0", "1", "1.0", "10e-1", "-1", "2", "1e300", "set()", "{}", "[]"
        ])
        .prop_map(str::to_owned),
        "[ab]{0,3}".prop_map(|text| format!("{text:?}")),
        "(éa|aé|prefixpre){0,3}[ab]{0,2}".prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|items| format!("{{{}}}", items.join(","))),
            prop::collection::vec((inner.clone(), inner), 1..4).prop_map(|pairs| {
                format!(
                    "{{{}}}",
                    pairs.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",")
                )
            }),
        ]
    })
}

fn read<'h>(arena: &'h Arena, text: &'h str) -> Value<'h> {
    parse(arena.heap(), text.as_bytes(), Notation::Rego).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn it_is_a_total_order((a, b, c) in (any_text(), any_text(), any_text())) {
        let arena = Arena::new();
        let (a, b, c) = (read(&arena, &a), read(&arena, &b), read(&arena, &c));
        prop_assert_eq!(a.cmp(&a), Ordering::Equal);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a == b, a.cmp(&b) == Ordering::Equal);
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }
}

#[test]
fn types_then_contents() {
    let order = [
        "null",
        "false",
        "true",
        "-1",
        "0",
        "1",
        "1.5",
        "10",
        r#""""#,
        r#""A""#,
        r#""a""#,
        r#""a\u0000""#,
        r#""aa""#,
        r#""abcdefgh""#,
        r#""abcdefghi""#,
        r#""é""#,
        r#""€""#,
        r#""😀""#,
        "[]",
        "[1]",
        "[1,1]",
        "[2]",
        "{}",
        r#"{"a":1}"#,
        r#"{"a":1,"b":0}"#,
        r#"{"a":2}"#,
        r#"{"b":0}"#,
        "set()",
        "{1}",
        "{1,2}",
        "{2}",
    ];
    let arena = Arena::new();
    let values: Vec<_> = order.iter().map(|text| read(&arena, text)).collect();
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate() {
            assert_eq!(a.cmp(b), i.cmp(&j), "{} {}", order[i], order[j]);
        }
    }
}
