//! Sealgate as `cargo xtask bench` measures it, one process for each way to ask; and what it is asked about.
//!
//! | arguments | what it does |
//! |---|---|
//! | `prepare RULES FOLDER` | writes a policy of so many rules, compiled and signed and in the peers' languages, and its calls |
//! | `json`, `denied`, `typed`, `fresh ARCHIVE CALLS` | decides, as `sealgate-bench-protocol` says |
//! | `uniform RULES ARCHIVE CALLS` | the same, over calls drawn evenly over the rules |
//! | `foreign MODULE CALLS` | the same, by a module that `opa` built |
//! | `empty CALLS` | the same, by a function that does nothing |
//! | `threads`, `swap`, `allocations`, `cold` | what such a process cannot tell; prints its figures as JSON |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "fails by panicking")]

mod allocations;
mod cold;
mod prepare;
mod swap;
mod threads;
mod ways;

use std::path::Path;
use std::process::ExitCode;

use sealgate::{Isolation, RuntimeOptions};
use sealgate_bench_protocol::{Failure, serve};
use sealgate_benches::Size;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Failure> {
    let pooled = RuntimeOptions::default();
    match *arguments {
        ["prepare", rules, folder] => prepare::run(size(rules)?, Path::new(folder)),
        ["json", archive, calls] => serve(&mut ways::Json::new(archive, pooled)?, Path::new(calls)),
        ["fresh", archive, calls] => {
            let fresh = RuntimeOptions { isolation: Isolation::Fresh, ..pooled };
            serve(&mut ways::Json::new(archive, fresh)?, Path::new(calls))
        }
        ["typed", archive, calls] => serve(&mut ways::Typed::new(archive)?, Path::new(calls)),
        ["uniform", rules, archive, calls] => serve(&mut ways::Uniform::new(archive, size(rules)?)?, Path::new(calls)),
        ["foreign", module, calls] => serve(&mut ways::Json::foreign(module)?, Path::new(calls)),
        ["empty", calls] => serve(&mut ways::Empty::new(), Path::new(calls)),
        ["threads", archive, rounds] => threads::run(archive, rounds.parse()?),
        ["swap", one, other, rounds] => swap::run(one, other, rounds.parse()?),
        ["allocations", archive] => allocations::run(archive),
        ["cold", archive] => cold::run(archive, None),
        ["cold", archive, cache] => cold::run(archive, Some(Path::new(cache))),
        _ => Err("the arguments are told at the top of this program's source".into()),
    }
}

fn size(rules: &str) -> Result<Size, Failure> {
    Size::of(rules.parse()?).ok_or_else(|| format!("there is no policy of {rules} rules").into())
}
