//! `http.send` and `net.lookup_ip_addr` against a server on the loopback interface, and against `opa` asking the same one.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealgate_builtins::{BuiltinError, Capability, Context, Grants, Network, Registry, Value};
use sealgate_testkit::{Answer, Calls, HttpServer, Opa, require};
use serde_json::{Value as Json, json};

fn answer<S: std::io::Read + Write>(mut stream: S, count: usize) {
    let mut reader = BufReader::new(&mut stream);
    let mut line = String::new();
    let mut head = Vec::new();
    let mut length = 0;
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        let text = line.trim().to_owned();
        if let Some((name, value)) = text.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().unwrap();
        }
        head.push(text);
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let Some(first) = head.first() else { return };
    let path = first.split(' ').nth(1).unwrap_or("/");
    let header = |name: &str| {
        let found =
            head.iter().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let echo = json!({
        "method": first.split(' ').next(), "path": path, "body": String::from_utf8_lossy(&body),
        "x": header("x-test"), "authorization": header("authorization"), "length": header("content-length"),
    })
    .to_string();
    let count_text = count.to_string();
    let big = "x".repeat(5 << 20);
    let (status, headers, body): (&str, String, &str) = match path.split('?').next().unwrap() {
        "/text" => ("200 OK", "Content-Type: text/plain\r\nX-Two: a\r\nX-Two: b".to_owned(), "{}"),
        "/bad-json" => ("200 OK", "Content-Type: application/json".to_owned(), "{"),
        "/problem" => ("400 Bad Request", "Content-Type: application/problem+json; charset=utf-8".to_owned(), "[1.50]"),
        "/empty" => ("204 No Content", String::new(), ""),
        "/count" => ("200 OK", String::new(), &count_text),
        "/fails" => ("500 Internal Server Error", String::new(), &count_text),
        "/aged" => ("200 OK", format!("Cache-Control: max-age=600\r\nDate: {}", date()), &count_text),
        "/stale" if header("if-none-match").is_some() => ("304 Not Modified", "ETag: \"1\"\r\nX-New: 1".to_owned(), ""),
        "/stale" => ("200 OK", "ETag: \"1\"\r\nExpires: 0".to_owned(), &count_text),
        "/big" => ("200 OK", String::new(), &big),
        "/loop" => ("302 Found", "Location: /loop".to_owned(), ""),
        "/away" => ("302 Found", "Location: http://127.0.0.2:1/".to_owned(), ""),
        "/moved" => ("307 Temporary Redirect", "Location: ../echo?moved".to_owned(), ""),
        "/found" => ("303 See Other", "Location: /echo".to_owned(), ""),
        "/slow" => {
            std::thread::sleep(Duration::from_secs(3));
            ("200 OK", String::new(), "")
        }
        _ => ("200 OK", "Content-Type: application/json".to_owned(), &echo),
    };
    let headers = if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
    let length = if status.starts_with("304") || status.starts_with("204") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n{body}");
    let _ = stream.flush();
}

/// A server that answers every path in its own way.
fn server() -> HttpServer {
    HttpServer::serve(answer).unwrap()
}

fn date() -> String {
    let output =
        std::process::Command::new("date").args(["-u", "+%a, %d %b %Y %H:%M:%S GMT"]).env("LC_ALL", "C").output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}

/// What decisions with these grants run in.
trait Decides {
    fn context(&self) -> Context;
}

impl Decides for Grants {
    fn context(&self) -> Context {
        Context::new().granting(self)
    }
}

fn granted() -> Grants {
    Grants::default().with_network(Network::to(["127.0.0.1", "localhost"]).unwrap().allow_private_addresses())
}

fn send(context: &mut Context, request: &Json) -> Result<Json, BuiltinError> {
    call(context, "http.send", request)
}

fn call(context: &mut Context, name: &str, arg: &Json) -> Result<Json, BuiltinError> {
    let arg = Value::parse(&arg.to_string()).unwrap();
    let value = Registry::standard().get(name).unwrap().call(context, &[arg])?.unwrap();
    Ok(match value {
        Value::Set(items) => {
            Json::Array(items.iter().map(|item| serde_json::from_str(&item.to_text()).unwrap()).collect())
        }
        value => serde_json::from_str(&value.to_text()).unwrap(),
    })
}

fn get(server: &HttpServer, path: &str, more: Json) -> Json {
    let mut request = json!({"method": "get", "url": server.url(path)}).as_object().unwrap().clone();
    request.extend(more.as_object().unwrap().clone());
    Json::Object(request)
}

#[test]
fn answers_are_those_of_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let server = server();
    let requests = [
        get(&server, "/echo?q=a%20b", json!({"headers": {"X-Test": "1"}})),
        get(&server, "/echo", json!({"method": "POST", "body": {"b": "<", "a": [1, null]}, "headers": {"a": "b"}})),
        get(&server, "/echo", json!({"method": "PUT", "body": 1, "raw_body": "raw"})),
        get(&server, "/echo", json!({"method": "POST"})),
        get(&server, "/echo", json!({"method": "DELETE"})),
        get(&server, "/text", json!({})),
        get(&server, "/text", json!({"force_json_decode": true})),
        get(&server, "/bad-json", json!({})),
        get(&server, "/problem", json!({})),
        get(&server, "/empty", json!({})),
        get(&server, "/moved", json!({"enable_redirect": true, "method": "POST", "body": "x"})),
        get(&server, "/found", json!({"enable_redirect": true, "method": "POST", "body": "x"})),
        get(&server, "/found", json!({})),
        get(&server, "/text", json!({"method": "head"})),
        get(&server, "/echo", json!({"timeout": "2s", "caching_mode": "serialized", "max_retry_attempts": 1})),
        get(&server, "/echo", json!({"timeout": "x"})),
        get(&server, "/echo", json!({"timeout": null})),
        get(&server, "/echo", json!({"headers": []})),
        get(&server, "/echo", json!({"headers": {"a": 1}})),
        get(&server, "/echo", json!({"enable_redirect": "true"})),
        get(&server, "/echo", json!({"force_cache": true})),
        get(&server, "/echo", json!({"raise_error": 1})),
        get(&server, "/echo", json!({"unknown": 1})),
        get(&server, "/echo", json!({"cache_ignored_headers": [1], "headers": {"a": "b"}})),
        json!({"method": "get"}),
        json!({"method": "get", "url": 1}),
        json!({"method": "get", "url": "ftp://127.0.0.1/"}),
        json!({"method": "get", "url": ":"}),
        json!([]),
    ];
    let calls = Calls::of("http.send", requests.iter().map(|request| vec![request.to_string()]).collect());
    for (request, expected) in requests.iter().zip(opa.answers(&calls).unwrap()) {
        let got = match send(&mut granted().context(), request) {
            Ok(answer) => Answer::Value(answer),
            Err(BuiltinError::Operand(_)) => {
                Answer::Error { code: "eval_type_error".to_owned(), message: String::new() }
            }
            Err(_) => Answer::Error { code: "eval_builtin_error".to_owned(), message: String::new() },
        };
        let expected = expected.unwrap().without_message();
        assert_eq!(got, expected, "{request}");
    }
}

#[test]
fn only_listed_hosts_are_reached() {
    let server = server();
    let mut context = granted().context();
    let refused = |context: &mut Context, request: &Json, why: &str| {
        let error = send(context, request).unwrap_err().to_string();
        assert!(error.contains(why), "{request}: {error}");
    };
    refused(&mut Context::new(), &get(&server, "/", json!({})), "network is not granted");
    let nowhere = Grants::default().with(Capability::Network);
    refused(&mut nowhere.context(), &get(&server, "/", json!({})), "network is not granted");
    refused(&mut context, &json!({"method": "get", "url": "http://127.0.0.2:1/"}), "disallowed host: 127.0.0.2");
    refused(&mut context, &json!({"method": "get", "url": "http://127.0.0.1@example.com/"}), "disallowed host");
    refused(&mut context, &json!({"method": "get", "url": "http://0x7f000001/"}), "disallowed host");
    refused(&mut context, &json!({"method": "get", "url": "unix://localhost/x?socket=%2Ftmp%2Fx"}), "disallowed host");
    refused(&mut context, &get(&server, "/away", json!({"enable_redirect": true})), "disallowed host: 127.0.0.2");
    refused(&mut context, &get(&server, "/loop", json!({"enable_redirect": true})), "10 redirects");
    let files = json!({"tls_ca_cert_file": "/etc/hostname"});
    refused(&mut context, &get(&server, "/echo", files), "not granted");
    // Another port, and a name that points to where nobody may go.
    let port = Network::to([format!("127.0.0.1:{}", server.port)]).unwrap();
    let mut only = Grants::default().with_network(port).context();
    assert_eq!(send(&mut only, &get(&server, "/text", json!({}))).unwrap()["status_code"], 200);
    refused(&mut only, &json!({"method": "get", "url": "http://127.0.0.1:1/"}), "disallowed host");
    let named = Grants::default().with_network(Network::to(["localhost"]).unwrap());
    let url = format!("http://localhost:{}/", server.port);
    refused(&mut named.context(), &json!({"method": "get", "url": url}), "private address");

    let lookup = |context: &mut Context, name: &str| call(context, "net.lookup_ip_addr", &json!(name));
    assert!(lookup(&mut context, "localhost").unwrap().as_array().unwrap().contains(&json!("127.0.0.1")));
    assert!(lookup(&mut context, "example.com").unwrap_err().to_string().contains("disallowed host: example.com"));
    assert!(lookup(&mut Context::new(), "localhost").is_err());
}

#[test]
fn time_and_size_are_bounded() {
    let server = server();
    let mut context = granted().context();
    let started = Instant::now();
    let error = send(&mut context, &get(&server, "/slow", json!({"timeout": "200ms"}))).unwrap_err();
    assert!(error.to_string().contains("timed out") && started.elapsed() < Duration::from_secs(2), "{error}");
    let error = send(&mut context, &get(&server, "/big", json!({}))).unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
    let quiet = json!({"raise_error": false, "timeout": "200ms"});
    let answer = send(&mut context, &get(&server, "/slow", quiet)).unwrap();
    assert_eq!((&answer["status_code"], &answer["error"]["code"]), (&json!(0), &json!("eval_http_send_network_error")));
    let answer =
        send(&mut context, &json!({"method": "get", "url": "http://x.example/", "raise_error": false})).unwrap();
    assert_eq!(answer["error"]["code"], "eval_http_send_internal_error");
    // The first two connections are cut; the third attempt comes through.
    let flaky = HttpServer::serve(|stream, count| {
        if count >= 2 {
            answer_ok(stream)
        }
    })
    .unwrap();
    let request = get(&flaky, "/", json!({"max_retry_attempts": 3}));
    assert_eq!(send(&mut context, &request).unwrap()["status_code"], 200);
    assert_eq!(flaky.asked(), 3);
}

fn answer_ok(stream: TcpStream) {
    answer(stream, 0);
}

#[test]
fn answers_are_kept_as_in_opa() {
    let server = server();
    let grants = granted();
    let ask = |request: &Json| send(&mut grants.context(), request).unwrap()["raw_body"].as_str().unwrap().to_owned();
    // Within a decision the same request is made once, unless its answer may not be kept at all.
    let mut context = grants.context();
    let mut within = |path: &str| {
        let request = get(&server, path, json!({}));
        let first = send(&mut context, &request).unwrap()["raw_body"].clone();
        (first, send(&mut context, &request).unwrap()["raw_body"].clone())
    };
    let (first, second) = within("/count");
    assert_eq!(first, second);
    let (first, second) = within("/fails");
    assert_ne!(first, second);
    // Between decisions only where that is asked for.
    assert_ne!(ask(&get(&server, "/aged", json!({}))), ask(&get(&server, "/aged", json!({}))));
    let cached = get(&server, "/aged", json!({"cache": true}));
    assert_eq!(ask(&cached), ask(&cached));
    assert_ne!(
        ask(&get(&server, "/count", json!({"cache": true}))),
        ask(&get(&server, "/count", json!({"cache": true})))
    );
    let forced = get(&server, "/count", json!({"force_cache": true, "force_cache_duration_seconds": 60}));
    assert_eq!(ask(&forced), ask(&forced));
    let ignoring = |value: &str| {
        get(&server, "/aged", json!({"cache": true, "cache_ignored_headers": ["a"], "headers": {"a": value, "b": "1"}}))
    };
    assert_eq!(ask(&ignoring("1")), ask(&ignoring("2")));
    // A stale answer is asked about, and still holds.
    let stale = get(&server, "/stale", json!({"cache": true}));
    let before = server.asked();
    let first = ask(&stale);
    let second = send(&mut grants.context(), &stale).unwrap();
    assert_eq!((second["raw_body"].as_str(), &second["status_code"]), (Some(first.as_str()), &json!(200)));
    assert_eq!((second["headers"]["x-new"].clone(), server.asked() - before), (json!(["1"]), 2));
    // Another policy's grants have a cache of their own.
    let other = send(&mut granted().context(), &cached).unwrap();
    assert_ne!(other["raw_body"].as_str(), Some(ask(&cached).as_str()));
}

#[test]
fn servers_are_trusted_only_by_their_authority() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "name.example".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, key);
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "name.example".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let server = HttpServer::serve(move |stream, count| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        if stream.conn.complete_io(&mut stream.sock).is_ok() {
            answer(&mut stream, count);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    })
    .unwrap();
    let status = |host: &str, more: Json| {
        let url = format!("https://{host}:{}/text", server.port);
        let mut request = json!({"method": "get", "url": url}).as_object().unwrap().clone();
        request.extend(more.as_object().unwrap().clone());
        send(&mut granted().context(), &Json::Object(request)).map(|answer| answer["status_code"].clone())
    };
    assert!(status("localhost", json!({})).is_err());
    assert_eq!(status("localhost", json!({"tls_ca_cert": authority})), Ok(json!(200)));
    assert!(status("127.0.0.1", json!({"tls_ca_cert": authority})).is_err());
    let named = json!({"tls_ca_cert": authority, "tls_server_name": "name.example"});
    assert_eq!(status("127.0.0.1", named), Ok(json!(200)));
    assert_eq!(status("127.0.0.1", json!({"tls_insecure_skip_verify": true})), Ok(json!(200)));
    assert!(status("localhost", json!({"tls_ca_cert": "x"})).is_err());
}
