//! Keys as text, ids, trust and files.

use super::file::{self, pair_paths, read_public_key, read_signing_key, read_trust_store, write_pair};
use super::*;
use crate::opa::{OpaSigner, VerificationKey};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

#[test]
fn text_form_round_trips() {
    let key = SigningKey::generate().unwrap();
    let text = key.expose_text();
    assert_eq!(text.len(), KEY_TEXT_LEN);
    assert_eq!(SigningKey::parse(&format!("{}\n", *text)).unwrap().public_key(), key.public_key());
    assert_eq!(PublicKey::parse(&key.public_key().to_string()).unwrap(), key.public_key());
}

#[test]
fn other_texts_are_no_keys() {
    let good = key(1).public_key().to_string();
    let standard = good.replace(['-', '_'], "+");
    for text in
        ["", "x", &format!("{good}="), &format!(" {good}"), &format!("{good}\n\n"), &format!("{good}A"), &good[1..]]
    {
        assert!(PublicKey::parse(text).is_err(), "{text:?}");
    }
    assert!(standard == good || PublicKey::parse(&standard).is_err());
    // The last character carries two bits that no byte uses: only zeros will do.
    assert!(SigningKey::parse(&"B".repeat(43)).is_err());
    assert!(SigningKey::parse(&"A".repeat(43)).is_ok());
}

#[test]
fn points_of_small_order_and_second_encodings_are_no_keys() {
    let mut identity = [0; 32];
    identity[0] = 1;
    // y = p + 3 encodes the same point as y = 3 and must not count as another key.
    let mut unreduced = [0xff; 32];
    unreduced[0] = 0xf0;
    unreduced[31] = 0x7f;
    for bytes in [identity, [0; 32], unreduced, [0xff; 32]] {
        assert!(PublicKey::from_bytes(&bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn the_id_is_the_digest_of_the_key() {
    let public = key(1).public_key();
    assert_eq!(public.id().to_string(), Sha256Digest::of(&public.to_bytes()).to_string()[..32]);
    assert_eq!(KeyId::parse(&public.id().to_string()), Some(public.id()));
    assert_eq!(KeyId::parse(&public.id().to_string().to_uppercase()), None);
}

#[test]
fn debug_never_shows_the_secret() {
    let key = key(7);
    let shown = format!("{key:?} {:?}", key.public_key());
    assert!(shown.contains("redacted") && !shown.contains(key.expose_text().as_str()) && !shown.contains("7, 7"));
}

#[test]
fn old_and_new_keys_are_valid_together_until_one_is_revoked() {
    let (old, new) = (key(1).public_key(), key(2).public_key());
    let mut store = TrustStore::of(old);
    store.add(new).unwrap();
    assert_eq!((store.status(old.id()), store.status(new.id())), (KeyStatus::Trusted(&old), KeyStatus::Trusted(&new)));
    store.revoke(old.id());
    store.add(old).unwrap();
    assert_eq!(store.status(old.id()), KeyStatus::Revoked);
    assert_eq!(store.trusted().collect::<Vec<_>>(), [&new]);
    assert_eq!(store.status(key(3).public_key().id()), KeyStatus::Unknown);
}

#[test]
fn a_signer_that_lies_is_found_out() {
    struct Liar;
    impl ManifestSigner for Liar {
        fn public_key(&self) -> PublicKey {
            key(1).public_key()
        }
        fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
            ManifestSigner::sign(&key(2), message)
        }
    }
    let signed = crate::BundleContents::new("x", *b"").unwrap().with_source("x.yaml", "").sign(&Liar).unwrap().tar_gz();
    assert!(matches!(signed, Err(crate::ContentsError::Key(KeyError::SignerMismatch))), "{signed:?}");
}

#[test]
fn a_pair_is_written_once_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("acme.2026");
    let (private, public) = write_pair(&prefix, &key(1), false).unwrap();
    assert_eq!((private.clone(), public.clone()), pair_paths(&prefix));
    assert_eq!(read_signing_key(&private).unwrap().public_key(), read_public_key(&public).unwrap());
    assert!(matches!(write_pair(&prefix, &key(2), false), Err(KeyError::Exists { .. })));
    assert_eq!(read_public_key(&public).unwrap(), key(1).public_key());
    write_pair(&prefix, &key(2), true).unwrap();
    assert_eq!(read_signing_key(&private).unwrap().public_key(), key(2).public_key());
    // Nothing else is left behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    assert!(write_pair(&folder.path().join("no/such/folder"), &key(1), true).is_err());
}

#[cfg(unix)]
#[test]
fn a_private_key_is_private_even_over_a_public_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = pair_paths(&folder.path().join("k"));
    std::fs::write(&private, "old").unwrap();
    std::fs::set_permissions(&private, PermissionsExt::from_mode(0o666)).unwrap();
    write_pair(&folder.path().join("k"), &key(1), true).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&private), 0o600);
    for bits in [0o640, 0o604, 0o610, 0o602] {
        std::fs::set_permissions(&private, PermissionsExt::from_mode(bits)).unwrap();
        let refused = read_signing_key(&private);
        assert!(matches!(refused, Err(KeyError::ReadableByOthers { mode, .. }) if mode == bits), "{bits:o}");
    }
    std::fs::set_permissions(&private, PermissionsExt::from_mode(0o400)).unwrap();
    assert!(read_signing_key(&private).is_ok());
    assert!(read_public_key(&public).is_ok());
}

#[test]
fn a_folder_of_keys_is_a_trust_store_and_revocation_wins() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("README.md", "not a key");
    assert!(matches!(read_trust_store([folder.path()]), Err(KeyError::EmptyFolder { .. })));
    write("a.public", &key(1).public_key().to_string());
    write("b.public", &format!("{}\n", key(2).public_key()));
    write("a.revoked", &key(1).public_key().to_string());
    let store = read_trust_store([folder.path()]).unwrap();
    assert_eq!(store.status(key(1).public_key().id()), KeyStatus::Revoked);
    assert_eq!(store.trusted().count(), 1);
    // A file named beside the folder cannot undo the revocation.
    let store = read_trust_store([folder.path().join("a.public"), folder.path().to_owned()]).unwrap();
    assert_eq!(store.status(key(1).public_key().id()), KeyStatus::Revoked);
    write("c.public", &"x".repeat(100_000));
    assert!(matches!(read_trust_store([folder.path()]), Err(KeyError::InFile { .. })));
}

#[test]
fn a_jwks_gives_public_keys_of_every_kind_and_leaks_are_refused() {
    let x = key(1).public_key().to_string();
    let set = format!(
        r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"a","x":"{x}","unknown":1}},{{"kty":"EC","crv":"P-256","kid":"b","alg":"ES256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}},
        {{"kty":"RSA","use":"enc","n":"AQ","e":"AQAB"}},
        {{"kty":"OKP","crv":"Ed25519","key_ops":["sign"],"x":"{x}"}},{{"kty":"X","key_ops":[]}}]}}"#
    );
    let keys = jwks::parse(set.as_bytes()).unwrap();
    assert_eq!(keys.len(), 2, "keys for encryption, and for anything but verification, are left out");
    assert_eq!(keys[0].ed25519(), Some(key(1).public_key()));
    assert_eq!(
        (keys[1].kid.as_deref(), keys[1].algorithm.map(|algorithm| algorithm.as_str())),
        (Some("b"), Some("ES256"))
    );
    for (member, problem) in [
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","d":"{x}"}}"#), "private"),
        (r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), "private or symmetric"),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","d":null}}"#), "private"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB","q":"AQAB"}"#.to_owned(), "private"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc","oth":[]}"#.to_owned(), "private"),
        (r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","k":"AA"}"#.to_owned(), "symmetric"),
        (format!(r#"{{"kty":"okp","crv":"Ed25519","x":"{x}"}}"#), "kind"),
        (format!(r#"{{"kty":"EC","crv":"Ed25519","x":"{x}","y":"{x}"}}"#), "point"),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"none","x":"{x}"}}"#), "not known"),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"HS256","x":"{x}"}}"#), "not known"),
        // The bytes of a good point, split elsewhere.
        (
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH","y":"8UTNG72bfocs3-257rn0s2ldbqkLJK2KRiMohYjlrQ"}"#
                .to_owned(),
            "point",
        ),
        (r#"{"kty":"EC","crv":"P-256","x":"","y":""}"#.to_owned(), "point"),
        (format!(r#"{{"kty":"RSA","n":"{}w","e":"AQ"}}"#, "_".repeat(341)), "2048"),
        (format!(r#"{{"kty":"RSA","n":"{}w","e":"AQAA"}}"#, "_".repeat(341)), "2048"),
        (format!(r#"{{"kty":"RSA","n":"{}g","e":"AQAB"}}"#, "_".repeat(341)), "2048"),
        (format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, "_".repeat(2000)), "2048"),
        (format!(r#"{{"kty":"OKP","crv":"X25519","x":"{x}"}}"#), "kind"),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"ES256","x":"{x}"}}"#), "another kind"),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#.to_owned(), "32 bytes"),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(), "usable"),
        (r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#.to_owned(), "point"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(), "2048"),
        (r#"{"kty":"RSA","e":"AQAB"}"#.to_owned(), "`n` is missing"),
        (r#"{"kty":"RSA","n":"=","e":"AQAB"}"#.to_owned(), "base64url"),
    ] {
        let error = jwks::parse(format!(r#"{{"keys":[{member}]}}"#).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem), "{member}: {error}");
    }
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[[]]}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(jwks::parse(text.as_bytes()).is_err(), "{text}");
    }
}

/// What programs that read PEM loosely take for a key, or for another one.
#[test]
fn pem_is_read_strictly() {
    const PRIVATE: &str = include_str!("../../tests/common/rsa-of-no-secret.pem");
    const PUBLIC: &str = include_str!("../../tests/common/rsa-of-no-secret.public.pem");
    assert!(VerificationKey::from_pem(PUBLIC).is_some() && OpaSigner::from_pem(PRIVATE, "k").is_ok());
    assert!(VerificationKey::from_pem(&PUBLIC.replace('\n', "\r\n")).is_some());
    let relabelled = |text: &str, from: &str, to: &str| text.replace(&format!("{from} KEY"), &format!("{to} KEY"));
    let body = PUBLIC.lines().nth(2).unwrap();
    for (text, trick) in [
        (String::new(), "nothing"),
        (PRIVATE.to_owned(), "a private key where a public one is wanted"),
        (relabelled(PUBLIC, "PUBLIC", "PRIVATE"), "a public key that says it is private"),
        (relabelled(PUBLIC, "PUBLIC", "RSA PUBLIC"), "one form under the other's label"),
        (relabelled(PUBLIC, "PUBLIC", "PUBLIC  "), "another label"),
        (PUBLIC.replace("KEY", "CERTIFICATE"), "a certificate's label"),
        (PUBLIC.to_lowercase(), "labels in small letters"),
        (format!("{PUBLIC}{PUBLIC}"), "two keys"),
        (format!("{PUBLIC}{}", PUBLIC.replace(body, "")), "a key and a broken one"),
        (PUBLIC.replace(body, ""), "a line left out"),
        (PUBLIC.replace(body, &format!("{body}=")), "padding inside"),
        (PUBLIC.replace(body, &format!("{body}\n\n")), "an empty line"),
        (PUBLIC.replace("-----END", "----END"), "no end"),
        (PUBLIC.replace("-----\nM", "-----\nProc-Type: 4,ENCRYPTED\n\nM"), "headers"),
        ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n".to_owned(), "an empty key"),
        (
            // X25519, which signs nothing.
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEACQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n"
                .to_owned(),
            "a key of another kind",
        ),
        (
            // The neutral point of Ed25519, whose signatures anybody can make.
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n"
                .to_owned(),
            "a key of small order",
        ),
    ] {
        assert!(VerificationKey::from_pem(&text).is_none(), "{trick}");
        assert!(OpaSigner::from_pem(&text, "k").is_err() || text == PRIVATE, "{trick}");
    }
    for (text, trick) in [
        (relabelled(PRIVATE, "PRIVATE", "RSA PRIVATE"), "one form under the other's label"),
        (relabelled(PRIVATE, "PRIVATE", "ENCRYPTED PRIVATE"), "an encrypted key's label"),
        (relabelled(PRIVATE, "PRIVATE", "EC PRIVATE"), "another kind's label"),
        (format!("{PRIVATE}{PUBLIC}"), "a private and a public key"),
    ] {
        assert!(OpaSigner::from_pem(&text, "k").is_err(), "{trick}");
    }
}

/// Whatever rights others have to a private key's file, and however the file is reached.
#[cfg(unix)]
#[test]
fn a_private_key_that_others_can_reach_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (private, _) = write_pair(&folder.path().join("k"), &key(1), false).unwrap();
    let pem = folder.path().join("rsa.pem");
    std::fs::write(&pem, include_str!("../../tests/common/rsa-of-no-secret.pem")).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&private, &link).unwrap();
    for mode in [0o604, 0o640, 0o620, 0o602, 0o601, 0o610, 0o660, 0o644, 0o777] {
        for path in [&private, &pem] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        for error in [
            file::read_signing_key(&private).map(drop).unwrap_err(),
            file::read_signing_key(&link).map(drop).unwrap_err(),
            file::read_opa_signer(&pem, "k").map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, KeyError::ReadableByOthers { .. }), "{mode:o}: {error}");
        }
    }
    for mode in [0o600, 0o400, 0o700] {
        for path in [&private, &pem] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        assert!(file::read_signing_key(&private).is_ok() && file::read_opa_signer(&pem, "k").is_ok(), "{mode:o}");
    }
    // More text than a key has, before and behind it.
    let text = std::fs::read_to_string(&private).unwrap();
    for padded in [format!("{text}\n"), format!(" {text}"), format!("{text}{text}"), text.replace('\n', "\0")] {
        std::fs::write(&private, padded).unwrap();
        assert!(matches!(file::read_signing_key(&private), Err(KeyError::InFile { .. })));
    }
    std::fs::write(&private, text + &" ".repeat(100_000)).unwrap();
    assert!(file::read_signing_key(&private).is_err());
    assert!(file::read_signing_key(folder.path()).is_err(), "a folder is no key");
}

#[test]
fn a_set_of_keys_is_a_trust_store_and_ids_can_be_revoked_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("others.jwks");
    let member = |seed| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, key(seed).public_key());
    std::fs::write(&set, format!(r#"{{"keys":[{},{}]}}"#, member(1), member(2))).unwrap();
    let id = |seed| key(seed).public_key().id();
    assert_eq!(read_trust_store([&set]).unwrap().trusted().count(), 2);
    assert_eq!(file::revoke(folder.path(), id(1)).unwrap(), folder.path().join(format!("{}.revoked", id(1))));
    let store = read_trust_store([folder.path()]).unwrap();
    assert_eq!((store.status(id(1)), store.trusted().count()), (KeyStatus::Revoked, 1));

    let written = file::import(folder.path(), &[("three".to_owned(), key(3).public_key())]).unwrap();
    assert_eq!(file::import(folder.path(), &[("three".to_owned(), key(3).public_key())]).unwrap(), written);
    assert!(matches!(
        file::import(folder.path(), &[("three".to_owned(), key(4).public_key())]),
        Err(KeyError::Exists { .. })
    ));
    // A key that the folder has as a file changes its name, and stays revoked when it is revoked again.
    for _ in 0..2 {
        assert_eq!(file::revoke(folder.path(), id(3)).unwrap(), folder.path().join("three.revoked"));
    }
    assert!(!written[0].exists());
    let listed = file::list(folder.path()).unwrap();
    assert_eq!(listed.iter().filter(|entry| entry.revoked).count(), 2);
    assert_eq!(read_trust_store([folder.path()]).unwrap().status(id(3)), KeyStatus::Revoked);
}

#[cfg(unix)]
#[test]
fn an_external_command_signs_and_is_held_to_its_key() {
    use std::time::{Duration, Instant};

    use super::command::CommandSigner;

    let shell = |script: &str| {
        CommandSigner::new("sh", vec!["-c".to_owned(), script.to_owned()], key(1).public_key())
            .with_timeout(Duration::from_secs(10))
    };
    let folder = tempfile::tempdir().unwrap();
    let answer = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let message = b"the bytes".repeat(20_000);
    let signature = ManifestSigner::sign(&key(1), &message).unwrap();
    let true_one = answer("true", &signature);
    let seen = folder.path().join("seen");
    let signer = shell(&format!("cat > '{}'; cat '{true_one}'", seen.display()));
    assert_eq!(signer.sign(&message).unwrap(), signature);
    assert_eq!(std::fs::read(&seen).unwrap(), message);
    // A command that reads nothing may still answer.
    assert_eq!(shell(&format!("cat '{true_one}'")).sign(&message).unwrap(), signature);

    let failure = |script: &str| shell(script).sign(&message).unwrap_err().to_string();
    let other = answer("other", &ManifestSigner::sign(&key(2), &message).unwrap());
    assert!(failure(&format!("cat '{other}'")).contains("does not verify"));
    assert!(failure("cat >/dev/null; printf abc").contains("3 bytes instead of 64"));
    assert!(failure("head -c 100 /dev/zero").contains("65 or more bytes"));
    // One that never stops loses its reader, and ends by that.
    assert!(failure("cat /dev/zero").contains("failed"));
    assert!(failure("exit 3").contains("exit status: 3"));
    assert!(failure("").contains("0 bytes"));
    let started = Instant::now();
    let slow = shell("sleep 60").with_timeout(Duration::from_millis(200)).sign(&message);
    assert!(slow.unwrap_err().to_string().contains("longer than 0.2 s"));
    assert!(started.elapsed() < Duration::from_secs(30));
    let missing = CommandSigner::new("/no/such/program", vec![], key(1).public_key()).sign(b"x");
    assert!(missing.unwrap_err().to_string().contains("cannot be started"));

    let public = key(1).public_key();
    assert!(CommandSigner::parse(r#"["a b", "c"]"#, public).is_ok() && CommandSigner::parse("a b", public).is_ok());
    assert!(CommandSigner::parse("  ", public).is_err() && CommandSigner::parse("[1]", public).is_err());
}
