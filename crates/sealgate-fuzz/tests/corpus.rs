//! Every fuzz target over its seeds (finds of the fuzzer among them) and over simple mutations of them: no panic, no hang.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sealgate_fuzz::{TARGETS, Target};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<_> = std::fs::read_dir(fuzz().join("seeds").join(target.name))
        .unwrap_or_else(|error| panic!("no seeds for {}: {error}", target.name))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

/// A byte changed, a stretch taken out, doubled, or replaced by another seed's.
fn mutate(seeds: &[(String, Vec<u8>)], state: &mut u64) -> Vec<u8> {
    let mut draw = |bound: usize| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from(*state % bound.max(1) as u64).unwrap()
    };
    let mut bytes = seeds[draw(seeds.len())].1.clone();
    for _ in 0..1 + draw(4) {
        let (at, length) = (draw(bytes.len() + 1), draw(16));
        let end = (at + length).min(bytes.len());
        match draw(5) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << draw(8)),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece.repeat(1 + draw(3)));
            }
            3 => {
                let other = &seeds[draw(seeds.len())].1;
                let from = draw(other.len() + 1);
                bytes.splice(at..end, other[from..(from + length).min(other.len())].iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn targets_hold_on_their_seeds_and_on_mutations_of_them() {
    let rounds: usize = std::env::var("SEALGATE_FUZZ_ROUNDS").map_or(150, |text| text.parse().unwrap());
    for target in &TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "no seeds for {}", target.name);
        let mut state = 0x5EA1_6A7E_u64;
        let mutated = (0..rounds).map(|round| (format!("mutation {round}"), mutate(&seeds, &mut state)));
        for (name, bytes) in seeds.iter().cloned().chain(mutated) {
            let bytes = &bytes[..bytes.len().min(target.max_len * 4)];
            let started = Instant::now();
            (target.run)(bytes);
            assert!(started.elapsed() < Duration::from_secs(10), "{} {name}: {:?}", target.name, started.elapsed());
        }
    }
}

/// The fuzzer has a binary for each target and no other.
#[test]
fn every_target_has_its_binary() {
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let binaries: Vec<_> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .collect();
    let mut names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    assert_eq!(binaries, names);
}
