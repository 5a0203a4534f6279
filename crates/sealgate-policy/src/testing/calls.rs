//! Calls: input documents.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::HOSTILE;

/// The roles that policies and calls name; the first is the default one, the last is never declared.
pub(super) const ROLES: &[&str] = &["default", "support", HOSTILE_ROLE, "lead", "nobody"];
const HOSTILE_ROLE: &str = "admin\"\n}\nallow := true #";
/// The tools that policies and calls name; the last is never listed.
pub(super) const TOOLS: &[&str] = &["refund", "read_file", "t\\\"]\n`#\0", "search", "unlisted"];

/// The input document of a call: mostly well formed, and mostly with values of the types that constraints expect.
pub fn call() -> BoxedStrategy<Value> {
    let name = |names: &'static [&'static str]| {
        prop_oneof![
            12 => proptest::sample::select(names).prop_map(|name| Some(json!(name))),
            1 => scalar().prop_map(Some),
            1 => Just(None),
        ]
    };
    let section = || prop_oneof![6 => facts().prop_map(Some), 1 => value().prop_map(Some), 1 => Just(None)];
    (name(ROLES), name(TOOLS), arguments(), section(), section(), section())
        .prop_map(|(role, tool, args, ctx, user, run)| {
            let members = [("role", role), ("tool", tool), ("args", args), ("ctx", ctx), ("user", user), ("run", run)];
            let present = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
            Value::Object(present.collect::<Map<_, _>>())
        })
        .boxed()
}

fn facts() -> BoxedStrategy<Value> {
    (mostly(number()), mostly(string())).prop_map(|(amount, id)| object([("amount", amount), ("id", id)])).boxed()
}

fn arguments() -> BoxedStrategy<Option<Value>> {
    let element = (mostly(number()), mostly(string()), mostly(list(number())))
        .prop_map(|(amount, id, tags)| object([("amount", amount), ("id", id), ("tags", tags)]));
    let known = (
        mostly(number()),
        mostly(string()),
        mostly(list(prop_oneof![3 => string(), 1 => scalar()].boxed())),
        mostly(list(prop_oneof![6 => element, 1 => value()].boxed())),
        mostly(prop_oneof![6 => path(), 1 => list(path())].boxed()),
        mostly(any::<bool>().prop_map(Value::from).boxed()),
        mostly(value()),
        mostly(number()),
    );
    let args = known.prop_map(|(amount, id, tags, items, path, flag, odd, other)| {
        object([
            ("amount", amount),
            ("id", id),
            ("tags", tags),
            ("items", items),
            ("path", path.clone()),
            ("file_path", path),
            ("if", flag),
            ("k\"\n#\\", odd),
            ("x-y", other),
        ])
    });
    prop_oneof![20 => args.prop_map(Some), 1 => value().prop_map(Some), 1 => Just(None)].boxed()
}

/// The strategy's values for the most part, else anything or nothing.
fn mostly(strategy: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    prop_oneof![10 => strategy.prop_map(Some), 2 => value().prop_map(Some), 1 => Just(None)].boxed()
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

pub(super) fn number() -> BoxedStrategy<Value> {
    let texts = [
        "0",
        "-0.0",
        "1",
        "1.0",
        "2",
        "-1",
        "5",
        "99.5",
        "100",
        "100.0",
        "1e2",
        "100.00000000000000000001",
        "1e400",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551616",
        "0.1",
        "1E-7",
    ];
    proptest::sample::select(texts.to_vec())
        .prop_map(|text| serde_json::from_str::<serde_json::Number>(text).map_or(Value::Null, Value::Number))
        .boxed()
}

pub(super) fn string() -> BoxedStrategy<Value> {
    let plain = ["", "a", "b", "abc", "USD", "1", "x@y.z", "É", "a/b/c", "\u{1F600}ab"];
    let all: Vec<&str> = plain.iter().chain(HOSTILE).copied().collect();
    proptest::sample::select(all).prop_map(Value::from).boxed()
}

fn path() -> BoxedStrategy<Value> {
    let paths = [
        "docs/a.md",
        "docs",
        "docs/../docs/x",
        "docs/../../etc/passwd",
        "/srv/docs/a",
        "/etc/passwd",
        "./.env",
        "a//b/.env",
        "../x",
        "docs/secrets/k",
        "docs/./secrets//k",
        "",
        ".",
        "/",
        "/..",
        "docs\\a",
        "docs/\0",
        "README.md",
        "a/b/../c.md",
        "/srv/other/../docs/x",
        " docs/a",
        "docs/\"\n#/x",
    ];
    proptest::sample::select(paths.to_vec()).prop_map(Value::from).boxed()
}

pub(super) fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), string()].boxed()
}

fn list(item: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    proptest::collection::vec(item, 0..4).prop_map(Value::Array).boxed()
}

/// Any small value.
pub(super) fn value() -> BoxedStrategy<Value> {
    scalar()
        .prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                (inner.clone(), inner).prop_map(|(a, b)| json!({"amount": a, "id": b})),
            ]
        })
        .boxed()
}
