//! `io.jwt.*` against `opa`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use sealgate_testkit::{Answer, Calls, Draw, Opa, require};
use serde_json::{Value as Json, json};

use crate::{draw_each, hold, hold_json, quoted, value};

const ALGORITHMS: [&str; 13] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "EdDSA",
];

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn rsa_jwk(bits: usize) -> Json {
    let mut key = rsa::PrivateKey::new(&mut rsa::rand_core::UnwrapErr(getrandom::SysRng), bits).unwrap();
    key.precompute().unwrap();
    let number = |number: &rsa::BoxedUint| b64(&trimmed(&number.to_be_bytes()));
    json!({
        "kty": "RSA", "n": number(key.n()), "e": number(key.e()), "d": number(key.d()),
        "p": number(&key.primes()[0]), "q": number(&key.primes()[1]),
        "dp": number(key.dp().unwrap()), "dq": number(key.dq().unwrap()), "qi": number(&key.crt_coefficient().unwrap()),
    })
}

/// A private JWK for an algorithm.
fn jwk(algorithm: &str) -> Json {
    macro_rules! ec {
        ($curve:ident, $name:literal, $size:literal) => {{
            use p256::elliptic_curve::sec1::ToSec1Point as _;
            let mut scalar = vec![0x17; $size];
            scalar[0] = 0;
            let point = $curve::SecretKey::from_slice(&scalar).unwrap().public_key().to_sec1_point(false);
            let (x, y) = point.as_bytes()[1..].split_at($size);
            json!({"kty": "EC", "crv": $name, "x": b64(x), "y": b64(y), "d": b64(&scalar)})
        }};
    }
    match algorithm {
        "ES256" => ec!(p256, "P-256", 32),
        "ES384" => ec!(p384, "P-384", 48),
        "ES512" => ec!(p521, "P-521", 66),
        "EdDSA" => {
            let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
            json!({"kty": "OKP", "crv": "Ed25519", "x": b64(key.verifying_key().as_bytes()), "d": b64(&[7; 32])})
        }
        _ if algorithm.starts_with("HS") => {
            json!({"kty": "oct", "k": b64(b"a secret that is long enough for everybody")})
        }
        _ => rsa_jwk(2048),
    }
}

/// What a verifier is given: the JWK without its private parts, or the secret itself.
fn verifying_key(jwk: &Json) -> String {
    if jwk["kty"] == "oct" {
        return "a secret that is long enough for everybody".to_owned();
    }
    let mut public = jwk.as_object().unwrap().clone();
    public.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    Json::Object(public).to_string()
}

#[test]
fn tokens_of_every_algorithm_are_good_on_either_side() {
    let Some(opa) = require(Opa::find()) else { return };
    let payload = json!({"sub": "<agent>", "n": 1.50, "list": [1, "é"]});
    for algorithm in ALGORITHMS {
        let jwk = jwk(algorithm);
        let call = vec![json!({"alg": algorithm, "typ": "JWT"}), payload.clone(), jwk.clone()];
        let here = value("io.jwt.encode_sign", &call).unwrap();
        let calls = Calls::of("io.jwt.encode_sign", vec![call.iter().map(Json::to_string).collect()]);
        let Some(Answer::Value(there)) = opa.answers(&calls).unwrap().remove(0) else { panic!("{algorithm}") };
        if !algorithm.starts_with("PS") && !algorithm.starts_with("ES") {
            assert_eq!(here, there, "{algorithm} needs no randomness");
        }
        let verify = format!("io.jwt.verify_{}", algorithm.to_ascii_lowercase());
        let key = verifying_key(&jwk);
        for token in [&here, &there] {
            let call = vec![token.clone(), json!(key)];
            assert_eq!(value(&verify, &call), Some(json!(true)), "{algorithm}");
            hold_json(&verify, &[call]);
            let name = if jwk["kty"] == "oct" { "secret" } else { "cert" };
            let call = vec![token.clone(), json!({name: key, "alg": algorithm, "time": 0})];
            hold_json("io.jwt.decode_verify", std::slice::from_ref(&call));
            assert_eq!(value("io.jwt.decode_verify", &call).unwrap()[0], json!(true), "{algorithm}");
        }
        // The same token under every other name of an algorithm.
        let calls: Vec<Vec<Json>> = vec![vec![here.clone(), json!(key)]];
        for other in ALGORITHMS {
            hold_json(&format!("io.jwt.verify_{}", other.to_ascii_lowercase()), &calls);
        }
    }
}

/// A text that is nearly right.
fn nearly(text: &str, draw: &mut Draw) -> String {
    let alphabet = b"ABCxyz019-_=.+/ \"";
    let mut bytes = text.as_bytes().to_vec();
    let at = draw.below(bytes.len());
    match draw.below(4) {
        0 => bytes[at] = alphabet[draw.below(alphabet.len())],
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, alphabet[draw.below(alphabet.len())]),
        _ => bytes.truncate(at),
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn hostile_tokens_and_keys_are_judged_as_in_opa() {
    let mut calls = Vec::new();
    let mut sets_of_keys = Vec::new();
    for algorithm in ALGORITHMS {
        let jwk = jwk(algorithm);
        let key = verifying_key(&jwk);
        let header = json!({"alg": algorithm, "kid": "k1"});
        let token = value("io.jwt.encode_sign", &[header, json!({"a": 1}), jwk.clone()]).unwrap();
        let token = token.as_str().unwrap();
        let verify = format!("io.jwt.verify_{}", algorithm.to_ascii_lowercase());
        let secret = algorithm.starts_with("HS");
        let name = if secret { "secret" } else { "cert" };
        let checked = draw_each(&verify, |draw| match draw.below(8) {
            0 => vec![quoted(token), quoted(&key)],
            1..4 if !secret => vec![quoted(token), quoted(&nearly(&key, draw))],
            _ => vec![quoted(&nearly(token, draw)), quoted(&key)],
        });
        let constrained = |case: &Vec<String>| vec![case[0].clone(), format!("{{{name:?}: {}, \"time\": 1}}", case[1])];
        // Of the algorithms together as many as of one of them.
        let share = |cases: &[Vec<String>]| cases.iter().step_by(ALGORITHMS.len() / 2).cloned().collect::<Vec<_>>();
        calls.push(("io.jwt.decode_verify".to_owned(), share(&checked).iter().map(constrained).collect()));
        calls.push(("io.jwt.decode".to_owned(), share(&checked).iter().map(|case| vec![case[0].clone()]).collect()));
        calls.push((verify.clone(), checked));
        if secret {
            continue;
        }
        // Sets, with names that match, differ or are unknown.
        let public: Json = serde_json::from_str(&key).unwrap();
        let with = |more: Json| {
            let mut key = public.as_object().unwrap().clone();
            key.extend(more.as_object().unwrap().clone());
            Json::Object(key)
        };
        let sets = [
            json!({"keys": []}),
            json!({"keys": [public]}),
            json!({"keys": [with(json!({"kid": "k1"}))]}),
            json!({"keys": [with(json!({"kid": "k2", "alg": algorithm}))]}),
            json!({"keys": [with(json!({"alg": "RS512"})), with(json!({"alg": algorithm}))]}),
            json!({"keys": [with(json!({"alg": "RSA-OAEP"}))]}),
            json!({"keys": [with(json!({"alg": "what"}))]}),
            json!({"keys": [with(json!({"alg": null}))]}),
            json!({"keys": [with(json!({"kid": 1}))]}),
            json!({"keys": [with(json!({"kty": "oct", "k": "AAAA"}))]}),
            json!({"keys": [jwk]}),
            json!({"keys": 1}),
            json!([public]),
            json!(1),
        ];
        let sets: Vec<Vec<String>> = sets.iter().map(|set| vec![quoted(token), quoted(&set.to_string())]).collect();
        sets_of_keys.push(("io.jwt.decode_verify".to_owned(), sets.iter().map(constrained).collect()));
        sets_of_keys.push((verify, sets));
    }
    fn named(calls: &[(String, Vec<Vec<String>>)]) -> Vec<crate::Cases<'_>> {
        calls.iter().map(|(name, cases)| (name.as_str(), cases.clone())).collect()
    }
    hold(&named(&calls));
    for ((name, _), held) in sets_of_keys.iter().zip(hold(&named(&sets_of_keys))) {
        assert!(held.values > 4, "{name}: {held:?}");
    }
}

#[test]
fn constraints_are_as_in_opa() {
    let secret = json!({"kty": "oct", "k": b64(b"secret")});
    let sign = |header: Json, payload: Json| value("io.jwt.encode_sign", &[header, payload, secret.clone()]).unwrap();
    let payloads = [
        json!({}),
        json!({"iss": "a", "aud": "b", "exp": 10, "nbf": 5}),
        json!({"aud": ["x", "b"], "exp": 10.5}),
        json!({"aud": [1, "x"]}),
        json!({"aud": 1}),
        json!({"aud": []}),
        json!({"exp": 1e20, "nbf": -1}),
        json!({"nbf": 10.000000001}),
        json!({"exp": "10"}),
        json!({"nbf": null}),
    ];
    let headers = [
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "crit": ["x"], "x": 1}),
        json!({"alg": "HS256", "crit": ["y"], "x": 1}),
        json!({"alg": "HS256", "crit": []}),
        json!({"alg": "HS256", "crit": ["kid"], "kid": "1"}),
        json!({"alg": "HS256", "typ": "JWT", "cty": "text"}),
    ];
    let constraints = [
        json!({}),
        json!({"alg": "HS256"}),
        json!({"alg": "HS512"}),
        json!({"iss": "a", "aud": "b"}),
        json!({"iss": "x"}),
        json!({"aud": "b", "time": 7_000_000_000_u64}),
        json!({"aud": "x", "time": 10_000_000_000_u64}),
        json!({"aud": "b", "time": 10_499_999_999.5}),
        json!({"time": 10_000_000_001_u64}),
        json!({"time": -1}),
        json!({"time": "1"}),
        json!({"cert": "{\"keys\":[]}"}),
        json!({"secret": ""}),
        json!({"secret": 1}),
        json!({"more": 1}),
    ];
    let mut calls = Vec::new();
    for payload in &payloads {
        for header in &headers {
            let token = sign(header.clone(), payload.clone());
            for constraint in &constraints {
                let mut all = json!({"secret": "secret"}).as_object().unwrap().clone();
                all.extend(constraint.as_object().unwrap().clone());
                calls.push(vec![token.clone(), Json::Object(all)]);
            }
        }
    }
    // Nested tokens.
    let inner = sign(json!({"alg": "HS256"}), json!({"a": 1}));
    let raw = |header: &str, payload: &str| {
        value("io.jwt.encode_sign_raw", &[json!(header), json!(payload), json!(secret.to_string())]).unwrap()
    };
    for kind in ["JWT", "jwt", "other"] {
        let header = format!(r#"{{"alg":"HS256","typ":"x","cty":"{kind}"}}"#);
        let quoted = format!("\"{}\"", inner.as_str().unwrap());
        for payload in [inner.as_str().unwrap(), &quoted, "{}", "a.b.c"] {
            calls.push(vec![raw(&header, payload), json!({"secret": "secret", "time": 1})]);
        }
    }
    assert!(hold_json("io.jwt.decode_verify", &calls) > 300);
    let decode: Vec<Vec<Json>> = calls.iter().map(|call| vec![call[0].clone()]).collect();
    assert!(hold_json("io.jwt.decode", &decode) > 300);
}

#[test]
fn what_cannot_be_signed_is_refused_as_in_opa() {
    let secret = json!({"kty": "oct", "k": b64(b"secret")}).to_string();
    let ec = jwk("ES256");
    let mut wrong = ec.clone();
    wrong["d"] = json!(b64(&[0; 32]));
    let mut calls = Vec::new();
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":1}"#,
        r#"{"typ":"JWT"}"#,
        "{}",
        "[]",
        "",
        "{",
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"text"}"#,
        r#"{"alg":"HS256","typ":1}"#,
        r#"{"alg":"EdDSA"}"#,
    ] {
        for payload in ["{}", "", "text", "[1]", "{\"a\":1,\"a\":2}"] {
            for key in [&secret, &verifying_key(&ec), &wrong.to_string(), "", "{}", "{\"keys\":[]}", "{\"kty\":\"x\"}"]
            {
                calls.push(vec![json!(header), json!(payload), json!(key)]);
            }
        }
    }
    assert!(hold_json("io.jwt.encode_sign_raw", &calls) > 8);
}
