//! File scopes as Rego.

use super::literal;
use super::prelude::Prelude;
use super::{conditions, holds, write_rule};
use crate::file_scope::FileScope;
use crate::policy_set::CheckId;

/// The rules for one file scope.
pub(super) fn define(id: CheckId, scope: &FileScope, prelude: &mut Prelude) -> String {
    prelude.paths = true;
    let mut out = String::new();
    let within = format!("within_{}", id.0);
    let arguments: Vec<String> = scope
        .arguments
        .iter()
        .map(|path| format!("every path in paths({}) {{\n\t{within}(path)\n}}", conditions::path(path, "")))
        .collect();
    write_rule(&mut out, &holds(id), &arguments);

    let head = format!("{within}(path)");
    let matching = |re2: &str| format!("regex.match({}, clean)", literal::string(re2));
    let denied = scope.denied.as_ref().map(|globs| format!("not {}", matching(globs.re2())));
    let mut rule = |tests: Vec<String>| {
        let tests: Vec<String> = tests.into_iter().chain(denied.clone()).collect();
        let mut lines =
            vec![if tests.is_empty() { "normalised(path)" } else { "clean := normalised(path)" }.to_owned()];
        lines.extend(tests);
        write_rule(&mut out, &head, &lines);
    };
    let Some(allowed) = &scope.allowed else {
        rule(Vec::new());
        return out;
    };
    if let Some(globs) = &allowed.relative {
        rule(vec!["not startswith(clean, \"/\")".to_owned(), matching(globs.re2())]);
    }
    if let Some(globs) = &allowed.absolute {
        rule(vec!["startswith(clean, \"/\")".to_owned(), matching(globs.re2())]);
    }
    out
}
