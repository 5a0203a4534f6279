//! Documents made to be expensive: each ends within its bounds, and with an error that says which.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sealgate_builtins::{BuiltinError, Context, Registry, Value};

const SCHEMA: &str = "type Query { a: Query b(x: [Int], y: In): Int } input In { y: In k: Int } union U = Query";

fn call(name: &str, args: &[&str]) -> Result<Option<Value>, BuiltinError> {
    let args: Vec<Value> = args.iter().map(|arg| Value::from(*arg)).collect();
    let start = Instant::now();
    let result = Registry::standard().get(name).unwrap().call(&mut Context::new(), &args);
    assert!(start.elapsed() < Duration::from_secs(20), "{name} took {:?}", start.elapsed());
    result
}

/// The bound ends the decision: a policy must not read "too expensive" as "not valid".
fn is_bounded(name: &str, args: &[&str], problem: &str) {
    match call(name, args) {
        Err(BuiltinError::Halt(text)) if text.contains(problem) => {}
        other => panic!("{name}: {other:?} instead of `{problem}`"),
    }
}

#[test]
fn deep_documents_are_refused() {
    let deep = |open: &str, middle: &str, close: &str, n: usize| open.repeat(n) + middle + &close.repeat(n);
    for n in [200, 100_000] {
        let selections = deep("{a", "", "}", n);
        is_bounded("graphql.parse_query", &[&selections], "nests more than");
        is_bounded("graphql.is_valid", &[&selections, SCHEMA], "nests more than");
        let list = format!("{{b(x: {})}}", deep("[", "", "]", n));
        is_bounded("graphql.parse_query", &[&list], "nests more than");
        let object = format!("{{b(y: {})}}", deep("{y:", "1", "}", n));
        is_bounded("graphql.parse_query", &[&object], "nests more than");
        let inline = format!("{{{}a{}}}", "...{".repeat(n), "}".repeat(n));
        is_bounded("graphql.parse_query", &[&inline], "nests more than");
    }
    let list_type = format!("type Query {{ a: {} }}", deep("[", "Int", "]", 100_000));
    is_bounded("graphql.parse_schema", &[&list_type], "nests more than");
    is_bounded("graphql.parse_query", &[&"{".repeat(2 << 20)], "bytes");
}

#[test]
fn what_is_accepted_can_be_read_back() {
    let query = "{a".repeat(110) + &"}".repeat(110);
    let tree = call("graphql.parse_query", &[&query]).unwrap().unwrap();
    let again = Value::parse(&tree.to_text()).unwrap();
    assert_eq!(tree, again);
    let verify = Registry::standard();
    let verify = verify.get("graphql.is_valid").unwrap();
    assert_eq!(verify.call(&mut Context::new(), &[again, SCHEMA.into()]).unwrap(), Some(Value::Bool(false)));
}

#[test]
fn fragments_that_multiply_are_bounded() {
    // Each level of the query meets two fields of the fragment, which lead to the next level.
    let mut query = format!("{{ ...f0 {}b{} }}\n", "a {".repeat(60), "}".repeat(60));
    for n in 0..60 {
        let next = n + 1;
        writeln!(query, "fragment f{n} on Query {{ a {{ ...f{next} }} a {{ ...f{next} }} }}").unwrap();
    }
    query += "fragment f60 on Query { b }";
    is_bounded("graphql.is_valid", &[&query, SCHEMA], "steps");

    let mut introspection = "{ __schema { types { ...i0 } } }\n".to_owned();
    for n in 0..60 {
        let next = n + 1;
        writeln!(introspection, "fragment i{n} on __Type {{ ofType {{ ...i{next} }} x: ofType {{ ...i{next} }} }}")
            .unwrap();
    }
    introspection += "fragment i60 on __Type { name }";
    is_bounded("graphql.is_valid", &[&introspection, SCHEMA], "steps");
}

#[test]
fn chains_and_cycles_of_fragments_are_bounded() {
    let mut chain = "{ ...f0 }\n".to_owned();
    for n in 0..20_000 {
        writeln!(chain, "fragment f{n} on Query {{ ...f{} }}", n + 1).unwrap();
    }
    is_bounded("graphql.is_valid", &[&chain, SCHEMA], "nest more than");
    let cycle = "{ ...f } fragment f on Query { a { ...g } } fragment g on Query { a { ...f } ...g }";
    assert_eq!(call("graphql.is_valid", &[cycle, SCHEMA]).unwrap(), Some(Value::Bool(false)));
    let message = call("graphql.parse", &[cycle, SCHEMA]).unwrap_err().to_string();
    assert!(message.contains(r#"Cannot spread fragment "g" within itself"#), "{message}");
}

#[test]
fn wide_documents_are_bounded() {
    let fields: String = (0..40_000).map(|n| format!("f{n}: Int\n")).collect();
    let schema = format!("type Query {{ {fields} }}");
    let query: String = (0..40_000).map(|n| format!("g{n} ")).collect();
    is_bounded("graphql.is_valid", &[&format!("{{ {query} }}"), &schema], "steps");
    let same = format!("{{ {} }}", "a { b } ".repeat(40_000));
    is_bounded("graphql.is_valid", &[&same, SCHEMA], "steps");
    let arguments: String = (0..40_000).map(|n| format!("x{n}: 1 ")).collect();
    is_bounded("graphql.is_valid", &[&format!("{{ b({arguments}) b({arguments}) }}"), SCHEMA], "steps");
}

#[test]
fn trees_that_no_parser_makes_are_refused() {
    let verify = |query: &str| {
        let args = [Value::parse(query).unwrap(), SCHEMA.into()];
        Registry::standard().get("graphql.parse").unwrap().call(&mut Context::new(), &args)
    };
    for tree in [
        r#"{"Operations": [{"Operation": "drop", "SelectionSet": []}]}"#,
        r#"{"Operations": [{"SelectionSet": [{"Name": "b", "Arguments": [{"Name": "x"}]}]}]}"#,
        r#"{"Operations": [{"VariableDefinitions": [{"Variable": "v", "Type": {}}]}]}"#,
        r#"{"Operations": [{"SelectionSet": [{"Name": "b", "Arguments": [{"Name": "x", "Value": {"Kind": 77}}]}]}]}"#,
        r#"{"Operations": {"a": 1}}"#,
        r#"{"Operations": [[]]}"#,
    ] {
        assert!(matches!(verify(tree), Err(BuiltinError::Failed(_))), "{tree}");
    }
    // A variable whose default is itself.
    let own = r#"{"Operations": [{"VariableDefinitions": [{"Variable": "v", "Type": {"NamedType": "Int"},
        "DefaultValue": {"Kind": 0, "Raw": "v"}}], "SelectionSet": [{"Name": "b"}]}]}"#;
    assert!(matches!(verify(own), Err(BuiltinError::Halt(_))));
}
