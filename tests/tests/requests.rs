//! A request decides as its JSON does: whatever its parts are made of, and whatever the policy reads of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use sealgate::toolchain::diagnostics::{Diagnostics, Sources};
use sealgate::{DecideError, Isolation, Policy, RawJson, Reason, Request, RuntimeOptions, UnverifiedPolicy, WriteJson};
use sealgate_compiler::plan::plan;
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

/// Says all that it reads: parts as a whole, members of them, and whether those are there of which only members are read.
const TELLS: &str = r#"
package t

tells contains sprintf("tool %v", [input.tool])
tells contains sprintf("role %v", [json.marshal(input.role)])
tells contains sprintf("args.a %v", [json.marshal(input.args.a)])
tells contains sprintf("args.b.c %v", [json.marshal(input.args.b.c)])
tells contains sprintf("args.b.d %v", [json.marshal(input.args.b.d)])
tells contains sprintf("args.odd %v", [json.marshal(input.args["odd \"key\""])])
tells contains "args" if not input.args.a == 1
tells contains sprintf("ctx %v", [json.marshal(input.ctx)])
tells contains sprintf("user.id %v", [json.marshal(input.user.id)])
tells contains "run.flag" if input.run.flag
decision := {"allow": false, "violations": tells}
"#;

/// Allows some roles, and reads values of every kind.
const ALLOWS: &str = r#"
package t

default decision := false

decision if {
    input.role in ["admin", "a role that the policy tests for"]
    input.args.a[1].b == null
    input.args.n == 1099511627776
    input.args.flag == true
    input.args.none == null
    input.args.f == 0.5
}
"#;

/// Reads the input as a whole, so that it has no slots.
const READS_ALL: &str = r#"
package t

decision := {"allow": false, "violations": [json.marshal(input)]}
"#;

fn policy(text: &str, isolation: Isolation) -> Policy {
    let mut sources = Sources::new();
    let id = sources.add("t.rego", text);
    let module = parse_module(&sources, id, ParseOptions::default()).unwrap();
    let resolved = resolve(&[module], ResolveOptions::default(), &mut Diagnostics::new()).unwrap();
    let plan = plan(&resolved, &sources, &[vec![Arc::from("t"), Arc::from("decision")]]).unwrap();
    let wasm = sealgate_compiler::compile_plan(&plan).unwrap().wasm;
    let options = RuntimeOptions { isolation, pool_size: Some(1), ..RuntimeOptions::default() };
    Policy::dangerous_load_unverified(UnverifiedPolicy::new(&wasm), &options).unwrap()
}

type Said = (Reason, Vec<String>);

fn said(decision: Result<sealgate::Decision, DecideError>) -> Result<Said, DecideError> {
    decision.map(|decision| (decision.reason(), decision.violations().map(str::to_owned).collect()))
}

/// What a policy says of a request, which is what it says of the request's JSON.
fn hold(policy: &Policy, request: &Request<'_>) -> Result<Said, DecideError> {
    let json = request.to_json().unwrap();
    let by_json = said(policy.decide_json(&json));
    // Twice, because what was decided before is remembered.
    for _ in 0..2 {
        assert_eq!(said(policy.decide(request)), by_json, "{}", String::from_utf8_lossy(&json));
    }
    by_json
}

#[derive(Serialize)]
struct Args<T> {
    unread: Vec<u8>,
    a: T,
    b: Inner<T>,
    #[serde(rename = "odd \"key\"")]
    odd: Option<T>,
}

#[derive(Serialize)]
struct Inner<T> {
    d: Option<T>,
    c: T,
}

#[derive(Serialize, Clone)]
struct Wrapped<T>(T);

#[derive(Serialize, Clone)]
struct Unit;

#[derive(Serialize, Clone)]
enum Choice {
    Plain,
    Holds(u8),
    Pair(u8, u8),
    Fields { c: i8 },
}

/// Holds a value of one type against its JSON, at every place and as every part.
fn hold_value<T: Serialize + Clone>(policies: &[Policy], value: T) {
    let args =
        Args { unread: vec![1], a: value.clone(), b: Inner { d: None, c: value.clone() }, odd: Some(value.clone()) };
    let map = BTreeMap::from([("a", value.clone()), ("b", value.clone()), ("z", value.clone())]);
    let nested = BTreeMap::from([("b", BTreeMap::from([("d", value.clone())]))]);
    let parts: [&dyn WriteJson; 6] = [&args, &map, &nested, &value, &Wrapped(&args), &Some(&map)];
    for policy in policies {
        for part in parts {
            let request = Request::new("tool").role("r").args(part).ctx(part).user(part).run(part);
            hold(policy, &request).unwrap();
        }
    }
}

#[test]
fn every_kind_of_value_is_read_as_its_json_is() {
    let policies = [policy(TELLS, Isolation::Pooled), policy(READS_ALL, Isolation::Pooled)];
    hold_value(&policies, true);
    hold_value(&policies, 'ß');
    hold_value(&policies, "text with \"quotes\", \u{1} and 😀");
    hold_value(&policies, String::new());
    hold_value(&policies, ());
    hold_value(&policies, None::<u8>);
    hold_value(&policies, Some(Some(3)));
    for number in [0, 1, -1, i64::from(i32::MAX) >> 1, 1 << 30, -(1 << 30) - 1, i64::MAX, i64::MIN] {
        hold_value(&policies, number);
    }
    hold_value(&policies, u64::MAX);
    hold_value(&policies, i128::from(u64::MAX) * 9);
    hold_value(&policies, i8::MIN);
    for number in [0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, f64::NAN, f64::INFINITY] {
        hold_value(&policies, number);
    }
    hold_value(&policies, 0.1_f32);
    hold_value(&policies, vec![1, 2]);
    hold_value(&policies, [(); 0]);
    hold_value(&policies, (1, "two", [3.5]));
    hold_value(&policies, Wrapped(Wrapped(4)));
    hold_value(&policies, Unit);
    hold_value(&policies, Choice::Plain);
    hold_value(&policies, Choice::Holds(1));
    hold_value(&policies, Choice::Pair(1, 2));
    hold_value(&policies, Choice::Fields { c: 7 });
    hold_value(&policies, BTreeMap::from([(1, 2)]));
    hold_value(&policies, BTreeMap::from([('a', true)]));
    hold_value(&policies, BTreeMap::from([(true, "key")]));
    hold_value(&policies, json!({"c": {"d": [null, {"deep": 1.50}]}, "d": 12345678901234567890123.0}));
    hold_value(&policies, RawValue);
}

/// A part that only its text says, with numbers as they are written.
#[derive(Clone)]
struct RawValue;

impl Serialize for RawValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = serde_json::from_str("1.50e+3").unwrap();
        number.serialize(serializer)
    }
}

/// Says the same key several times.
struct Repeats;

impl Serialize for Repeats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("a", &1)?;
        map.serialize_entry("b", &json!({"c": 1, "d": 2}))?;
        map.serialize_entry("a", &json!([2]))?;
        map.serialize_entry("b", &json!({"d": 3}))?;
        map.end()
    }
}

#[test]
fn of_equal_keys_the_last_counts() {
    let policy = policy(TELLS, Isolation::Pooled);
    let (_, tells) = hold(&policy, &Request::new("t").args(&Repeats)).unwrap();
    assert_eq!(tells, ["args", "args.a [2]", "args.b.d 3", "tool t"]);
}

#[test]
fn parts_that_only_text_says_and_parts_that_are_missing_are_read_too() {
    for isolation in [Isolation::Pooled, Isolation::Fresh] {
        let policy = policy(TELLS, isolation);
        let raw = RawJson::new(r#" {"a":1,"a":[2.50],"b":{"c":{}}} "#).unwrap();
        let (_, tells) = hold(&policy, &Request::new("t").args(&raw)).unwrap();
        assert_eq!(tells, ["args", "args.a [2.50]", "args.b.c {}", "tool t"]);
        let (_, tells) = hold(&policy, &Request::new("x\"y").role("")).unwrap();
        assert_eq!(tells, ["args", "role \"\"", "tool x\"y"]);
    }
}

#[test]
fn a_request_is_bounded_as_its_json_is() {
    let text = "x".repeat(3_000_000);
    let policy = policy(TELLS, Isolation::Pooled);
    for args in [json!({"a": &text}), json!({"b": {"c": [&text]}})] {
        let error = policy.decide(&Request::new("t").args(&args)).unwrap_err();
        assert_eq!(error.reason(), Reason::InputTooLarge);
    }
    let args = json!({"a": &text[..900_000], "b": {"c": [&text[..10_000]]}});
    let (_, tells) = hold(&policy, &Request::new("t").args(&args)).unwrap();
    assert_eq!(tells.iter().map(String::len).max(), Some(900_009));
}

/// Cannot be written.
struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no such value"))
    }
}

#[test]
fn a_part_that_cannot_be_written_denies() {
    let policy = policy(TELLS, Isolation::Pooled);
    for args in [&Fails as &dyn WriteJson, &BTreeMap::from([("a", Fails)]), &BTreeMap::from([("b", [Fails])])] {
        let error = policy.decide(&Request::new("t").args(args)).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidInput);
        assert!(error.to_string().contains("no such value"), "{error}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2000..2000_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("id"), Just("flag"), Just("odd \"key\"")];
    scalar.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

thread_local! {
    /// How often the thread has asked the allocator.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is one; each call goes on to the system's as it came")]
// SAFETY: every method hands its arguments to `System`, whose contract is the same, and gives back what that gave.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending has nothing left to count in.
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.dealloc(at, layout) }
    }
}

/// Constants of the policy, of its builtins and of nobody; numbers of every size; collections: none of them takes memory of the
/// host each time.
#[test]
fn a_request_that_is_decided_again_allocates_nothing() {
    let policy = policy(ALLOWS, Isolation::Pooled);
    let strings = ["admin", "a role that the policy tests for", "nobody", ""];
    let args = json!({"a": [1, {"b": null}], "n": 1_i64 << 40, "flag": true, "none": null, "f": 0.5});
    for role in strings {
        let request = Request::new("tool").role(role).args(&args);
        (0..3).for_each(|_| drop(policy.decide(&request).unwrap()));
        let before = ASKED.get();
        for _ in 0..10 {
            assert_eq!(policy.decide(&request).unwrap().is_allowed(), role.starts_with('a'), "{role}");
        }
        assert_eq!(ASKED.get() - before, 0, "{role}");
    }
    assert!(ASKED.get() > 0);
}

/// Each text by turns, so that what was seen of one is met by another.
#[test]
fn what_was_seen_of_one_request_never_shows_in_another() {
    let policy = policy(TELLS, Isolation::Pooled);
    let texts: Vec<String> =
        (0..600).map(|number: u32| format!("{:0>1$}", number % 300, number as usize % 40)).collect();
    for text in texts.iter().chain(&texts) {
        let args = json!({"a": text, "b": {"c": 1, "d": text.len() % 2 == 0}});
        let (_, tells) = hold(&policy, &Request::new(text).role(text).args(&args)).unwrap();
        assert!(tells.contains(&format!("tool {text}")) && tells.contains(&format!("args.a {text:?}")), "{tells:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn random_requests_are_read_as_their_json_is(
        tool in ".{0,20}", args in value(), ctx in value(), user in value(), run in value(),
    ) {
        thread_local! {
            static POLICIES: [Policy; 2] = [policy(TELLS, Isolation::Pooled), policy(READS_ALL, Isolation::Fresh)];
        }
        POLICIES.with(|policies| {
            for policy in policies {
                hold(policy, &Request::new(&tool).role(&tool).args(&args).ctx(&ctx).user(&user).run(&run)).unwrap();
            }
        });
    }
}
