//! More attacks on signatures: of the manifest (Ed25519 at its edges), and of `.signatures.json` (tokens of every kind).

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer as _;
use sealgate_bundle::opa::{Algorithm, OpaKey, OpaTrust, VerificationKey};
use sealgate_bundle::{BundleFile, ManifestSigner, Sha256Digest};
use serde_json::{Value, json};

use crate::common::{contents, key};
use crate::forge::{MANIFEST, SIGNATURE, changed, changed_file, file, files, pack, unpack};
use crate::{Sample, TRUSTED, UNTRUSTED, accepted, refused};

const RSA: &str = include_str!("../common/rsa-of-no-secret.pem");

pub fn samples() -> Vec<Sample> {
    [edges(), algorithms(), tokens(), payloads()].into_iter().flatten().collect()
}

/// The keys for tokens that the samples' host has: as OPA's configuration names them.
pub fn opa_trust() -> OpaTrust {
    let mut trust = OpaTrust::new();
    let mut add = |id: &str, key: VerificationKey, algorithm| {
        trust.add(id, OpaKey::new(key, algorithm, "").unwrap()).unwrap();
    };
    let rsa = || VerificationKey::from_pem(&public_pems().1).unwrap();
    add("p256", VerificationKey::P256(*p256_key().verifying_key()), Algorithm::Es256);
    add("rsa", rsa(), Algorithm::Rs256);
    add("pss", rsa(), Algorithm::Ps256);
    add("old", VerificationKey::P256(*p256_key().verifying_key()), Algorithm::Es256);
    trust.revoke("old");
    trust
}

/// The same for the second verifier, in the form of OPA's configuration.
pub fn opa_keys() -> Value {
    let (p256, rsa) = public_pems();
    json!({
        "p256": { "key": p256, "algorithm": "ES256" },
        "rsa": { "key": rsa, "algorithm": "RS256" },
        "pss": { "key": rsa, "algorithm": "PS256" },
        "old": { "key": p256, "algorithm": "ES256" },
    })
}

fn p256_key() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[5; 32]).unwrap()
}

fn rsa_key() -> rsa::PrivateKey {
    use rsa::pkcs8::DecodePrivateKey as _;
    rsa::PrivateKey::from_pkcs8_pem(RSA).unwrap()
}

fn public_pems() -> (String, String) {
    use p256::pkcs8::EncodePublicKey as _;
    let pem = |text: Result<String, _>| text.map_err(|error: rsa::pkcs8::spki::Error| error.to_string()).unwrap();
    let p256 = pem(p256_key().verifying_key().to_public_key_pem(Default::default()));
    (p256, pem(rsa_key().to_public_key().to_public_key_pem(Default::default())))
}

fn edges() -> Vec<Sample> {
    let bad = |name, attack, bytes| refused(name, attack, "bad_signature", bytes);
    let set = |signature: [u8; 64]| changed_file(SIGNATURE, move |bytes| *bytes = signature.to_vec());
    let over = |message: &dyn Fn(&[u8]) -> Vec<u8>| {
        changed(|files| {
            let signature = key(TRUSTED).sign(&message(&file(files, MANIFEST).bytes)).unwrap();
            file(files, SIGNATURE).bytes = signature.to_vec();
        })
    };
    let mut identity = [0; 64];
    identity[0] = 1;
    let mut unreduced = [0xff; 64];
    unreduced[0] = 0xee;
    unreduced[31] = 0x7f;
    unreduced[32..].fill(0);
    let mut order_two = [0xff; 64];
    order_two[0] = 0xec;
    order_two[31] = 0x7f;
    order_two[32..].fill(0);
    vec![
        bad("ed25519-identity", "the neutral point as commitment, zero as answer", set(identity)),
        bad("ed25519-not-canonical", "the neutral point in a second encoding", set(unreduced)),
        bad("ed25519-order-two", "a commitment of order two", set(order_two)),
        bad(
            "ed25519-high-bits",
            "an answer with bits above the group's order",
            changed_file(SIGNATURE, |bytes| bytes[63] |= 0xe0),
        ),
        bad("ed25519-no-point", "a commitment that is no point", changed_file(SIGNATURE, |bytes| bytes[..32].fill(2))),
        bad("ed25519-negated", "the commitment's sign changed", changed_file(SIGNATURE, |bytes| bytes[31] ^= 0x80)),
        bad("ed25519-swapped", "the two halves swapped", changed_file(SIGNATURE, |bytes| bytes.rotate_left(32))),
        bad(
            "ed25519-mixed",
            "one half of another signature",
            changed(|files| {
                let mut other = unpack(&contents().with_serial(9).sign(&key(TRUSTED)).unwrap().tar_gz().unwrap());
                let half = file(&mut other, SIGNATURE).bytes[..32].to_vec();
                file(files, SIGNATURE).bytes[..32].copy_from_slice(&half);
            }),
        ),
        bad(
            "ed25519-over-digest",
            "a signature of the manifest's digest",
            over(&|manifest| Sha256Digest::of(manifest).0.to_vec()),
        ),
        bad(
            "ed25519-over-less",
            "a signature of the manifest without its line break",
            over(&|manifest| manifest[..manifest.len() - 1].to_vec()),
        ),
        bad("ed25519-over-nothing", "a signature of nothing", over(&|_| Vec::new())),
        refused(
            "signature-base64",
            "a signature in base64",
            "signature_length",
            changed_file(SIGNATURE, |bytes| {
                *bytes = URL_SAFE.encode(&bytes).into_bytes();
            }),
        ),
        refused(
            "signature-twice",
            "two signatures",
            "signature_length",
            changed_file(SIGNATURE, |bytes| bytes.extend_from_within(..)),
        ),
        refused(
            "key-of-neutral-point",
            "signed for the neutral point, whose signatures anybody can make",
            "unknown_key",
            {
                let mut point = [0; 32];
                point[0] = 1;
                let id = Sha256Digest::of(&point).to_string()[..32].to_owned();
                crate::forge::resigned(&key(TRUSTED), |manifest| manifest["key_id"] = json!(id))
            },
        ),
    ]
}

/// The good bundle with a signature file whose token has this header and payload, signed by `sign`.
fn with_token(header: &Value, payload: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(payload));
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())));
    with_file(&json!({ "signatures": [token] }))
}

pub fn with_file(signatures: &Value) -> Vec<u8> {
    let mut files = files();
    files.push(BundleFile::new(".signatures.json", signatures.to_string()));
    pack(&files)
}

/// A true payload.
fn payload() -> Value {
    let listed: Vec<_> = files()
        .iter()
        .map(|file| {
            let bytes = match file.name.as_str() {
                // Canonical: without the line break.
                ".manifest" | "data.json" => {
                    serde_json::to_vec(&serde_json::from_slice::<Value>(&file.bytes).unwrap()).unwrap()
                }
                _ => file.bytes.clone(),
            };
            json!({ "name": file.name, "hash": Sha256Digest::of(&bytes).to_string(), "algorithm": "SHA-256" })
        })
        .collect();
    json!({ "files": listed })
}

pub fn p256_sign(message: &[u8]) -> Vec<u8> {
    let signature: p256::ecdsa::Signature = p256_key().sign(message);
    signature.to_bytes().to_vec()
}

fn rsa_sign<D: rsa::sha2::Digest + rsa::pkcs8::AssociatedOid>(message: &[u8]) -> Vec<u8>
where
    rsa::pkcs1v15::SigningKey<D>: p256::ecdsa::signature::Signer<rsa::pkcs1v15::Signature>,
{
    use p256::ecdsa::signature::SignatureEncoding as _;
    rsa::pkcs1v15::SigningKey::<D>::new(rsa_key()).sign(message).to_vec()
}

fn algorithms() -> Vec<Sample> {
    use rsa::sha2::{Sha256, Sha512};
    let bad = |name, attack, bytes| refused(name, attack, "opa_signatures", bytes);
    let token = |alg: &str, kid: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        with_token(&json!({ "alg": alg, "kid": kid }), &payload(), sign)
    };
    let id = key(TRUSTED).public_key().id().to_string();
    let ed25519 = |message: &[u8]| key(TRUSTED).sign(message).unwrap().to_vec();
    let raw_key = key(TRUSTED).public_key().to_bytes();
    vec![
        accepted("token-es256", "nothing: a true token by a P-256 key", token("ES256", "p256", &p256_sign)),
        accepted("token-rs256", "nothing: a true token by an RSA key", token("RS256", "rsa", &rsa_sign::<Sha256>)),
        bad("token-none", "no algorithm, in a trusted key's name", token("none", "p256", &|_| Vec::new())),
        bad("token-none-capitals", "the same in other letters", token("NonE", &id, &|_| Vec::new())),
        bad(
            "token-hs256",
            "a keyed hash whose secret is the public key",
            token("HS256", "rsa", &|message| hmac_sha256(public_pems().1.as_bytes(), message)),
        ),
        bad(
            "token-hs256-raw",
            "the same with the raw public key",
            token("HS256", &id, &|message| hmac_sha256(&raw_key, message)),
        ),
        bad(
            "token-other-hash",
            "the key's signature by another hash than it is for",
            token("RS512", "rsa", &rsa_sign::<Sha512>),
        ),
        bad("token-false-hash", "another hash than the header states", token("RS256", "rsa", &rsa_sign::<Sha512>)),
        bad(
            "token-pkcs1-for-pss",
            "the older padding where the newer one is asked for",
            token("PS256", "pss", &rsa_sign::<Sha256>),
        ),
        bad(
            "token-downgraded",
            "the header asks for the older padding of a key that is for the newer",
            token("RS256", "pss", &rsa_sign::<Sha256>),
        ),
        bad("token-other-kind", "an algorithm of another kind of key", token("ES256", "rsa", &p256_sign)),
        bad("token-lower-case", "the algorithm in other letters", token("es256", "p256", &p256_sign)),
        bad(
            "token-der",
            "a signature in DER",
            token("ES256", "p256", &|message| {
                let signature: p256::ecdsa::Signature = p256_key().sign(message);
                signature.to_der().as_bytes().to_vec()
            }),
        ),
        bad("token-es256-zeros", "a signature of zeros", token("ES256", "p256", &|_| vec![0; 64])),
        bad(
            "token-rsa-short",
            "an RSA signature one byte short",
            token("RS256", "rsa", &|message| rsa_sign::<Sha256>(message)[1..].to_vec()),
        ),
        bad(
            "token-rsa-long",
            "an RSA signature with a zero in front",
            token("RS256", "rsa", &|message| [&[0][..], &rsa_sign::<Sha256>(message)].concat()),
        ),
        bad("token-other-key", "one trusted key's signature in another's name", token("EdDSA", &id, &p256_sign)),
        bad("token-eddsa-for-es256", "the same the other way round", token("EdDSA", "p256", &ed25519)),
        bad("token-revoked", "a key that is revoked, and there all the same", token("ES256", "old", &p256_sign)),
        accepted(
            "token-stranger",
            "nothing: a key that nobody here knows adds no trust",
            token("RS256", "somebody", &|_| vec![1]),
        ),
    ]
}

fn tokens() -> Vec<Sample> {
    let bad = |name, attack, bytes| refused(name, attack, "opa_signatures", bytes);
    let good = || {
        let bytes = with_token(&json!({ "alg": "ES256", "kid": "p256" }), &payload(), p256_sign);
        let mut files = unpack(&bytes);
        let value: Value = serde_json::from_slice(&file(&mut files, ".signatures.json").bytes).unwrap();
        value["signatures"][0].as_str().unwrap().to_owned()
    };
    let header = |header: Value| with_token(&header, &payload(), p256_sign);
    let mut keyid = payload();
    keyid["keyid"] = json!("p256");
    let forged = |header: &Value| with_token(header, &keyid, |_| vec![7; 64]);
    vec![
        bad(
            "tokens-two",
            "two tokens, of which readers take one or the other",
            with_file(&json!({ "signatures": [good(), good()] })),
        ),
        bad("tokens-object", "an object instead of the list", with_file(&json!({ "signatures": { "0": good() } }))),
        bad(
            "tokens-plugin",
            "a plugin that says how to verify",
            with_file(&json!({ "signatures": [good()], "plugin": "lenient" })),
        ),
        bad("token-four-parts", "a token of four parts", with_file(&json!({ "signatures": [good() + ".AAAA"] }))),
        bad(
            "token-two-parts",
            "a token without a signature",
            with_file(&json!({ "signatures": [good().rsplit_once('.').unwrap().0] })),
        ),
        bad("token-padded", "a token whose parts are padded", with_file(&json!({ "signatures": [good() + "=="] }))),
        bad("token-spaces", "a token with a line break", with_file(&json!({ "signatures": [good() + "\n"] }))),
        bad(
            "token-cut",
            "a signature cut short",
            with_file(&json!({ "signatures": [good()[..good().len() - 4].to_owned()] })),
        ),
        bad(
            "token-critical",
            "a header that asks for what nobody here knows",
            header(json!({ "alg": "ES256", "kid": "p256", "crit": ["b64"], "b64": false })),
        ),
        bad("token-no-algorithm", "a header without an algorithm", header(json!({ "kid": "p256" }))),
        bad("token-kid-number", "a key's id that is a number", header(json!({ "alg": "ES256", "kid": 1 }))),
        bad("token-header-list", "a header that is a list", header(json!(["ES256", "p256"]))),
        bad("token-old-key-id", "a forged token whose key is named in the payload", forged(&json!({ "alg": "ES256" }))),
        bad(
            "token-empty-kid",
            "the same, with an empty id in the header",
            forged(&json!({ "alg": "ES256", "kid": "" })),
        ),
        accepted(
            "token-two-ids",
            "nothing: the header's id counts, and nobody here knows it",
            forged(&json!({ "alg": "ES256", "kid": "somebody" })),
        ),
    ]
}

fn payloads() -> Vec<Sample> {
    let bad = |name, attack, bytes| refused(name, attack, "opa_signatures", bytes);
    let listed = |change: fn(&mut Vec<Value>)| {
        let mut payload = payload();
        change(payload["files"].as_array_mut().unwrap());
        with_token(&json!({ "alg": "ES256", "kid": "p256" }), &payload, p256_sign)
    };
    let twice = || {
        let payload = payload().to_string().replacen("\"name\"", "\"n\\u0061me\":\"x\",\"name\"", 1);
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"p256"}"#),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(p256_sign(signed.as_bytes())));
        with_file(&json!({ "signatures": [token] }))
    };
    vec![
        accepted(
            "listed-with-slash",
            "nothing: names with a leading slash",
            listed(|files| {
                files.iter_mut().for_each(|file| file["name"] = json!(format!("/{}", file["name"].as_str().unwrap())));
            }),
        ),
        bad(
            "listed-twice",
            "a file listed twice, once with a false digest",
            listed(|files| {
                let mut other = files[0].clone();
                other["hash"] = json!("0".repeat(64));
                files.push(other);
            }),
        ),
        bad(
            "listed-twice-spelled",
            "the same in another spelling",
            listed(|files| {
                let mut other = files[0].clone();
                other["name"] = json!(format!("./{}", other["name"].as_str().unwrap()));
                files.push(other);
            }),
        ),
        bad("listed-climbs", "a file listed outside of the bundle", listed(|files| files[0]["name"] = json!("../x"))),
        bad("listed-nothing", "no file listed", listed(Vec::clear)),
        bad(
            "listed-manifest-missing",
            "the signed manifest left out",
            listed(|files| files.retain(|file| file["name"] != MANIFEST)),
        ),
        bad(
            "listed-module-missing",
            "the module left out",
            listed(|files| files.retain(|file| file["name"] != "policy.wasm")),
        ),
        bad(
            "listed-itself",
            "the signature file in its own list",
            listed(|files| {
                files.push(json!({ "name": ".signatures.json", "hash": "0".repeat(64), "algorithm": "SHA-256" }));
            }),
        ),
        bad(
            "listed-capitals",
            "digests in capitals",
            listed(|files| {
                files.iter_mut().for_each(|file| file["hash"] = json!(file["hash"].as_str().unwrap().to_uppercase()));
            }),
        ),
        bad(
            "listed-sha1",
            "a digest by SHA-1",
            listed(|files| {
                files[2]["algorithm"] = json!("SHA-1");
                files[2]["hash"] = json!("0".repeat(40));
            }),
        ),
        bad(
            "listed-no-algorithm",
            "a digest by nothing",
            listed(|files| drop(files[0].as_object_mut().unwrap().remove("algorithm"))),
        ),
        bad(
            "listed-not-canonical",
            "the digest of a document's bytes instead of its canonical form",
            listed(|files| {
                let bytes = crate::forge::files().into_iter().find(|file| file.name == ".manifest").unwrap().bytes;
                let entry = files.iter_mut().find(|file| file["name"] == ".manifest").unwrap();
                entry["hash"] = json!(Sha256Digest::of(&bytes).to_string());
            }),
        ),
        bad("listed-number", "a list of numbers", listed(|files| files[0] = json!(1))),
        bad(
            "listed-list",
            "an entry written as a list of its values",
            listed(|files| {
                let file = &files[0];
                files[0] = json!([file["name"], file["hash"], file["algorithm"]]);
            }),
        ),
        bad("payload-twice", "a member named twice in the payload", twice()),
        bad("payload-of-other-bundle", "another bundle's token, by the same key", {
            let mut other = unpack(&contents().with_serial(9).sign(&key(UNTRUSTED)).unwrap().tar_gz().unwrap());
            let digest = Sha256Digest::of(&file(&mut other, MANIFEST).bytes).to_string();
            let mut payload = payload();
            for entry in payload["files"].as_array_mut().unwrap() {
                if entry["name"] == MANIFEST {
                    entry["hash"] = json!(digest);
                }
            }
            with_token(&json!({ "alg": "ES256", "kid": "p256" }), &payload, p256_sign)
        }),
    ]
}

/// HMAC (RFC 2104) with SHA-256, as a verifier that is tricked into it would compute it.
fn hmac_sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    if secret.len() > 64 {
        block[..32].copy_from_slice(&Sha256Digest::of(secret).0);
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let padded = |with: u8| block.map(|byte| byte ^ with).to_vec();
    let inner = Sha256Digest::of(&[padded(0x36), message.to_vec()].concat());
    Sha256Digest::of(&[padded(0x5c), inner.0.to_vec()].concat()).0.to_vec()
}
