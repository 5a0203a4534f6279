//! Modules that someone broke: resolver and planner give a plan that is whole, or findings, and never panic.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test ends with a panic")]

use sealgate_compiler::plan::plan;
use sealgate_diagnostics::{Diagnostics, Sources};
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use sealgate_testkit::{conformance_dir, require};

/// Mutations of each module.
const ROUNDS: usize = 4;

#[test]
fn broken_modules_end_with_a_plan_or_findings() {
    let Some(folder) = require(conformance_dir()) else { return };
    let mut random = Random(0x5ea1_6a7e);
    let (mut planned, mut refused) = (0, 0);
    let mut files: Vec<_> = std::fs::read_dir(folder.join("rego")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files {
        let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for module in
            cases["cases"].as_array().unwrap().iter().flat_map(|case| case["modules"].as_array().into_iter().flatten())
        {
            for _ in 0..ROUNDS {
                let text = mutate(module.as_str().unwrap(), &mut random);
                match std::panic::catch_unwind(|| compile(&text)) {
                    Ok(true) => planned += 1,
                    Ok(false) => refused += 1,
                    Err(_) => panic!("panicked on:\n{text}"),
                }
            }
        }
    }
    println!("{planned} planned, {refused} refused");
    assert!(planned > 100 && refused > 100);
}

fn compile(text: &str) -> bool {
    let mut sources = Sources::new();
    let id = sources.add("m.rego", text);
    let Ok(module) = parse_module(&sources, id, ParseOptions::default()) else { return false };
    let entrypoint = module.package.path.iter().map(|name| name.text.as_str().into()).collect();
    let mut found = Diagnostics::new();
    let Some(resolved) = resolve(&[module], ResolveOptions::default(), &mut found) else {
        assert!(found.has_errors());
        return false;
    };
    match plan(&resolved, &sources, &[entrypoint]) {
        Ok(policy) => {
            policy.validate().unwrap_or_else(|error| panic!("{error}\n{policy}"));
            true
        }
        Err(found) => {
            assert!(found.has_errors());
            let message = "this variable has no value here";
            assert!(found.iter().all(|finding| finding.message != message), "an unsafe variable got past the resolver");
            false
        }
    }
}

/// Drops, doubles, swaps or renames a few words.
fn mutate(text: &str, random: &mut Random) -> String {
    let mut words: Vec<&str> = text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for _ in 0..=random.below(2) {
        if words.len() < 4 {
            break;
        }
        // The package line stays.
        let (at, other) = (2 + random.below(words.len() - 2), 2 + random.below(words.len() - 2));
        match random.below(5) {
            0 => {
                words.remove(at);
            }
            1 => words.insert(at, words[at]),
            2 => words.swap(at, other),
            3 => words[at] = words[other],
            _ => {
                words[at] = ["x ", "_", "not ", "input.", "data.", "some x in ", "[x]", "with input as ", "p", "1"]
                    [random.below(10)]
            }
        }
    }
    words.concat()
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
