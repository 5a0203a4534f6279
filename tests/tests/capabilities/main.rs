//! Builtins of a compiled policy: mocked, refused and granted, in the kernel and on the host's side.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends by panicking")]

mod bounds;
mod network;

use sealgate::builtins::{BuiltinError, Capability, Context, Grants, Registry, Value as Term};
use sealgate::bundle::{BundleContents, SigningKey, TrustStore, UnixSeconds, VerifyOptions, verify_bytes};
use sealgate::{Format, LoadError, Policy, RefusedBuiltin, RuntimeOptions, UnverifiedPolicy};
use sealgate_testkit::{Evaluation, Opa, require};
use sealgate_tests::compile_rego;
use serde_json::{Value, json};

/// Rules that put other functions and values in the place of builtins: of the kernel (`count`, `concat`, `upper`), of the host
/// (`graphql.is_valid`, `test.host`'s stand-in), directly and through functions that call them.
const MOCKS: &str = r#"package mocks

schema := "type Query { a: Int }"
valid(query) := graphql.is_valid(query, schema)
size(x) := count(x)
twice(x) := size(x) * 2

never(_, _) := false
always(q, s) if { q != ""; s != "" }
seven(_) := 7
shout(x) := upper(x)
undefined_always(_) if false

r["host by value"] := out if out := valid("{ b }") with graphql.is_valid as true
r["host by function"] := out if out := valid("{ a }") with graphql.is_valid as never
r["host by function of rules"] := out if out := valid("{ b }") with graphql.is_valid as always
r["host unmocked"] := [valid("{ a }"), valid("{ b }")]
r["kernel by value"] := out if out := twice([1]) with count as 5
r["kernel by function"] := out if out := twice([1]) with count as seven
r["kernel by builtin"] := out if out := shout("aB") with upper as lower
r["kernel by undefined"] := out if out := [x | x := size([1]) with count as undefined_always]
r["function by value"] := out if out := twice([1]) with data.mocks.size as 4
r["function by function"] := out if out := twice([1]) with size as seven
r["function by builtin"] := out if out := twice([1, 2, 3]) with size as max
r["mock of a mock"] := out if out := twice([1]) with size as seven with count as 9
r["nested"] := x if {
	y := twice([1]) with count as 4
	x := [twice([1]), y] with count as 3
}
r["comprehension"] := out if out := {x | some v in [[1], [1, 2]]; x := twice(v)} with count as seven
r["every"] if {
	every v in [[1], []] { size(v) == 7 with count as seven }
}
r["negated"] if not valid("{ a }") with graphql.is_valid as false
r["infix"] := out if out := 1 + 2 with plus as never
r["input too"] := out if out := size(input.xs) with input.xs as [1, 2] with count as max
r["unmocked after"] := [a, b] if {
	a := size([1]) with count as 9
	b := size([1])
}
r["clock"] := out if out := time_of(1) with time.now_ns as 42
time_of(_) := time.now_ns()
"#;

fn with_clock() -> Registry {
    let mut registry = (*Registry::standard()).clone();
    registry.insert("time.now_ns", 0, Capability::Clock, |_: &mut Context, _: &[Term]| Ok(Some(Term::from(1))));
    registry
}

#[test]
fn mocks_of_builtins_decide_as_in_opa() {
    let module = compile_rego(MOCKS, &["mocks/r"]);
    let unverified = UnverifiedPolicy { wasm: &module.wasm, data: None, name: "mocks" };
    let options = RuntimeOptions { builtins: with_clock().into(), ..RuntimeOptions::default() };
    let policy = Policy::dangerous_load_unverified(unverified, &options).unwrap();
    let ours = policy.evaluate("mocks/r", b"{}", Format::Json).unwrap();
    let ours: Value = serde_json::from_str(&ours).unwrap();
    let ours = &ours[0]["result"];
    assert_eq!(ours["host by function"], json!(false), "{ours}");
    assert_eq!(ours["kernel by function"], json!(14), "{ours}");
    assert_eq!(ours["clock"], json!(42), "{ours}");

    let Some(opa) = require(Opa::find()) else { return };
    let evaluation = Evaluation { modules: &[("mocks.rego", MOCKS)], ..Evaluation::default() };
    let theirs = opa.eval(evaluation, "data.mocks.r", None).unwrap().unwrap();
    assert_eq!(*ours, theirs);
}

/// A module that needs a capability of every kind.
const HUNGRY: &str = r#"package hungry
x := [http.send({"method": "get", "url": "http://a"}), opa.runtime(), time.now_ns(), graphql.is_valid("", ""), rand.intn("a", 2)]
"#;

/// What the host has: every builtin that the module calls.
fn everything() -> Registry {
    let mut registry = with_clock();
    let answer = |_: &mut Context, _: &[Term]| -> Result<Option<Term>, BuiltinError> { Ok(Some(Term::Null)) };
    registry.insert("http.send", 1, Capability::Network, answer);
    registry.insert("opa.runtime", 0, Capability::Environment, answer);
    registry.insert("rand.intn", 2, Capability::Random, answer);
    registry
}

fn load(registry: Registry, grants: Grants) -> Result<Policy, Vec<(String, String)>> {
    let module = compile_rego(HUNGRY, &["hungry/x"]);
    let unverified = UnverifiedPolicy { wasm: &module.wasm, data: None, name: "hungry" };
    let options = RuntimeOptions { builtins: registry.into(), grants, ..RuntimeOptions::default() };
    match Policy::dangerous_load_unverified(unverified, &options) {
        Ok(policy) => Ok(policy),
        Err(LoadError::BuiltinsNotGranted(refused)) => {
            Err(refused.into_iter().map(|RefusedBuiltin { name, why }| (name, why.to_string())).collect())
        }
        Err(error) => panic!("{error}"),
    }
}

fn refusals(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, why)| ((*name).to_owned(), (*why).to_owned())).collect()
}

#[test]
fn a_module_that_asks_for_more_is_refused_with_the_whole_list() {
    let network = "it needs the capability `network`";
    let environment = "it needs the capability `environment`";
    assert_eq!(
        load(everything(), Grants::default()).unwrap_err(),
        refusals(&[("http.send", network), ("opa.runtime", environment)])
    );
    assert_eq!(
        load(everything(), Grants::pure_only()).unwrap_err(),
        refusals(&[
            ("http.send", network),
            ("opa.runtime", environment),
            ("rand.intn", "it needs the capability `random`"),
            ("time.now_ns", "it needs the capability `clock`"),
        ])
    );
    let granted = Grants::default().with(Capability::Network).allow("opa.runtime");
    assert!(load(everything(), granted.clone()).is_ok());
    assert_eq!(
        load(everything(), granted.clone().deny("http.send")).unwrap_err(),
        refusals(&[("http.send", "this host denies it")])
    );
    assert_eq!(
        load(everything(), granted.clone().only(["http.send", "opa.runtime", "time.now_ns"])).unwrap_err(),
        refusals(&[
            ("graphql.is_valid", "this host grants others only"),
            ("rand.intn", "this host grants others only")
        ])
    );
    let mut fewer = Registry::empty();
    fewer.insert("time.now_ns", 0, Capability::Clock, |_: &mut Context, _: &[Term]| Ok(None));
    let missing = "this host does not have it";
    assert_eq!(
        load(fewer, granted).unwrap_err(),
        refusals(&[
            ("graphql.is_valid", missing),
            ("http.send", missing),
            ("opa.runtime", missing),
            ("rand.intn", missing)
        ])
    );
}

#[test]
fn the_error_says_what_and_why_in_one_line() {
    let module = compile_rego(HUNGRY, &["hungry/x"]);
    let unverified = UnverifiedPolicy { wasm: &module.wasm, data: None, name: "hungry" };
    let options = RuntimeOptions { builtins: everything().into(), ..RuntimeOptions::default() };
    let error = Policy::dangerous_load_unverified(unverified, &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policy needs builtins that are not granted here: `http.send` (it needs the capability `network`), \
         `opa.runtime` (it needs the capability `environment`)"
    );
}

#[test]
fn the_signed_list_and_the_modules_own_must_agree() {
    let module = compile_rego(HUNGRY, &["hungry/x"]);
    let key = SigningKey::generate().unwrap();
    let grants = Grants::default().with(Capability::Network).with(Capability::Environment);
    let options = RuntimeOptions { builtins: everything().into(), grants, ..RuntimeOptions::default() };
    let verify = VerifyOptions::new(TrustStore::of(key.public_key()), UnixSeconds::system_now());
    let load = |builtins: &[&str]| {
        let contents = BundleContents::new("hungry", module.wasm.clone()).unwrap();
        let contents = contents.with_entrypoints(["hungry/x"]).with_builtins(builtins.iter().copied());
        let bytes = contents.sign(&key).unwrap().tar_gz().unwrap();
        let bundle = verify_bytes(&bytes, &verify).unwrap();
        Policy::load(&bundle, &options)
    };
    let all: Vec<&str> = module.builtins.iter().map(String::as_str).collect();
    assert_eq!(all, ["graphql.is_valid", "http.send", "opa.runtime", "rand.intn", "time.now_ns"]);
    assert!(load(&all).is_ok());
    match load(&["graphql.is_valid", "http.send", "rand.intn", "time.now_ns"]) {
        Err(LoadError::BuiltinsNotGranted(refused)) => {
            let [RefusedBuiltin { name, why }] = refused.as_slice() else { panic!("{refused:?}") };
            assert_eq!(
                (name.as_str(), why.to_string().as_str()),
                ("opa.runtime", "the signed manifest does not name it")
            );
        }
        other => panic!("{other:?}"),
    }
    let more: Vec<&str> = all.iter().copied().chain(["net.lookup_ip_addr"]).collect();
    match load(&more) {
        Err(LoadError::BuiltinsNotListed(names)) => assert_eq!(names, ["net.lookup_ip_addr"]),
        other => panic!("{other:?}"),
    }
}

/// A host that only decides has no parser; one with the toolchain has.
#[test]
fn modules_are_parsed_where_there_is_a_parser() {
    assert!(Registry::standard().get("rego.parse_module").is_none());
    let registry = sealgate::toolchain::builtins::registry();
    let parse = |text: &str| {
        let entry = registry.get("rego.parse_module").unwrap();
        entry.call(&mut Context::new(), &[Term::from("x.rego"), Term::from(text)])
    };
    let problem = |text: &str| match parse(text) {
        Err(BuiltinError::Failed(problem)) => problem,
        other => panic!("{other:?}"),
    };
    assert!(problem("package foo.").starts_with("1 error occurred: x.rego:1: rego_parse_error: "));
    assert!(problem("package p\nq := [\nr := {").contains("x.rego:"));
    assert!(matches!(parse(&" ".repeat(2 << 20)), Err(BuiltinError::Halt(_))));
    // As deep as the parser goes, the tree is deeper than values may be.
    let deep = format!("package p\nq := {}1{}", "[".repeat(150), "]".repeat(150));
    assert!(matches!(parse(&deep), Err(BuiltinError::Halt(_))));

    let text = "package a.b\n# why\nimport data.c as d\nf(_, x) := y if { y := x + _; not d[_].z with input as {} } else := 2\n";
    let ours: Value = serde_json::from_str(&parse(text).unwrap().unwrap().to_text()).unwrap();
    let Some(opa) = require(Opa::find()) else { return };
    let query = r#"rego.parse_module("x.rego", input)"#;
    assert_eq!(opa.eval(Evaluation::default(), query, Some(&json!(text))).unwrap(), Some(ours));
}
