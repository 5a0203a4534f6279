//! The `sealgate` command as a user meets it: exit codes, output, what is written and what is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use sealgate_testkit::{Opa, require};
use tempfile::TempDir;

const POLICY: &str = r#"version: 1
name: refunds
roles:
  agent:
    tools:
      refund:
        mode: allow
        constraints: ["args.amount <= 100"]
      wire: { mode: approval_required }
"#;

/// A folder with a policy and a key pair, and the command run in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        desk.file("policy.yaml", POLICY);
        desk.ok(&["keygen", "--out", "k"]);
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
        command.args(args).current_dir(self.path());
        command
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output: Output = self.command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    /// Runs what must end with 0, and gives its output.
    fn ok(&self, args: &[&str]) -> String {
        let (code, stdout, stderr) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {stderr}");
        stdout
    }

    /// Runs what must end with this code, and gives what it says.
    fn fails(&self, code: i32, args: &[&str]) -> String {
        let (found, stdout, stderr) = self.run(args);
        assert_eq!(found, code, "{args:?}\n{stdout}\n{stderr}");
        stdout + &stderr
    }

    fn build(&self) {
        self.ok(&["build", "policy.yaml", "--sign-key", "k.private", "--format", "both"]);
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join(folder)) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_private_key_is_secret_and_is_not_replaced_by_accident() {
    let desk = Desk::new();
    let mode = fs::metadata(desk.path().join("k.private")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(desk.path().join("k.private")).unwrap();
    assert!(desk.fails(2, &["keygen", "--out", "k"]).contains("--force"));
    assert_eq!(fs::read(desk.path().join("k.private")).unwrap(), before);
    desk.ok(&["keygen", "--out", "k", "--force"]);
    assert_ne!(fs::read(desk.path().join("k.private")).unwrap(), before);
    fs::set_permissions(desk.path().join("k.private"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = desk.fails(1, &["build", "policy.yaml", "--sign-key", "k.private"]);
    assert!(said.contains("can be read by others"), "{said}");
}

#[test]
fn the_exit_code_is_the_outcome() {
    let desk = Desk::new();
    desk.build();
    for by in [
        &["--policy", "policy.yaml"][..],
        &["--bundle", "dist/refunds.tar.gz", "--key", "k.public"],
        &["--bundle", "dist/refunds", "--key", "."],
    ] {
        let call = [&["decide"], by, &["--role", "agent", "--tool"]].concat();
        desk.ok(&[&call[..], &["refund", "--args", r#"{"amount": 100}"#]].concat());
        let said = desk.fails(10, &[&call[..], &["refund", "--args", r#"{"amount": 101}"#]].concat());
        assert!(said.contains("args.amount <= 100"), "{said}");
        desk.fails(10, &[&call[..], &["unlisted"]].concat());
        desk.fails(11, &[&call[..], &["wire"]].concat());
    }
}

#[test]
fn a_decision_as_json_says_why_and_by_what() {
    let desk = Desk::new();
    desk.build();
    desk.file("args.json", r#"{"amount": "100"}"#);
    let by = ["decide", "--bundle", "dist/refunds.tar.gz", "--key", "k.public", "--name", "refunds", "--json"];
    let said = desk.fails(10, &[&by[..], &["--role", "agent", "--tool", "refund", "--args", "@args.json"]].concat());
    let decision: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(decision["outcome"], "deny");
    assert_eq!(decision["reason"], "constraint_failed");
    assert_eq!(decision["violations"], serde_json::json!(["args.amount <= 100"]));
    assert_eq!(decision["rule"], "agent/tools/refund");
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let desk = Desk::new();
    for args in [
        &["decide", "--tool", "x"][..],
        &["decide", "--policy", "policy.yaml"],
        &["decide", "--policy", "policy.yaml", "--tool", "x", "--args", "[1]"],
        &["decide", "--policy", "policy.yaml", "--tool", "x", "--args", "@none"],
        &["decide", "--bundle", "b", "--tool", "x"],
        &["build", "policy.yaml"],
        &["verify", "--bundle", "b"],
        &["keygen"],
        &["nonsense"],
    ] {
        desk.fails(2, args);
    }
}

#[test]
fn a_bad_policy_is_refused_with_every_error_and_nothing_is_written() {
    let desk = Desk::new();
    let bad =
        POLICY.replace("constraints", "constraint").replace("approval_required", "ask").replace("version: 1\n", "");
    desk.file("bad.yaml", &bad);
    for args in [
        &["validate", "bad.yaml"][..],
        &["show-rego", "bad.yaml"],
        &["build", "policy.yaml", "bad.yaml", "--sign-key", "k.private"],
        &["decide", "--policy", "bad.yaml", "--tool", "refund"],
    ] {
        let said = desk.fails(3, args);
        for part in ["bad.yaml:7:", "`constraint`", "constraints", "`ask`", "version"] {
            assert!(said.contains(part), "{args:?}: {part:?} is missing from\n{said}");
        }
    }
    assert_eq!(desk.names("dist"), Vec::<String>::new());
    let said = desk.fails(3, &["validate", "bad.yaml", "--json"]);
    let record: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(record["valid"], false);
    assert!(record["diagnostics"].as_array().unwrap().len() >= 3, "{record}");
}

#[test]
fn validate_and_show_rego_take_a_good_policy() {
    let desk = Desk::new();
    assert!(desk.ok(&["validate", "policy.yaml"]).contains("valid"));
    let rego = desk.ok(&["show-rego", "policy.yaml", "--package", "acme.gate"]);
    assert!(rego.contains("package acme.gate\n"), "{rego}");
    assert!(rego.contains("args.amount <= 100"), "{rego}");
}

#[test]
fn a_bundle_that_is_not_what_was_signed_is_refused() {
    let desk = Desk::new();
    desk.build();
    desk.ok(&["verify", "--bundle", "dist/refunds.tar.gz", "--key", "k.public"]);
    desk.ok(&["verify", "--bundle", "dist/refunds", "--key", "k.public", "--name", "refunds"]);
    let verify = |bundle: &str, rest: &[&str]| {
        desk.fails(3, &[&["verify", "--bundle", bundle, "--key", "k.public"][..], rest].concat())
    };
    assert!(verify("dist/refunds", &["--name", "others"]).contains("others"));
    verify("dist/refunds", &["--minimum-serial", "1"]);

    desk.ok(&["keygen", "--out", "other"]);
    desk.fails(3, &["verify", "--bundle", "dist/refunds.tar.gz", "--key", "other.public"]);

    let mut bytes = fs::read(desk.path().join("dist/refunds.tar.gz")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(desk.path().join("tampered.tar.gz"), &bytes).unwrap();
    verify("tampered.tar.gz", &[]);
    desk.fails(3, &["decide", "--bundle", "tampered.tar.gz", "--key", "k.public", "--tool", "x"]);

    fs::remove_file(desk.path().join("dist/refunds/policy.bundle.json.sig")).unwrap();
    assert!(verify("dist/refunds", &[]).contains("not signed"));
    desk.fails(1, &["verify", "--bundle", "none.tar.gz", "--key", "k.public"]);
}

#[test]
fn a_build_says_what_it_wrote() {
    let desk = Desk::new();
    let args = ["build", "policy.yaml", "--sign-key", "k.private", "--format", "both", "--emit", "rego,plan,wat,wasm"];
    let said = desk.ok(&[&args[..], &["--json", "--name", "gate", "--serial", "7", "--out", "out"]].concat());
    let built: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(built[0]["name"], "gate");
    assert_eq!(built[0]["roles"], 1);
    assert_eq!(built[0]["tools"], 2);
    assert_eq!(desk.names("out"), ["gate", "gate.plan", "gate.rego", "gate.tar.gz", "gate.wasm", "gate.wat"]);
    let manifest = desk.ok(&["verify", "--bundle", "out/gate.tar.gz", "--key", "k.public", "--json"]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!((&manifest["name"], &manifest["serial"]), (&"gate".into(), &7.into()));
}

#[test]
fn the_same_inputs_give_the_same_bytes_wherever_they_lie() {
    let (here, there) = (Desk::new(), Desk::new());
    for key in ["k.private", "k.public"] {
        fs::copy(here.path().join(key), there.path().join(key)).unwrap();
    }
    here.build();
    there.build();
    let bytes = |desk: &Desk, name: &str| fs::read(desk.path().join("dist").join(name)).unwrap();
    assert_eq!(bytes(&here, "refunds.tar.gz"), bytes(&there, "refunds.tar.gz"));
    assert_eq!(here.names("dist/refunds"), there.names("dist/refunds"));
    for name in here.names("dist/refunds") {
        let name = format!("refunds/{name}");
        assert_eq!(bytes(&here, &name), bytes(&there, &name), "{name}");
    }
}

#[test]
fn an_installed_opa_can_make_the_module() {
    let Some(opa) = require(Opa::find()) else { return };
    let desk = Desk::new();
    let args = ["build", "policy.yaml", "--sign-key", "k.private", "--compiler", "opa"];
    let build = |opa: &Path| desk.command(&args).env("SEALGATE_OPA", opa).output().unwrap();
    assert!(build(opa.program()).status.success());
    let call =
        ["decide", "--bundle", "dist/refunds.tar.gz", "--key", "k.public", "--role", "agent", "--tool", "refund"];
    desk.ok(&[&call[..], &["--args", r#"{"amount": 1}"#]].concat());
    desk.fails(10, &[&call[..], &["--args", r#"{"amount": 1000}"#]].concat());

    let output = build(Path::new("no-such-opa"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("go install"));
}

#[test]
fn what_is_no_policy_at_all_is_refused() {
    let desk = Desk::new();
    fs::write(desk.path().join("bad.yaml"), [0xff, 0xfe]).unwrap();
    fs::create_dir(desk.path().join("empty")).unwrap();
    desk.fails(3, &["validate", "bad.yaml"]);
    desk.fails(3, &["validate", "empty"]);
    desk.fails(1, &["validate", "none.yaml"]);
    desk.fails(2, &["show-rego", "policy.yaml", "--package", "a b"]);
}

#[test]
fn two_policies_of_one_name_do_not_overwrite_each_other() {
    let desk = Desk::new();
    desk.file("again.yaml", POLICY);
    let said = desk.fails(2, &["build", "policy.yaml", "again.yaml", "--sign-key", "k.private"]);
    assert!(said.contains("`refunds`"), "{said}");
    assert_eq!(desk.names("dist"), Vec::<String>::new());
}

#[test]
fn capabilities_restrict_what_a_policy_may_use() {
    let desk = Desk::new();
    let build = ["build", "policy.yaml", "--sign-key", "k.private", "--capabilities", "capabilities.json"];
    desk.file("capabilities.json", r#"{"builtins": []}"#);
    let (code, _, stderr) = desk.run(&build);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("error[rego_type_error]: undefined function `"), "{stderr}");
    assert!(stderr.contains("--> policy.rego:"), "{stderr}");
    assert!(!desk.path().join("dist").exists());

    // With just those that it named, the policy is good.
    let named = stderr.lines().filter_map(|line| line.split_once("undefined function `")?.1.strip_suffix('`'));
    let list: Vec<String> = named.map(|name| format!(r#"{{"name": "{name}"}}"#)).collect();
    desk.file("capabilities.json", &format!(r#"{{"builtins": [{}]}}"#, list.join(", ")));
    desk.ok(&build);

    desk.file("capabilities.json", r#"{"builtins": ["count"]}"#);
    let (code, _, stderr) = desk.run(&build);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("`builtins` of the capabilities must be a list"), "{stderr}");
}

#[test]
fn the_syntax_tree_is_emitted_as_json() {
    let desk = Desk::new();
    desk.ok(&["build", "policy.yaml", "--sign-key", "k.private", "--emit", "ast"]);
    let tree = fs::read_to_string(desk.path().join("dist/refunds.ast.json")).unwrap();
    let tree: serde_json::Value = serde_json::from_str(&tree).unwrap();
    assert_eq!(tree["package"]["path"][1]["value"], "sealgate");
    assert!(tree["rules"].as_array().unwrap().len() > 1);
}

#[test]
fn a_bundle_says_which_builtins_it_needs() {
    let desk = Desk::new();
    desk.ok(&["build", "policy.yaml", "--sign-key", "k.private"]);
    let said = desk.ok(&["verify", "--bundle", "dist/refunds.tar.gz", "--key", "k.public", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["needs"], serde_json::json!([]));
    assert_eq!(said["name"], "refunds");
}

#[test]
fn keys_rotate_by_a_second_signature_and_a_revoked_one_is_refused() {
    let desk = Desk::new();
    desk.ok(&["keygen", "--out", "trust/new"]);
    fs::copy(desk.path().join("k.public"), desk.path().join("trust/old.public")).unwrap();
    desk.ok(&["build", "policy.yaml", "--sign-key", "k.private", "--serial", "4"]);
    let bundle = "dist/refunds.tar.gz";
    desk.ok(&["verify", "--bundle", bundle, "--key", "trust"]);
    let args = ["sign", bundle, "--out", bundle, "--key", "trust", "--sign-key", "trust/new.private", "--serial", "5"];
    assert!(desk.ok(&args).contains("serial   5"));
    let shown = desk.ok(&["verify", "--bundle", bundle, "--key", "trust", "--serial-file", "state/serials.json"]);
    assert!(shown.contains("serial       5"), "{shown}");

    let old = desk.ok(&["keys", "list", "k.public"]).lines().nth(1).unwrap()[..32].to_owned();
    assert!(desk.ok(&["keys", "revoke", &old, "--keys", "trust"]).contains("trust/old.revoked"));
    let listed = desk.ok(&["keys", "list", "trust"]);
    assert!(listed.lines().any(|line| line.starts_with(&old) && line.contains("revoked")), "{listed}");
    desk.ok(&["build", "policy.yaml", "--sign-key", "k.private", "--serial", "9", "--out", "other"]);
    let (code, _, stderr) =
        desk.run(&["verify", "--bundle", "other/refunds.tar.gz", "--key", "trust", "--key", "k.public"]);
    assert!(code == 3 && stderr.contains("revoked"), "{stderr}");

    // What was accepted once cannot be rolled back.
    desk.ok(&["build", "policy.yaml", "--sign-key", "trust/new.private", "--serial", "4", "--out", "older"]);
    let older = ["verify", "--bundle", "older/refunds.tar.gz", "--key", "trust"];
    desk.ok(&older);
    let (code, _, stderr) = desk.run(&[&older[..], &["--serial-file", "state/serials.json"]].concat());
    assert!(code == 3 && stderr.contains("serial 4 is lower than 5"), "{stderr}");
    desk.file("state/serials.json", "{");
    assert_ne!(desk.run(&[&older[..], &["--serial-file", "state/serials.json"]].concat()).0, 0);
}

const RSA: [&str; 2] = [
    include_str!("../../sealgate-bundle/tests/common/rsa-of-no-secret.pem"),
    include_str!("../../sealgate-bundle/tests/common/rsa-of-no-secret.public.pem"),
];
const P256: [&str; 2] = [
    include_str!("../../sealgate-runtime/tests/common/p256-of-no-secret.pem"),
    include_str!("../../sealgate-runtime/tests/common/p256-of-no-secret.public.pem"),
];

/// `.signatures.json` as the command writes it, read by `opa build` with verification on and by the command itself.
#[test]
fn opa_verifies_what_is_signed_for_it() {
    let Some(opa) = require(Opa::find()) else { return };
    for (algorithm, [private, public]) in [("RS256", RSA), ("PS384", RSA), ("ES256", P256)] {
        let desk = Desk::new();
        desk.file("opa.pem", private);
        fs::set_permissions(desk.path().join("opa.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        desk.file("opa.public.pem", public);
        let keys = serde_json::json!({ "k1": { "key": public, "algorithm": algorithm } });
        desk.file("keys.json", &keys.to_string());
        let signing = ["--opa-signature-key", "opa.pem", "--opa-signature-key-id", "k1"];
        let said = ["--opa-signature-algorithm", algorithm];
        // Without being told, an RSA key signs by RS256 and another by the only algorithm that it is for.
        let signing = if algorithm == "PS384" { [&signing[..], &said].concat() } else { signing.to_vec() };
        let bundle = "dist/refunds.tar.gz";
        let opa_takes = |bundle: &str| {
            let args = ["build", "--bundle", bundle, "--output", "out.tar.gz", "--verification-key", "opa.public.pem"];
            let args = [&args[..], &["--verification-key-id", "k1", "--signing-alg", algorithm]].concat();
            opa.run(desk.path(), &args, "").unwrap().status.success()
        };
        let verify = ["verify", "--bundle", bundle, "--opa-keys", "keys.json"];
        let build = ["build", "policy.yaml", "--sign-key", "k.private", "--format", "both"];
        desk.ok(&[&build[..], &signing].concat());
        let sign = ["sign", bundle, "--out", bundle, "--key", "k.public", "--sign-key", "k.private", "--serial", "2"];
        for serial in ["0", "2"] {
            if serial == "2" {
                desk.ok(&[&sign[..], &signing].concat());
            }
            assert!(opa_takes(bundle), "{algorithm}");
            assert!(
                desk.ok(&[&verify[..], &["--key", "k.public"]].concat()).contains(&format!("serial       {serial}"))
            );
            desk.ok(&[&verify[..], &["--opa-signed", "--name", "refunds"]].concat());
        }
        // Without that signature, or with the other kind's algorithm, it is nothing to OPA.
        desk.ok(&sign);
        assert!(!opa_takes(bundle), "{algorithm}");
        let other = if algorithm == "ES256" { "RS256" } else { "ES256" };
        let (code, _, stderr) = desk.run(&[&sign[..], &signing[..4], &["--opa-signature-algorithm", other]].concat());
        assert!(code != 0 && stderr.contains("cannot sign by"), "{stderr}");
        // A folder of this kind is nothing that OPA reads.
        let folder = ["sign", "dist/refunds", "--out", "dist/refunds", "--key", "k.public", "--sign-key", "k.private"];
        assert!(desk.fails(2, &[&folder[..], &signing].concat()).contains("folder"));
    }
}

#[test]
fn keys_come_from_the_environment_or_stay_behind_a_command() {
    let desk = Desk::new();
    let secret = fs::read_to_string(desk.path().join("k.private")).unwrap();
    let build = ["build", "policy.yaml", "--sign-key-env", "SEALGATE_TEST_KEY"];
    let built = desk.command(&build).env("SEALGATE_TEST_KEY", secret.trim()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    assert!(!String::from_utf8_lossy(&built.stdout).contains(secret.trim()));
    desk.ok(&["verify", "--bundle", "dist/refunds.tar.gz", "--key", "k.public"]);
    for value in [None, Some("nonsense")] {
        let mut command = desk.command(&build);
        let output = match value {
            Some(value) => command.env("SEALGATE_TEST_KEY", value),
            None => command.env_remove("SEALGATE_TEST_KEY"),
        };
        let output = output.output().unwrap();
        assert!(!output.status.success());
        assert!(!String::from_utf8_lossy(&output.stderr).contains("nonsense"));
    }
    let command = ["build", "policy.yaml", "--sign-public-key", "k.public", "--sign-command"];
    let (code, _, stderr) = desk.run(&[&command[..], &["head -c 64 /dev/zero"]].concat());
    assert!(code != 0 && stderr.contains("does not verify"), "{stderr}");
    let (code, _, stderr) = desk.run(&[&command[..], &["sleep 60", "--sign-timeout", "0"]].concat());
    assert!(code != 0 && stderr.contains("longer than"), "{stderr}");
    assert_eq!(desk.run(&["build", "policy.yaml", "--sign-command", "true"]).0, 2);
    assert_eq!(desk.run(&["build", "policy.yaml"]).0, 2);
}

#[test]
fn an_unsigned_bundle_needs_its_flag_and_every_decision_says_so() {
    let desk = Desk::new();
    desk.ok(&["build", "policy.yaml", "--sign-key", "k.private", "--format", "dir"]);
    fs::remove_file(desk.path().join("dist/refunds/policy.bundle.json.sig")).unwrap();
    let call =
        ["decide", "--bundle", "dist/refunds", "--role", "agent", "--tool", "refund", "--args", "{\"amount\":1}"];
    for refused in [&["--key", "k.public"][..], &[]] {
        assert_ne!(desk.run(&[&call[..], refused].concat()).0, 0, "{refused:?}");
    }
    let (code, stdout, stderr) = desk.run(&[&call[..], &["--dangerous-unsigned"]].concat());
    assert!(code == 0 && stdout.contains("UNSIGNED") && stderr.contains("nobody's signature"), "{stdout}{stderr}");
    let json = desk.ok(&[&call[..], &["--dangerous-unsigned", "--json"]].concat());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["verified"], false);
    assert_eq!(desk.run(&[&call[..], &["--dangerous-unsigned", "--key", "k.public"]].concat()).0, 2);
}

#[test]
fn output_that_nobody_takes_is_a_failure_and_no_panic() {
    let desk = Desk::new();
    desk.build();
    let commands: [&[&str]; 7] = [
        &["validate", "policy.yaml"],
        &["validate", "--json", "policy.yaml"],
        &["show-rego", "policy.yaml"],
        &["verify", "--bundle", "dist/refunds.tar.gz", "--key", "k.public"],
        &["decide", "--policy", "policy.yaml", "--role", "agent", "--tool", "wire", "--json"],
        &["keys", "list", "k.public"],
        &["eval", "1 + 1"],
    ];
    for args in commands {
        let full = desk.command(args).stdout(fs::File::create("/dev/full").unwrap()).output().unwrap();
        let said = String::from_utf8(full.stderr).unwrap();
        assert_eq!(full.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("error: the output cannot be written: "), "{args:?}: {said}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let broken = desk.command(args).stdout(writer).output().unwrap();
        let said = String::from_utf8(broken.stderr).unwrap();
        assert_eq!(broken.status.code(), Some(1), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
    }
    let unheard = desk.command(&["validate", "nowhere"]).stderr(fs::File::create("/dev/full").unwrap()).output();
    assert_eq!(unheard.unwrap().status.code(), Some(1));
}

#[test]
fn text_files_are_bounded() {
    let desk = Desk::new();
    for args in [
        &["test", "policy.yaml", "--calls", "/dev/zero"][..],
        &["build", "policy.yaml", "--sign-key", "k.private", "--capabilities", "/dev/zero"],
        &["decide", "--policy", "policy.yaml", "--tool", "t", "--args", "@/dev/zero"],
    ] {
        let (_, _, said) = desk.run(args);
        assert!(said.contains("larger than 16777216 bytes"), "{args:?}: {said}");
    }
}

#[test]
fn names_do_not_steer_the_terminal() {
    let desk = Desk::new();
    desk.file("odd.yaml", "version: 1\nname: \"x\\e[2J\"\ntools: {\"u\\r\": 5}\n");
    desk.file("named.yaml", "version: 1\nname: \"x\\e[2J\"\ntools: {t: allow}\n");
    desk.file("tool.yaml", "version: 1\ntools: {\"t\\e[31m\\u202e\": allow}\n");
    let tool = "t\u{1b}[31m\u{202e}";
    let said = [
        desk.fails(3, &["validate", "odd.yaml"]),
        desk.fails(2, &["build", "named.yaml", "--sign-key", "k.private"]),
        desk.ok(&["decide", "--policy", "tool.yaml", "--tool", tool]),
        desk.ok(&["decide", "--policy", "tool.yaml", "--tool", tool, "--json"]),
        desk.fails(1, &["verify", "--bundle", "k.public\u{1b}[2J", "--key", "k.public"]),
    ];
    assert_eq!(said[4].matches("No such file").count(), 1, "{}", said[4]);
    for text in said {
        assert!(!text.contains(['\u{1b}', '\r', '\u{202e}']), "{text:?}");
    }
}
