//! Constraints, as text.

use proptest::prelude::*;
use serde_json::Value;

use super::calls::{number, scalar, string, value};

/// The text of a constraint that is accepted. It may name the constants `limit` (a number), `word` (a string) and
/// `words` (a list).
pub fn condition() -> BoxedStrategy<String> {
    nested(3, false)
}

/// A condition at most `depth` levels deep; `element` says whether it may use `.`.
fn nested(depth: u32, element: bool) -> BoxedStrategy<String> {
    let leaf = leaf(element);
    if depth == 0 {
        return leaf;
    }
    let inner = nested(depth - 1, element);
    let over = list_path(element);
    let of_element = nested(depth - 1, true);
    prop_oneof![
        6 => leaf,
        2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
        2 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a} or {b} and {c}")),
        2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
        2 => inner.prop_map(|a| format!("not ({a})")),
        2 => (over.clone(), of_element.clone()).prop_map(|(l, c)| format!("every({l}, {c})")),
        2 => (over, of_element).prop_map(|(l, c)| format!("any({l}, {c})")),
    ]
    .boxed()
}

fn leaf(element: bool) -> BoxedStrategy<String> {
    let not = || proptest::sample::select(vec!["", "", "not "]);
    let order = proptest::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let equality = proptest::sample::select(vec!["==", "!="]);
    let typed = prop_oneof![
        (path_to("amount", element), number().prop_map(literal)),
        (path_to("id", element), string().prop_map(literal)),
        (Just("args.if".to_owned()), any::<bool>().prop_map(|flag| flag.to_string())),
    ];
    let compare = (typed, order.clone()).prop_map(|((left, right), op)| format!("{left} {op} {right}"));
    let loose =
        (operand(element), order, operand(element)).prop_map(|(left, op, right)| format!("{left} {op} {right}"));
    let null = (path(element), equality).prop_map(|(path, op)| format!("{path} {op} null"));
    let list = prop_oneof![
        3 => proptest::collection::vec(scalar(), 0..4).prop_map(|items| literal(Value::Array(items))),
        2 => list_path(element),
        1 => Just("consts.words".to_owned()),
    ];
    let is_in = proptest::sample::select(vec!["in", "not in"]);
    let member = (operand(element), is_in, list).prop_map(|(value, is_in, list)| format!("{value} {is_in} {list}"));
    let test = proptest::sample::select(vec!["startswith", "endswith", "contains"]);
    let text = prop_oneof![3 => path_to("id", element), 1 => path(element), 1 => string().prop_map(literal)];
    let tests = (not(), test, text.clone(), text.clone())
        .prop_map(|(not, test, subject, text)| format!("{not}{test}({subject}, {text})"));
    let patterns = proptest::sample::select(vec![
        r#""^[a-z]+$""#,
        r#""\\d""#,
        r#""(?i)usd|É""#,
        r#""^.{1,3}$""#,
        r#""[^\\w\\s]""#,
        r#""\\bab""#,
        r#""\"\\n""#,
    ]);
    let matches =
        (not(), text.clone(), patterns).prop_map(|(not, text, regex)| format!("{not}matches({text}, {regex})"));
    let globs = proptest::sample::select(vec![r#""*""#, r#""a/**""#, r#""{a,US?}""#, r#""[!a]*""#, r#""**\n**""#]);
    let glob = (not(), text, globs).prop_map(|(not, text, glob)| format!("{not}glob({text}, {glob})"));
    prop_oneof![5 => compare, 3 => loose, 1 => null, 4 => member, 3 => tests, 1 => matches, 1 => glob].boxed()
}

fn operand(element: bool) -> BoxedStrategy<String> {
    prop_oneof![
        6 => path(element),
        3 => scalar().prop_map(literal),
        1 => value().prop_map(literal),
        2 => list_path(element).prop_map(|path| format!("count({path})")),
        1 => path(element).prop_map(|path| format!("count({path})")),
        1 => proptest::sample::select(vec!["consts.limit", "consts.word"]).prop_map(str::to_owned),
    ]
    .boxed()
}

/// A path that mostly leads to the member of this name.
fn path_to(name: &'static str, element: bool) -> BoxedStrategy<String> {
    let roots =
        if element { vec![".", ".", ".", "args."] } else { vec!["args.", "args.", "args.", "user.", "ctx.", "run."] };
    prop_oneof![6 => proptest::sample::select(roots).prop_map(move |root| format!("{root}{name}")), 1 => path(element)]
        .boxed()
}

fn path(element: bool) -> BoxedStrategy<String> {
    let mut paths = vec![
        "args.amount",
        "args.id",
        "args.tags",
        "args.if",
        r#"args["x-y"]"#,
        r#"args["k\"\n#\\"]"#,
        "args.items[0].amount",
        "args.tags[1]",
        "args.missing",
        "args.amount.x",
        "args",
        "role",
        "tool",
        "ctx.amount",
        "user.id",
        "run.amount",
        r#"args["k\"\n#\\"].amount"#,
    ];
    if element {
        paths.extend([".", ".", ".", ".amount", ".id", ".tags[0]", ".tags"]);
    }
    proptest::sample::select(paths).prop_map(str::to_owned).boxed()
}

fn list_path(element: bool) -> BoxedStrategy<String> {
    let mut paths = vec!["args.tags", "args.items", "args.tags", "args.items", "args.id", r#"args["k\"\n#\\"]"#];
    if element {
        paths.extend([".tags", ".tags", "."]);
    }
    proptest::sample::select(paths).prop_map(str::to_owned).boxed()
}

fn literal(value: Value) -> String {
    value.to_string()
}
