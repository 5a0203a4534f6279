//! Calls of a builtin here and in `opa`, held against each other.

use sealgate_builtins::{Context, Registry, Value};
use sealgate_testkit::{Evaluation, Opa};
use serde_json::Value as Json;

/// The result here: `None` where the call is undefined or an error.
pub(crate) fn ours(name: &str, args: &[Json]) -> Option<Json> {
    let args: Vec<Value> = args.iter().map(|arg| Value::parse(&arg.to_string()).unwrap()).collect();
    let result = Registry::standard().get(name).unwrap().call(&mut Context::new(), &args).ok().flatten();
    result.map(|value| serde_json::from_str(&value.to_text()).unwrap())
}

/// The results in `opa`, in one run.
pub(crate) fn theirs(opa: &Opa, name: &str, calls: &[Vec<Json>]) -> Vec<Option<Json>> {
    let arity = calls.first().map_or(0, Vec::len);
    let operands: Vec<String> = (0..arity).map(|index| format!("input[{index}]")).collect();
    let module = format!("package t\n\nresult := {name}({})\n", operands.join(", "));
    let evaluation = Evaluation { modules: &[("t.rego", &module)], ..Evaluation::default() };
    let inputs: Vec<Json> = calls.iter().map(|call| Json::Array(call.clone())).collect();
    opa.eval_inputs(evaluation, "data.t.result", &inputs).unwrap()
}

/// Asserts that every call has the same result, and says how many results there are at all.
pub(crate) fn agree(opa: &Opa, name: &str, calls: &[Vec<Json>]) -> usize {
    let expected = theirs(opa, name, calls);
    let mut defined = 0;
    for (call, expected) in calls.iter().zip(&expected) {
        let got = ours(name, call);
        defined += usize::from(got.is_some());
        if got != *expected {
            let shown = serde_json::to_string(call).unwrap();
            let difference = difference(got.as_ref(), expected.as_ref());
            panic!("{name}{}: {difference}", shown.chars().take(3000).collect::<String>());
        }
    }
    defined
}

/// Where two results differ first.
fn difference(ours: Option<&Json>, theirs: Option<&Json>) -> String {
    match (ours, theirs) {
        (Some(Json::Object(a)), Some(Json::Object(b))) => {
            let keys = a.keys().chain(b.keys());
            let differing = keys.into_iter().find(|key| a.get(*key) != b.get(*key)).unwrap();
            format!(".{differing}{}", difference(a.get(differing), b.get(differing)))
        }
        (Some(Json::Array(a)), Some(Json::Array(b))) if a.len() == b.len() => {
            let at = (0..a.len()).find(|at| a[*at] != b[*at]).unwrap();
            format!("[{at}]{}", difference(a.get(at), b.get(at)))
        }
        (ours, theirs) => {
            let text = |value: Option<&Json>| value.map_or("undefined".to_owned(), Json::to_string);
            format!(": here {}, in opa {}", text(ours), text(theirs))
        }
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}
