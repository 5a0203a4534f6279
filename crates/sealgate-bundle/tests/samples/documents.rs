//! More attacks on the manifest's text: what JSON readers disagree on, and values at their edges. Each is signed by a trusted
//! key, so that what is refused is what the manifest says.

use serde_json::{Value, json};

use crate::common::{NOW, key};
use crate::forge::{resigned, resigned_text};
use crate::{Sample, TRUSTED, accepted, refused};

pub fn samples() -> Vec<Sample> {
    [texts(), members(), files(), edges()].into_iter().flatten().collect()
}

fn text(from: &str, to: &str) -> Vec<u8> {
    resigned_text(&key(TRUSTED), |text| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

fn with(member: &str, value: Value) -> Vec<u8> {
    resigned(&key(TRUSTED), |manifest| manifest[member] = value)
}

fn without(member: &str) -> Vec<u8> {
    resigned(&key(TRUSTED), |manifest| drop(manifest.as_object_mut().unwrap().remove(member)))
}

fn texts() -> Vec<Sample> {
    let serial = |value: &str| text("\"serial\": 7", &format!("\"serial\": {value}"));
    let member = |more: &str| text("\"serial\": 7", &format!("\"serial\": 7, {more}"));
    let bad = |name, attack, bytes| refused(name, attack, "manifest", bytes);
    let nested = |depth: usize| member(&format!("\"x\": {}{}", "[".repeat(depth), "]".repeat(depth)));
    vec![
        bad("json-nan", "a number that JSON has not", member("\"x\": NaN")),
        bad("json-infinity", "an infinite number", member("\"x\": -Infinity")),
        bad("json-plus", "a number with a plus sign", serial("+7")),
        bad("json-leading-zero", "a number with a leading zero, octal to some", serial("07")),
        bad("json-hexadecimal", "a number in hexadecimal", serial("0x7")),
        bad("json-bare-fraction", "a number that ends with its point", serial("7.")),
        bad("json-exponent", "an integer with an exponent", serial("7e0")),
        bad("json-huge-exponent", "a number that no reader holds", serial("1e400")),
        bad("json-text-number", "a number as a text", serial("\"7\"")),
        bad("json-true-number", "true, which is one to some", serial("true")),
        bad("json-null-number", "null, which is zero to some", serial("null")),
        bad("json-negative", "a negative serial", serial("-7")),
        bad("json-negative-zero", "a negative zero", serial("-0")),
        bad("json-wraps", "a serial that wraps around 64 bits to 7", serial("18446744073709551623")),
        bad("json-trailing-comma", "a comma before the end", member("\"x\": [1,]")),
        bad("json-comment", "a comment", member("\"x\": 1 /* serial 9 */")),
        bad("json-single-quotes", "single quotes", member("'x': 1")),
        bad("json-bare-name", "a member's name without quotes", member("x: 1")),
        bad("json-control", "a control character inside a string", member("\"x\": \"a\u{1}\"")),
        bad("json-bad-escape", "an escape that JSON has not", member("\"x\": \"\\x41\"")),
        bad("json-half-surrogate", "half of a surrogate pair", member("\"x\": \"\\ud83d\"")),
        bad("json-swapped-surrogates", "a surrogate pair the wrong way round", member("\"x\": \"\\ude00\\ud83d\"")),
        accepted("json-surrogates", "nothing: a whole surrogate pair", member("\"x\": \"\\ud83d\\ude00\"")),
        bad("json-two-values", "a second value behind the manifest", text("\n}\n", "\n}\n{}\n")),
        bad("json-nul", "a NUL behind the manifest", text("\n}\n", "\n}\n\0")),
        bad(
            "json-twice-in-file",
            "a file's name twice",
            text("\"name\": \".manifest\"", "\"name\": \".manifest\", \"name\": \"x\""),
        ),
        bad(
            "json-twice-deep",
            "a member twice, deep inside of what nobody reads",
            member("\"x\": [{\"a\": {\"b\": 1, \"\\u0062\": 2}}]"),
        ),
        bad(
            "json-twice-key-id",
            "the key's id twice, of which one is another key's",
            member(&format!("\"key_id\": \"{}\"", key(2).public_key().id())),
        ),
        accepted(
            "json-escaped-name",
            "nothing: a member's name written with an escape",
            text("\"serial\"", "\"s\\u0065rial\""),
        ),
        accepted("json-other-case", "nothing: a member in capitals is another member", member("\"SERIAL\": 9")),
        accepted("json-depth-32", "nothing: as deep as may be", nested(31)),
        bad("json-depth-33", "one level deeper than may be", nested(32)),
        bad(
            "json-utf-16",
            "a manifest in UTF-16",
            resigned_text(&key(TRUSTED), |text| {
                text.encode_utf16().map(|unit| char::from(unit.to_le_bytes()[0])).flat_map(|c| [c, '\0']).collect()
            }),
        ),
        bad("json-empty", "an empty manifest", resigned_text(&key(TRUSTED), |_| String::new())),
        bad("json-number", "a manifest that is a number", resigned_text(&key(TRUSTED), |_| "1\n".to_owned())),
    ]
}

fn members() -> Vec<Sample> {
    let bad = |name, attack, bytes| refused(name, attack, "manifest", bytes);
    let id = key(TRUSTED).public_key().id().to_string();
    vec![
        bad(
            "name-of-other-script",
            "the name with a letter of another script",
            with("name", json!("\u{430}cme/support")),
        ),
        bad("name-with-space", "the name with a space behind it", with("name", json!("acme/support "))),
        bad("name-with-nul", "the name with a NUL behind it", with("name", json!("acme/support\0"))),
        bad("name-nothing", "no name", with("name", json!(""))),
        bad("name-dot-first", "a name that begins with a dot", with("name", json!("./acme"))),
        bad("name-of-129", "a name of 129 characters", with("name", json!("a".repeat(129)))),
        refused("name-double", "the name with a double slash", "wrong_name", with("name", json!("acme//support"))),
        refused("name-longer", "the name and more", "wrong_name", with("name", json!("acme/support/eu"))),
        bad("key-id-capitals", "the key's id in capitals", with("key_id", json!(id.to_uppercase()))),
        bad("key-id-short", "the key's id cut short", with("key_id", json!(id[..31].to_owned()))),
        bad("key-id-long", "the key's whole digest", with("key_id", json!(format!("{id}{id}")))),
        bad("key-id-list", "a list of keys' ids", with("key_id", json!([id]))),
        refused("key-id-null", "no key's id", "unknown_key", with("key_id", Value::Null)),
        bad("version-2", "the ancestor's next version", with("version", json!(2))),
        bad("schema-space", "the schema with a space behind it", with("schema", json!("sealgate.bundle/1 "))),
        bad("no-schema", "no schema", without("schema")),
        bad("no-serial", "no serial, which is none to some and zero to others", without("serial")),
        bad("no-files", "no list of files", without("files")),
        bad("no-entrypoints", "no list of entrypoints", without("entrypoints")),
        bad("entrypoint-nothing", "an entrypoint without a name", with("entrypoints", json!([""]))),
        bad("entrypoint-empty-part", "an entrypoint with an empty name", with("entrypoints", json!(["a//b"]))),
        bad("entrypoint-space", "an entrypoint with a space", with("entrypoints", json!(["a/b c"]))),
        bad(
            "entrypoint-long",
            "an entrypoint of 513 bytes",
            with("entrypoints", json!([format!("a/{}", "b".repeat(511))])),
        ),
        bad("entrypoint-number", "an entrypoint that is a number", with("entrypoints", json!([1]))),
        bad("source-hash-other", "the ancestor's digest of another source", with("source_hash", json!("0".repeat(64)))),
        bad("rego-hash-none", "no digest of the Rego that is there", with("rego_hash", Value::Null)),
        bad("rego-hash-other", "the ancestor's digest of other Rego", with("rego_hash", json!("0".repeat(64)))),
        bad("builtins-object", "builtins as an object", with("builtins", json!({}))),
        refused("builtins-unknown", "a builtin that nobody has", "module", with("builtins", json!(["no.such"]))),
    ]
}

fn files() -> Vec<Sample> {
    let change = |change: fn(&mut Value)| resigned(&key(TRUSTED), |manifest| change(&mut manifest["files"][0]));
    let bad = |name, attack, bytes| refused(name, attack, "manifest", bytes);
    let add = |entry: Value| resigned(&key(TRUSTED), |manifest| manifest["files"].as_array_mut().unwrap().push(entry));
    let other = |name: &str| add(json!({ "kind": "other", "name": name, "sha256": "0".repeat(64), "size": 1 }));
    vec![
        bad("file-climbs", "a file listed outside of the bundle", other("../x")),
        bad("file-absolute", "a file listed from the root", other("/etc/passwd")),
        bad("file-backslash", "a file listed with a backslash", other("a\\b")),
        bad("file-is-signature", "the signature in the manifest's list", other("sealgate.bundle.json.sig")),
        bad("file-is-opa-signature", "OPA's signature file in the manifest's list", other(".signatures.json")),
        bad("file-is-other-manifest", "another manifest in the list", other("x.bundle.json")),
        bad("file-kind-unknown", "a kind of file that nobody knows", change(|file| file["kind"] = json!("exe"))),
        bad("file-kind-capitals", "a kind in capitals", change(|file| file["kind"] = json!("WASM"))),
        bad("file-size-negative", "a negative size", change(|file| file["size"] = json!(-1))),
        bad("file-size-fraction", "a size with a fraction", change(|file| file["size"] = json!(1.5))),
        bad("file-size-text", "a size as a text", change(|file| file["size"] = json!("1"))),
        bad("file-digest-short", "a digest cut short", change(|file| file["sha256"] = json!("0".repeat(63)))),
        bad(
            "file-digest-spaces",
            "a digest behind a space",
            change(|file| file["sha256"] = json!(format!(" {}", "0".repeat(63)))),
        ),
        bad("file-digest-of-nothing", "no digest", change(|file| file["sha256"] = json!(""))),
        refused(
            "file-digest-other",
            "a digest of something else",
            "digest_mismatch",
            change(|file| file["sha256"] = json!("0".repeat(64))),
        ),
        refused("file-size-other", "another size", "size_mismatch", change(|file| file["size"] = json!(1))),
        refused(
            "file-size-largest",
            "the largest size",
            "size_mismatch",
            change(|file| file["size"] = json!(u64::MAX)),
        ),
        refused("file-not-there", "a file that is not there", "missing_file", other("zzz")),
        bad(
            "file-module-none",
            "no file that is the module",
            resigned(&key(TRUSTED), |manifest| {
                for file in manifest["files"].as_array_mut().unwrap() {
                    if file["kind"] == "wasm" {
                        file["kind"] = json!("other");
                    }
                }
            }),
        ),
        bad("file-list-object", "the list of files as an object", with("files", json!({}))),
        bad("file-list-empty", "an empty list of files", with("files", json!([]))),
    ]
}

fn edges() -> Vec<Sample> {
    let window = |from: Option<u64>, to: Option<u64>| {
        resigned(&key(TRUSTED), |manifest| {
            manifest["not_before"] = json!(from);
            manifest["expires"] = json!(to);
        })
    };
    let bad = |name, attack, bytes| refused(name, attack, "manifest", bytes);
    let serial = |serial: u64| with("serial", json!(serial));
    vec![
        accepted("clock-first-second", "nothing: this is the first second", window(Some(NOW.0), None)),
        refused("clock-one-early", "one second early", "not_yet_valid", window(Some(NOW.0 + 1), Some(NOW.0 + 2))),
        refused(
            "clock-last-second",
            "the first second after the last",
            "expired",
            window(Some(NOW.0 - 1), Some(NOW.0)),
        ),
        accepted("clock-farthest", "nothing: an expiry at the end of time", window(Some(0), Some(u64::MAX))),
        refused("clock-never", "a not-before at the end of time", "not_yet_valid", window(Some(u64::MAX), None)),
        bad(
            "clock-wraps",
            "an expiry beyond 64 bits",
            with("expires", serde_json::from_str("18446744073709551616").unwrap()),
        ),
        bad("clock-negative", "an expiry before 1970", with("expires", json!(-1))),
        bad("clock-fraction", "an expiry with a fraction", with("expires", json!(1.8e9))),
        bad("clock-text", "an expiry as a text", with("expires", json!("2027-01-15T08:00:00Z"))),
        accepted("clock-milliseconds", "nothing: milliseconds are far in the future", window(None, Some(NOW.0 * 1000))),
        accepted("serial-lowest", "nothing: the lowest serial that is accepted", serial(5)),
        refused("serial-one-lower", "one lower", "rollback", serial(4)),
        accepted("serial-largest", "nothing: the largest serial", serial(9_007_199_254_740_991)),
        bad("serial-of-64-bits", "a serial of 64 bits", serial(u64::MAX)),
    ]
}
