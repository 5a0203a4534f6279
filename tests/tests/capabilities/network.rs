//! `http.send` and `net.lookup_ip_addr` called by a compiled policy that is granted a network: which hosts it reaches, for how
//! long, and what is kept.

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealgate::builtins::{Grants, Network};
use sealgate::{DecideError, Format, LoadError, Policy, Reason, RuntimeOptions, UnverifiedPolicy};
use sealgate_testkit::{HttpAnswer, HttpServer};
use sealgate_tests::compile_rego;
use serde_json::{Value, json};

const REGO: &str = r#"package net

send(more) := http.send(object.union({"method": "get", "url": input.url}, more))

answer := send(object.get(input, "more", {}))

twice := [send({}).raw_body, send({}).raw_body]

addresses := net.lookup_ip_addr(input.host)

# What a policy must not become by being too slow to ask.
decision := {"allow": true, "violations": []} if not blocked

blocked if send({"timeout": "30s", "max_retry_attempts": 10}).status_code == 403

blocked if input.host in addresses
"#;

fn load(grants: Grants, deadline: Duration) -> Result<Policy, LoadError> {
    let module = compile_rego(REGO, &["net/answer", "net/twice", "net/addresses", "net/decision"]);
    let unverified = UnverifiedPolicy { wasm: &module.wasm, data: None, name: "net" };
    let options = RuntimeOptions { grants, deadline, ..RuntimeOptions::default() };
    Policy::dangerous_load_unverified(unverified, &options)
}

fn granted(hosts: &[&str]) -> Policy {
    let network = Network::to(hosts).unwrap().allow_private_addresses();
    load(Grants::default().with_network(network), Duration::from_secs(20)).unwrap()
}

/// The value of a document, `None` where it is undefined.
fn ask(policy: &Policy, document: &str, input: &Value) -> Result<Option<Value>, DecideError> {
    let text = policy.evaluate(&format!("net/{document}"), input.to_string().as_bytes(), Format::Json)?;
    let rows: Value = serde_json::from_str(&text).unwrap();
    Ok(rows.pointer("/0/result").cloned())
}

fn answer(policy: &Policy, url: &str, more: Value) -> Option<Value> {
    ask(policy, "answer", &json!({"url": url, "more": more})).unwrap()
}

fn server() -> HttpServer {
    HttpServer::answering(|path, count| {
        let ok = |headers: &[&str], body: &str| HttpAnswer {
            status: "200 OK".to_owned(),
            headers: headers.iter().map(|line| (*line).to_owned()).collect(),
            body: body.into(),
        };
        match path {
            "/json" => ok(&["Content-Type: application/json"], r#"{"a": [1]}"#),
            "/big" => ok(&[], &"x".repeat(5 << 20)),
            "/away" => HttpAnswer {
                status: "302 Found".to_owned(),
                headers: vec!["Location: http://127.0.0.2:9/".to_owned()],
                body: Vec::new(),
            },
            // 64 MiB of zeros in 64 KiB.
            "/bomb" => {
                let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut packed).unwrap();
                let headers = vec!["Content-Encoding: gzip".to_owned()];
                HttpAnswer { status: "200 OK".to_owned(), headers, body: packed.finish().unwrap() }
            }
            "/slow" => {
                std::thread::sleep(Duration::from_secs(5));
                ok(&[], "late")
            }
            "/endless" => HttpAnswer { status: "500 Oh".to_owned(), ..HttpAnswer::default() },
            _ => ok(&[], &count.to_string()),
        }
    })
    .unwrap()
}

#[test]
fn a_policy_reaches_the_hosts_of_the_list_and_no_others() {
    let server = server();
    let policy = granted(&["127.0.0.1"]);
    let got = answer(&policy, &server.url("/json"), json!({})).unwrap();
    assert_eq!((&got["status_code"], &got["body"]), (&json!(200), &json!({"a": [1]})));
    let refused = |url: &str, more: Value, why: &str| {
        assert_eq!(answer(&policy, url, more.clone()), None, "{url}");
        let mut quiet = more;
        quiet["raise_error"] = json!(false);
        let told = answer(&policy, url, quiet).unwrap();
        let message = told["error"]["message"].as_str().unwrap();
        assert!(told["status_code"] == 0 && message.contains(why), "{told}");
    };
    let before = server.asked();
    refused(&format!("http://localhost:{}/json", server.port), json!({}), "disallowed host: localhost");
    refused("http://127.0.0.2:9/", json!({}), "disallowed host");
    assert_eq!(server.asked(), before);
    refused(&server.url("/away"), json!({"enable_redirect": true}), "disallowed host: 127.0.0.2");
    refused(&server.url("/big"), json!({}), "longer than");
    refused(&server.url("/bomb"), json!({}), "longer than");
    refused(&server.url("/slow"), json!({"timeout": "100ms"}), "timed out");
    // Without following it a redirect is an answer.
    assert_eq!(answer(&policy, &server.url("/away"), json!({})).unwrap()["status_code"], 302);
}

#[test]
fn nothing_is_reached_without_a_grant() {
    let deadline = Duration::from_secs(5);
    match load(Grants::default(), deadline) {
        Err(LoadError::BuiltinsNotGranted(refused)) => {
            let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
            let why = "(it needs the capability `network`)";
            assert_eq!(refused, [format!("`http.send` {why}"), format!("`net.lookup_ip_addr` {why}")]);
        }
        other => panic!("{other:?}"),
    }
    // Granted by name alone, and to nowhere: the module loads, and reaches nothing.
    let server = server();
    let nowhere = Grants::default().allow("http.send").allow("net.lookup_ip_addr");
    let policy = load(nowhere, deadline).unwrap();
    assert_eq!(answer(&policy, &server.url("/json"), json!({})), None);
    assert_eq!(ask(&policy, "addresses", &json!({"host": "localhost"})).unwrap(), None);
    assert_eq!(server.asked(), 0);
    // A name that points to a private address is nobody's to reach unless the host says so.
    let public = Grants::default().with_network(Network::to(["localhost"]).unwrap());
    let policy = load(public, deadline).unwrap();
    assert_eq!(answer(&policy, &format!("http://localhost:{}/json", server.port), json!({})), None);
    assert_eq!(server.asked(), 0);
}

/// Whatever time a request asks for, the decision ends at its deadline, and denies: what the policy makes of an answer that
/// did not come in time is never heard.
#[test]
fn a_request_does_not_outlast_the_decision() {
    let server = server();
    let network = Network::to(["127.0.0.1"]).unwrap();
    let policy = load(Grants::default().with_network(network), Duration::from_millis(300)).unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    for url in [server.url("/slow"), closed] {
        for more in [json!({"timeout": 0}), json!({"timeout": "30s", "raise_error": false, "max_retry_attempts": 10})] {
            let started = Instant::now();
            let ended = ask(&policy, "answer", &json!({"url": url, "more": more}));
            let took = started.elapsed();
            // A port where nobody listens says so at once.
            if url.contains("/slow") || more["max_retry_attempts"] == 10 {
                assert_eq!(ended, Err(DecideError::Timeout), "{url} {more}");
            }
            assert!(took < Duration::from_secs(2), "{url} {more} took {took:?}");
        }
        let input = json!({"url": url, "host": "x"}).to_string();
        assert!(!policy.decide_json_or_deny(input.as_bytes()).is_allowed(), "{url}");
    }
    // The instance is fit for the next decision.
    assert_eq!(answer(&policy, &server.url("/json"), json!({})).unwrap()["status_code"], 200);
    let slow = json!({"url": server.url("/slow"), "host": "x"}).to_string();
    assert_eq!(policy.decide_json_or_deny(slow.as_bytes()).reason(), Reason::Timeout);
}

#[test]
fn answers_are_kept_for_as_long_as_is_said() {
    let server = server();
    let policy = granted(&["127.0.0.1"]);
    let body = |more: Value| answer(&policy, &server.url("/count"), more).unwrap()["raw_body"].clone();
    // In one decision a request is made once.
    let both = ask(&policy, "twice", &json!({"url": server.url("/count")})).unwrap().unwrap();
    assert_eq!(both[0], both[1]);
    assert_eq!(server.asked(), 1);
    assert_ne!(body(json!({})), body(json!({})));
    let kept = json!({"force_cache": true, "force_cache_duration_seconds": 60});
    let first = body(kept.clone());
    let asked = server.asked();
    assert_eq!((body(kept.clone()), server.asked()), (first.clone(), asked));
    // The cache belongs to the grant.
    let other = granted(&["127.0.0.1"]);
    assert_ne!(answer(&other, &server.url("/count"), kept).unwrap()["raw_body"], first);
}

#[test]
fn names_are_looked_up_if_they_are_listed() {
    let policy = granted(&["localhost"]);
    let found = ask(&policy, "addresses", &json!({"host": "localhost"})).unwrap().unwrap();
    assert!(found.as_array().unwrap().contains(&json!("127.0.0.1")), "{found}");
    assert_eq!(ask(&policy, "addresses", &json!({"host": "example.com"})).unwrap(), None);
}

#[test]
fn a_decision_is_made_again_without_the_network() {
    let server = HttpServer::answering(|_, count| HttpAnswer {
        status: if count == 0 { "403 Forbidden" } else { "200 OK" }.to_owned(),
        ..HttpAnswer::default()
    })
    .unwrap();
    let policy = granted(&["127.0.0.1"]);
    let input = json!({"url": server.url("/"), "host": "example.com"}).to_string();
    let (decision, recording) = policy.decide_json_recorded(input.as_bytes());
    assert!(!decision.is_allowed());
    assert!(policy.decide_json_or_deny(input.as_bytes()).is_allowed());
    let asked = server.asked();
    let again = policy.replay_json(input.as_bytes(), &Arc::new(recording));
    assert_eq!((again.outcome(), again.reason(), server.asked()), (decision.outcome(), decision.reason(), asked));
}
