//! Input that is made to be expensive, through the whole runtime: whatever a builtin is given, the decision ends by its deadline
//! and within its memory, says why, and denies.

use std::time::{Duration, Instant};

use sealgate::{Policy, Reason, RuntimeOptions, UnverifiedPolicy};
use sealgate_tests::compile_rego;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(1);

/// A call, its input, the reasons that its decision may be denied for, and what the failure says.
struct Case {
    call: &'static str,
    input: Value,
    reasons: &'static [Reason],
    says: &'static str,
}

/// What ends with the error of a bound: of the kernel, or of a builtin of the host.
fn bounded(call: &'static str, input: Value, says: &'static str) -> Case {
    Case { call, input, reasons: &[Reason::Aborted, Reason::BuiltinFailed], says }
}

/// What takes all the memory that there is.
fn grows(call: &'static str, input: Value) -> Case {
    Case { call, input, reasons: &[Reason::MemoryLimit], says: "memory" }
}

/// What takes all the time that there is.
fn lasts(call: &'static str, input: Value) -> Case {
    Case { call, input, reasons: &[Reason::Timeout], says: "deadline" }
}

/// What is undefined: an error of the builtin like any other.
fn undefined(call: &'static str, input: Value) -> Case {
    Case { call, input, reasons: &[Reason::Undefined], says: "undefined" }
}

fn nested(open: &str, middle: &str, close: &str, times: usize) -> String {
    open.repeat(times) + middle + &close.repeat(times)
}

fn cases() -> Vec<Case> {
    let long = "a".repeat(100_000);
    let chain: serde_json::Map<String, Value> =
        (0..40_000).map(|n| (n.to_string(), json!([(n + 1).to_string()]))).collect();
    // From each of two nodes to both of the next layer: as many paths as there are subsets of layers.
    let ladder: serde_json::Map<String, Value> = (0..60)
        .flat_map(|n| {
            ["a", "b"].map(|side| (format!("{side}{n}"), json!([format!("a{}", n + 1), format!("b{}", n + 1)])))
        })
        .collect();
    let names = |letter: &str| -> Vec<String> { (0..100_000).map(|n| format!("{letter}{n}")).collect() };
    let laughs: String =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect();
    let fragments: String = (0..60)
        .map(|n| format!("fragment f{n} on Query {{ a {{ ...f{} }} a {{ ...f{} }} }}\n", n + 1, n + 1))
        .collect();
    let query = format!("{{ ...f0 {} }}\n{fragments}fragment f60 on Query {{ c }}", nested("a {", "c", "}", 60));
    let wide = format!("{{ {} }}", "a { c } ".repeat(40_000));
    let schema = "type Query { a: Query b(x: Int): Int c: Int }";
    vec![
        // Patterns.
        bounded("regex.match(input.x, \"\")", json!({"x": nested("(", "", ")", 5000)}), "too large"),
        bounded("regex.match(input.x, \"\")", json!({"x": "((\\pL{30}){30}){1,}"}), "too large"),
        bounded("regex.is_valid(input.x)", json!({"x": long}), "too large"),
        undefined("regex.find_n(input.x, \"\", -1)", json!({"x": "(?:(?:(?:a{0,30}){0,30}){0,30})"})),
        undefined("[1 | regex.globs_match(input.x, input.x) == false][0]", json!({"x": "[a-z]*".repeat(20_000)})),
        bounded("regex.template_match(input.x, \"\", \"{\", \"}\")", json!({"x": long}), "too large"),
        bounded("glob.match(input.x, [], \"\")", json!({"x": "{".repeat(5000)}), "too large"),
        bounded("glob.match(input.x, [], \"\")", json!({"x": long}), "too large"),
        // Numbers.
        bounded("numbers.range(1, input.x)", json!({"x": 1e12}), "too many numbers"),
        bounded("numbers.range_step(1, input.x, 2)", json!({"x": 1e12}), "too many numbers"),
        bounded("bits.lsh(1, input.x)", json!({"x": 1_000_000_000}), "too many digits"),
        bounded("input.x + 1", serde_json::from_str(r#"{"x": 1e999999999}"#).unwrap(), "too many digits"),
        bounded("product(input.x)", json!({"x": vec![json!(1e90); 2000]}), "too many digits"),
        bounded("units.parse(input.x)", json!({"x": "1e999999"}), "too many digits"),
        undefined("to_number(input.x) + 1", json!({"x": "9".repeat(20_000)})),
        bounded("net.cidr_expand(input.x)", json!({"x": "0.0.0.0/0"}), "too many addresses"),
        bounded("net.cidr_expand(input.x)", json!({"x": "::/0"}), "too many addresses"),
        // Texts that grow.
        grows("sprintf(input.x, input.y)", json!({"x": "%999999d".repeat(400), "y": vec![1; 400]})),
        grows("replace(input.x, \"a\", input.x)", json!({"x": long})),
        grows("strings.replace_n({\"a\": input.x}, input.x)", json!({"x": long})),
        grows("regex.replace(input.x, \"a\", input.x)", json!({"x": long})),
        grows("concat(input.x, [c | some c in split(input.x, \"\")])", json!({"x": long})),
        bounded(
            "json.marshal_with_options(input.x, {\"indent\": input.y})",
            json!({"x": vec![1; 1000], "y": long}),
            "bytes",
        ),
        bounded("strings.render_template(input.x, {})", json!({"x": "{{range 99999999}}{{end}}"}), "steps"),
        bounded(
            "strings.render_template(input.x, {})",
            json!({"x": "{{define \"T\"}}{{template \"T\" .}}{{end}}{{template \"T\" .}}"}),
            "deeply",
        ),
        // Searches.
        undefined("indexof_n(input.x, input.y)[900000]", json!({"x": "a".repeat(900_000), "y": "a".repeat(450_000)})),
        lasts("strings.any_prefix_match(input.x, input.y)", json!({"x": names("a"), "y": names("b")})),
        grows("graph.reachable_paths(input.x, [\"a0\"])", json!({"x": ladder})),
        // Documents.
        undefined("json.unmarshal(input.x)", json!({"x": nested("[", "", "]", 100_000)})),
        bounded("yaml.unmarshal(input.x)", json!({"x": nested("[", "", "]", 100_000)}), "deep"),
        undefined("yaml.unmarshal(input.x)", json!({"x": format!("a0: &a0 [x]\n{laughs}")})),
        bounded("json.match_schema(input.x, input.y)", json!({"x": [1], "y": {"$ref": "#"}}), "without end"),
        bounded(
            "json.match_schema(input.x, input.y)",
            json!({"x": nested("[", "", "]", 60), "y": {"anyOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]}}),
            "",
        ),
        undefined(
            "json.patch({\"a\": 1}, [{\"op\": \"add\", \"path\": input.x, \"value\": 1}])",
            json!({"x": "/a".repeat(200_000)}),
        ),
        bounded("graphql.is_valid(input.x, input.y)", json!({"x": query, "y": schema}), "steps"),
        bounded("graphql.is_valid(input.x, input.y)", json!({"x": wide, "y": schema}), "steps"),
        bounded("graphql.parse_query(input.x)", json!({"x": "{a".repeat(100_000)}), "nests more than"),
        bounded("rego.parse_module(\"x\", input.x)", json!({"x": " ".repeat(2 << 20)}), "bytes"),
        // Times, tokens, certificates.
        bounded("time.format([0, \"UTC\", input.x])", json!({"x": "2006".repeat(50_000)}), "bytes"),
        bounded("time.parse_ns(input.x, \"2006\")", json!({"x": "2006".repeat(50_000)}), "bytes"),
        undefined("io.jwt.decode(input.x)", json!({"x": format!("e30.{}.x", "A".repeat(4 << 20))})),
        undefined("crypto.x509.parse_certificates(input.x)", json!({"x": "A".repeat(2 << 20)})),
        undefined(
            "crypto.x509.parse_certificates(input.x)",
            json!({"x": "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".repeat(10_000)}),
        ),
        undefined("numbers.range(0, count(graph.reachable(input.x, [\"0\"])) - 50000)[60000]", json!({"x": chain})),
        undefined("object.union_n(input.x).none", json!({"x": vec![json!({"a": {"b": [1, 2, 3]}}); 100_000]})),
    ]
}

#[test]
fn whatever_a_builtin_is_given_the_decision_ends_and_denies() {
    let cases = cases();
    let rules: String = cases
        .iter()
        .enumerate()
        .map(|(at, case)| format!("value := x if {{ input.case == {at}; x := {} }}\n", case.call))
        .collect();
    let text =
        format!("package bounds\n\ndecision := {{\"allow\": true, \"violations\": []}} if {{ x := value }}\n\n{rules}");
    let module = compile_rego(&text, &["bounds/decision"]);
    let unverified = UnverifiedPolicy { wasm: &module.wasm, data: None, name: "bounds" };
    let options = RuntimeOptions {
        deadline: DEADLINE,
        max_input: 32 << 20,
        builtins: sealgate::toolchain::builtins::registry(),
        ..RuntimeOptions::default()
    };
    let policy = Policy::dangerous_load_unverified(unverified, &options).unwrap();
    let mut wrong = Vec::new();
    for (at, Case { call, mut input, reasons, says }) in cases.into_iter().enumerate() {
        input["case"] = json!(at);
        let started = Instant::now();
        let decision = policy.decide_json_or_deny(input.to_string().as_bytes());
        let took = started.elapsed();
        let failure = decision.failure().map(ToString::to_string).unwrap_or_default();
        println!(
            "{took:>10.1?}  {:<16}  {call}: {}",
            decision.reason().to_string(),
            failure.chars().take(100).collect::<String>()
        );
        // A bound on steps may lie beyond the deadline of a machine that is busy.
        let late = decision.reason() == Reason::Timeout && reasons != [Reason::Undefined];
        let expected = reasons.contains(&decision.reason()) && failure.contains(says);
        if decision.is_allowed() || !(late || expected) || took > DEADLINE + Duration::from_secs(1) {
            wrong.push(format!("{call}: {took:?}, {}: {failure}", decision.reason()));
        }
    }
    assert!(wrong.is_empty(), "{} of the cases\n{}", wrong.len(), wrong.join("\n"));
}
