//! `providers.aws.sign_req`.

use sealgate_testkit::Draw;

use crate::{agree, quoted};

fn text(draw: &mut Draw) -> String {
    let text = draw.of(&["", "a", "A b", "é", "x/y=z+1", "  two  spaces ", "20150830", "%41", "~-_.", "\t", "日本"]);
    quoted(text)
}

fn url(draw: &mut Draw) -> String {
    let mut url = draw.of(&["https://", "http://", "", "//"]).to_owned();
    url += draw.of(&["s3.amazonaws.com", "example.com:443", "EXAMPLE.com", "1.2.3.4:80", "", "[::1]:8080", "u:p@h"]);
    url += draw.of(&["", "/", "/a/b", "/a b", "/a%20b", "/é", "//x", "/a/../b", "/%2F", "/a;b=c,d"]);
    url += draw.of(&["", "?", "?a=1&b=2", "?b=2&a=1", "?a=%20", "?a b", "?é"]);
    url += draw.of(&["", "", "#f"]);
    if draw.once_in(8) { draw.mutate(&url) } else { url }
}

/// Members of an object, each there most of the time.
fn object(draw: &mut Draw, members: Vec<(&str, String)>) -> String {
    let kept: Vec<String> = members
        .into_iter()
        .filter(|_| !draw.once_in(16))
        .map(|(name, value)| format!("{}: {value}", quoted(name)))
        .collect();
    format!("{{{}}}", kept.join(", "))
}

fn headers(draw: &mut Draw) -> String {
    if draw.once_in(20) {
        return draw.of(&["[]", "null", "\"a\""]).to_owned();
    }
    let names = ["a", "Host", "X-Amz-Date", "content-type", "Authorization", "user-agent", "x-amzn-trace-id", "Z é"];
    let mut kept = Vec::new();
    for name in names {
        if draw.once_in(4) {
            kept.push(format!("{}: {}", quoted(name), text(draw)));
        }
    }
    format!("{{{}}}", kept.join(", "))
}

fn signed(draw: &mut Draw) -> Vec<String> {
    let mut members = vec![
        ("method", quoted(draw.of(&["get", "GET", "post", "PUT", "", "é"]))),
        ("url", quoted(&url(draw))),
        ("headers", headers(draw)),
    ];
    if draw.once_in(2) {
        members.push((
            "body",
            draw.of(&["{\"b\": 1, \"a\": [null, \"<é>\"]}", "\"x\"", "1.50", "{1, 2}", "null"]).to_owned(),
        ));
    }
    if draw.once_in(4) {
        members.push(("raw_body", if draw.once_in(5) { "1".to_owned() } else { text(draw) }));
    }
    if draw.once_in(6) {
        members.push((draw.of(&["timeout", "cache", "unknown", "tls_ca_cert"]), text(draw)));
    }
    let request = object(draw, members);
    let mut settings = vec![
        ("aws_access_key", text(draw)),
        ("aws_secret_access_key", text(draw)),
        ("aws_region", quoted(draw.of(&["us-east-1", "", "é"]))),
        ("aws_service", quoted(draw.of(&["s3", "glacier", "ec2", "es", ""]))),
    ];
    if draw.once_in(3) {
        settings.push(("aws_session_token", if draw.once_in(5) { "1".to_owned() } else { text(draw) }));
    }
    if draw.once_in(3) {
        settings.push(("disable_payload_signing", draw.of(&["true", "false", "1"]).to_owned()));
    }
    let settings = object(draw, settings);
    let time = draw.of(&[
        "0",
        "1440938160000000000",
        "-1",
        "9223372036854775807",
        "1e18",
        "1.5",
        "1e30",
        "1700000000999999999",
        "\"1\"",
    ]);
    let mut arguments = vec![request, settings, time.to_owned()];
    if draw.once_in(30) {
        arguments[draw.below(3)] = draw.of(&["null", "[]", "\"x\"", "1"]).to_owned();
    }
    arguments
}

#[test]
fn requests_are_signed_as_in_opa() {
    agree(&[("providers.aws.sign_req", signed), ("trace", |draw| vec![text(draw)])]);
}
