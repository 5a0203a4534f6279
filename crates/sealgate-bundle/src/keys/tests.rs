//! Keys as text, ids, trust and files.

use super::file::{pair_paths, read_public_key, read_signing_key, read_trust_store, write_pair};
use super::*;

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
