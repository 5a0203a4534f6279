//! Input that is made to be expensive ends soon, whatever it gives.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealgate_builtins::{Context, Registry, Value};

fn value(name: &str, arguments: &[&str]) -> Option<Value> {
    let arguments: Vec<Value> = arguments.iter().map(|text| Value::from(*text)).collect();
    Registry::standard().get(name).unwrap().call(&mut Context::new(), &arguments).ok().flatten()
}

#[test]
fn large_and_deep_certificates_and_tokens_end_soon() {
    let started = Instant::now();
    let deep = STANDARD.encode([0x30, 0x80].repeat(200_000));
    let integer = [&[0x30, 0x83, 0x03, 0, 4, 2, 0x83, 0x03, 0, 0, 1][..], &vec![0xff; 0x30000]].concat();
    let many = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".repeat(15_000);
    let ends = "\n-----END ".repeat(90_000);
    let texts = [
        deep,
        STANDARD.encode(integer),
        many,
        ends,
        "A".repeat(2 << 20),
        format!("-----BEGIN{}", "\n".repeat(1 << 19)),
    ];
    for text in &texts {
        for name in [
            "crypto.x509.parse_certificates",
            "crypto.x509.parse_certificate_request",
            "crypto.parse_private_keys",
            "crypto.x509.parse_rsa_private_key",
        ] {
            value(name, &[text]);
        }
        value("io.jwt.decode", &[text]);
        value("io.jwt.verify_rs256", &["a.b.c", text]);
    }
    let token = format!("e30.{}.x", "A".repeat(4 << 20));
    assert_eq!(value("io.jwt.decode", &[&token]), None);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}
