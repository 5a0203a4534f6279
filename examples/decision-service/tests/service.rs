//! The service as its users meet it: the built program, over loopback.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sealgate::bundle::keys::file::write_pair;
use sealgate::bundle::{BundleContents, SigningKey, fs::write_file};
use serde_json::{Value, json};

/// A module that gives every request the same decision.
fn module(document: &str) -> Vec<u8> {
    let text = format!(r#"[{{"result":{document}}}]"#).replace('"', "\\22");
    wat::parse_str(format!(
        r#"(module
            (import "env" "memory" (memory 2))
            (data (i32.const 16) "{{\22test/decision\22:0}}\00")
            (data (i32.const 64) "{{}}\00")
            (data (i32.const 128) "{text}\00")
            (export "memory" (memory 0))
            (func (export "opa_malloc") (param i32) (result i32) (i32.const 4096))
            (func (export "opa_heap_ptr_get") (result i32) (i32.const 8192))
            (func (export "opa_heap_ptr_set") (param i32))
            (func (export "opa_json_parse") (param i32 i32) (result i32) (i32.const 64))
            (func (export "opa_json_dump") (param i32) (result i32) (local.get 0))
            (func (export "entrypoints") (result i32) (i32.const 16))
            (func (export "builtins") (result i32) (i32.const 64))
            (func (export "opa_eval") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 128)))"#
    ))
    .unwrap()
}

fn bundle(key: &SigningKey, document: &str, serial: u64) -> Vec<u8> {
    BundleContents::new("test", module(document))
        .unwrap()
        .with_entrypoints(["test/decision"])
        .with_serial(serial)
        .sign(key)
        .unwrap()
        .tar_gz()
        .unwrap()
}

struct Service {
    process: Child,
    address: String,
}

impl Service {
    fn start(bundle: &Path, key: &Path) -> Self {
        let mut process = command(bundle, key).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { process, address }
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A refused body may not be read to its end.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status =
            answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"));
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// What comes back for these bytes, and for the sender's end after them.
    fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn outcome(&self) -> Value {
        let (status, decision) = self.ask("POST", "/decide", br#"{"tool":"t"}"#);
        assert_eq!(status, 200, "{decision}");
        decision["outcome"].clone()
    }

    fn wait_for(&self, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let (_, status) = self.ask("GET", "/status", b"");
            if done(&status) {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{what} did not happen: {status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(bundle: &Path, key: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_decision-service"));
    command.arg("--bundle").arg(bundle).arg("--key").arg(key);
    command.args(["--name", "test", "--listen", "127.0.0.1:0", "--interval", "20"]);
    command
}

struct Setup {
    folder: tempfile::TempDir,
    key: SigningKey,
    public: PathBuf,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let (_, public) = write_pair(&folder.path().join("key"), &key, false).unwrap();
        Self { folder, key, public }
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("test.tar.gz")
    }
}

const ALLOW: &str = r#"{"allow":true}"#;
const DENY: &str = r#"{"allow":false,"violations":["no"],"reason":"constraint_failed"}"#;

#[test]
fn it_decides_swaps_and_refuses_what_was_tampered_with() {
    let setup = Setup::new();
    let good = bundle(&setup.key, ALLOW, 5);
    write_file(&setup.bundle(), &good).unwrap();
    let service = Service::start(&setup.bundle(), &setup.public);
    assert_eq!(service.outcome(), "allow");

    write_file(&setup.bundle(), &bundle(&setup.key, DENY, 6)).unwrap();
    let status = service.wait_for("the swap", |status| status["swaps"] == 2);
    assert_eq!(status["loaded"]["serial"], 6);
    assert_eq!(service.outcome(), "deny");
    let (_, decision) = service.ask("POST", "/decide", br#"{"tool":"t"}"#);
    assert_eq!((&decision["violations"], &decision["bundle"]), (&json!(["no"]), &json!("test")));

    let stranger = SigningKey::generate().unwrap();
    let mut flipped = bundle(&setup.key, ALLOW, 7);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (attack, bytes) in [
        ("flipped", flipped),
        ("not trusted", bundle(&stranger, ALLOW, 7)),
        ("serial 5", good.clone()),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
    ] {
        let before = service.wait_for("a status", |_| true)["checks"].as_u64().unwrap();
        write_file(&setup.bundle(), &bytes).unwrap();
        let looked = |status: &Value| status["checks"].as_u64().unwrap() > before + 1;
        let status = service.wait_for(attack, |status| looked(status) && !status["last_error"].is_null());
        assert_eq!(status["loaded"]["serial"], 6, "{attack}");
        assert_eq!(service.outcome(), "deny", "{attack}");
    }
    std::fs::remove_file(setup.bundle()).unwrap();
    service.wait_for("the loss", |status| status["last_error"].as_str().is_some_and(|error| error.contains("read")));
    assert_eq!(service.outcome(), "deny");

    write_file(&setup.bundle(), &bundle(&setup.key, ALLOW, 7)).unwrap();
    let status = service.wait_for("the recovery", |status| status["loaded"]["serial"] == 7);
    assert_eq!(status["last_error"], Value::Null);
    assert_eq!(service.outcome(), "allow");
}

#[test]
fn bad_requests_are_refused() {
    let setup = Setup::new();
    write_file(&setup.bundle(), &bundle(&setup.key, ALLOW, 0)).unwrap();
    let service = Service::start(&setup.bundle(), &setup.public);
    let (status, decision) = service.ask("POST", "/decide", b"{");
    assert_eq!((status, &decision["outcome"], &decision["reason"]), (400, &json!("deny"), &json!("invalid_input")));
    assert_eq!(service.ask("POST", "/decide", b"").0, 400);
    assert_eq!(service.ask("POST", "/decide", &vec![b' '; 300 << 10]).0, 413);
    assert_eq!(service.ask("GET", "/decide", b"").0, 405);
    assert_eq!(service.ask("GET", "/other", b"").0, 404);
    assert_eq!(service.outcome(), "allow");
}

/// Sizes that are announced are only announced.
#[test]
fn hostile_requests_are_bounded() {
    let setup = Setup::new();
    write_file(&setup.bundle(), &bundle(&setup.key, ALLOW, 0)).unwrap();
    let service = Service::start(&setup.bundle(), &setup.public);
    let call = |headers: &str, body: &str| {
        format!("POST /decide HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}\r\n\r\n{body}").into_bytes()
    };
    let tool = r#"{"tool":"t"}"#;
    let chunk = |size: usize| format!("{size:x}\r\n{}\r\n", "a".repeat(size));
    for (status, bytes) in [
        (200, call("content-length: 12", tool)),
        (200, call("transfer-encoding: chunked", "c\r\n{\"tool\":\"t\"}\r\n0\r\n\r\n")),
        (400, call("content-length: 11", tool)),
        (413, call("content-length: 1000000000000", "")),
        (413, call("transfer-encoding: chunked", &chunk(100_000).repeat(3))),
        (400, call("content-length: 99999999999999999999999", tool)),
        (400, call("content-length: -1", tool)),
        (400, call("content-length: 12\r\ncontent-length: 2", tool)),
        (400, call("transfer-encoding: chunked", "ffffffffffffffffff\r\n")),
        (431, call(&format!("x: {}", "a".repeat(1 << 16)), "")),
        (431, call(&"x: a\r\n".repeat(100), "")),
        (400, b"\x16\x03\x01\0\0\r\n\r\n".to_vec()),
    ] {
        let answer = service.send(&bytes);
        let shown = String::from_utf8_lossy(&bytes).chars().take(120).collect::<String>();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}\n{answer}");
    }
    assert_eq!(service.outcome(), "allow");
}

/// They are waited for a while only, and the service decides meanwhile.
#[test]
fn slow_clients_do_not_stop_the_service() {
    let setup = Setup::new();
    write_file(&setup.bundle(), &bundle(&setup.key, ALLOW, 0)).unwrap();
    let service = Service::start(&setup.bundle(), &setup.public);
    let parts = [
        "",
        "POST /dec",
        "POST /decide HTTP/1.1\r\nhost: h\r\ncontent-length: 2000\r\n\r\n{",
        "GET /status HTTP/1.1\r\nhost: h\r\n\r\n",
    ];
    let slow: Vec<TcpStream> = parts
        .iter()
        .cycle()
        .take(200)
        .map(|part| {
            let mut stream = TcpStream::connect(&service.address).unwrap();
            stream.write_all(part.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(service.outcome(), "allow");
    let closed = Instant::now();
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // Whatever is said, it ends.
        let _ = stream.read_to_end(&mut Vec::new()).unwrap();
    }
    assert!(closed.elapsed() < Duration::from_secs(30), "{:?}", closed.elapsed());
    assert_eq!(service.outcome(), "allow");
}

#[test]
fn it_does_not_start_with_a_bundle_that_is_not_trusted() {
    let setup = Setup::new();
    let stranger = SigningKey::generate().unwrap();
    write_file(&setup.bundle(), &bundle(&stranger, ALLOW, 0)).unwrap();
    let output = command(&setup.bundle(), &setup.public).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("not trusted"), "{error}");
}
