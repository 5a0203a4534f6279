//! Both formats, written and read back: same inputs give same bytes, and everything that went in comes out verified.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{NOW, REGO, YAML, contents, key, module, options};
use sealgate_bundle::fs::{SerialRecord, load, write_file, write_folder};
use sealgate_bundle::{BundleContents, Limits, Trust, UnixSeconds, UnverifiedBundle, VerifiedBundle, verify_bytes};

fn check_content(bundle: &VerifiedBundle) {
    assert_eq!(bundle.name(), "acme/support");
    assert_eq!(bundle.serial(), 7);
    assert_eq!(*bundle.trust(), Trust::Signed(key(1).public_key().id()));
    assert_eq!(bundle.wasm(), module());
    assert_eq!(bundle.rego(), Some(REGO.as_bytes()));
    assert_eq!(bundle.sources(), [("support.yaml", YAML.as_bytes())]);
    assert_eq!(bundle.entrypoints(), ["sealgate/policy/decision"]);
    assert_eq!(bundle.manifest().compiler, "sealgate-compiler 0.1.0");
}

#[test]
fn the_archive_comes_back_verified() {
    let key = key(1);
    let signed = contents().sign(&key).unwrap();
    let bytes = signed.tar_gz().unwrap();
    let bundle = verify_bytes(&bytes, &options(&key).expect_name("acme/support").minimum_serial(7)).unwrap();
    check_content(&bundle);
    assert_eq!(bundle.data(), Some(b"{}\n".as_slice()));
    assert_eq!(bundle.revision(), signed.revision());
}

#[test]
fn the_folder_comes_back_verified() {
    let key = key(1);
    let signed = contents().sign(&key).unwrap();
    let files = signed.folder("support").unwrap();
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        ["support.rego", "support.wasm", "support.yaml", "support.bundle.json", "support.bundle.json.sig"]
    );
    let bundle = UnverifiedBundle::from_files(files, &Limits::default()).unwrap().verify(&options(&key)).unwrap();
    check_content(&bundle);
    let archive = verify_bytes(&signed.tar_gz().unwrap(), &options(&key)).unwrap();
    assert_eq!(bundle.revision(), archive.revision());
}

#[test]
fn several_sources_keep_their_names_in_both_formats() {
    let key = key(1);
    let names = ["agent.yaml", "data.yaml", "support lead.yaml"];
    let base = || BundleContents::new("roles", module()).unwrap().with_rego(REGO);
    let build = |order: [usize; 3]| {
        order.iter().fold(base(), |bundle, at| bundle.with_source(names[*at], names[*at].as_bytes()))
    };
    let one = build([0, 1, 2]).sign(&key).unwrap();
    let other = build([2, 0, 1]).sign(&key).unwrap();
    assert_eq!(one.tar_gz().unwrap(), other.tar_gz().unwrap());
    let archive = verify_bytes(&one.tar_gz().unwrap(), &options(&key)).unwrap();
    let folder = UnverifiedBundle::from_files(one.folder("roles").unwrap(), &Limits::default()).unwrap();
    for bundle in [archive, folder.verify(&options(&key)).unwrap()] {
        assert_eq!(bundle.sources(), names.map(|name| (name, name.as_bytes())));
    }
    let index = one.folder("roles").unwrap().into_iter().find(|file| file.name == "roles.yaml").unwrap();
    assert!(String::from_utf8(index.bytes).unwrap().contains("- name: \"data.yaml\"\n  sha256: "));
}

#[test]
fn same_inputs_give_the_same_bytes() {
    let build =
        || contents().sign(&key(1)).map(|signed| (signed.tar_gz().unwrap(), signed.folder("x").unwrap())).unwrap();
    assert_eq!(build(), build());
}

#[test]
fn the_manifest_carries_the_ancestors_members_as_python_writes_them() {
    let files = contents().sign(&key(1)).unwrap().folder("support").unwrap();
    let text =
        String::from_utf8(files.iter().find(|file| file.name == "support.bundle.json").unwrap().bytes.clone()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["source"], "support.yaml");
    for (member, file) in
        [("source_hash", "support.yaml"), ("rego_hash", "support.rego"), ("wasm_hash", "support.wasm")]
    {
        let bytes = &files.iter().find(|candidate| candidate.name == file).unwrap().bytes;
        assert_eq!(value[member], sealgate_bundle::Sha256Digest::of(bytes).to_string());
    }
    assert!(text.starts_with("{\n  \"builtins\": [],\n  \"compiler\": ") && text.ends_with("\"\n}\n"));
}

#[test]
fn what_is_written_to_disk_loads() {
    let key = key(1);
    let signed = contents().sign(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (archive, directory) = (folder.path().join("out/support.tar.gz"), folder.path().join("out/support"));
    write_file(&archive, &signed.tar_gz().unwrap()).unwrap();
    write_folder(&directory, &signed.folder("support").unwrap()).unwrap();
    check_content(&load(&archive, &options(&key)).unwrap());
    check_content(&load(&directory, &options(&key)).unwrap());
    // Rebuilt without a signature, the earlier signature is gone and the folder is refused.
    write_folder(&directory, &contents().dangerous_unsigned().unwrap().folder("support").unwrap()).unwrap();
    assert!(load(&directory, &options(&key)).unwrap_err().to_string().ends_with("the bundle is not signed"));
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 2);
    // A folder with something else in it is never replaced.
    std::fs::write(directory.join("notes.txt"), "mine").unwrap();
    write_folder(&directory, &signed.folder("support").unwrap()).unwrap_err();
    assert_eq!(std::fs::read(directory.join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn unsigned_bundles_load_only_dangerously_and_say_so() {
    let bytes = contents().dangerous_unsigned().unwrap().tar_gz().unwrap();
    assert_eq!(verify_bytes(&bytes, &options(&key(1))).unwrap_err().code(), "unsigned");
    let bundle = UnverifiedBundle::read(&bytes).unwrap().dangerous_without_signature(&options(&key(1))).unwrap();
    assert_eq!((bundle.trust(), bundle.key_id()), (&Trust::Unsigned, None));
    let other_name =
        UnverifiedBundle::read(&bytes).unwrap().dangerous_without_signature(&options(&key(1)).expect_name("x"));
    assert_eq!(other_name.unwrap_err().code(), "wrong_name");
}

#[test]
fn contents_that_no_reader_would_accept_are_not_written() {
    let key = key(1);
    let refused =
        |contents: BundleContents| contents.sign(&key).and_then(|signed| signed.tar_gz()).unwrap_err().to_string();
    assert!(BundleContents::new("../x", module()).is_err() && BundleContents::new("", module()).is_err());
    assert!(refused(contents().with_serial(1 << 53)).contains("serial"));
    assert!(refused(contents().with_validity(Some(NOW), Some(NOW))).contains("expire"));
    for bad in ["", "/", "policy//decision", "policy/", "policy decision"] {
        assert!(refused(contents().with_entrypoints([bad])).contains("entrypoint"), "{bad:?}");
    }
    assert!(refused(contents().with_data("[]")).contains("data document"));
    assert!(refused(contents().with_source("support.yaml", "x")).contains("two sources"));
    assert!(refused(contents().with_source("é".repeat(20), "x")).contains("too long"));
    assert!(contents().sign(&key).unwrap().folder("a/b").is_err());
    assert!(contents().with_validity(None, Some(UnixSeconds(1))).sign(&key).is_ok());
}

#[test]
fn the_highest_serial_outlives_a_restart() {
    let key = key(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/serials.json");
    let bundle = |serial| contents().with_serial(serial).sign(&key).unwrap().tar_gz().unwrap();
    let mut record = SerialRecord::open(&path).unwrap();
    assert_eq!(record.minimum("acme/support"), 0);
    let verified = |serial| verify_bytes(&bundle(serial), &options(&key)).unwrap();
    for serial in [3, 9, 9] {
        record.accept(&verified(serial)).unwrap();
    }
    assert!(record.accept(&verified(5)).unwrap_err().to_string().contains("lower than 9"));
    // Another process, whose record was read before, learns of it under the lock.
    let mut late = SerialRecord::open(&path).unwrap();
    record.accept(&verified(11)).unwrap();
    assert!(late.check(&verified(10)).is_ok() && late.accept(&verified(10)).is_err());
    std::fs::write(&path, "{\"acme/support\": 9}").unwrap();
    let record = SerialRecord::open(&path).unwrap();
    let options = options(&key).minimum_serial(record.minimum("acme/support"));
    assert_eq!((record.minimum("acme/support"), record.minimum("other")), (9, 0));
    assert_eq!(verify_bytes(&bundle(8), &options).unwrap_err().code(), "rollback");
    assert!(verify_bytes(&bundle(9), &options).is_ok());
    // A damaged record is an error and not an empty one.
    for text in ["", "[]", "{\"a\":-1}", "{\"a\":1,\"a\":2}"] {
        std::fs::write(&path, text).unwrap();
        assert!(SerialRecord::open(&path).is_err(), "{text}");
    }
}

#[test]
fn an_archive_in_use_is_never_half_written() {
    let key = key(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    let bundle = |serial| contents().with_serial(serial).sign(&key).unwrap();
    write_file(&path, &bundle(1).tar_gz().unwrap()).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while last < 60 {
                let serial = load(&path, &options(&key)).unwrap().serial();
                assert!(serial >= last, "{serial} after {last}");
                last = serial;
            }
        });
        for serial in 2..=60 {
            write_file(&path, &bundle(serial).tar_gz().unwrap()).unwrap();
        }
        reader.join().unwrap();
    });
}
