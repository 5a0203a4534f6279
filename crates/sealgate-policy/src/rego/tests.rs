//! The Rego that policies become.

use sealgate_diagnostics::Sources;

use super::*;
use crate::policy_set::{PolicyFiles, PolicySource};

fn emit(yaml: &str, package: &str) -> Result<EmittedRego, EmitError> {
    let (set, _) =
        PolicySet::load(&mut Sources::new(), PolicyFiles::Single(PolicySource::new("p.yaml", yaml))).unwrap();
    emit_rego(&set, &EmitOptions { package: package.to_owned() })
}

#[test]
fn packages_are_names_joined_by_dots() {
    let emitted = emit("version: 1", "hexgate.policy").unwrap();
    assert_eq!(emitted.entrypoint, "hexgate/policy/decision");
    assert!(emitted.text.contains("\npackage hexgate.policy\n"));
    for bad in ["", ".", "a.", "a..b", "a b", "a\n#", "1a", "a.if", "é", &"a.".repeat(200)] {
        assert_eq!(emit("version: 1", bad), Err(EmitError::BadPackage(bad.to_owned())));
    }
}

#[test]
fn strings_stay_on_their_line_and_show_what_they_are() {
    let text = literal::string("a\"\\\n\r\t\0\u{7f}\u{85}\u{202e}\u{2028}\u{feff}😀é");
    assert_eq!(text, r#""a\"\\\n\r\t\u0000\u007f\u0085\u202e\u2028\ufeff\ud83d\ude00é""#);
}

#[test]
fn a_check_that_many_roles_share_is_emitted_once() {
    let yaml = "
version: 1
roles:
  base: {is_mixin: true, tools: {t: {mode: allow, constraints: [args.x == 1]}}}
  a: {inherits: [base]}
  b: {inherits: [base], tools: {u: {mode: allow, constraints: [args.x == 1]}}}
";
    let text = emit(yaml, "p").unwrap().text;
    assert_eq!(text.matches("\nholds(").count(), 1, "{text}");
    assert_eq!(text.matches("\ntext_of(0) := \"args.x == 1\"").count(), 1, "{text}");
    assert_eq!(text.matches("\"constraints\": [0]").count(), 3, "{text}");
}

#[test]
fn alternatives_cost_text_in_proportion() {
    let clauses: Vec<String> = (0..12).map(|i| format!("(args.a{i} == 1 or args.b{i} == 2)")).collect();
    let policy = |n: usize| {
        let all = clauses.iter().take(n).cloned().collect::<Vec<_>>().join(" and ");
        emit(
            &serde_json::json!({"version": 1, "tools": {"t": {"mode": "allow", "constraints": [all]}}}).to_string(),
            "p",
        )
    };
    let (six, twelve) = (policy(6).unwrap().text.len(), policy(12).unwrap().text.len());
    assert!(twelve < 2 * six, "{six} bytes for 6 clauses, {twelve} for 12");
}
