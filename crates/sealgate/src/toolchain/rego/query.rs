//! Any query over modules, as `opa eval` takes it: compiled to a module of its own and run once.
//!
//! The answer is what `opa eval` prints: per row the values of the query's expressions and its bindings.

use std::time::Duration;

use sealgate_compiler::plan::Planner;
use sealgate_diagnostics::{Diagnostics, Sources, Span};
use sealgate_rego::ast::{Expr, ExprKind, Name, Term, TermKind, Version};
use sealgate_rego::{ParseOptions, QueryContext, parse_query, resolve_query};
use sealgate_runtime::{DecideError, Format, LoadError, Policy, RuntimeOptions, UnverifiedPolicy};
use serde_json::{Map, Value, json};

use super::program::Program;
use crate::toolchain::compile::CompileError;

/// What names the variable that catches an expression's value. No query can write it.
const CAUGHT: &str = "$value";
/// Name of the plan of a query.
const ENTRYPOINT: &str = "query";

/// A query, ready to be asked.
#[derive(Debug)]
pub struct Query {
    policy: Policy,
    expressions: Vec<Expression>,
}

/// One expression of a query.
#[derive(Debug)]
struct Expression {
    text: String,
    row: u32,
    column: u32,
    caught: bool,
}

/// Why a query cannot be asked or gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query is refused.
    #[error("the query is refused with {} errors", .0.errors())]
    Refused(Diagnostics),
    /// It could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It gave up.
    #[error(transparent)]
    Evaluate(#[from] DecideError),
    /// The answer is none.
    #[error("the answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// How queries are run.
pub fn runtime_options(deadline: Duration) -> RuntimeOptions {
    RuntimeOptions {
        deadline,
        pool_size: Some(1),
        max_input: 256 << 20,
        max_result: 256 << 20,
        ..RuntimeOptions::default()
    }
}

impl Query {
    /// Compiles a query over a program and base data. `package` is the package whose rules the query may name without
    /// `data`.
    ///
    /// # Errors
    /// [`QueryError`]; the findings point into `sources`, to which the query is added.
    pub fn new(
        text: &str,
        package: Option<&str>,
        version: Version,
        program: &Program,
        data: &Map<String, Value>,
        sources: &mut Sources,
        options: &RuntimeOptions,
    ) -> Result<Self, QueryError> {
        let id = sources.add("query", text);
        let mut body = parse_query(sources, id, ParseOptions { version }).map_err(QueryError::Refused)?;
        // A query that is one expression and goes through nothing may be worth `false`; rows of any other must hold.
        let must_hold = body.len() > 1 || body.iter().any(goes_through);
        let mut expressions = Vec::with_capacity(body.len());
        let written = std::mem::take(&mut body);
        for (at, mut expr) in written.into_iter().enumerate() {
            let position = sources.locate(expr.span).map(|(_, position)| position);
            expressions.push(Expression {
                text: sources.slice(expr.span).unwrap_or_default().trim().to_owned(),
                row: position.map_or(1, |position| position.line),
                column: position.map_or(1, |position| position.column),
                caught: catch(&mut expr, at),
            });
            let holds = match &expr.kind {
                ExprKind::Unify(caught, _) if must_hold && expressions.last().is_some_and(|last| last.caught) => {
                    let kind = ExprKind::Term(caught.clone());
                    Some(Expr { kind, negated: false, with: Vec::new(), span: expr.span })
                }
                _ => None,
            };
            body.push(expr);
            body.extend(holds);
        }
        let package: Option<Vec<&str>> = package.map(|name| name.trim_start_matches("data.").split('.').collect());
        let context = QueryContext { body: &body, package: package.as_deref(), version };
        let mut found = Diagnostics::new();
        let Some(resolved) = resolve_query(&context, &program.resolved, &mut found) else {
            return Err(QueryError::Refused(found));
        };
        let mut planner = Planner::new(&program.resolved, sources);
        planner.query(ENTRYPOINT, &resolved);
        let plan = planner.finish().map_err(QueryError::Refused)?;
        let module = program.compile_plan(&plan).map_err(|error| QueryError::Compile(error.into()))?;
        let data = serde_json::to_vec(data)?;
        let unverified = UnverifiedPolicy { wasm: &module.wasm, data: Some(&data), name: "query" };
        Ok(Self { policy: Policy::dangerous_load_unverified(unverified, options)?, expressions })
    }

    /// Asks. An empty `input` is an undefined `input` document. Gives one object a row:
    /// `{"expressions": [{"value", "text", "location"}], "bindings": {…}}`.
    ///
    /// # Errors
    /// [`QueryError::Evaluate`] and [`QueryError::Answer`].
    pub fn ask(&self, input: &[u8]) -> Result<Vec<Value>, QueryError> {
        let text = self.policy.evaluate(ENTRYPOINT, input, Format::Json)?;
        let rows: Vec<Map<String, Value>> = serde_json::from_str(&text)?;
        Ok(rows.into_iter().map(|row| self.row(row)).collect())
    }

    fn row(&self, mut bindings: Map<String, Value>) -> Value {
        let mut expressions = Vec::with_capacity(self.expressions.len());
        for (at, expression) in self.expressions.iter().enumerate() {
            let caught = bindings.remove(&format!("{CAUGHT}{at}"));
            let value = if expression.caught { caught.unwrap_or(Value::Null) } else { Value::Bool(true) };
            expressions.push(json!({
                "value": value,
                "text": expression.text,
                "location": {"row": expression.row, "col": expression.column},
            }));
        }
        let mut row = Map::from_iter([("expressions".to_owned(), Value::Array(expressions))]);
        if !bindings.is_empty() {
            row.insert("bindings".to_owned(), Value::Object(bindings));
        }
        Value::Object(row)
    }
}

/// Binds what an expression is worth to a variable, so that `false` is an answer too. Whether it is worth something.
fn catch(expr: &mut Expr, at: usize) -> bool {
    if expr.negated {
        return false;
    }
    let ExprKind::Term(term) = &expr.kind else { return false };
    let caught = var(format!("{CAUGHT}{at}"), term.span);
    expr.kind = ExprKind::Unify(caught, term.clone());
    true
}

/// Whether an expression has a reference with a variable among its operands.
fn goes_through(expr: &Expr) -> bool {
    fn in_term(term: &Term) -> bool {
        match &term.kind {
            TermKind::Ref(reference) => {
                let operand = |term: &Term| matches!(term.kind, TermKind::Var(_)) || in_term(term);
                in_term(&reference.head) || reference.path.iter().any(operand)
            }
            TermKind::Array(items) | TermKind::Set(items) => items.iter().any(in_term),
            TermKind::Object(pairs) => pairs.iter().any(|(key, value)| in_term(key) || in_term(value)),
            TermKind::Call(call) => call.args.iter().any(in_term),
            _ => false,
        }
    }
    match &expr.kind {
        ExprKind::Term(term) => in_term(term),
        ExprKind::Unify(left, right) | ExprKind::Assign(left, right) => in_term(left) || in_term(right),
        ExprKind::SomeIn { .. } => true,
        _ => false,
    }
}

fn var(text: String, span: Span) -> Term {
    Term { kind: TermKind::Var(Name { text, span }), span }
}

#[cfg(test)]
mod tests {
    use super::super::files::{RegoFile, RegoFiles};
    use super::super::program::RegoOptions;
    use super::*;

    fn ask(text: &str, input: &str) -> Vec<Value> {
        let rego = "package a\nimport rego.v1\nxs := [1, 2, 3]\nn := data.base + input.x\nno := false\n".to_owned();
        let module = RegoFile { path: "a.rego".into(), name: "a.rego".into(), text: rego, version: None };
        let mut files = RegoFiles { modules: vec![module], ..RegoFiles::default() };
        files.data.insert("base".to_owned(), Value::from(40));
        let mut sources = Sources::new();
        let program = Program::new(&files, &mut sources, &RegoOptions::default()).unwrap();
        let options = runtime_options(Duration::from_secs(5));
        Query::new(text, Some("a"), Version::V1, &program, &files.data, &mut sources, &options)
            .unwrap()
            .ask(input.as_bytes())
            .unwrap()
    }

    #[test]
    fn an_answer_has_values_and_bindings() {
        let rows = ask("data.a.n", r#"{"x": 2}"#);
        let expected = json!([{"expressions": [{"value": 42, "text": "data.a.n", "location": {"row": 1, "col": 1}}]}]);
        assert_eq!(Value::Array(rows), expected);
        assert!(ask("data.a.n", "").is_empty());
        assert_eq!(ask("data.a.no", "")[0]["expressions"][0]["value"], json!(false));
        let rows = ask("x := xs[i]; x > 1", "");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["bindings"], json!({"i": 1, "x": 2}));
        assert_eq!(rows[1]["expressions"][1]["text"], json!("x > 1"));
    }
}
