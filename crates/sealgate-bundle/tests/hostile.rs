//! Bytes from an attacker: no change of a bundle passes, nothing panics, nothing takes long.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::time::{Duration, Instant};

use common::{contents, key, options};
use proptest::prelude::*;
use sealgate_bundle::{
    BundleFile, KeyId, Limits, Manifest, PublicKey, SigningKey, UnverifiedBundle, archive, module, verify_bytes,
};

fn good() -> Vec<u8> {
    contents().sign(&key(1)).unwrap().tar_gz().unwrap()
}

#[test]
fn no_single_bit_can_be_changed() {
    let (good, options) = (good(), options(&key(1)));
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            assert!(verify_bytes(&bytes, &options).is_err(), "bit {bit} of byte {at} of {}", good.len());
        }
    }
}

#[test]
fn no_prefix_and_no_single_byte_more_passes() {
    let (good, options) = (good(), options(&key(1)));
    for length in 0..good.len() {
        assert!(verify_bytes(&good[..length], &options).is_err(), "{length}");
    }
    for byte in 0..=255 {
        assert!(verify_bytes(&[good.as_slice(), &[byte]].concat(), &options).is_err());
    }
}

#[test]
fn no_bit_of_a_folder_can_be_changed() {
    let options = options(&key(1));
    let good = contents().sign(&key(1)).unwrap().folder("support").unwrap();
    let verify =
        |files: Vec<BundleFile>| UnverifiedBundle::from_files(files, &Limits::default()).unwrap().verify(&options);
    verify(good.clone()).unwrap();
    for file in 0..good.len() {
        for at in 0..good[file].bytes.len() {
            let mut files = good.clone();
            files[file].bytes[at] ^= 1 << (at % 8);
            assert!(verify(files).is_err(), "byte {at} of {}", good[file].name);
        }
    }
}

#[test]
fn bombs_are_refused_at_once() {
    let deflated = |plain: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, plain).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = deflated(&vec![0; 300 << 20]);
    let bombs = [bomb.clone(), deflated(&bomb), bomb.repeat(50)];
    for bomb in bombs {
        let started = Instant::now();
        assert!(verify_bytes(&bomb, &options(&key(1))).is_err());
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
}

#[test]
fn bounds_are_exact() {
    let bytes = good();
    let unpacked: u64 =
        archive::read_tar_gz(&bytes, &Limits::default()).unwrap().iter().map(|file| file.bytes.len() as u64).sum();
    let with = |change: fn(&mut Limits, u64), by: u64| {
        let mut options = options(&key(1));
        change(&mut options.limits, by);
        verify_bytes(&bytes, &options).map(drop).map_err(|error| error.code())
    };
    let archive = |limits: &mut Limits, by| limits.archive_bytes = by;
    assert_eq!(with(archive, bytes.len() as u64), Ok(()));
    assert_eq!(with(archive, bytes.len() as u64 - 1), Err("archive_too_large"));
    let entries = |limits: &mut Limits, by| limits.entries = by as usize;
    assert_eq!((with(entries, 7), with(entries, 6)), (Ok(()), Err("archive_too_many_files")));
    let sum = |limits: &mut Limits, by| limits.unpacked_bytes = by;
    assert_eq!(with(sum, unpacked - 1), Err("archive_too_large"));
    let file = |limits: &mut Limits, by| limits.file_bytes = by;
    assert_eq!(with(file, 10), Err("archive_too_large"));
    let manifest = |limits: &mut Limits, by| limits.manifest_bytes = by;
    assert_eq!(with(manifest, 100), Err("manifest"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), text in ".{0,80}") {
        prop_assert!(verify_bytes(&bytes, &options(&key(1))).is_err());
        let _ = Manifest::parse(&bytes);
        let _ = module::check(&bytes, &[], &Default::default());
        let _ = module::check(&[b"\0asm\x01\0\0\0", bytes.as_slice()].concat(), &[], &Default::default());
        let _ = (PublicKey::parse(&text), SigningKey::parse(&text).is_ok(), KeyId::parse(&text));
        let _ = sealgate_bundle::names::escape_source_name(&text);
        let gzip = archive::write_tar_gz(&[BundleFile::new("sealgate.bundle.json", bytes.clone()), BundleFile::new("sealgate.bundle.json.sig", [0; 64])]);
        prop_assert!(verify_bytes(&gzip.unwrap(), &options(&key(1))).is_err());
    }

    #[test]
    fn arbitrary_tars_never_panic(blocks in proptest::collection::vec((any::<[u8; 16]>(), 0..400_usize), 1..30)) {
        let mut tar = vec![0; 512 * 5];
        for (bytes, at) in &blocks {
            tar[at * 6..at * 6 + 16].copy_from_slice(bytes);
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &tar).unwrap();
        prop_assert!(verify_bytes(&encoder.finish().unwrap(), &options(&key(1))).is_err());
    }

    #[test]
    fn any_two_files_changed_together_are_refused(seed in any::<[u8; 4]>(), drop_one in any::<bool>()) {
        let mut files = archive::read_tar_gz(&good(), &Limits::default()).unwrap();
        let (one, two) = (usize::from(seed[0]) % files.len(), usize::from(seed[1]) % files.len());
        let byte = usize::from(seed[2]) % files[one].bytes.len();
        files[one].bytes[byte] ^= seed[3] | 1;
        if drop_one { files.remove(two); } else { let bytes = files[two].bytes.clone(); files[one].bytes.extend(bytes); }
        prop_assert!(verify_bytes(&archive::write_tar_gz(&files).unwrap(), &options(&key(1))).is_err());
    }

    #[test]
    fn escaped_source_names_stay_apart(one in "[a-z.%_ é/]{1,12}", other in "[a-z.%_ é/]{1,12}") {
        use sealgate_bundle::names::{escape_source_name, is_path, means_something_to_opa};
        let (a, b) = (escape_source_name(&one), escape_source_name(&other));
        prop_assert_eq!(one == other, a == b);
        prop_assert!(is_path(&a) && !a.contains('/') && !means_something_to_opa(&a), "{} -> {}", one, a);
    }
}
