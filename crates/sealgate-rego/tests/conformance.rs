//! Every module and query of OPA's conformance cases parses. `sealgate-testkit` says where the cases lie.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

use sealgate_diagnostics::{Color, Sources};
use sealgate_rego::{ParseOptions, parse_module, parse_query, parse_term};
use sealgate_testkit::{conformance_dir, require};

#[derive(serde::Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    note: String,
    query: String,
    #[serde(default)]
    modules: Option<Vec<String>>,
    #[serde(default)]
    input_term: Option<String>,
    #[serde(default)]
    want_error_code: Option<String>,
}

#[test]
fn every_conformance_module_parses() {
    let Some(folder) = require(conformance_dir()).map(|folder| folder.join("rego")) else { return };
    let mut texts = 0;
    let mut failed = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let file: File = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in file.cases {
            if case.want_error_code.as_deref() == Some("rego_parse_error") {
                continue;
            }
            let mut sources = Sources::new();
            let options = ParseOptions::default();
            let mut results = Vec::new();
            for (index, module) in case.modules.iter().flatten().enumerate() {
                let id = sources.add(format!("{}#{index}", case.note), module.as_str());
                results.push(parse_module(&sources, id, options).err());
            }
            let query = sources.add(format!("{}#query", case.note), case.query.as_str());
            results.push(parse_query(&sources, query, options).err());
            if let Some(term) = &case.input_term {
                let term = sources.add(format!("{}#input", case.note), term.as_str());
                results.push(parse_term(&sources, term, options).err());
            }
            texts += results.len();
            failed.extend(results.into_iter().flatten().map(|errors| errors.render(&sources, Color::Never)));
        }
    }
    assert!(texts > 1000, "only {texts} texts below {}", folder.display());
    assert!(failed.is_empty(), "{} of {texts} texts do not parse:\n{}", failed.len(), failed.join("\n"));
}
