//! The truth tables of three-valued logic, and what whole policies decide.

use serde_json::{Value, json};

use super::*;
use crate::constraint;

/// What a constraint is of a call, every constant being a list with null.
fn truth(text: &str, input: &Value) -> Truth {
    let constants = || vec!["list".to_owned()];
    let (condition, found) = constraint::parse(text, &|_| Some(json!([null, "a"])), &constants);
    condition.unwrap_or_else(|| panic!("{text}: {found:?}")).evaluate(input)
}

fn check(input: &Value, cases: &[(&str, Truth)]) {
    for (text, expected) in cases {
        assert_eq!(truth(text, input), *expected, "{text} of {input}");
    }
}

use Truth::{False as F, True as T, Undefined as U};

#[test]
fn kleene_s_tables() {
    // One constraint of each truth, to combine.
    let of = |truth| match truth {
        T => "1 == 1",
        F => "1 == 2",
        U => "1 == \"1\"",
    };
    let table = [(T, T, T, T), (T, F, F, T), (T, U, U, T), (F, F, F, F), (F, U, F, U), (U, U, U, U)];
    for (a, b, and, or) in table {
        for (a, b) in [(a, b), (b, a)] {
            check(
                &json!({}),
                &[
                    (&format!("{} and {}", of(a), of(b)), and),
                    (&format!("{} or {}", of(a), of(b)), or),
                    (&format!("not ({} and {})", of(a), of(b)), and.not()),
                    (&format!("not {}", of(a)), a.not()),
                ],
            );
        }
    }
    check(&json!({}), &[("1 == 1 or 1 == 2 and 1 == 2", T), ("(1 == 1 or 1 == 2) and 1 == 2", F)]);
}

#[test]
fn every_and_any_fold() {
    let input = json!({"args": {"l": [1, 2], "mixed": [1, "x"], "none": [], "nested": [[1], [2, 3]], "o": {"a": 1}}});
    check(
        &input,
        &[
            ("every(args.l, . > 0)", T),
            ("every(args.l, . > 1)", F),
            ("any(args.l, . > 1)", T),
            ("any(args.l, . > 2)", F),
            ("every(args.none, . > 1)", T),
            ("any(args.none, . > 1)", F),
            ("every(args.mixed, . > 0)", U),
            ("every(args.mixed, . > 1)", F),
            ("any(args.mixed, . > 0)", T),
            ("any(args.mixed, . > 1)", U),
            ("not any(args.mixed, . > 1)", U),
            ("every(args.o, . == 1)", U),
            ("any(args.missing, . == 1)", U),
            ("every(args.nested, any(., . > 0))", T),
            ("every(args.nested, any(., . > 1))", F),
        ],
    );
}

#[test]
fn comparisons_are_defined_within_a_type() {
    let input = json!({"role": "default", "args": {
        "n": null, "b": true, "i": 1, "s": "x", "l": [1], "o": {"k": 1}, "big": 9007199254740993_u64, "zero": 0
    }});
    check(
        &input,
        &[
            ("args.n <= 5", U),
            ("not args.n <= 5", U),
            ("args.s >= 5", U),
            ("args.l >= 5", U),
            ("args.o >= 5", U),
            ("args.b <= 5", U),
            ("args.b == 1", U),
            ("args.b in [1, 2]", U),
            ("args.b not in [1, 2]", U),
            ("args.zero != false", U),
            ("args.missing <= 5", U),
            ("args.missing != 5", U),
            ("args.missing == null", U),
            ("args.n == null", T),
            ("args.n != null", F),
            ("args.i == null", F),
            ("args.i != null", T),
            ("args.n < null", U),
            ("args.n == args.i", U),
            ("args.i == 1.0", T),
            ("args.i == 10e-1", T),
            ("args.big == 9007199254740992", F),
            ("args.big > 9007199254740992", T),
            ("args.l == [1.0]", T),
            ("args.l != [2]", T),
            ("args.l == [\"1\"]", F),
            ("args.l < [2]", U),
            ("args.o == {\"k\": 1}", T),
            ("args.s < \"y\"", T),
            ("5 >= args.i", T),
            ("role == \"default\"", T),
        ],
    );
}

#[test]
fn membership_looks_at_elements_of_the_value_s_type() {
    let input =
        json!({"args": {"s": "a", "i": 1, "n": null, "l": [1, "a", null], "none": [], "nulls": [null], "o": {"a": 1}}});
    check(
        &input,
        &[
            ("args.s in [\"a\", 1]", T),
            ("args.s in [\"b\", 1]", F),
            ("args.s not in [\"b\", 1]", T),
            ("args.s in [1, 2]", U),
            ("args.s not in [1, 2]", U),
            ("args.s in []", F),
            ("args.s not in []", T),
            ("args.missing in []", U),
            ("args.missing not in []", U),
            ("args.i in [null]", F),
            ("args.i not in [null]", T),
            ("args.n in [null]", T),
            ("args.i in consts.list", F),
            ("args.i in args.nulls", U),
            ("args.n in args.nulls", T),
            ("args.i in args.l", T),
            ("2 in args.l", F),
            ("2 not in args.l", T),
            ("true in args.l", U),
            ("args.s in args.none", F),
            ("args.s not in args.none", T),
            ("args.s in args.o", U),
            ("args.s in args.missing", U),
        ],
    );
}

#[test]
fn string_tests_and_counts_take_what_they_are_for() {
    let input = json!({"args": {"s": "héllo", "i": 1, "l": [1, 2], "o": {"a": 1}, "b": true, "n": null}});
    check(
        &input,
        &[
            ("startswith(args.s, \"hé\")", T),
            ("startswith(args.s, args.s)", T),
            ("startswith(args.s, args.i)", U),
            ("startswith(args.i, \"1\")", U),
            ("not startswith(args.i, \"1\")", U),
            ("endswith(args.s, \"lo\")", T),
            ("contains(args.s, \"ll\")", T),
            ("contains(args.l, \"ll\")", U),
            ("matches(args.s, \"l+\")", T),
            ("matches(args.s, \"^l+\")", F),
            ("matches(args.i, \"1\")", U),
            ("glob(args.s, \"h*\")", T),
            ("glob(args.missing, \"*\")", U),
            ("count(args.s) == 5", T),
            ("count(args.l) == 2", T),
            ("count(args.o) <= 1", T),
            ("count(args.i) <= 1", U),
            ("count(args.b) <= 1", U),
            ("count(args.n) <= 1", U),
            ("count(args.missing) <= 1", U),
            ("count(args.l) == \"2\"", U),
        ],
    );
}

#[test]
fn paths_take_keys_of_objects_and_indexes_of_lists() {
    let input = json!({"args": {"items": [{"price": 5}], "x-y": 1, "0": 2, "in": {"not": 3}}});
    check(
        &input,
        &[
            ("args.items[0].price == 5", T),
            ("args.items[1].price == 5", U),
            ("args[\"items\"][0][\"price\"] == 5", T),
            ("args.items[\"0\"].price == 5", U),
            ("args[\"x-y\"] == 1", T),
            ("args[0] == 2", U),
            ("args[\"0\"] == 2", T),
            ("args.in.not == 3", T),
        ],
    );
}
