//! Tricks of the trade: bytes in corners of headers that readers use differently, tokens that are read twice, documents that
//! exhaust who walks them, modules of proposals beyond Wasm 2.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sealgate_bundle::{BundleFile, Sha256Digest};
use serde_json::{Value, json};

use crate::common::{contents, key};
use crate::forge::{MANIFEST, changed, entry_with, file, files, good_tar_and, gzip, pack, resigned_text, sign, unpack};
use crate::modules::{build, raw};
use crate::signing::{p256_sign, with_file};
use crate::{Sample, TRUSTED, UNTRUSTED, accepted, refused};

pub fn samples() -> Vec<Sample> {
    [headers(), names(), manifests(), tokens(), modules()].into_iter().flatten().collect()
}

fn headers() -> Vec<Sample> {
    let header = |change: fn(&mut [u8; 512])| gzip(&good_tar_and(&[entry_with(b"/x", b'0', b"x", change)]));
    fn gnu(header: &mut [u8; 512]) {
        header[257..265].copy_from_slice(b"ustar  \0");
    }
    let hidden = |name, attack, bytes| refused(name, attack, "archive_padding", bytes);
    vec![
        hidden(
            "header-gnu-prefix",
            "a GNU header with a prefix, which some readers put before the name",
            header(|header| {
                gnu(header);
                header[345..348].copy_from_slice(b"a/b");
            }),
        ),
        hidden(
            "header-gnu-sparse",
            "a regular file with the map of a sparse one",
            header(|header| {
                gnu(header);
                header[386..397].copy_from_slice(b"00000000001");
            }),
        ),
        hidden("header-link-name", "a regular file with the name of a link", header(|header| header[157] = b'y')),
        hidden("header-tail", "bytes behind the last field of the header", header(|header| header[511] = 1)),
        refused(
            "header-gnu-plain",
            "a file that nobody signed, in a plain GNU header",
            "unlisted_file",
            gzip(&good_tar_and(&[entry_with(b"/x", b'0', b"x", gnu)])),
        ),
    ]
}

fn names() -> Vec<Sample> {
    let unlisted = |name, attack, path: &str| {
        refused(name, attack, "unlisted_file", changed(|files| files.push(BundleFile::new(path, "x"))))
    };
    vec![
        unlisted("name-capitals-of-all", "every file's name in capitals is another name", "SEALGATE.BUNDLE.JSON"),
        unlisted("name-manifest-of-nothing", "a manifest's ending without a stem", ".bundle.json"),
        unlisted("name-inner-signatures", "OPA's signature file in a folder", "a/.signatures.json"),
        unlisted("name-signatures-without-dot", "what ends as OPA's signature file does", "signatures.json"),
        unlisted("name-folder-of-module", "a folder called as the module", "policy.wasm/x"),
        unlisted("name-yaml-data", "data as YAML, which OPA would merge", "data.yaml"),
        unlisted("name-plan", "a plan, which OPA would run", "plan.json"),
        unlisted("name-tilde", "a name that shells expand", "~root"),
        unlisted("name-device", "a name that Windows takes for a device", "NUL"),
    ]
}

fn manifests() -> Vec<Sample> {
    let member = |more: &str| {
        resigned_text(&key(TRUSTED), |text| text.replacen("\"serial\": 7", &format!("\"serial\": 7, {more}"), 1))
    };
    let token = "\"$serde_json::private::Number\"";
    let deep = |depth: usize| format!("\"x\": {}1{}", format!("{{{token}: ").repeat(depth), "}".repeat(depth));
    vec![
        accepted(
            "json-private-name",
            "nothing: a member named as a parser's own",
            member(&format!("{token}: \"1\", \"x\": {{{token}: [{{}}]}}")),
        ),
        accepted("json-private-name-depth-32", "nothing: as deep as may be, by such members", member(&deep(31))),
        refused("json-private-name-deep", "nested very deeply by such members", "manifest", member(&deep(60))),
        refused(
            "json-serial-private-name",
            "a serial written as the parser writes numbers to itself",
            "manifest",
            resigned_text(&key(TRUSTED), |text| {
                text.replacen("\"serial\": 7", &format!("\"serial\": {{{token}: \"7\"}}"), 1)
            }),
        ),
        refused(
            "manifest-of-another-signer-inside",
            "a stranger's bundle around a trusted one's manifest",
            "bad_signature",
            {
                let mut stranger = unpack(&contents().with_serial(9).sign(&key(UNTRUSTED)).unwrap().tar_gz().unwrap());
                let trusted = files();
                for file in &mut stranger {
                    if file.name == "sealgate.bundle.json" {
                        file.bytes = trusted.iter().find(|other| other.name == file.name).unwrap().bytes.clone();
                    }
                }
                pack(&stranger)
            },
        ),
    ]
}

/// A token that lists every file with its digest; nobody walks the data for it.
fn token(files: &[BundleFile]) -> String {
    let listed: Vec<_> = files
        .iter()
        .map(|file| {
            let bytes = match file.name.as_str() {
                // Sorted and without spaces, which is canonical here.
                ".manifest" => serde_json::from_slice::<Value>(&file.bytes).unwrap().to_string().into_bytes(),
                "data.json" => file.bytes.trim_ascii_end().to_vec(),
                _ => file.bytes.clone(),
            };
            json!({ "name": file.name, "hash": Sha256Digest::of(&bytes).to_string(), "algorithm": "SHA-256" })
        })
        .collect();
    signed(r#"{"alg":"ES256","kid":"p256"}"#, &json!({ "files": listed }).to_string())
}

/// The good bundle with this data, which nobody would pack, and a true token.
fn vouched(data: &str) -> Vec<u8> {
    let mut files = unpack(&contents().with_data("{}").sign(&key(TRUSTED)).unwrap().tar_gz().unwrap());
    file(&mut files, "data.json").bytes = data.as_bytes().to_vec();
    let manifest = file(&mut files, MANIFEST);
    let mut value: Value = serde_json::from_slice(&manifest.bytes).unwrap();
    let listed = value["files"].as_array_mut().unwrap().iter_mut().find(|file| file["name"] == "data.json").unwrap();
    listed["sha256"] = json!(Sha256Digest::of(data.as_bytes()).to_string());
    listed["size"] = json!(data.len());
    manifest.bytes = serde_json::to_vec_pretty(&value).unwrap();
    sign(&mut files, &key(TRUSTED));
    let token = token(&files);
    files.push(BundleFile::new(".signatures.json", json!({ "signatures": [token] }).to_string()));
    pack(&files)
}

fn signed(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(p256_sign(signed.as_bytes())))
}

fn tokens() -> Vec<Sample> {
    let bad = |name, attack, bytes| refused(name, attack, "opa_signatures", bytes);
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let good = || token(&files());
    let payload = r#"{"files":[]}"#;
    let header = |text: &str| with_file(&json!({ "signatures": [signed(text, payload)] }));
    let last_bit = || {
        let mut token = good().into_bytes();
        let last = token.last_mut().unwrap();
        // Four bits of the last letter are free: A, Q, g or w begin the sixteen letters that mean the same.
        *last += 1;
        json!({ "signatures": [String::from_utf8(token).unwrap()] })
    };
    let standard = || {
        let token = good();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = STANDARD_NO_PAD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
        assert!(signature.contains(['+', '/']));
        json!({ "signatures": [format!("{signed}.{signature}")] })
    };
    vec![
        accepted(
            "token-plain",
            "nothing: the token that the next are made of",
            with_file(&json!({ "signatures": [good()] })),
        ),
        accepted("listed-deep-128", "nothing: data as deep as may be", vouched(&nested(128))),
        bad("listed-deep-129", "data one level deeper, for who walks it", vouched(&nested(129))),
        bad("listed-deep", "data so deep that who walks it by recursion dies", vouched(&nested(200_000))),
        bad(
            "token-critical-null",
            "a header whose demands are null",
            header(r#"{"alg":"ES256","kid":"p256","crit":null}"#),
        ),
        bad("token-header-twice", "an algorithm twice", header(r#"{"alg":"none","alg":"ES256","kid":"p256"}"#)),
        bad("token-free-bits", "a signature's last letter with free bits set", with_file(&last_bit())),
        bad("token-other-base64", "a signature in the other alphabet", with_file(&standard())),
        bad("tokens-none", "no token", with_file(&json!({ "signatures": [] }))),
        bad("tokens-null", "a token that is null", with_file(&json!({ "signatures": [null] }))),
        bad("tokens-flat", "a token that is not in a list", with_file(&json!({ "signatures": good() }))),
        bad("tokens-one-empty", "a token and an empty one", with_file(&json!({ "signatures": [good(), ""] }))),
        bad("token-empty", "an empty token", with_file(&json!({ "signatures": [""] }))),
        bad("token-dots", "a token of dots", with_file(&json!({ "signatures": [".."] }))),
    ]
}

fn modules() -> Vec<Sample> {
    let bad = |name, attack, sections: &[(u8, &[u8])]| refused(name, attack, "module", build(raw(sections)));
    let memory: (u8, &[u8]) = (2, b"\x01\x03env\x06memory\x02\0\x02");
    vec![
        bad("wasm-exceptions", "a tag of exceptions", &[(1, b"\x01\x60\0\0"), memory, (13, b"\x01\0\0")]),
        bad("wasm-gc-struct", "a type of a struct", &[(1, b"\x01\x5f\0"), memory]),
        bad("wasm-gc-array", "a type of an array", &[(1, b"\x01\x5e\x7f\0"), memory]),
        bad("wasm-gc-group", "a group of types that refer to each other", &[(1, b"\x01\x4e\x01\x60\0\0"), memory]),
        bad("wasm-gc-reference", "a parameter of a typed reference", &[(1, b"\x01\x60\x01\x64\x70\0"), memory]),
        bad("wasm-continuation", "a type of a stack that is switched to", &[(1, b"\x02\x60\0\0\x5d\0"), memory]),
        bad("wasm-table-64", "a table with 64-bit indexes", &[memory, (4, b"\x01\x70\x04\x01")]),
        bad("wasm-table-shared", "a table that is shared between threads", &[memory, (4, b"\x01\x70\x03\x01\x01")]),
        bad(
            "wasm-table-typed",
            "a table of typed references",
            &[(1, b"\x01\x60\0\0"), memory, (4, b"\x01\x63\0\0\x01")],
        ),
        bad("wasm-page-size", "a memory whose pages have one byte", &[(2, b"\x01\x03env\x06memory\x02\x08\x02\0")]),
        bad(
            "wasm-memory-own-and-imported",
            "a memory of its own and the host's, under one name",
            &[memory, (5, b"\x01\0\x01"), (7, b"\x01\x06memory\x02\x01")],
        ),
        bad(
            "wasm-start-abort",
            "a start function that is the host's",
            &[(1, b"\x01\x60\x01\x7f\0"), (2, b"\x02\x03env\x06memory\x02\0\x02\x03env\x09opa_abort\0\0"), (8, b"\0")],
        ),
    ]
}
