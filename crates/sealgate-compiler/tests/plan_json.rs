//! Plan JSON: OPA's own plans survive reading and writing, and hostile ones are refused with an error that says where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use sealgate_compiler::ir::Policy;
use serde_json::{Value, json};

#[test]
fn opa_plans_survive_a_round_trip() {
    let Some(folder) = common::conformance("plans") else { return };
    let mut plans = 0;
    for file in common::json_files(&folder) {
        let document: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for case in document["cases"].as_array().unwrap() {
            let policy = Policy::from_json_value(case["plan"].clone()).unwrap();
            policy.validate().unwrap_or_else(|error| panic!("{}: {}: {error}", file.display(), case["note"]));
            let again = Policy::from_json_value(policy.to_json()).unwrap();
            assert_eq!(again, policy, "{}", case["note"]);
            assert!(policy.to_string().contains("plan eval {"));
            plans += 1;
        }
    }
    println!("{plans} plans read, checked and written");
    assert!(plans > 0);
}

fn plan(stmt: &str, body: &Value) -> Value {
    json!({
        "static": { "strings": [{ "value": "a" }], "builtin_funcs": [{ "name": "count" }] },
        "plans": { "plans": [{ "name": "eval", "blocks": [{ "stmts": [{ "type": stmt, "stmt": body }] }] }] },
        "funcs": { "funcs": [{ "name": "f", "params": [0, 1], "return": 2, "blocks": [] }] },
    })
}

fn refusal(document: Value) -> String {
    match Policy::from_json_value(document) {
        Err(error) => error.to_string(),
        Ok(policy) => policy.validate().expect_err("the plan must be refused").to_string(),
    }
}

#[test]
fn hostile_plans_are_refused() {
    let local = |value: i64| json!({ "type": "local", "value": value });
    let place = "plan.plans.plans[0].blocks[0].stmts[0]";
    for (stmt, body, expected) in [
        ("EvalStmt", json!({}), format!("`{place}.stmt`: unknown statement `EvalStmt`")),
        ("BreakStmt", json!({ "index": 1 }), "break 1 leaves more than the 1 blocks around it".to_owned()),
        ("BreakStmt", json!({ "index": -1 }), format!("`{place}.stmt.index`: expected an unsigned integer")),
        ("BreakStmt", json!({}), format!("`{place}.stmt.index`: expected an unsigned integer")),
        ("AssignVarStmt", json!({ "source": local(2), "target": 1u64 << 40 }), "expected a local".to_owned()),
        ("AssignVarStmt", json!({ "source": local(2), "target": 40_000 }), "local 40000 is not below".to_owned()),
        ("AssignVarStmt", json!({ "source": { "type": "x" }, "target": 3 }), "source.type`: expected".to_owned()),
        (
            "AssignVarStmt",
            json!({ "source": { "type": "string_index", "value": 1 }, "target": 3 }),
            "string 1 of 1".to_owned(),
        ),
        ("MakeNumberRefStmt", json!({ "Index": 7, "target": 3 }), "string 7 of 1".to_owned()),
        ("CallStmt", json!({ "func": "g", "args": [], "result": 2 }), "unknown function `g`".to_owned()),
        ("CallStmt", json!({ "func": "f", "args": [], "result": 2 }), "takes 2 arguments, called with 0".to_owned()),
        ("ReturnLocalStmt", json!({ "source": 2 }), "a plan does not return a local".to_owned()),
        ("NopStmt", json!({ "file": 9 }), "file 9 of 0".to_owned()),
        ("NotStmt", json!({ "block": [] }), format!("`{place}.stmt.block`: expected an object")),
    ] {
        let said = refusal(plan(stmt, &body));
        assert!(said.contains(&expected), "{stmt}: {expected:?} is not in {said:?}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        let mut body = json!({ "stmts": [] });
        for _ in 0..levels {
            body = json!({ "stmts": [{ "type": "NotStmt", "stmt": { "block": body } }] });
        }
        plan("NotStmt", &json!({ "block": body }))
    };
    assert!(refusal(nested(100)).contains("nest more than 100 deep"));
    assert!(refusal(nested(250)).contains("expected less nesting"));
    let text = nested(100).to_string();
    assert!(Policy::from_json(text.as_bytes()).unwrap_err().to_string().contains("recursion limit"));
}

#[test]
fn anything_but_a_plan_is_refused() {
    for text in
        ["", "[]", "null", "{\"static\":[]}", "{\"plans\":{\"plans\":{}}}", "{\"funcs\":{\"funcs\":[{}]}}", "\u{0}"]
    {
        assert!(Policy::from_json(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(Policy::from_json(b"{}").unwrap(), Policy::default());
}
