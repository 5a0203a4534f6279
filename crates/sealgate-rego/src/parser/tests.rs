//! What trees do not show when they are printed: places, and how sugar is normalised.

use sealgate_diagnostics::{SourceId, Sources};

use super::{ParseOptions, parse_module, parse_query, parse_term};
use crate::ast::{AnnotationTarget, Expr, ExprKind, HeadKind, Module, Rule, TermKind, Version};

fn module(version: Version, text: &str) -> (Sources, Module) {
    let mut sources = Sources::new();
    let id = sources.add("m.rego", text);
    match parse_module(&sources, id, ParseOptions { version }) {
        Ok(module) => (sources, module),
        Err(errors) => panic!("{}", errors.render(&sources, sealgate_diagnostics::Color::Never)),
    }
}

fn rule(version: Version, text: &str) -> Rule {
    module(version, &format!("package t\n{text}\n")).1.rules.remove(0)
}

#[test]
fn places_cover_what_was_written() {
    let text = "package a.b\n\nimport data.x as y\n\np[f(x).z] := (1 + 2) if {\n\tnot q with input as 1\n}\nr if { q } else := 3\n";
    let (sources, module) = module(Version::V1, text);
    let slice = |span| sources.slice(span).unwrap();
    assert_eq!(slice(module.package.span), "package a.b");
    assert_eq!(slice(module.package.path[1].span), "b");
    assert_eq!(slice(module.imports[0].span), "import data.x as y");
    let rule = &module.rules[0];
    assert_eq!(slice(rule.span), &text[text.find("p[f").unwrap()..text.find("\nr if").unwrap()]);
    assert_eq!(slice(rule.head.span), "p[f(x).z] := (1 + 2)");
    assert_eq!(slice(rule.head.reference.span), "p[f(x).z]");
    assert_eq!(slice(rule.head.reference.path[0].span), "f(x).z");
    let HeadKind::Value { value: Some(value), assign: true } = &rule.head.kind else { panic!("{:?}", rule.head) };
    assert_eq!(slice(value.span), "(1 + 2)");
    let TermKind::Call(call) = &value.kind else { panic!("{value:?}") };
    assert_eq!((slice(call.func.span), slice(call.args[1].span)), ("+", "2"));
    assert_eq!(slice(rule.body[0].span), "not q with input as 1");
    assert_eq!(slice(rule.body[0].with[0].span), "with input as 1");
    assert_eq!(slice(module.rules[1].elses[0].span), "else := 3");
}

#[test]
fn sets_of_v0_become_contains() {
    for text in ["p[x] { x := 1 }", "p[\"a\"]", "p.a { true }"] {
        let rule = rule(Version::V0, text);
        assert!(matches!(rule.head.kind, HeadKind::Contains { .. }), "{text}: {:?}", rule.head);
        assert!(rule.head.reference.path.is_empty(), "{text}: {:?}", rule.head);
    }
    for (version, text) in [
        (Version::V1, "p[x] if x := 1"),
        (Version::V0, "p[x] = y { x := 1; y := 2 }"),
        (Version::V0, "p.q[x] { x := 1 }"),
        (Version::V0, "p.q.r"),
    ] {
        let rule = rule(version, text);
        assert!(matches!(rule.head.kind, HeadKind::Value { .. }), "{text}: {:?}", rule.head);
        assert!(!rule.head.reference.path.is_empty(), "{text}: {:?}", rule.head);
    }
}

#[test]
fn bodies_in_a_row_are_rules_of_their_own() {
    let (_, module) = module(Version::V1, "package t\nf(x) := 1 if { x > 1 } { x < 0 }\n");
    assert_eq!(module.rules.len(), 2);
    assert!(module.rules.iter().all(|rule| rule.head.args.as_ref().is_some_and(|args| args.len() == 1)));
}

#[test]
fn an_import_makes_a_module_v1() {
    let text = "package t\nimport rego.v1\np contains x if some x in [1]\n";
    assert_eq!(module(Version::V0, text).1.version, Version::V1);
    assert_eq!(module(Version::V0, "package t\np { true }\n").1.version, Version::V0);
}

#[test]
fn not_has_a_body_where_the_import_says_so() {
    let kind = |import: &str| {
        let (_, mut module) = module(Version::V1, &format!("package t\n{import}\np if not x\n"));
        let Expr { kind, negated, .. } = module.rules.remove(0).body.remove(0);
        (matches!(kind, ExprKind::Not(_)), negated)
    };
    assert_eq!(kind("import data.a"), (false, true));
    assert_eq!(kind("import future.keywords.not"), (true, false));
}

#[test]
fn metadata_targets_what_follows() {
    let text = "# METADATA\n# a: 1\npackage t\n\n# METADATA\n# b: 2\nimport data.x\np := 1\n  # METADATA\n# METADATA\n#c: 3\nq := 2\n";
    let (_, module) = module(Version::V1, text);
    let found: Vec<_> = module.annotations.iter().map(|block| (block.target, block.yaml.as_str())).collect();
    let want = [
        (AnnotationTarget::Package, "a: 1\n"),
        (AnnotationTarget::Import, "b: 2\n"),
        (AnnotationTarget::Rule(1), "c: 3\n"),
    ];
    assert_eq!(found, want);
}

#[test]
fn queries_are_bodies() {
    let mut sources = Sources::new();
    let id = sources.add("query", "data.a.b = x; x > 1\nnot y");
    assert_eq!(parse_query(&sources, id, ParseOptions::default()).unwrap().len(), 3);
    let empty = sources.add("empty", "# nothing");
    assert!(parse_query(&sources, empty, ParseOptions::default()).is_err());
}

#[test]
fn a_term_is_alone() {
    let mut sources = Sources::new();
    let one = sources.add("one", "{\"a\", 1}");
    assert!(matches!(parse_term(&sources, one, ParseOptions::default()).unwrap().kind, TermKind::Set(_)));
    let two = sources.add("two", "1 2");
    assert!(parse_term(&sources, two, ParseOptions::default()).is_err());
    assert!(parse_term(&sources, SourceId(99), ParseOptions::default()).is_err());
}

#[test]
fn strings_decode_as_json_has_them() {
    let decode = |text: &str| {
        let mut sources = Sources::new();
        let id = sources.add("string", text);
        match parse_term(&sources, id, ParseOptions::default()).ok()?.kind {
            TermKind::String(text) => Some(text),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(decode(r#""\ud83d\ude00\/\b\f""#).as_deref(), Some("😀/\u{8}\u{c}"));
    // Half a pair, and two low halves.
    assert_eq!(decode(r#""\ud83dx""#).as_deref(), Some("\u{fffd}x"));
    assert_eq!(decode(r#""\ude00\ude00""#).as_deref(), Some("\u{fffd}\u{fffd}"));
    assert_eq!(decode("\"\t\"").as_deref(), Some("\t"));
    assert_eq!(decode("\"\t\\n\""), None);
    assert_eq!(decode("`\\n\n`").as_deref(), Some("\\n\n"));
}
