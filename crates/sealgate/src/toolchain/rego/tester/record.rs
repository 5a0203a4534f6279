//! What a running test tells its host. A builtin runs on the thread that asks the policy, so what is told is kept there
//! until the test ends.

use std::cell::RefCell;

use sealgate_runtime::builtins::{BuiltinError, Context, Value};

/// The most text that one test's prints keep, in bytes.
const MAX_OUTPUT: usize = 1 << 20;
/// The most cases of one test.
const MAX_CASES: usize = 100_000;
/// The most lines that one `print` with several values for its arguments gives.
const MAX_LINES: usize = 1_000;

/// What a test told.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Its prints, a line each.
    pub(super) output: String,
    /// The keys of its cases, in the order in which they began.
    pub(super) cases: Vec<Vec<String>>,
}

thread_local! {
    static RECORDED: RefCell<Recorded> = RefCell::default();
}

/// Forgets what a test before told.
pub(super) fn begin() {
    RECORDED.with_borrow_mut(|recorded| *recorded = Recorded::default());
}

/// What was told since.
pub(super) fn end() -> Recorded {
    RECORDED.with_borrow_mut(std::mem::take)
}

/// `internal.print`: the argument is a list of sets, each what an argument of `print` may be.
pub(super) fn print(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let mut lines = vec![String::new()];
    for (at, choices) in args.first().and_then(Value::elements).into_iter().flatten().enumerate() {
        let texts: Vec<String> = choices.elements().into_iter().flatten().map(shown).collect();
        let texts = if texts.is_empty() { vec!["<undefined>".to_owned()] } else { texts };
        let space = if at == 0 { "" } else { " " };
        lines = lines
            .iter()
            .flat_map(|line| texts.iter().map(move |text| format!("{line}{space}{text}")))
            .take(MAX_LINES)
            .collect();
    }
    RECORDED.with_borrow_mut(|recorded| {
        for line in lines {
            if recorded.output.len() + line.len() < MAX_OUTPUT {
                recorded.output.push_str(&line);
                recorded.output.push('\n');
            }
        }
    });
    Ok(Some(Value::Bool(true)))
}

/// `internal.test_case`: the argument is the list of a case's keys.
pub(super) fn case(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let keys = args.first().and_then(Value::elements).into_iter().flatten().map(shown).collect();
    RECORDED.with_borrow_mut(|recorded| {
        if recorded.cases.len() < MAX_CASES {
            recorded.cases.push(keys);
        }
    });
    Ok(Some(Value::Bool(true)))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_text(), str::to_owned)
}
