//! Rego from the command line: repositories with tests, held against `opa test`; builds from files, folders and OPA
//! bundles; entrypoints and queries.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealgate_testkit::{HttpAnswer, HttpServer, Opa, require};
use serde_json::{Value, json};
use tempfile::TempDir;

fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/repositories").join(name)
}

/// Runs a program in a folder: exit code, standard output, standard error.
fn run(program: &Path, folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(program).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn sealgate(folder: &Path, args: &[&str]) -> (i32, String, String) {
    run(Path::new(env!("CARGO_BIN_EXE_sealgate")), folder, args)
}

fn ok(folder: &Path, args: &[&str]) -> String {
    let (code, stdout, stderr) = sealgate(folder, args);
    assert_eq!(code, 0, "{args:?}: {stderr}");
    stdout
}

/// What of a test's results both programs must agree on, by full name.
fn outcomes(json: &str) -> BTreeMap<String, (String, Value)> {
    fn cases(result: &Value) -> Value {
        let all = result["sub_results"].as_object().into_iter().flatten();
        all.map(|(name, case)| (name.clone(), json!([case["fail"] == true, cases(case)]))).collect()
    }
    let results: Vec<Value> = serde_json::from_str(json).unwrap();
    let of = |result: &Value| {
        let outcome = match result {
            _ if result["skip"] == true => "skip".to_owned(),
            _ if result["error"].is_object() => format!("error {}", result["error"]["code"]),
            _ => if result["fail"] == true { "fail" } else { "pass" }.to_owned(),
        };
        let name = format!("{}.{}", result["package"].as_str().unwrap(), result["name"].as_str().unwrap());
        (name, (format!("{outcome} at {}", result["location"]["row"]), cases(result)))
    };
    results.iter().map(of).collect()
}

#[test]
fn tests_end_as_they_do_with_opa() {
    let opa = require(Opa::find());
    for (name, flags, count) in
        [("admission", &[][..], 10), ("edges", &[][..], 17), ("legacy", &["--v0-compatible"][..], 12)]
    {
        let folder = repository(name);
        let ours: Vec<&str> = ["test", "--json", "."].iter().chain(flags).copied().collect();
        let (code, stdout, stderr) = sealgate(&folder, &ours);
        assert_eq!(code, 2, "{stderr}");
        let ours = outcomes(&stdout);
        assert_eq!(ours.len(), count, "{name}");
        if let Some(opa) = &opa {
            let theirs: Vec<&str> = ["test", "--format=json", "."].iter().chain(flags).copied().collect();
            let (code, stdout, stderr) = run(opa.program(), &folder, &theirs);
            assert_eq!(code, 2, "{stderr}");
            assert_eq!(ours, outcomes(&stdout), "{name}");
        }
    }
}

#[test]
fn results_for_people_show_places_prints_and_counts() {
    let (code, stdout, _) = sealgate(&repository("admission"), &["test", "."]);
    assert_eq!(code, 2);
    assert!(stdout.contains("policies/images_test.rego:56:\n"), "{stdout}");
    assert!(stdout.contains("limit is 3 <undefined>"), "{stdout}");
    assert!(stdout.ends_with("PASS: 9/12\nFAIL: 2/12\nSKIPPED: 1/12\n"), "{stdout}");
    let (code, stdout, stderr) = sealgate(&repository("legacy"), &["test", "--run", "test_(public|admin)$", "-v", "."]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("PASS: 2/2") && stderr.contains("read as Rego v0"), "{stdout}{stderr}");
}

#[test]
fn a_folder_becomes_a_bundle_that_decides_and_that_opa_rebuilds_from_are_the_same() {
    let desk = TempDir::new().unwrap();
    ok(desk.path(), &["keygen", "--out", "k"]);
    let admission = repository("admission");
    let folder = admission.to_str().unwrap();
    let (code, _, stderr) =
        sealgate(desk.path(), &["build", folder, "--sign-key", "k.private", "-e", "policies/imges/violation"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("`policies/imges/violation` is defined by no rule"), "{stderr}");
    assert!(stderr.contains("there is `policies/images/violation`"), "{stderr}");

    // The entrypoint is the one that the metadata marks, and the one asked for.
    let built =
        ok(desk.path(), &["build", folder, "--sign-key", "k.private", "--json", "-e", "policies/images/policy_id"]);
    let built: Value = serde_json::from_str(&built).unwrap();
    assert_eq!(built[0]["entrypoints"], json!(["policies/images/policy_id", "policies/images/violation"]));
    let input = r#"{"review": {"object": {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "registry.example.com/a"}]}}}}"#;
    fs::write(desk.path().join("input.json"), input).unwrap();
    let eval = |rest: &[&str]| -> Value {
        let args: Vec<&str> = ["eval", "--input", "input.json"].iter().chain(rest).copied().collect();
        serde_json::from_str(&ok(desk.path(), &args)).unwrap()
    };
    let bundle = ["--bundle", "dist/admission.tar.gz", "--key", "k.public", "-e", "policies/images/violation"];
    let expected = json!([{"msg": "P1001: Pod/p uses the tag latest", "details": {"policyID": "P1001"}}]);
    assert_eq!(eval(&bundle), expected);
    assert_eq!(eval(&["--policy", folder, "-e", "policies/images/violation"]), expected);
    let answer = eval(&["-d", folder, "data.policies.images.violation"]);
    assert_eq!(answer["result"][0]["expressions"][0]["value"], expected);
    assert_eq!(eval(&["-d", folder, "data.policies.images.nothing"]), json!({}));

    // The same from what OPA makes of the folder.
    if let Some(opa) = require(Opa::find()) {
        let archive = desk.path().join("opa.tar.gz");
        let args = ["build", "-b", folder, "--ignore", "*_test.rego", "-o", archive.to_str().unwrap()];
        let (code, _, stderr) = run(opa.program(), desk.path(), &args);
        assert_eq!(code, 0, "{stderr}");
        ok(desk.path(), &["build", "opa.tar.gz", "--name", "again", "--sign-key", "k.private"]);
        let bundle = ["--bundle", "dist/again.tar.gz", "--key", "k.public", "-e", "policies/images/violation"];
        assert_eq!(eval(&bundle), expected);
        // And OPA takes the bundle that we made.
        let made = desk.path().join("dist/admission.tar.gz");
        let args = ["eval", "-b", made.to_str().unwrap(), "-i", "input.json", "--format=raw", "data.registries.limit"];
        assert_eq!(run(opa.program(), desk.path(), &args).1.trim(), "3");
    }
}

#[test]
fn what_a_folder_is_follows_from_what_it_holds() {
    let desk = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = desk.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    ok(desk.path(), &["keygen", "--out", "k"]);
    file("roles/agent.yaml", "tools: { refund: { mode: allow } }\n");
    file("rego/p.rego", "package p\nimport rego.v1\nallow if input.x == data.limit\n");
    file("rego/data.json", "{\"limit\": 1}");
    file("clash/p.rego", "package p\nimport rego.v1\nallow if true\n");
    file("clash/p/data.json", "{\"allow\": false}");
    file("none/data.json", "{}");
    let fails = |args: &[&str]| {
        let (code, stdout, stderr) = sealgate(desk.path(), args);
        assert_ne!(code, 0, "{args:?}: {stdout}");
        stderr
    };
    ok(desk.path(), &["build", "rego", "--sign-key", "k.private", "-e", "p/allow"]);
    // A package whose path is one name is an entrypoint as any other.
    ok(desk.path(), &["build", "rego", "--name", "whole", "--sign-key", "k.private", "-e", "p"]);
    fs::write(desk.path().join("one.json"), "{\"x\": 1}").unwrap();
    let whole = ["eval", "--bundle", "dist/whole.tar.gz", "--key", "k.public", "-e", "p", "-i", "one.json"];
    assert_eq!(ok(desk.path(), &whole).split_whitespace().collect::<String>(), "{\"allow\":true}");
    assert!(fails(&["build", "rego", "--sign-key", "k.private"]).contains("no entrypoint is named"));
    assert!(fails(&["build", "roles", "--sign-key", "k.private", "-e", "p/allow"]).contains("needs Rego"));
    let clash = fails(&["build", "clash", "--sign-key", "k.private", "-e", "p/allow"]);
    assert!(clash.contains("conflicting rule for data path `p/allow` found"), "{clash}");
    assert!(fails(&["build", "none", "--sign-key", "k.private"]).contains("neither"));
    assert!(fails(&["test", "none"]).contains("--calls"));
    file("conflict.rego", "package p\nq := 1 if true\nq := 2 if true\n");
    let conflict = fails(&["eval", "-d", "conflict.rego", "data.p.q"]);
    assert_eq!(conflict.matches("eval_conflict_error").count(), 1, "{conflict}");
    let undefined = ["eval", "--policy", "rego", "-e", "p/allow"];
    assert_eq!(ok(desk.path(), &undefined), "");
    assert_eq!(sealgate(desk.path(), &[&undefined[..], &["--fail"]].concat()).0, 1);
}

/// Every field of a block of metadata reaches the rule that asks for it, empty ones excepted.
#[test]
fn rules_see_their_metadata_as_opa_shows_it() {
    let desk = TempDir::new().unwrap();
    let module = r#"package app

# METADATA
# title: all of it
# authors: ["Jane Doe <jane@example.com>"]
# labels: {tier: gold}
# custom: {levels: [1, 2]}
# schemas:
# - input: schema.whole
# - input.request["a-b"]: schema["part"].x
# - data.acl[0]: {type: object}
full := rego.metadata.rule()

# METADATA
# title: nothing else
# authors: []
# related_resources: []
# labels: {}
# schemas: []
bare := rego.metadata.rule()
"#;
    fs::write(desk.path().join("p.rego"), module).unwrap();
    let wanted = json!({
        "full": {
            "scope": "rule", "title": "all of it", "labels": { "tier": "gold" }, "custom": { "levels": [1, 2] },
            "authors": [{ "name": "Jane Doe", "email": "jane@example.com" }],
            "schemas": [
                { "path": ["input"], "schema": ["schema", "whole"] },
                { "path": ["input", "request", "a-b"], "schema": ["schema", "part", "x"] },
                { "path": ["data", "acl", "0"], "definition": { "type": "object" } },
            ],
        },
        "bare": { "scope": "rule", "title": "nothing else" },
    });
    let ours: Value = serde_json::from_str(&ok(desk.path(), &["eval", "-d", "p.rego", "-e", "app"])).unwrap();
    assert_eq!(ours, wanted);
    if let Some(opa) = require(Opa::find()) {
        let args = ["eval", "-d", "p.rego", "--format=raw", "data.app"];
        let theirs: Value = serde_json::from_str(&run(opa.program(), desk.path(), &args).1).unwrap();
        assert_eq!(theirs, wanted);
    }
}

/// Network and environment are granted by name only, and refused with what would grant them.
#[test]
fn network_and_environment_are_granted_by_options() {
    let server =
        HttpServer::answering(|_, _| HttpAnswer { status: "200 OK".to_owned(), ..HttpAnswer::default() }).unwrap();
    let folder = TempDir::new().unwrap();
    let host = format!("127.0.0.1:{}", server.port);
    let query = format!("http.send({{\"method\": \"get\", \"url\": {:?}}}).status_code", server.url("/"));
    let (code, _, stderr) = sealgate(folder.path(), &["eval", &query]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("`http.send` (it needs the capability `network`)"), "{stderr}");
    assert!(stderr.contains("help: `--allow-net HOST`") && !stderr.contains("--allow-env"), "{stderr}");
    assert_eq!(server.asked(), 0);
    let value =
        |text: &str| serde_json::from_str::<Value>(text).unwrap()["result"][0]["expressions"][0]["value"].clone();
    assert_eq!(value(&ok(folder.path(), &["eval", "--allow-net", &host, &query])), json!(200));
    // Another port of the same machine is another host.
    assert_eq!(ok(folder.path(), &["eval", "--allow-net", "127.0.0.1:1", &query]).trim(), "{}");
    let named = query.replace("127.0.0.1", "localhost");
    assert_eq!(ok(folder.path(), &["eval", "--allow-net", "localhost", &named]).trim(), "{}");
    let private = ["eval", "--allow-net", "localhost", "--allow-private-addresses", &named];
    assert_eq!(value(&ok(folder.path(), &private)), json!(200));
    assert_eq!(sealgate(folder.path(), &["eval", "--allow-net", "no host", &query]).0, 2);

    let runtime = "opa.runtime().env";
    let (code, _, stderr) = sealgate(folder.path(), &["eval", runtime]);
    assert!(code == 3 && stderr.contains("help: `--allow-env NAME`"), "{stderr}");
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate"));
    let output = Command::new(program)
        .args(["eval", "--allow-env", "SHOWN", "--allow-env", "UNSET", runtime])
        .env("SHOWN", "yes")
        .env("HIDDEN", "no")
        .output()
        .unwrap();
    assert_eq!(value(&String::from_utf8(output.stdout).unwrap()), json!({"SHOWN": "yes"}));

    // Tests: refused is the test's error, granted it is asked.
    let test = format!("package t\n\ntest_asks if {query} == 200\n");
    fs::write(folder.path().join("t_test.rego"), test).unwrap();
    let (code, stdout, _) = sealgate(folder.path(), &["test", "."]);
    assert!(code == 2 && stdout.contains("not granted to tests"), "{stdout}");
    assert!(ok(folder.path(), &["test", "--allow-net", &host, "."]).contains("PASS: 1/1"));
}
