//! Values that a decision sees once, and decisions that are made again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealgate_builtins::{BuiltinError, Clock, Context, FixedClock, Host, Output, Random, Recording, Registry, Value};

fn call(context: &mut Context, name: &str, arguments: &str) -> Result<Option<Value>, BuiltinError> {
    let Ok(Value::Array(values)) = Value::parse(arguments) else { panic!("{arguments}") };
    Registry::standard().get(name).unwrap().call(context, &values)
}

/// A clock that goes on with every look, and randomness that never repeats.
#[derive(Default)]
struct Counter(AtomicU64);

impl Clock for Counter {
    fn now_ns(&self) -> i64 {
        i64::try_from(self.0.fetch_add(1, Ordering::Relaxed)).unwrap()
    }
}

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), String> {
        for byte in bytes {
            *byte = u8::try_from(self.0.fetch_add(7919, Ordering::Relaxed) % 251).unwrap();
        }
        Ok(())
    }
}

const CALLS: [(&str, &str); 7] = [
    ("time.now_ns", "[]"),
    ("rand.intn", r#"["a", 1000000]"#),
    ("rand.intn", r#"["b", 1000000]"#),
    ("rand.intn", r#"["a", -1000000]"#),
    ("rand.intn", r#"["a", 1.5]"#),
    ("uuid.rfc4122", r#"["x"]"#),
    ("uuid.rfc4122", r#"["y"]"#),
];

fn all(context: &mut Context) -> Vec<Result<Option<Value>, String>> {
    CALLS.iter().map(|(name, arguments)| call(context, name, arguments).map_err(|error| error.to_string())).collect()
}

#[test]
fn a_decision_sees_one_value_per_key() {
    let host = Host::default().with_clock(Counter::default()).with_random(Counter::default());
    let mut context = Context::with_host(host);
    let first = all(&mut context);
    assert_eq!(all(&mut context), first);
    assert_eq!(first[1], first[3], "the sign of n is no part of the key");
    assert_ne!(first[1], first[2]);
    let Ok(Some(Value::String(uuid))) = &first[5] else { panic!("{first:?}") };
    assert_eq!((uuid.len(), uuid.as_bytes()[14], "89ab".contains(char::from(uuid.as_bytes()[19]))), (36, b'4', true));
    context.clear();
    assert_ne!(all(&mut context), first);
}

#[test]
fn a_recording_replays_without_clock_or_randomness() {
    let mut live = Context::with_host(Host::default().with_clock(Counter::default()).with_random(Counter::default()));
    live.record();
    let results = all(&mut live);
    live.clear();
    let recording = live.take_recording().unwrap();
    let text = recording.to_json();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let read = Recording::parse(&text).unwrap();
    assert_eq!(read, recording);

    let mut replayed = Context::with_host(Host::default().with_clock(FixedClock(-1)).with_random(Broken));
    replayed.replay(Arc::new(read));
    assert_eq!(all(&mut replayed), results);
    let lacking = call(&mut replayed, "rand.intn", r#"["never", 3]"#);
    assert!(matches!(lacking, Err(BuiltinError::Halt(_))), "{lacking:?}");
    let Value::Object(cache) = recording.nd_builtin_cache() else { panic!() };
    assert!(cache.contains_key(&"time.now_ns".into()));
    for broken in ["", "{}", r#"{"version":2,"builtins":{}}"#, r#"{"version":1,"builtins":{"a":{"[":{}}}}"#] {
        assert!(Recording::parse(broken).is_err(), "{broken}");
    }
}

struct Broken;

impl Random for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), String> {
        Err("a replay draws nothing".to_owned())
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<String>>>);

impl Output for Lines {
    fn print(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }

    fn trace(&self, note: &str) {
        self.0.lock().unwrap().push(format!("note {note}"));
    }
}

#[test]
fn prints_and_notes_reach_the_host() {
    let lines = Lines::default();
    let mut context = Context::with_host(Host::default().with_output(lines.clone()));
    assert_eq!(call(&mut context, "trace", r#"["hello"]"#), Ok(Some(true.into())));
    call(&mut context, "internal.print", r#"[[{"a", "b"}, set(), {{"k": [1, "x"]}}, "s"]]"#).unwrap();
    assert!(matches!(call(&mut context, "internal.print", "[[[1]]]"), Err(BuiltinError::Halt(_))));
    let expected = ["note hello", r#"a <undefined> {"k": [1, "x"]} s"#, r#"b <undefined> {"k": [1, "x"]} s"#];
    assert_eq!(*lines.0.lock().unwrap(), expected);
    // Without a place for them they are dropped.
    call(&mut Context::new(), "internal.print", "[[{1}]]").unwrap();
}

#[test]
fn the_runtime_document_has_no_secrets() {
    assert_eq!(call(&mut Context::new(), "opa.runtime", "[]").unwrap().unwrap().to_text(), "{}");
    let runtime =
        r#"{"config":{"keys":{"k":{"key":"s","alg":"x"}},"services":[{"credentials":1,"url":"u"}]},"env":{}}"#;
    let mut context = Context::with_host(Host::default().with_runtime(Value::parse(runtime).unwrap()));
    let shown = call(&mut context, "opa.runtime", "[]").unwrap().unwrap().to_text();
    assert_eq!(shown, r#"{"config":{"keys":{"k":{"alg":"x"}},"services":[{"url":"u"}]},"env":{}}"#);
}
