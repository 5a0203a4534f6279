//! A module that lies, loops, bombs or recurses ends in its own error and a denial; the host lives and goes on deciding.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::{ALLOW, Guest, load, on_empty_object};
use sealgate_runtime::{
    DecideError, Engine, EngineOptions, Format, Isolation, LoadError, ModuleError, Outcome, Reason, Request,
    RuntimeOptions,
};

fn options() -> RuntimeOptions {
    RuntimeOptions {
        deadline: Duration::from_millis(30),
        load_deadline: Duration::from_millis(100),
        max_memory: Some(4 << 20),
        max_result: 1 << 10,
        ..RuntimeOptions::default()
    }
}

/// Every attack that a decision can meet, and the error that it ends in.
fn attacks() -> Vec<(&'static str, &'static str, &'static str, DecideError)> {
    let broken = DecideError::BrokenAbi;
    vec![
        ("infinite loop", "(loop (br 0)) (unreachable)", "", DecideError::Timeout),
        (
            "deep recursion",
            "(call $deep (i32.const 0))",
            "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))",
            DecideError::StackLimit,
        ),
        (
            "calls without end",
            "(loop (drop (call $leaf)) (br 0)) (unreachable)",
            "(func $leaf (result i32) (i32.const 1))",
            DecideError::Timeout,
        ),
        (
            "memory bomb",
            "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)",
            "",
            DecideError::MemoryLimit,
        ),
        (
            "memory bomb that gives up politely",
            "(drop (memory.grow (i32.const 60000))) (call $abort (i32.const 1200)) (unreachable)",
            "",
            DecideError::MemoryLimit,
        ),
        ("null result", "(i32.const 0)", "", broken("it returned a null address for a text")),
        ("result outside", "(i32.const -1)", "", broken("it returned an address outside its memory")),
        ("result at the end", "(i32.const 131072)", "", broken("it returned an address outside its memory")),
        (
            "result without an end",
            "(memory.fill (i32.const 131000) (i32.const 65) (i32.const 72)) (i32.const 131000)",
            "",
            broken("it returned a text without an end"),
        ),
        (
            "result too large",
            "(memory.fill (i32.const 60000) (i32.const 65) (i32.const 2000)) (i32.const 60000)",
            "",
            DecideError::ResultTooLarge { limit: 1 << 10 },
        ),
        ("bad UTF-8", "(i32.const 1300)", "", broken("it returned a text that is not UTF-8")),
        ("unreachable", "(unreachable)", "", DecideError::Trapped(String::new())),
        ("division by zero", "(i32.div_u (i32.const 1) (i32.const 0))", "", DecideError::Trapped(String::new())),
        ("load outside", "(i32.load (i32.const -4))", "", DecideError::Trapped(String::new())),
        ("abort", "(call $abort (i32.const 1200)) (unreachable)", "", DecideError::Aborted("gave up".to_owned())),
        ("abort outside", "(call $abort (i32.const -9)) (unreachable)", "", DecideError::Aborted(String::new())),
        (
            "unlisted builtin",
            "(call $builtin1 (i32.const 3) (i32.const 0) (i32.const 1024))",
            "",
            broken("it called a builtin that it does not list"),
        ),
        (
            "call through an empty table",
            "(call_indirect (param i32) (i32.const 0) (i32.const 0)) (unreachable)",
            "(table 1 funcref)",
            DecideError::Trapped(String::new()),
        ),
        (
            "call under another type",
            "(call_indirect (param i64) (i64.const 0) (i32.const 0)) (unreachable)",
            "(table funcref (elem $malloc))",
            DecideError::Trapped(String::new()),
        ),
        (
            "call outside of the table",
            "(call_indirect (param i32) (i32.const 0) (i32.const -1)) (unreachable)",
            "(table 1 funcref)",
            DecideError::Trapped(String::new()),
        ),
        (
            "a table that grows without end",
            "(loop (br_if 0 (i32.ne (table.grow (ref.null func) (i32.const 100)) (i32.const -1))))
             (call_indirect (param i32) (i32.const 0) (table.size)) (unreachable)",
            "(table 1 funcref)",
            DecideError::Trapped(String::new()),
        ),
        (
            "copy outside",
            "(memory.copy (i32.const 0) (i32.const -8) (i32.const 16)) (unreachable)",
            "",
            DecideError::Trapped(String::new()),
        ),
        (
            "data that was dropped",
            "(data.drop $dropped) (memory.init $dropped (i32.const 0) (i32.const 0) (i32.const 1)) (unreachable)",
            "(data $dropped \"x\")",
            DecideError::Trapped(String::new()),
        ),
        (
            "a number that no integer holds",
            "(i32.trunc_f64_s (f64.const nan))",
            "",
            DecideError::Trapped(String::new()),
        ),
        (
            "bytes filled again and again",
            "(loop (memory.fill (i32.const 65536) (i32.const 0) (i32.const 65536)) (br 0)) (unreachable)",
            "",
            DecideError::Timeout,
        ),
        (
            "two functions that call each other",
            "(call $ping (i32.const 0))",
            "(func $ping (param i32) (result i32) (i32.add (i32.const 1) (call $pong (local.get 0))))
             (func $pong (param i32) (result i32) (i32.add (i32.const 1) (call $ping (local.get 0))))",
            DecideError::StackLimit,
        ),
        ("undefined", "(i32.const 1100)", "", DecideError::Undefined),
        ("no result set", "(i32.const 1008)", "", DecideError::MalformedDecision(String::new())),
    ]
}

/// The same error, whatever the text of a trap.
fn same(a: &DecideError, b: &DecideError) -> bool {
    match (a, b) {
        (DecideError::Trapped(_), DecideError::Trapped(_))
        | (DecideError::MalformedDecision(_), DecideError::MalformedDecision(_)) => true,
        (a, b) => a == b,
    }
}

#[test]
fn every_attack_is_its_own_error_and_the_host_goes_on() {
    for isolation in [Isolation::Pooled, Isolation::Fresh] {
        for (name, attack, extra, expected) in attacks() {
            let eval = on_empty_object(attack);
            let options = RuntimeOptions { isolation, pool_size: Some(2), ..options() };
            let policy = Guest { eval: &eval, extra, ..Guest::default() }.load(&options).unwrap();
            for round in 0..3 {
                let error = policy.decide_json(b"{}").unwrap_err();
                assert!(same(&error, &expected), "{name} {isolation:?} round {round}: {error:?}");
                let denial = policy.decide_json_or_deny(b"{}");
                assert_eq!((denial.outcome(), denial.reason()), (Outcome::Deny, expected.reason()), "{name}");
                assert!(denial.failure().is_some_and(|failure| same(failure, &expected)), "{name}");
                let good = policy.decide(&Request::new("tool")).unwrap();
                assert_eq!(good.outcome(), Outcome::Allow, "{name} {isolation:?} round {round}");
            }
        }
    }
}

#[test]
fn spoiled_instances_are_replaced_and_counted() {
    let eval = on_empty_object("(unreachable)");
    let policy = Guest { eval: &eval, ..Guest::default() }.load(&options()).unwrap();
    assert_eq!(policy.stats().instances_started, 1);
    for _ in 0..5 {
        policy.decide_json(b"{}").unwrap_err();
        policy.decide_json(b"{ }").unwrap();
    }
    assert_eq!((policy.stats().dropped_spoiled, policy.stats().instances_started), (5, 6));
}

#[test]
fn an_instance_that_grew_is_replaced() {
    let eval = on_empty_object("(drop (memory.grow (i32.const 32))) (i32.const 1024)");
    let options = RuntimeOptions { max_retained: 1 << 20, ..options() };
    let policy = Guest { eval: &eval, ..Guest::default() }.load(&options).unwrap();
    for _ in 0..4 {
        assert!(policy.decide_json(b"{}").unwrap().is_allowed());
        assert!(policy.decide_json(b"{ }").unwrap().is_allowed());
    }
    assert_eq!(policy.stats().dropped_grown, 4);
}

#[test]
fn deadlines_hold_after_the_clock_thread_went_to_sleep() {
    let engine = Engine::new(&EngineOptions { instances: 4, ..EngineOptions::default() }).unwrap();
    let options = RuntimeOptions { engine: Some(engine), ..options() };
    let eval = on_empty_object("(loop (br 0)) (unreachable)");
    let policy = Guest { eval: &eval, ..Guest::default() }.load(&options).unwrap();
    for _ in 0..3 {
        // Longer than the longest deadline and the margin on it.
        std::thread::sleep(Duration::from_millis(150));
        let started = Instant::now();
        assert_eq!(policy.decide_json(b"{}").map(drop), Err(DecideError::Timeout));
        assert!(started.elapsed() >= Duration::from_millis(30), "{:?}", started.elapsed());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}

#[test]
fn a_start_that_does_not_end_is_stopped() {
    let guest = Guest { extra: "(func $start (loop (br 0))) (start $start)", ..Guest::default() };
    assert!(matches!(guest.load(&options()), Err(LoadError::Start(DecideError::Timeout))));
    let guest = Guest { extra: "(func $start (call $abort (i32.const 1200))) (start $start)", ..Guest::default() };
    match guest.load(&options()) {
        Err(LoadError::Start(DecideError::Aborted(message))) => assert_eq!(message, "gave up"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_that_attacks_ends_in_its_own_error() {
    let starts = |body: &str, more: &str| format!("{more} (func $start {body}) (start $start)");
    let failed = |extra: &str| match (Guest { extra, ..Guest::default() }).load(&options()) {
        Err(LoadError::Start(error)) => error,
        other => panic!("{extra}: {other:?}"),
    };
    let bomb = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)";
    assert_eq!(failed(&starts(bomb, "")), DecideError::MemoryLimit);
    let deep = "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))";
    assert_eq!(failed(&starts("(drop (call $deep (i32.const 0)))", deep)), DecideError::StackLimit);
    assert!(matches!(failed(&starts("(unreachable)", "")), DecideError::Trapped(_)));
    assert!(matches!(failed("(data (i32.const 0x7fffff00) \"x\")"), DecideError::Trapped(_)));
    let calls = "(drop (call $builtin1 (i32.const 0) (i32.const 0) (i32.const 1024)))";
    assert!(matches!(failed(&starts(calls, "")), DecideError::BrokenAbi(_)));
    // A table that is refused room is not there; the module may live with that.
    let table = starts("(drop (table.grow (ref.null func) (i32.const 100000000)))", "(table 1 funcref)");
    assert!(Guest { extra: &table, ..Guest::default() }.load(&options()).is_ok());
}

/// A value that contains itself never ends when it is written: neither as a list that is read while the policy is loaded
/// nor as the argument of a builtin.
#[test]
fn a_value_that_never_ends_is_stopped() {
    let eval = on_empty_object("(call $builtin1 (i32.const 5) (i32.const 0) (i32.const 1400))");
    let endless = r#"(func (export "opa_value_dump") (param i32) (result i32) (loop (br 0)) (unreachable))
        (func (export "opa_value_parse") (param i32 i32) (result i32) (local.get 0))"#;
    let guest = Guest { builtins: r#"{"hex.encode":5}"#, eval: &eval, extra: endless, ..Guest::default() };
    let policy = guest.load(&options()).unwrap();
    for _ in 0..3 {
        assert_eq!(policy.decide_json(b"{}").map(drop), Err(DecideError::Timeout));
        assert!(policy.decide(&Request::new("tool")).unwrap().is_allowed());
    }
    let guest = Guest { dump: "(loop (br 0)) (unreachable)", ..Guest::default() };
    match guest.load(&options()) {
        Err(LoadError::Start(DecideError::Timeout) | LoadError::Listing { what: "entrypoints", .. }) => {}
        other => panic!("{other:?}"),
    }
}

/// While one policy loops on some threads, another decides on others as if nothing were.
#[test]
fn other_decisions_go_on_while_a_policy_loops() {
    let engine = Engine::new(&EngineOptions { instances: 16, ..EngineOptions::default() }).unwrap();
    let options = RuntimeOptions { engine: Some(engine), deadline: Duration::from_millis(50), ..options() };
    let looping = Guest { eval: "(loop (br 0)) (unreachable)", ..Guest::default() }.load(&options).unwrap();
    let patient = RuntimeOptions { deadline: Duration::from_secs(20), ..options };
    let good = Guest::default().load(&patient).unwrap();
    std::thread::scope(|scope| {
        let hostile: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..5).all(|_| looping.decide_json(b"{}").map(drop) == Err(DecideError::Timeout))))
            .collect();
        let mut decided = 0;
        while decided < 100 || hostile.iter().any(|thread| !thread.is_finished()) {
            assert!(good.decide_json(b"{}").unwrap().is_allowed());
            decided += 1;
        }
        assert!(hostile.into_iter().all(|thread| thread.join().unwrap()));
    });
    assert_eq!(looping.stats().timeouts, 10);
}

#[test]
fn lying_lists_and_heaps_are_refused() {
    for entrypoints in ["", "[]", "1", r#"{"a":"b"}"#, r#"{"a":1e400}"#, r#"{"a":1.5}"#, "{{{{", r#"{1:1}"#] {
        let loaded = Guest { entrypoints, ..Guest::default() }.load(&options());
        assert!(matches!(loaded, Err(LoadError::Listing { what: "entrypoints", .. })), "{entrypoints}: {loaded:?}");
    }
    let loaded = Guest { builtins: r#"{"http.send":0,"no.such":1,"sprintf":2}"#, ..Guest::default() }.load(&options());
    match loaded {
        Err(LoadError::BuiltinsNotGranted(refused)) => {
            let names: Vec<&str> = refused.iter().map(|builtin| builtin.name.as_str()).collect();
            assert_eq!(names, ["http.send", "no.such"]);
        }
        other => panic!("{other:?}"),
    }
    let loaded = Guest { builtins: r#"{"sprintf":2,"indexof_n":2}"#, ..Guest::default() }.load(&options());
    assert!(matches!(loaded, Err(LoadError::Listing { what: "builtins", .. })), "{loaded:?}");

    let loaded = Guest { heap: "(i32.const -1)", ..Guest::default() }.load(&options());
    assert!(matches!(loaded, Err(LoadError::Start(DecideError::BrokenAbi(_)))), "{loaded:?}");
    let policy = Guest { heap: "(i32.const 0x7ffffff0)", ..Guest::default() }.load(&options()).unwrap();
    assert_eq!(policy.decide_json(b"{}").map(drop), Err(DecideError::MemoryLimit));
    assert_eq!(policy.decide(&Request::new("t")).map(drop), Err(DecideError::MemoryLimit));
}

#[test]
fn a_builtin_that_is_listed_can_be_called_and_others_cannot() {
    // Values are texts here, so the builtin gets what lies at the address: `7` is no string, and so undefined.
    let eval = "(if (result i32) (call $builtin1 (i32.const 5) (i32.const 0) (i32.const 1400))
        (then (i32.const 1024)) (else (i32.const 1100)))";
    let policy = Guest { builtins: r#"{"hex.encode":5}"#, eval, ..Guest::default() }.load(&options()).unwrap();
    assert_eq!(policy.decide_json(b"{}").map(drop), Err(DecideError::Undefined));
    assert_eq!(policy.host_builtins(), ["hex.encode"]);

    let eval = "(call $builtin1 (i32.const 6) (i32.const 0) (i32.const 1024))";
    let policy = Guest { builtins: r#"{"hex.encode":5}"#, eval, ..Guest::default() }.load(&options()).unwrap();
    let expected = DecideError::BrokenAbi("it called a builtin that it does not list");
    assert_eq!(policy.decide_json(b"{}").map(drop), Err(expected));

    let eval = "(call $builtin1 (i32.const 5) (i32.const 0) (i32.const 1300))";
    let policy = Guest { builtins: r#"{"hex.encode":5}"#, eval, ..Guest::default() }.load(&options()).unwrap();
    assert!(matches!(policy.decide_json(b"{}"), Err(DecideError::BrokenAbi(_))));
}

#[test]
fn modules_beyond_the_abi_are_refused_before_they_are_compiled() {
    let refused = |guest: Guest<'_>| match guest.load(&options()) {
        Err(LoadError::Module(error)) => error,
        other => panic!("{other:?}"),
    };
    let import = |module: &str, name: &str| ModuleError::Import { module: module.to_owned(), name: name.to_owned() };
    let with_import = |text: &'static str| Guest { memory: text, ..Guest::default() };
    assert_eq!(
        refused(with_import(
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
               (import "env" "memory" (memory 2))"#
        )),
        import("wasi_snapshot_preview1", "fd_write")
    );
    assert_eq!(
        refused(with_import(r#"(import "env" "opa_exec" (func)) (import "env" "memory" (memory 2))"#)),
        import("env", "opa_exec")
    );
    assert_eq!(
        refused(with_import(r#"(import "env" "opa_builtin0" (func (param i64))) (import "env" "memory" (memory 2))"#)),
        import("env", "opa_builtin0")
    );
    assert_eq!(
        refused(with_import(r#"(import "env" "g" (global i32)) (import "env" "memory" (memory 2))"#)),
        import("env", "g")
    );
    assert_eq!(
        refused(with_import(r#"(import "env" "memory" (memory 65000))"#)),
        ModuleError::MemoryTooLarge { pages: 65000, limit: 64 }
    );
    let table = Guest { extra: "(table 1000000 funcref)", ..Guest::default() };
    assert_eq!(refused(table), ModuleError::Table);
    let tables = Guest { extra: "(table 1 funcref) (table 1 funcref)", ..Guest::default() };
    assert_eq!(refused(tables), ModuleError::Table);
}

/// What Wasm has been given since version 2, one proposal at a time: refused here and by the bundle's check, whatever the
/// sandbox could do with it.
#[test]
fn later_proposals_are_refused() {
    let memory = r#"(import "env" "memory" (memory 2))"#;
    for (proposal, memory, extra) in [
        ("64-bit memory", r#"(import "env" "memory" (memory i64 2))"#, ""),
        ("custom page sizes", r#"(import "env" "memory" (memory 2 (pagesize 1)))"#, ""),
        ("shared memory", r#"(import "env" "memory" (memory 2 3 shared))"#, ""),
        ("several memories", memory, "(memory $more 1)"),
        ("atomics", memory, "(func (drop (i32.atomic.load (i32.const 0))))"),
        ("tail calls", memory, "(func $f (return_call $f))"),
        ("indirect tail calls", memory, "(table 1 funcref) (func (return_call_indirect (i32.const 0)))"),
        ("exceptions", memory, "(tag $t) (func (throw $t))"),
        ("older exceptions", memory, "(tag $t) (func try catch_all end)"),
        ("caught exceptions", memory, "(func (block (try_table (catch_all 0))))"),
        ("structs", memory, "(type (struct (field i32)))"),
        ("arrays", memory, "(type (array i8))"),
        ("small integers as references", memory, "(func (drop (ref.i31 (i32.const 1))))"),
        ("recursive types", memory, "(rec (type $a (func)) (type $b (func)))"),
        ("typed references", memory, "(type $t (func)) (func (param (ref null $t)) (call_ref $t (local.get 0)))"),
        (
            "vectors that need not agree",
            memory,
            "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
        ),
        ("tables with 64-bit indexes", memory, "(table i64 1 funcref)"),
        ("arithmetic of 128 bits", memory, "(func (drop (drop (i64.mul_wide_u (i64.const 1) (i64.const 1)))))"),
        ("switched stacks", memory, "(type $f (func)) (type (cont $f))"),
    ] {
        let wasm = Guest { memory, extra, ..Guest::default() }.wasm();
        let loaded = load(&wasm, &options());
        assert!(matches!(loaded, Err(LoadError::Module(_))), "{proposal}: {loaded:?}");
        let checked = sealgate_bundle::module::check(&wasm, &[], &Default::default());
        assert!(checked.is_err(), "{proposal}");
    }
    // What version 2 has may be there.
    let vectors = "(func (drop (i8x16.add (v128.const i64x2 0 0) (v128.const i64x2 0 0))))";
    let wasm = Guest { extra: vectors, ..Guest::default() }.wasm();
    assert!(load(&wasm, &options()).is_ok() && sealgate_bundle::module::check(&wasm, &[], &Default::default()).is_ok());
}

/// Each export that the ABI needs: left out, of another kind, of another type.
#[test]
fn exports_that_are_not_the_abis_are_refused() {
    let text = Guest::default().text();
    for name in [
        "memory",
        "opa_malloc",
        "opa_heap_ptr_get",
        "opa_heap_ptr_set",
        "opa_json_parse",
        "opa_json_dump",
        "entrypoints",
        "builtins",
        "opa_eval",
    ] {
        let renamed = text.replace(&format!("(export \"{name}\""), "(export \"elsewhere\"");
        assert_ne!(renamed, text, "{name}");
        let other = |field: &str| format!("{}{field})", renamed.trim_end().strip_suffix(')').unwrap());
        for (how, text) in [
            ("missing", renamed.clone()),
            ("a global", other(&format!("(global (export \"{name}\") i32 (i32.const 1))"))),
            ("a table", other(&format!("(table (export \"{name}\") 1 funcref)"))),
            ("of another type", other(&format!("(func (export \"{name}\") (param f64) (result v128) unreachable)"))),
        ] {
            let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name} {how}: {error}"));
            let error = load(&wasm, &options()).map(drop).unwrap_err();
            let refused = matches!(error, LoadError::Module(_) | LoadError::Start(DecideError::BrokenAbi(_)));
            assert!(refused, "{name} {how}: {error:?}");
        }
    }
}

#[test]
fn what_is_no_module_or_lacks_an_export_is_refused() {
    assert!(matches!(load(b"", &options()), Err(LoadError::NoModule)));
    assert!(matches!(load(b"\0asm", &options()), Err(LoadError::Module(ModuleError::Invalid(_)))));
    assert!(matches!(load(b"(module)", &options()), Err(LoadError::Module(ModuleError::Invalid(_)))));
    let component = wat::parse_str("(component)").unwrap();
    assert!(matches!(load(&component, &options()), Err(LoadError::Module(ModuleError::Invalid(_)))));
    let bare = wat::parse_str("(module)").unwrap();
    assert!(matches!(load(&bare, &options()), Err(LoadError::Module(ModuleError::Memory))));
    let unexported = wat::parse_str(r#"(module (import "env" "memory" (memory 1)))"#).unwrap();
    assert!(matches!(load(&unexported, &options()), Err(LoadError::Module(ModuleError::Export("memory")))));
    let empty = wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap();
    assert!(matches!(load(&empty, &options()), Err(LoadError::Module(ModuleError::Export(_)))));
    let two = wat::parse_str(r#"(module (memory (export "memory") 1) (memory 1))"#).unwrap();
    assert!(matches!(load(&two, &options()), Err(LoadError::Module(_))));
    let shared = wat::parse_str(r#"(module (memory (export "memory") 1 2 shared))"#).unwrap();
    assert!(matches!(load(&shared, &options()), Err(LoadError::Module(_))));
    let small = RuntimeOptions { max_module: 100, ..options() };
    assert!(matches!(Guest::default().load(&small), Err(LoadError::Module(ModuleError::TooLarge { .. }))));

    let good = Guest::default().wasm();
    // Cut before the names, without which it would be whole.
    let end = good.windows(4).position(|bytes| bytes == b"name").unwrap() - 3;
    for cut in (0..end).step_by(7) {
        assert!(load(&good[..cut], &options()).is_err(), "cut at {cut}");
    }
}

#[test]
fn inputs_are_bounded_and_must_be_json() {
    let options = RuntimeOptions { max_input: 10_000, ..options() };
    let policy = Guest::default().load(&options).unwrap();
    let long = "x".repeat(20_000);
    assert_eq!(policy.decide(&Request::new(&long)).map(drop), Err(DecideError::InputTooLarge { limit: 10_000 }));
    let fits = "x".repeat(9_000);
    assert!(policy.decide(&Request::new(&fits)).unwrap().is_allowed());
    let json = format!("\"{long}\"");
    assert_eq!(policy.decide_json(json.as_bytes()).map(drop), Err(DecideError::InputTooLarge { limit: 10_000 }));
    for input in ["", "{", "{} {}", "nul", "\u{1}", "{\"a\":1,}"] {
        let error = policy.decide_json(input.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidInput, "{input}");
    }
    assert!(policy.evaluate("test/decision", b"", Format::Json).is_ok());
    let error = policy.evaluate("test/other", b"", Format::Json).unwrap_err();
    assert_eq!(error, DecideError::UnknownEntrypoint("test/other".to_owned()));
    // Only spoiled instances are replaced; the host's own refusals are not the policy's fault.
    assert_eq!(policy.stats().dropped_spoiled, 0);
}

/// `sealgate_eval` says that the module checks its input; whoever exports something else by that name does not.
#[test]
fn a_module_that_checks_its_input_is_told_by_the_type_of_its_export() {
    let strict = |params: &str, body: &str| {
        format!(
            r#"(data (i32.const 1500) "the input is not one JSON value\00")
               (func (export "sealgate_eval") (param {params}) (result i32) {body})"#
        )
    };
    let five = "i32 i32 i32 i32 i32";
    let decide = |extra: &str, input: &[u8]| {
        Guest { extra, ..Guest::default() }.load(&options()).unwrap().decide_json(input).map(drop)
    };
    let refuses = strict(five, "(call $abort (i32.const 1500)) (unreachable)");
    assert!(matches!(decide(&refuses, b"{"), Err(DecideError::InvalidInput(_))));
    let gives_up = strict(five, "(call $abort (i32.const 1200)) (unreachable)");
    assert_eq!(decide(&gives_up, b"{}"), Err(DecideError::Aborted("gave up".to_owned())));
    assert_eq!(decide(&strict(five, "(i32.const 1100)"), b"{}"), Err(DecideError::Undefined));
    for other in [
        strict("i32 i32 i32 i32", "(i32.const 1100)"),
        strict("i32 i32 i32 i32 i64", "(i32.const 1100)"),
        r#"(global (export "sealgate_eval") i32 (i32.const 1))"#.to_owned(),
    ] {
        assert_eq!(decide(&other, b"{}"), Ok(()), "{other}");
        assert!(matches!(decide(&other, b"{"), Err(DecideError::InvalidInput(_))), "{other}");
    }
    // The same words from a module that does not check its input are an abort like any other.
    let aborts = on_empty_object("(call $abort (i32.const 1500)) (unreachable)");
    let words = r#"(data (i32.const 1500) "the input is not one JSON value\00")"#;
    let policy = Guest { eval: &aborts, extra: words, ..Guest::default() }.load(&options()).unwrap();
    assert_eq!(policy.decide_json(b"{}").unwrap_err().reason(), Reason::Aborted);
}

#[test]
fn an_input_that_outgrows_the_memory_makes_it_grow() {
    let options = RuntimeOptions { max_input: 3 << 20, max_retained: 4 << 20, ..options() };
    let policy = Guest::default().load(&options).unwrap();
    let long = "x".repeat(1 << 20);
    assert!(policy.decide(&Request::new(&long)).unwrap().is_allowed());
    assert!(policy.decide_json(format!("\"{long}\"").as_bytes()).unwrap().is_allowed());
    let beyond = RuntimeOptions { max_input: 64 << 20, ..options };
    let policy = Guest::default().load(&beyond).unwrap();
    let json = format!("\"{}\"", "x".repeat(8 << 20));
    assert_eq!(policy.decide_json(json.as_bytes()).map(drop), Err(DecideError::MemoryLimit));
    assert!(policy.decide_json(b"{}").unwrap().is_allowed());
}

/// Compiling cannot be interrupted, so what would take minutes is refused before it begins.
#[test]
fn modules_that_take_very_long_to_compile_are_refused() {
    let started = Instant::now();
    let locals = |count: usize| format!("(local {})", " i32".repeat(count));
    let increment = |n: usize| format!("local.get {n} i32.const 1 i32.add local.set {n} ");
    let loops = |variables: usize, depth: usize| {
        let all: String = (1..=variables).map(increment).collect();
        let ends = "local.get 0 br_if 0 end ".repeat(depth);
        format!("(func (param i32) {} {} {all} {ends})", locals(variables), "loop ".repeat(depth))
    };
    let branches = |variables: usize, count: usize| {
        let all: String = (1..=variables).map(increment).collect();
        let blocks = "block local.get 0 br_if 0 end ".repeat(count);
        format!("(func (param i32) {} {all} {blocks} {all})", locals(variables))
    };
    let wide = |count: usize| {
        let many = " i32".repeat(900);
        let (values, drops) = ("local.get 0 ".repeat(900), "drop ".repeat(900));
        let blocks = "block (type $wide) end ".repeat(count);
        format!("(type $wide (func (param{many}) (result{many}))) (func (param i32) {values} {blocks} {drops})")
    };
    let calls = |count: usize| {
        let many = " i32".repeat(900);
        let (values, drops) = ("local.get 0 ".repeat(900), "drop ".repeat(900));
        let calls = "call $wide ".repeat(count);
        format!("(func $wide (param{many}) (result{many}) unreachable) (func (param i32) {values} {calls} {drops})")
    };
    let functions = |count: usize| format!("(func {})", locals(40_000)).repeat(count);
    for (bomb, extra) in [
        ("variables in nested loops", loops(2_000, 200)),
        ("many variables in nested loops", loops(40_000, 40)),
        ("variables across branches", branches(5_000, 20_000)),
        ("blocks that take and give much", wide(20_000)),
        ("calls that take and give much", calls(20_000)),
        ("functions of nothing but variables", functions(300)),
    ] {
        let loaded = Guest { extra: &extra, ..Guest::default() }.load(&options());
        assert!(matches!(loaded, Err(LoadError::Module(ModuleError::Costly))), "{bomb}: {loaded:?}");
    }
    for (fair, extra) in [
        ("some variables in some loops", loops(50, 20)),
        ("some variables across some branches", branches(100, 500)),
        ("some wide blocks", wide(100)),
        ("some wide calls", calls(100)),
    ] {
        let loaded = Guest { extra: &extra, ..Guest::default() }.load(&options());
        assert!(loaded.is_ok(), "{fair}: {loaded:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// A module with Sealgate's exports for decisions: `answer` is the body of `sealgate_decide`; `slots` the address of what it
/// says of its input. The text of an answer lies where the word at 4000 says.
fn deciding(answer: &str, slots: &str) -> String {
    format!(
        r#"(data (i32.const 1500) "[3000,[0,2,{{\22tool\22:[1,2]}}]]\00") (data (i32.const 1700) "same")
           (data (i32.const 1540) "[131068,[0,2]]\00") (data (i32.const 1560) "[4294967292,[0,2]]\00")
           (data (i32.const 1580) "[[],[0,2]]\00") (data (i32.const 1600) "[0,1]\00")
           (data (i32.const 1720) "the input is not what the policy reads\00")
           (func (export "sealgate_eval") (param i32 i32 i32 i32 i32) (result i32) {ALLOW})
           (func (export "sealgate_decide") (param i32 i32 i32 i32 i32) (result i64) {answer})
           (func (export "sealgate_answer_text") (result i32) (i32.load (i32.const 4000)))
           (func (export "sealgate_slots") (result i32) {slots})"#
    )
}

#[test]
fn answers_that_lie_about_where_they_are_are_refused() {
    let words = |given: u32, identity: u32, length: u32| {
        let answer = u64::from(length) << 32 | u64::from(identity);
        format!("(i32.store (i32.const 4000) (i32.const {given})) (i64.const {answer})")
    };
    let load = |answer: &str| {
        let extra = deciding(answer, "(i32.const 1500)");
        Guest { extra: &extra, ..Guest::default() }.load(&options()).unwrap()
    };
    let request = Request::new("tool");
    for good in [words(1024, 1700, 4), words(1024, 0, 0), words(1024, 131_072, 0), words(1024, 130_048, 1024)] {
        let policy = load(&good);
        for _ in 0..3 {
            assert!(policy.decide(&request).unwrap().is_allowed(), "{good}");
            assert!(policy.decide_json(b"{}").unwrap().is_allowed(), "{good}");
        }
        assert_eq!(policy.stats().dropped_spoiled, 0);
    }
    let outside = DecideError::BrokenAbi("it returned an answer outside its memory");
    for bad in [
        words(1024, 131_069, 4),
        words(1024, 131_073, 0),
        words(1024, u32::MAX, 4),
        words(1024, 1700, u32::MAX),
        words(1024, 1700, 1025),
    ] {
        let policy = load(&bad);
        for _ in 0..2 {
            assert_eq!(policy.decide(&request).map(drop), Err(outside.clone()), "{bad}");
            assert_eq!(policy.decide_json(b"{}").map(drop), Err(outside.clone()), "{bad}");
        }
        assert!(policy.stats().dropped_spoiled >= 4);
    }
    let text = |given: u32| load(&words(given, 1700, 4)).decide(&request).map(drop);
    assert_eq!(text(0), Err(DecideError::BrokenAbi("it returned a null address for a text")));
    assert_eq!(text(1300), Err(DecideError::BrokenAbi("it returned a text that is not UTF-8")));
    assert_eq!(text(1100), Err(DecideError::Undefined));
    assert_eq!(load("(loop (br 0)) (unreachable)").decide(&request).map(drop), Err(DecideError::Timeout));
    let refuses = load("(call $abort (i32.const 1720)) (unreachable)");
    assert_eq!(refuses.decide(&request).unwrap_err().reason(), Reason::InvalidInput);
}

#[test]
fn what_a_module_says_of_its_input_is_checked() {
    let load = |slots: &str| {
        let extra = deciding("(i64.const 0)", slots);
        Guest { extra: &extra, ..Guest::default() }.load(&options())
    };
    assert!(load("(i32.const 1500)").is_ok() && load("(i32.const 0)").is_ok());
    for (slots, problem) in [
        ("(i32.const 1024)", "not slots"),
        ("(i32.const 1300)", "UTF-8"),
        ("(i32.const -5)", "outside its memory"),
        ("(i32.const 1400)", "not slots"),
        ("(i32.const 1580)", "without an address"),
        ("(i32.const 1600)", "not a place"),
    ] {
        let Err(LoadError::Listing { what: "input slots", problem: said }) = load(slots) else { panic!("{slots}") };
        assert!(said.contains(problem), "{said}");
    }
    assert!(matches!(load("(unreachable)"), Err(LoadError::Start(DecideError::Trapped(_)))));
    for outside in ["(i32.const 1540)", "(i32.const 1560)"] {
        let error = load(outside).unwrap().decide(&Request::new("tool")).map(drop);
        assert_eq!(error, Err(DecideError::BrokenAbi("its slots lie outside its memory")), "{outside}");
    }
}

/// The module may put any word into a slot: the host gives it back to that module, and to no other.
#[test]
fn words_that_a_module_makes_up_stay_its_own() {
    let answer = "(i32.store (i32.const 4000) (i32.const 1024))
        (if (i32.gt_s (local.get 4) (i32.const 0)) (then (i32.store (i32.const 3004) (i32.const 1716))))
        (if (i32.eq (i32.load (i32.const 3004)) (i32.const 1)) (then (unreachable))) (i64.const 0)";
    let extra = deciding(answer, "(i32.const 1500)");
    let policy = Guest { extra: &extra, ..Guest::default() }.load(&options()).unwrap();
    for tool in ["", "tool", "tool", "a tool of 17 byte", "a tool of 17 byte", &"x".repeat(33)] {
        assert!(policy.decide(&Request::new(tool)).unwrap().is_allowed());
    }
    assert_eq!(policy.stats().dropped_spoiled, 0);
}
