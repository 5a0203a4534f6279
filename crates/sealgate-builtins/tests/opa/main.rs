//! The native builtins held against real OPA over generated arguments: what suits, edges, and what is broken on purpose.
//!
//! How many calls, which builtins and which seeds: `sealgate_testkit::Effort`; the default suits a quick run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod documents;
mod graphql;
mod jwt;
mod requests;
mod schemas;
mod templates;
mod times;
mod x509;

use sealgate_builtins::{BuiltinError, Context, Registry, Value};
use sealgate_testkit::{Answer, Calls, Draw, Effort, Opa, in_parallel, require};
use serde_json::Value as Json;

/// Draws the arguments of one call, each as Rego text.
type Arguments = fn(&mut Draw) -> Vec<String>;

/// Calls of one builtin, each argument as Rego text.
type Cases<'a> = (&'a str, Vec<Vec<String>>);

fn effort() -> Effort {
    Effort::from_env(200)
}

/// Calls builtins and OPA's with the same arguments, and fails with what differs.
fn agree(builtins: &[(&str, Arguments)]) {
    let drawn: Vec<Cases<'_>> = builtins.iter().map(|(name, arguments)| (*name, draw_each(name, arguments))).collect();
    hold(&drawn);
}

/// As many draws as the run asks for, of a builtin by this name.
fn draw_each<T>(name: &str, mut draw_one: impl FnMut(&mut Draw) -> T) -> Vec<T> {
    let effort = effort();
    let mut drawn = Vec::new();
    for seed in &effort.seeds {
        let mut draw = Draw::new(name, *seed);
        drawn.extend((0..effort.calls).map(|_| draw_one(&mut draw)));
    }
    drawn
}

/// How often there was a value, and how often something else.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    values: usize,
    others: usize,
    /// Values that differ as OPA's own do from run to run.
    excused: usize,
}

impl Held {
    /// For a builtin that was not to be asked, enough of everything.
    const NOT_ASKED: Self = Self { values: usize::MAX, others: usize::MAX, excused: usize::MAX };
}

/// Makes the calls here and in OPA, and fails with what differs.
fn hold(builtins: &[Cases<'_>]) -> Vec<Held> {
    let Some(opa) = require(Opa::find()) else { return vec![Held::NOT_ASKED; builtins.len()] };
    let effort = effort();
    // In parts, so that one builtin with many calls does not keep one core alone.
    let parts: Vec<(usize, &str, &[Vec<String>])> = builtins
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| effort.wants(name))
        .flat_map(|(at, (name, cases))| cases.chunks(500).map(move |part| (at, *name, part)))
        .collect();
    let results = in_parallel(&parts, |(at, name, part)| {
        let (mut held, mut reports) = (Held::default(), Vec::new());
        let answers = opa.answers(&Calls::of(name, part.to_vec()));
        for (case, theirs) in part.iter().zip(answers.unwrap_or_else(|error| panic!("{name}: {error}"))) {
            let Some(theirs) = theirs else { continue };
            let ours = call(name, case);
            *if matches!(theirs, Answer::Value(_)) { &mut held.values } else { &mut held.others } += 1;
            if normal(name, ours.clone()) == normal(name, theirs.clone()) {
                continue;
            }
            if *name == "yaml.marshal" && has_same_lines(&ours, &theirs) {
                held.excused += 1;
            } else {
                reports.push(format!("{name}({})\n  here {}\n  OPA  {}", case.join(", "), show(&ours), show(&theirs)));
            }
        }
        (*at, held, reports)
    });
    let asked = |name: &str| if effort.wants(name) { Held::default() } else { Held::NOT_ASKED };
    let mut held: Vec<Held> = builtins.iter().map(|(name, _)| asked(name)).collect();
    for (at, part, _) in &results {
        held[*at].values += part.values;
        held[*at].others += part.others;
        held[*at].excused += part.excused;
    }
    let reports: Vec<&String> = results.iter().flat_map(|(.., reports)| reports).collect();
    let shown: Vec<&str> = reports.iter().take(40).map(|report| report.as_str()).collect();
    for (held, (name, cases)) in held.iter().zip(builtins).filter(|(held, _)| held.excused < usize::MAX) {
        assert!(held.excused <= 1 + cases.len() / 200, "{name}: {held:?}");
    }
    assert!(reports.is_empty(), "{} differences\n{}", reports.len(), shown.join("\n"));
    held
}

/// Whether two texts have the same lines in some order: OPA's YAML sorts keys by an order that has circles.
///
/// What a line begins with does not count: the first entry of a nested mapping may stand behind the `:` or `-` of its
/// parent, where every other entry has a line of its own.
fn has_same_lines(ours: &Answer, theirs: &Answer) -> bool {
    let (Answer::Value(Json::String(ours)), Answer::Value(Json::String(theirs))) = (ours, theirs) else { return false };
    sorted_lines(ours) == sorted_lines(theirs)
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(without_indicators).collect();
    lines.sort_unstable();
    lines
}

fn without_indicators(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some(next) = ["? ", ": ", "- "].iter().find_map(|indicator| rest.strip_prefix(indicator)) {
        rest = next.trim_start();
    }
    rest
}

/// Makes calls with arguments that are JSON here and in OPA, fails with what differs, and says how many values there were.
fn hold_json(name: &str, calls: &[Vec<Json>]) -> usize {
    let cases = calls.iter().map(|call| call.iter().map(Json::to_string).collect()).collect();
    hold(&[(name, cases)])[0].values
}

/// The value of a call with arguments that are JSON; `None` where there is none.
fn value(name: &str, arguments: &[Json]) -> Option<Json> {
    let arguments: Vec<String> = arguments.iter().map(Json::to_string).collect();
    match call(name, &arguments) {
        Answer::Value(value) => Some(value),
        _ => None,
    }
}

/// A builtin's answer here.
fn call(name: &str, arguments: &[String]) -> Answer {
    let values: Vec<Value> = arguments.iter().map(|text| Value::parse(text).unwrap()).collect();
    let failed =
        |code: &str, message: String| Answer::Error { code: code.to_owned(), message: format!("{name}: {message}") };
    match Registry::standard().get(name).unwrap().call(&mut Context::new(), &values) {
        Ok(Some(value)) => Answer::Value(json(&value)),
        Ok(None) => Answer::Undefined,
        Err(BuiltinError::Operand(message)) => failed("eval_type_error", message),
        Err(BuiltinError::Failed(message)) => failed("eval_builtin_error", message),
        Err(BuiltinError::Halt(message)) => Answer::Halted(message),
        Err(other) => panic!("{other}"),
    }
}

/// A value as OPA prints a result: sets are arrays, keys that are no strings are their JSON text.
fn json(value: &Value) -> Json {
    match value {
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Set(items) => items.iter().map(json).collect(),
        Value::Object(entries) => {
            let key = |key: &Value| key.as_str().map_or_else(|| json(key).to_string(), str::to_owned);
            Json::Object(entries.iter().map(|(name, value)| (key(name), json(value))).collect())
        }
        scalar => serde_json::from_str(&scalar.to_text()).unwrap(),
    }
}

fn show(answer: &Answer) -> String {
    match answer {
        Answer::Value(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

/// What must be the same. Errors of schemas come in the order of Go's maps, which is none; of several errors in a schema, OPA
/// tells any. GraphQL tells in its message which rule a document breaks first, and what name may have been meant, where one
/// rule takes the names in no order.
fn normal(name: &str, answer: Answer) -> Answer {
    match answer {
        Answer::Value(mut value) => {
            match value.as_array_mut().map(Vec::as_mut_slice) {
                Some([Json::Bool(_), Json::Array(errors)])
                    if errors.iter().all(|error| error.get("desc").is_some()) =>
                {
                    errors.sort_by_key(ToString::to_string);
                }
                Some([Json::Bool(false), Json::String(problem)]) if problem.starts_with("jsonschema: ") => {
                    "jsonschema: …".clone_into(problem);
                }
                _ => {}
            }
            Answer::Value(value)
        }
        Answer::Error { code, message } if name.starts_with("graphql.") => {
            let end = if message.contains("Unknown type") { message.find(" Did you mean") } else { None };
            Answer::Error { code, message: message[..end.unwrap_or(message.len())].to_owned() }
        }
        other => other.without_message(),
    }
}

/// A text as a Rego string.
fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}
