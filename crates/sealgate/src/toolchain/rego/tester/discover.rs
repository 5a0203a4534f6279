//! Which rules are tests: those with a name that begins with `test_`, or with `todo_test_` to be skipped.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sealgate_diagnostics::Sources;
use sealgate_rego::ast::{HeadKind, Module, Rule, TermKind};

/// What a test's name begins with.
const TEST: &str = "test_";
/// What the name of a test that is not to be run begins with.
const SKIPPED: &str = "todo_test_";

/// A test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its package as a reference: `data.a.b`.
    pub package: String,
    /// Its name below the package, up to the part that makes it a test.
    pub name: String,
    /// Whether it is not to be run.
    pub skip: bool,
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub row: u32,
    /// Its column, from 1.
    pub column: u32,
    /// Where its document lies below `data`.
    pub(super) path: Vec<Arc<str>>,
    /// Its place among the rules of all modules.
    pub(super) rule: usize,
    /// How many names of its head come before its cases.
    pub(super) names: usize,
    /// Whether the keys of its document are cases.
    pub(super) has_cases: bool,
}

impl Test {
    /// Package and name.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
    }

    pub(super) fn entrypoint(&self) -> String {
        self.path.join("/")
    }
}

/// Finds the tests of modules. A test rule whose name another has already gets a name of its own, in the modules too: each
/// rule is a test, and not a part of one.
pub(super) fn tests(modules: &mut [Module], sources: &Sources) -> Vec<Test> {
    let mut tests = Vec::new();
    let mut seen: HashMap<Vec<Arc<str>>, usize> = HashMap::new();
    let mut index = 0;
    for module in modules {
        let package: Vec<Arc<str>> = module.package.path.iter().map(|name| Arc::from(name.text.as_str())).collect();
        for rule in &mut module.rules {
            // Resolution leaves out what has no name.
            if !matches!(rule.head.reference.head.kind, TermKind::Var(_)) {
                continue;
            }
            index += 1;
            let names = names_of(rule);
            let is_test = |name: &&str| name.starts_with(TEST) || name.starts_with(SKIPPED);
            let Some(at) = names.iter().position(|name| is_test(&name.as_str())) else { continue };
            let Some(own) = names.get(..=at) else { continue };
            let skip = own.last().is_some_and(|name| !name.starts_with(TEST));
            let mut own: Vec<Arc<str>> = own.iter().map(|name| Arc::from(name.as_str())).collect();
            let mut path: Vec<Arc<str>> = package.iter().chain(&own).cloned().collect();
            if !skip {
                let count = seen.entry(path.clone()).or_default();
                if *count > 0
                    && let (Some(name), Some(key)) = (own.last_mut(), path.last_mut())
                {
                    let numbered = format!("{name}#{count:02}");
                    rename(rule, at, &numbered);
                    *name = Arc::from(numbered.as_str());
                    *key = Arc::clone(name);
                }
                *count += 1;
            }
            let (file, position) = match sources.locate(rule.span) {
                Some((file, position)) => (file.to_owned(), Some(position)),
                None => (String::new(), None),
            };
            tests.push(Test {
                package: reference("data", &package),
                name: own.split_first().map_or_else(String::new, |(head, rest)| reference(head, rest)),
                skip,
                file,
                row: position.map_or(0, |position| position.line),
                column: position.map_or(0, |position| position.column),
                path,
                rule: index - 1,
                names: at + 1,
                has_cases: has_cases(rule),
            });
        }
    }
    tests
}

/// The names that a head begins with.
fn names_of(rule: &Rule) -> Vec<String> {
    let TermKind::Var(head) = &rule.head.reference.head.kind else { return Vec::new() };
    let rest = rule.head.reference.path.iter().map_while(|term| match &term.kind {
        TermKind::String(text) => Some(text.clone()),
        _ => None,
    });
    std::iter::once(head.text.clone()).chain(rest).collect()
}

fn rename(rule: &mut Rule, at: usize, name: &str) {
    let reference = &mut rule.head.reference;
    if at == 0 {
        if let TermKind::Var(head) = &mut reference.head.kind {
            name.clone_into(&mut head.text);
        }
    } else if let Some(term) = reference.path.get_mut(at - 1) {
        term.kind = TermKind::String(name.to_owned());
    }
}

/// Whether a head's keys are computed: then they are cases. A set's elements are not.
fn has_cases(rule: &Rule) -> bool {
    let constant = |kind: &TermKind| {
        matches!(kind, TermKind::String(_) | TermKind::Number(_) | TermKind::Bool(_) | TermKind::Null)
    };
    let computed = rule.head.reference.path.iter().any(|term| !constant(&term.kind));
    computed && rule.head.args.is_none() && matches!(rule.head.kind, HeadKind::Value { .. })
}

/// A path as a reference: `data.a["b-c"]`.
fn reference(head: &str, rest: &[Arc<str>]) -> String {
    let mut text = head.to_owned();
    for key in rest {
        let mut chars = key.chars();
        let first = chars.next().is_some_and(|char| char.is_ascii_alphabetic() || char == '_');
        let plain = first && chars.all(|char| char.is_ascii_alphanumeric() || char == '_');
        // Writing to a string does not fail.
        let _ = if plain { write!(text, ".{key}") } else { write!(text, "[{}]", serde_json::Value::from(&**key)) };
    }
    text
}
