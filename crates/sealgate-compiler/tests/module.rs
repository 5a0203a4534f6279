//! Whole modules made from plans built here: the ABI, memory, dispatch, `with`, conflicts, determinism.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::host::{Host, Outcome};
use sealgate_compiler::compile_plan;
use sealgate_compiler::ir::{Block, Func, Local, Location, Operand, Plan, Policy, Stmt, StringIndex};
use serde_json::json;

const RET: Local = Local(2);

/// Builds plans in OPA's shape.
#[derive(Default)]
struct Builder {
    policy: Policy,
}

impl Builder {
    fn string(&mut self, text: &str) -> StringIndex {
        let at = self.policy.strings.iter().position(|known| known == text).unwrap_or_else(|| {
            self.policy.strings.push(text.to_owned());
            self.policy.strings.len() - 1
        });
        StringIndex(at as u32)
    }

    /// Without the search for an equal one, for large plans.
    fn new_string(&mut self, text: String) -> StringIndex {
        self.policy.strings.push(text);
        StringIndex(self.policy.strings.len() as u32 - 1)
    }

    fn func(&mut self, name: &str, params: &[u32], blocks: Vec<Vec<Stmt>>) {
        self.policy.funcs.push(Func {
            name: name.to_owned(),
            params: params.iter().copied().map(Local).collect(),
            ret: RET,
            blocks: blocks.into_iter().map(block).collect(),
            path: Vec::new(),
        });
    }

    /// An entrypoint that gives `{"result": func(input, data, input[key]…)}`.
    fn entrypoint(&mut self, name: &str, func: &str, keys: &[&str]) {
        let mut stmts = Vec::new();
        let mut args = vec![Local::INPUT.into(), Local::DATA.into()];
        for (place, key) in keys.iter().enumerate() {
            let target = Local(10 + place as u32);
            let key = self.string(key).into();
            stmts.push(Stmt::Dot { source: Local::INPUT.into(), key, target });
            args.push(target.into());
        }
        let result = self.string("result").into();
        stmts.push(Stmt::Call { func: func.to_owned(), args, result: Local(3) });
        stmts.push(Stmt::MakeObject { target: Local(4) });
        stmts.push(Stmt::ObjectInsert { key: result, value: Local(3).into(), object: Local(4) });
        stmts.push(Stmt::ResultSetAdd { value: Local(4) });
        self.policy.plans.push(Plan { name: name.to_owned(), blocks: vec![block(stmts)] });
    }
}

fn block(stmts: Vec<Stmt>) -> Block {
    Block { stmts: stmts.into_iter().map(|stmt| stmt.at(Location { row: 7, col: 1, ..Location::default() })).collect() }
}

/// A body with tests, and the block that moves its value.
fn body(value_local: u32, mut tests: Vec<Stmt>, value: Operand) -> Vec<Vec<Stmt>> {
    let value_local = Local(value_local);
    let mut stmts = vec![Stmt::ResetLocal { target: value_local }];
    stmts.append(&mut tests);
    stmts.push(Stmt::AssignVarOnce { source: value, target: value_local });
    vec![
        stmts,
        vec![Stmt::IsDefined { source: value_local }, Stmt::AssignVarOnce { source: value_local.into(), target: RET }],
    ]
}

fn returns() -> Vec<Stmt> {
    vec![Stmt::ReturnLocal { source: RET }]
}

/// `grant(role, tool) := "r<i>t<j>"`, one body for each of `count` pairs.
fn grants(count: usize) -> Policy {
    let mut builder = Builder::default();
    builder.entrypoint("grant", "grant", &["role", "tool"]);
    let mut blocks = Vec::new();
    let tools: Vec<StringIndex> = (0..200).map(|tool| builder.new_string(format!("tool-{tool}"))).collect();
    let roles: Vec<StringIndex> =
        (0..count.div_ceil(200)).map(|role| builder.new_string(format!("role-{role}"))).collect();
    for at in 0..count {
        let (role, tool) = (roles[at / 200], tools[at % 200]);
        let value = builder.new_string(format!("r{}t{}", at / 200, at % 200));
        let tests = vec![
            Stmt::Equal { a: Local(3).into(), b: role.into() },
            Stmt::Equal { a: tool.into(), b: Local(4).into() },
        ];
        blocks.extend(body(6, tests, value.into()));
    }
    blocks.push(returns());
    builder.func("grant", &[0, 1, 3, 4], blocks);
    builder.policy
}

fn engine() -> wasmtime::Engine {
    wasmtime::Engine::new(wasmtime::Config::new().cranelift_opt_level(wasmtime::OptLevel::None)).unwrap()
}

fn host(policy: &Policy) -> Host {
    let compiled = compile_plan(policy).unwrap();
    wasmparser::Validator::new().validate_all(&compiled.wasm).unwrap();
    Host::new(&engine(), &compiled.wasm)
}

fn results(values: serde_json::Value) -> Outcome {
    Outcome::Results(values)
}

#[test]
fn the_abi_is_whole() {
    let policy = grants(3);
    let compiled = compile_plan(&policy).unwrap();
    println!("{} bytes for a module of 3 rules", compiled.wasm.len());
    let module = wasmtime::Module::new(&engine(), &compiled.wasm).unwrap();
    let imports: Vec<String> =
        module.imports().map(|import| format!("{}.{}", import.module(), import.name())).collect();
    assert_eq!(imports, ["env.memory", "env.opa_abort"]);
    let memory = module.imports().next().unwrap();
    assert_eq!(memory.ty().unwrap_memory().minimum(), 1, "what a small module needs");
    assert_eq!(memory.ty().unwrap_memory().maximum(), None);
    let mut host = Host::new(&engine(), &compiled.wasm);
    assert_eq!(host.json_of("entrypoints"), json!({ "grant": 0 }));
    assert_eq!(host.json_of("builtins"), json!({}));
    assert_eq!(host.global("opa_wasm_abi_version"), 1);
    assert_eq!(host.global("opa_wasm_abi_minor_version"), 3);

    // The path through a context, as hosts without `opa_eval` go.
    let context = host.call("opa_eval_ctx_new", ()).unwrap();
    let input = host.parse(r#"{"role": "role-0", "tool": "tool-1"}"#);
    host.run("opa_eval_ctx_set_input", (context, input));
    host.run("opa_eval_ctx_set_entrypoint", (context, 0));
    assert_eq!(host.call("eval", context), Ok(0));
    let result = host.call("opa_eval_ctx_get_result", context).unwrap();
    let text = host.call("opa_json_dump", result).unwrap();
    assert_eq!(host.text(text), r#"[{"result":"r0t1"}]"#);

    assert_eq!(host.eval(1, "{}", Some("{}")), Outcome::Abort("internal: illegal entrypoint id".to_owned()));
}

#[test]
fn many_bodies_dispatch_to_the_one_that_matches() {
    for count in [1, 2, 3, 5, 1000] {
        let mut host = host(&grants(count));
        for at in [0, 1, 2, 4, 201, 999] {
            let input = format!(r#"{{"role": "role-{}", "tool": "tool-{}"}}"#, at / 200, at % 200);
            let want =
                if at < count { json!([{ "result": format!("r{}t{}", at / 200, at % 200) }]) } else { json!([]) };
            assert_eq!(host.eval(0, "{}", Some(&input)), results(want), "{at} of {count}");
        }
        for input in
            [r#"{"role": "role-0"}"#, r#"{"role": 1, "tool": {}}"#, r#"{"role": "tool-0", "tool": "role-0"}"#, "[]"]
        {
            assert_eq!(host.eval(0, "{}", Some(input)), results(json!([])), "{input} of {count}");
        }
        assert_eq!(host.eval(0, "{}", None), results(json!([])));
    }
}

#[test]
fn static_data_beyond_two_pages_are_put_in_place() {
    let policy = grants(20_000);
    let started = std::time::Instant::now();
    let compiled = compile_plan(&policy).unwrap();
    println!("20000 bodies: {} bytes in {:?}", compiled.wasm.len(), started.elapsed());
    assert!(compiled.wasm.len() > 2 * 65536);
    // Bodies that differ in constants only share their code.
    assert!(code_size(&compiled.wasm) < code_size(&compile_plan(&grants(20)).unwrap().wasm) + 1000);
    let mut host = host(&policy);
    for at in [0, 9_999, 19_999] {
        let input = format!(r#"{{"role": "role-{}", "tool": "tool-{}"}}"#, at / 200, at % 200);
        let want = json!([{ "result": format!("r{}t{}", at / 200, at % 200) }]);
        assert_eq!(host.eval(0, "{}", Some(&input)), results(want));
    }
}

/// Bytes of a module's functions.
fn code_size(wasm: &[u8]) -> usize {
    let payloads = wasmparser::Parser::new(0).parse_all(wasm).map(Result::unwrap);
    let bodies = payloads.filter_map(|payload| match payload {
        wasmparser::Payload::CodeSectionEntry(body) => Some(body.as_bytes().len()),
        _ => None,
    });
    bodies.sum()
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    for policy in [grants(1), grants(700)] {
        assert_eq!(compile_plan(&policy).unwrap().wasm, compile_plan(&policy).unwrap().wasm);
    }
}

/// `f(x)` with constants of every kind as tests, an untested body, and bodies that agree or conflict.
#[test]
fn tests_of_every_kind_of_constant_dispatch() {
    let mut builder = Builder::default();
    builder.entrypoint("f", "f", &["x"]);
    let number = |builder: &mut Builder, text: &str| {
        let index = builder.string(text);
        vec![Stmt::MakeNumberRef { index, target: Local(8) }, Stmt::Equal { a: Local(3).into(), b: Local(8).into() }]
    };
    let mut blocks = Vec::new();
    for text in ["0", "1", "-7", "9223372036854775807", "1.5"] {
        let tests = number(&mut builder, text);
        let value = builder.string(&format!("number {text}")).into();
        blocks.extend(body(6, tests, value));
    }
    for (test, name) in [(Operand::Bool(true), "true"), (Operand::Bool(false), "false")] {
        let value = builder.string(name).into();
        blocks.extend(body(6, vec![Stmt::Equal { a: test, b: Local(3).into() }], value));
    }
    let null = vec![Stmt::MakeNull { target: Local(8) }, Stmt::Equal { a: Local(3).into(), b: Local(8).into() }];
    let value = builder.string("null").into();
    blocks.extend(body(6, null, value));
    for value in ["long text", "long text"] {
        let test = builder.string("abcdefghijklmnopqrstuvwxyz é");
        let value = builder.string(value).into();
        blocks.extend(body(6, vec![Stmt::Equal { a: Local(3).into(), b: test.into() }], value));
    }
    for value in ["one", "other"] {
        let test = builder.string("twice");
        let value = builder.string(value).into();
        blocks.extend(body(6, vec![Stmt::Equal { a: Local(3).into(), b: test.into() }], value));
    }
    blocks.push(returns());
    builder.func("f", &[0, 1, 3], blocks);
    let mut host = host(&builder.policy);
    for (x, want) in [
        ("0", "number 0"),
        ("0.0", "number 0"),
        ("1", "number 1"),
        ("1.00", "number 1"),
        ("1e0", "number 1"),
        ("-7", "number -7"),
        ("-70e-1", "number -7"),
        ("9223372036854775807", "number 9223372036854775807"),
        ("1.5", "number 1.5"),
        ("15e-1", "number 1.5"),
        ("true", "true"),
        ("false", "false"),
        ("null", "null"),
        (r#""abcdefghijklmnopqrstuvwxyz é""#, "long text"),
    ] {
        let input = format!(r#"{{"x": {x}}}"#);
        assert_eq!(host.eval(0, "{}", Some(&input)), results(json!([{ "result": want }])), "{x}");
    }
    for x in ["2", "9223372036854775808", "1e400", "[]", "{}", r#""""#, r#""0""#, "[0]", "set()"] {
        assert_eq!(host.eval(0, "{}", Some(&format!(r#"{{"x": {x}}}"#))), results(json!([])), "{x}");
    }
    let conflict = host.eval(0, "{}", Some(r#"{"x": "twice"}"#));
    assert_eq!(conflict, Outcome::Abort(":7:1: eval_conflict_error: var assignment conflict".to_owned()));
}

/// `deny contains msg` with bodies that test paths of the input.
#[test]
fn partial_rules_dispatch_by_paths_of_the_input() {
    let mut builder = Builder::default();
    builder.entrypoint("deny", "deny", &[]);
    let (user, role) = (builder.string("user"), builder.string("role"));
    let mut blocks = vec![vec![Stmt::MakeSet { target: RET }]];
    for at in 0..50 {
        let (name, message) = (builder.string(&format!("role-{}", at / 2)), builder.string(&format!("message {at}")));
        blocks.push(vec![
            Stmt::Dot { source: Local::INPUT.into(), key: user.into(), target: Local(3) },
            Stmt::Dot { source: Local(3).into(), key: role.into(), target: Local(4) },
            Stmt::Equal { a: Local(4).into(), b: name.into() },
            Stmt::SetAdd { value: message.into(), set: RET },
        ]);
    }
    blocks.push(returns());
    builder.func("deny", &[0, 1], blocks);
    let mut host = host(&builder.policy);
    let want = json!([{ "result": ["message 6", "message 7"] }]);
    assert_eq!(host.eval(0, "{}", Some(r#"{"user": {"role": "role-3"}}"#)), results(want));
    for input in [r#"{"user": {"role": "role-99"}}"#, r#"{"user": {}}"#, "{}", "7"] {
        assert_eq!(host.eval(0, "{}", Some(input)), results(json!([{ "result": [] }])), "{input}");
    }
}

#[test]
fn with_replaces_and_restores_and_memoised_rules_notice() {
    let mut builder = Builder::default();
    builder.entrypoint("p", "p", &[]);
    let (x, new) = (builder.string("x"), builder.string("new"));
    // q := input.x, asked for before, within and after `with input.x as "new"`.
    let dot = Stmt::Dot { source: Local::INPUT.into(), key: x.into(), target: Local(5) };
    let mut blocks = body(3, vec![dot], Local(5).into());
    blocks.push(returns());
    builder.func("q", &[0, 1], blocks);
    let ask = |result| Stmt::Call {
        func: "q".to_owned(),
        args: vec![Local::INPUT.into(), Local::DATA.into()],
        result: Local(result),
    };
    let with = Stmt::With { local: Local::INPUT, path: vec![x], value: new.into(), block: block(vec![ask(6)]) };
    let collect = [5, 6, 7].map(|local| Stmt::ArrayAppend { value: Local(local).into(), array: Local(8) });
    let mut tests = vec![ask(5), with, ask(7), Stmt::MakeArray { capacity: 3, target: Local(8) }];
    tests.extend(collect);
    let mut blocks = body(3, tests, Local(8).into());
    blocks.push(returns());
    builder.func("p", &[0, 1], blocks);
    let mut host = host(&builder.policy);
    for round in 0..3 {
        let input = format!(r#"{{"x": {round}}}"#);
        assert_eq!(host.eval(0, "{}", Some(&input)), results(json!([{ "result": [round, "new", round] }])));
    }
}

#[test]
fn constant_collections_become_static_data() {
    let mut builder = Builder::default();
    builder.entrypoint("p", "p", &[]);
    let mut tests = vec![Stmt::MakeSet { target: Local(5) }];
    for text in ["b", "a", "b"] {
        let value = builder.string(text).into();
        tests.push(Stmt::SetAdd { value, set: Local(5) });
    }
    tests.push(Stmt::MakeObject { target: Local(7) });
    for (key, value) in [("z", Operand::Bool(true)), ("y", Local(5).into()), ("z", Operand::Bool(false))] {
        let key = builder.string(key).into();
        tests.push(Stmt::ObjectInsert { key, value, object: Local(7) });
    }
    let mut blocks = body(3, tests, Local(7).into());
    blocks.push(returns());
    builder.func("p", &[0, 1], blocks);
    let want = json!([{ "result": { "y": ["a", "b"], "z": false } }]);
    assert_eq!(host(&builder.policy).eval(0, "{}", None), results(want));
    let text = sealgate_compiler::wat(&compile_plan(&builder.policy).unwrap().wasm).unwrap();
    assert!(text.starts_with("(module"));
}

#[test]
fn too_many_arguments_for_a_host_are_refused() {
    let mut builder = Builder::default();
    let func = "custom.five".to_owned();
    builder.policy.builtins.push(sealgate_compiler::ir::BuiltinFunc { name: func.clone(), decl: json!(null) });
    let call = |args: usize| Stmt::Call { func: func.clone(), args: vec![Operand::Bool(true); args], result: Local(2) };
    builder.policy.plans.push(Plan { name: "p".to_owned(), blocks: vec![block(vec![call(5)])] });
    let said = compile_plan(&builder.policy).unwrap_err().to_string();
    assert_eq!(said, "builtin `custom.five` is called with 5 arguments; a host serves at most 4");
    builder.policy.plans = vec![Plan { name: "p".to_owned(), blocks: vec![block(vec![call(4)])] }];
    let compiled = compile_plan(&builder.policy).unwrap();
    assert_eq!(compiled.builtins, ["custom.five"]);
    assert_eq!(Host::new(&engine(), &compiled.wasm).json_of("builtins"), json!({ "custom.five": 0 }));
}

/// `regex.match`, also by its older name, and `glob.match` with constant patterns run without the kernel's engine.
#[test]
fn constant_patterns_become_tables() {
    let mut builder = Builder::default();
    let names = ["regex.match", "glob.match", "re_match"];
    for name in names {
        let builtin = sealgate_compiler::ir::BuiltinFunc { name: name.to_owned(), decl: json!(null) };
        builder.policy.builtins.push(builtin);
    }
    let (pattern, glob, slash) = (builder.string("^a[0-9]+$"), builder.string("/srv/*"), builder.string("/"));
    let call = |name: &str, args: Vec<Operand>| Stmt::Call { func: name.to_owned(), args, result: Local(5) };
    let blocks = |tests: Vec<Stmt>| {
        let mut blocks = body(6, tests, Local(5).into());
        blocks.push(returns());
        blocks
    };
    builder.entrypoint("regex", "r", &["x"]);
    builder.entrypoint("glob", "g", &["x"]);
    builder.entrypoint("older", "o", &["x"]);
    let regex = blocks(vec![call(names[0], vec![pattern.into(), Local(3).into()])]);
    builder.func("r", &[0, 1, 3], regex);
    let older = blocks(vec![call(names[2], vec![pattern.into(), Local(3).into()])]);
    builder.func("o", &[0, 1, 3], older);
    let delimiters = vec![
        Stmt::MakeArray { capacity: 1, target: Local(4) },
        Stmt::ArrayAppend { value: slash.into(), array: Local(4) },
        call(names[1], vec![glob.into(), Local(4).into(), Local(3).into()]),
    ];
    let glob = blocks(delimiters);
    builder.func("g", &[0, 1, 3], glob);
    let size = compile_plan(&builder.policy).unwrap().wasm.len();
    println!("{size} bytes with three matches");
    assert!(size < 80_000, "the regex engine is linked: {size} bytes");
    let mut host = host(&builder.policy);
    for (entrypoint, x, want) in [
        (0, "\"a12\"", json!([{ "result": true }])),
        (0, "\"b12\"", json!([{ "result": false }])),
        (0, "12", json!([])),
        (1, "\"/srv/a\"", json!([{ "result": true }])),
        (1, "\"/srv/a/b\"", json!([{ "result": false }])),
        (2, "\"a12\"", json!([{ "result": true }])),
        (2, "\"b12\"", json!([{ "result": false }])),
        (2, "12", json!([])),
    ] {
        assert_eq!(host.eval(entrypoint, "{}", Some(&format!(r#"{{"x": {x}}}"#))), results(want), "{entrypoint} {x}");
    }
}
