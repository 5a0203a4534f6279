//! Policies: whatever the YAML or the constraint, findings or a policy, whose Rego the front end takes.

use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_policy::{EmitOptions, PolicyFiles, PolicySet, PolicySource, emit_rego};
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use serde_json::json;

/// A policy's YAML.
pub fn policy_yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    load(text);
}

/// One constraint, as a string that YAML cannot misread.
pub fn constraint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let quoted = serde_json::Value::from(text);
    load(&format!(
        "version: 1\nconsts: {{limit: 10, names: [a, b]}}\ntools:\n  t:\n    mode: allow\n    constraints: [{quoted}]\n"
    ));
}

fn load(text: &str) {
    let mut sources = Sources::new();
    match PolicySet::load(&mut sources, PolicyFiles::Single(PolicySource::new("policy.yaml", text))) {
        Err(findings) => {
            assert!(findings.has_errors());
            render(&findings, &sources);
        }
        Ok((policy, warnings)) => {
            assert!(!warnings.has_errors());
            render(&warnings, &sources);
            for input in inputs() {
                policy.evaluate(&input);
            }
            emitted(&policy);
        }
    }
}

fn render(findings: &Diagnostics, sources: &Sources) {
    let _ = findings.render(sources, Color::Never);
    let _ = findings.records(sources).len();
}

/// The Rego of a good policy is good Rego.
fn emitted(policy: &PolicySet) {
    let rego = emit_rego(policy, &EmitOptions { package: "a.b".to_owned() }).expect("the package has a name");
    let mut sources = Sources::new();
    let id = sources.add("policy.rego", rego.text.as_str());
    let module = match parse_module(&sources, id, ParseOptions::default()) {
        Ok(module) => module,
        Err(errors) => panic!("{}\n{}", errors.render(&sources, Color::Never), rego.text),
    };
    let mut found = Diagnostics::new();
    assert!(
        resolve(&[module], ResolveOptions::default(), &mut found).is_some(),
        "{}\n{}",
        found.render(&sources, Color::Never),
        rego.text
    );
}

fn inputs() -> [serde_json::Value; 4] {
    [
        json!({}),
        json!({"tool": "t"}),
        json!({"tool": "t", "role": "default", "args": {"amount": 5, "name": "a", "path": "/a/../b", "l": [1, "a", null]}}),
        json!({"tool": 1, "args": [], "ctx": {"a": {"b": [true]}}, "user": null, "run": {"n": 1e3}}),
    ]
}
