//! What policies decide: modes, roles, fallbacks, inheritance, file scopes, and every row of what the ancestor's two
//! engines disagree on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use sealgate_diagnostics::{Color, Sources};
use sealgate_policy::{Evaluation, Outcome, PolicyFiles, PolicySet, PolicySource};
use serde_json::{Value, json};

fn load(files: PolicyFiles) -> PolicySet {
    let mut sources = Sources::new();
    PolicySet::load(&mut sources, files).unwrap_or_else(|found| panic!("{}", found.render(&sources, Color::Never))).0
}

fn single(yaml: &str) -> PolicySet {
    load(PolicyFiles::Single(PolicySource::new("policy.yaml", yaml)))
}

fn decide(set: &PolicySet, role: Option<&str>, tool: &str, args: Value) -> Evaluation {
    let mut input = json!({"tool": tool, "args": args});
    if let Some(role) = role {
        input["role"] = json!(role);
    }
    set.evaluate(&input)
}

/// Whether a call of a tool with this one constraint is allowed.
fn passes(constraint: &str, args: Value) -> bool {
    let policy = json!({"version": 1, "tools": {"t": {"mode": "allow", "constraints": [constraint]}}});
    decide(&single(&policy.to_string()), None, "t", args).outcome == Outcome::Allow
}

#[test]
fn rows_that_the_ancestor_s_engines_disagree_on() {
    assert!(passes("args.x not in [1, 2]", json!({"x": 3})));
    assert!(!passes("args.x not in [1, 2]", json!({"x": 2})));
    for value in [json!(null), json!("1"), json!([1]), json!({"a": 1}), json!(true), json!(false)] {
        for constraint in ["args.x <= 5", "args.x >= 5", "args.x == 1", "args.x in [1, 2]", "args.x != 1"] {
            assert!(!passes(constraint, json!({"x": value})), "{constraint} of {value}");
        }
    }
    assert!(!passes("args.x != false", json!({"x": 0})));
    assert!(passes("args.x == 9007199254740993", json!({"x": 9007199254740993_u64})));
    assert!(!passes("args.x == 9007199254740993", json!({"x": 9007199254740992_u64})));

    let missing =
        single("{version: 1, tools: {t: {mode: allow, constraints: [args.x <= 5, args.y != 1, args.x == 1]}}}");
    assert_eq!(decide(&missing, None, "t", json!({})).violations, ["args.x <= 5", "args.y != 1", "args.x == 1"]);

    let on_role = single(r#"{version: 1, tools: {t: {mode: allow, constraints: ['role == "default"']}}}"#);
    assert_eq!(decide(&on_role, Some("default"), "t", json!({})).outcome, Outcome::Allow);
    assert_eq!(decide(&on_role, None, "t", json!({})).outcome, Outcome::Deny);

    let scoped = single("{version: 1, tools: {read_file: {mode: allow, file_scope: {denied_paths: [.env]}}}}");
    let denied = decide(&scoped, None, "read_file", json!({"file_path": "./.env"}));
    assert_eq!((denied.outcome, denied.violations), (Outcome::Deny, vec!["file_scope".to_owned()]));
    assert_eq!(decide(&scoped, None, "read_file", json!({"file_path": "env"})).outcome, Outcome::Allow);
}

#[test]
fn unlisted_tools_follow_the_default_policy() {
    let set =
        single("{version: 1, default_policy: {mode: approval_required, constraints: [args.x == 1]}, tools: {t: {}}}");
    assert_eq!(decide(&set, None, "other", json!({"x": 1})).outcome, Outcome::NeedsApproval);
    let failed = decide(&set, None, "other", json!({"x": 2}));
    assert_eq!((failed.outcome, failed.rule.as_deref()), (Outcome::Deny, Some("default/default_policy")));
    assert_eq!(failed.violations, ["args.x == 1"]);
    let listed = decide(&set, None, "t", json!({"x": 1}));
    assert_eq!((listed.reason.as_str(), listed.violations.len()), ("denied_by_mode", 0));
    assert_eq!(decide(&single("version: 1"), None, "t", json!({})).reason.as_str(), "denied_by_default");
}

#[test]
fn unknown_roles_have_the_default_role_and_nothing_else() {
    let with =
        single("{version: 1, roles: {admin: {tools: {t: {mode: allow}}}, default: {tools: {u: {mode: allow}}}}}");
    assert_eq!(decide(&with, Some("nobody"), "u", json!({})).outcome, Outcome::Allow);
    assert_eq!(decide(&with, None, "t", json!({})).reason.as_str(), "denied_by_default");
    let without = single(
        "{version: 1, roles: {admin: {tools: {t: {mode: allow}}}, m: {is_mixin: true, tools: {t: {mode: allow}}}}}",
    );
    for role in [Some("nobody"), Some("m"), Some(""), None] {
        let denied = decide(&without, role, "t", json!({}));
        assert_eq!((denied.outcome, denied.reason.as_str(), denied.rule), (Outcome::Deny, "unknown_role", None));
    }
    for input in [json!({}), json!(null), json!({"tool": 5, "role": "admin"}), json!([])] {
        assert_eq!(without.evaluate(&input).reason.as_str(), "invalid_request");
    }
}

#[test]
fn roles_build_on_others_in_order() {
    let set = single(
        "
version: 1
roles:
  a: {is_mixin: true, constraints: [ctx.a == 1], default_policy: {mode: allow}, tools: {t: {mode: allow, constraints: [args.a == 1]}}}
  b: {is_mixin: true, tools: {t: {mode: allow, constraints: [args.b == 1]}, u: {mode: deny}}}
  ab: {inherits: [a, b]}
  ba: {inherits: [b, a], tools: {u: {mode: approval_required}}}
",
    );
    assert_eq!(decide(&set, Some("ab"), "t", json!({})).violations, ["ctx.a == 1", "args.b == 1"]);
    assert_eq!(decide(&set, Some("ab"), "t", json!({})).rule.as_deref(), Some("b/tools/t"));
    assert_eq!(decide(&set, Some("ba"), "t", json!({})).violations, ["ctx.a == 1", "args.a == 1"]);
    assert_eq!(decide(&set, Some("ba"), "u", json!({})).violations, ["ctx.a == 1"]);
    // The last parent's default policy counts, also where it is only implied: as in the ancestor.
    assert_eq!(decide(&set, Some("ab"), "x", json!({})).reason.as_str(), "denied_by_default");
    assert_eq!(decide(&set, Some("ba"), "x", json!({})).violations, ["ctx.a == 1"]);
}

#[test]
fn a_folder_s_files_are_its_roles() {
    let file = |name: &str, text: &str| PolicySource::new(name, text);
    let set = load(PolicyFiles::Folder(vec![
        file(
            "policies/support.yaml",
            "{version: 1, inherits: [limits], tools: {refund: {mode: allow, constraints: [args.amount <= consts.limit]}}}",
        ),
        file("policies/limits.yaml", "{version: 1, is_mixin: true, consts: {limit: 100}}"),
    ]));
    assert_eq!(set.roles().map(|(name, _)| name).collect::<Vec<_>>(), ["support"]);
    assert_eq!(decide(&set, Some("support"), "refund", json!({"amount": 100.0})).outcome, Outcome::Allow);
    assert_eq!(decide(&set, Some("support"), "refund", json!({"amount": 100.01})).outcome, Outcome::Deny);
    assert_eq!((set.summary().grants, set.summary().checks), (1, 1));
}

#[test]
fn file_scopes_hold_for_any_tool_and_spelling() {
    let set = single(
        "
version: 1
tools:
  fetch:
    mode: allow
    file_scope: {argument: target.path, allowed_paths: [docs/**, /srv/docs/*], denied_paths: [secrets/**, docs/secrets/**]}
",
    );
    let allowed =
        |path: Value| decide(&set, None, "fetch", json!({"target": {"path": path}})).outcome == Outcome::Allow;
    for path in ["docs/a", "docs/.env", "./docs//a/./b", "x/../docs/a", "docs", "/srv/docs/x", "/srv//x/../docs/y"] {
        assert!(allowed(json!(path)), "{path}");
    }
    for path in [
        "/srv/other/docs/x",
        "/srv/docs/a/b",
        "docs/../../docs/a",
        "../docs/a",
        "docs/secrets/a/b/c",
        "docs/x/../secrets/k",
        "/docs/a",
        "docsx",
        "",
        "docs\\a",
        "docs/a\0",
    ] {
        assert!(!allowed(json!(path)), "{path}");
    }
    assert!(allowed(json!(["docs/a", "docs/b"])));
    for other in
        [json!(["docs/a", "etc"]), json!([]), json!([["docs/a"]]), json!(5), json!(null), json!({"a": "docs/a"})]
    {
        assert!(!allowed(other.clone()), "{other}");
    }
    assert_eq!(decide(&set, None, "fetch", json!({})).violations, ["file_scope"]);
}

#[test]
fn texts_are_trimmed_and_kept_as_written() {
    let set = single(
        "version: 1\ntools:\n  t:\n    mode: allow\n    constraints:\n      - '  args.x   ==  1 '\n      - >-\n        args.y ==\n        2\n",
    );
    assert_eq!(decide(&set, None, "t", json!({})).violations, ["args.x   ==  1", "args.y == 2"]);
}

#[test]
fn anchors_merge_keys_and_yaml_1_1_words_read_as_the_ancestor_reads_them() {
    let set = single(
        "
version: 1
roles:
  m: {is_mixin: yes, tools: {t: &t {mode: allow, constraints: [args.x == 1]}}}
  default:
    tools:
      u: {<<: *t, mode: approval_required}
      v: *t
",
    );
    assert_eq!(decide(&set, None, "u", json!({"x": 1})).outcome, Outcome::NeedsApproval);
    assert_eq!(decide(&set, None, "u", json!({"x": 2})).violations, ["args.x == 1"]);
    assert_eq!(decide(&set, None, "v", json!({"x": 1})).outcome, Outcome::Allow);
}

#[test]
fn hostile_documents_are_refused_within_bounds() {
    let refused = |text: &str| {
        PolicySet::load(&mut Sources::new(), PolicyFiles::Single(PolicySource::new("p.yaml", text))).is_err()
    };
    let mut laughs =
        String::from("version: 1\nconsts:\n  a0: [x, x, x, x, x, x, x, x, x, x]\n").replace("a0: ", "a0: &a0 ");
    for level in 1..12 {
        let item = format!("*a{}", level - 1);
        laughs += &format!("  a{level}: &a{level} [{}]\n", vec![item; 10].join(", "));
    }
    assert!(refused(&laughs));
    assert!(refused(&format!("version: 1\nconsts: {{a: {}{}}}", "[".repeat(5_000), "]".repeat(5_000))));
    assert!(refused(&"version: 1\n---\n".repeat(100)));
    let deep = format!("{}args.x == 1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(refused(&json!({"version": 1, "tools": {"t": {"constraints": [deep]}}}).to_string()));
    let nots = format!("{}args.x == 1", "not ".repeat(3_000));
    assert!(!refused(&json!({"version": 1, "tools": {"t": {"mode": "allow", "constraints": [nots]}}}).to_string()));
    let chain = |length: usize| {
        let role = |i: usize| (format!("r{i}"), json!({"inherits": (i > 0).then(|| format!("r{}", i - 1)).as_slice()}));
        json!({"version": 1, "roles": (0..length).map(role).collect::<serde_json::Map<_, _>>()}).to_string()
    };
    assert!(!refused(&chain(64)));
    assert!(refused(&chain(65)));
    assert!(refused(&chain(1_000)));
    let mut wide = json!({"base": {"is_mixin": true, "tools": {}}});
    for tool in 0..2_000 {
        wide["base"]["tools"][format!("t{tool}")] = json!({"mode": "allow"});
    }
    for role in 0..2_000 {
        wide[format!("r{role}")] = json!({"inherits": ["base"]});
    }
    assert!(refused(&json!({"version": 1, "roles": wide}).to_string()));
}
