//! `cargo xtask fuzz`: every fuzz target for a while, with what it did in a table.
//!
//! Builds the targets with `cargo fuzz` (without a sanitizer, so on the stable toolchain; nearly all of the code is safe Rust),
//! then runs each binary by itself on its seeds and on what earlier runs found interesting. `fuzz/rustc` keeps coverage to
//! what reads outside bytes. A find ends the command with an error and stays in `fuzz/artifacts`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use sealgate_cli::{Exit, Failure, table};

/// What to fuzz and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Targets; all of them unless some are named.
    targets: Vec<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// An input that takes longer than this is a find, in seconds of the wall's clock. The first input of some targets waits
    /// for a policy to be compiled, which takes a busy machine several of them.
    #[arg(long, default_value_t = 30)]
    timeout: u64,
    /// More memory than this is a find, in MiB.
    #[arg(long, default_value_t = 1024)]
    memory: u64,
    /// The first random number, so that a run can be had again.
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

/// What one target did.
struct Run {
    name: String,
    executions: u64,
    per_second: u64,
    edges: u64,
    corpus: u64,
    slowest: u64,
    peak: u64,
    find: Option<String>,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<Exit, Failure> {
        let fuzz = root.join("fuzz");
        let known = known(&fuzz)?;
        if let Some(other) = self.targets.iter().find(|name| !known.contains(name)) {
            return Err(Failure::Usage(format!("no target `{other}`; there are {}", known.join(", "))));
        }
        let chosen = if self.targets.is_empty() { known } else { self.targets.clone() };
        let started = Instant::now();
        build(&fuzz)?;
        eprintln!("built in {:.0} s", started.elapsed().as_secs_f64());
        let mut runs = Vec::new();
        for name in &chosen {
            eprintln!("fuzzing `{name}` for {} s", self.seconds);
            runs.push(self.run_one(&fuzz, name)?);
        }
        print!("{}", report(&runs));
        let finds: Vec<_> = runs.iter().filter_map(|run| run.find.as_ref().map(|find| (run, find))).collect();
        for (run, find) in &finds {
            eprintln!("\nfind in {}:\n{find}", run.name);
        }
        if finds.is_empty() {
            return Ok(Exit::Ok);
        }
        Err(Failure::Other(anyhow::anyhow!("{} of {} targets found something", finds.len(), runs.len())))
    }

    fn run_one(&self, fuzz: &Path, name: &str) -> anyhow::Result<Run> {
        let corpus = fuzz.join("corpus").join(name);
        let artifacts = fuzz.join("artifacts").join(name);
        for folder in [&corpus, &artifacts] {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        }
        let mut prefix = artifacts.into_os_string();
        prefix.push("/");
        let mut artifact = OsString::from("-artifact_prefix=");
        artifact.push(prefix);
        let output = Command::new(binary(fuzz, name)?)
            .arg(&corpus)
            .arg(fuzz.join("seeds").join(name))
            .arg(artifact)
            .arg(format!("-max_total_time={}", self.seconds))
            .arg(format!("-timeout={}", self.timeout))
            .arg(format!("-rss_limit_mb={}", self.memory))
            .arg(format!("-seed={}", self.seed))
            .args(["-print_final_stats=1", "-verbosity=1", "-max_len=4096"])
            .output()
            .with_context(|| format!("cannot run `{name}`"))?;
        let log = String::from_utf8_lossy(&output.stderr);
        let mut run = read_log(name, &log);
        if !output.status.success() {
            // The panic's message comes before libFuzzer's long trace of it.
            let lines: Vec<_> = log.lines().filter(|line| !line.starts_with('#')).collect();
            run.find = Some(lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n"));
        }
        Ok(run)
    }
}

/// The targets that the fuzzer has, from its manifest.
fn known(fuzz: &Path) -> anyhow::Result<Vec<String>> {
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).context("cannot read the fuzzer's manifest")?;
    let path = |line: &str| {
        let name = line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\"")?;
        Some(name.to_owned())
    };
    Ok(manifest.lines().filter_map(path).collect())
}

fn build(fuzz: &Path) -> anyhow::Result<()> {
    let mut path = OsString::from(fuzz.join("../.tools/bin"));
    if let Some(inherited) = std::env::var_os("PATH") {
        path.push(":");
        path.push(inherited);
    }
    let status = Command::new("cargo")
        .args(["fuzz", "build", "--release", "--sanitizer", "none", "--codegen-units", "16", "--fuzz-dir"])
        .arg(fuzz)
        .env("PATH", path)
        .env("RUSTC_WRAPPER", fuzz.join("rustc"))
        .current_dir(fuzz)
        .status()
        .context("cannot run `cargo fuzz`")?;
    if !status.success() {
        bail!("`cargo fuzz build` failed; `.ci/install-peers` installs cargo-fuzz");
    }
    Ok(())
}

/// The binary of a target: below the folder of the platform that `cargo fuzz` built for.
fn binary(fuzz: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let target = fuzz.join("target");
    for entry in std::fs::read_dir(&target).with_context(|| format!("cannot read `{}`", target.display()))? {
        let path = entry?.path().join("release").join(name);
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("`{name}` has not been built")
}

/// Reads libFuzzer's closing figures, and of its last line of progress the edges covered and the inputs kept.
fn read_log(name: &str, log: &str) -> Run {
    let stat = |key: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(key));
        line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok()).unwrap_or(0)
    };
    let last = log.lines().rev().find(|line| line.starts_with('#') && line.contains(" cov: ")).unwrap_or_default();
    let after = |key: &str| {
        let word = last.split_once(key)?.1.split_whitespace().next()?;
        word.split('/').next()?.parse().ok()
    };
    Run {
        name: name.to_owned(),
        executions: stat("number_of_executed_units"),
        per_second: stat("average_exec_per_sec"),
        edges: after(" cov: ").unwrap_or(0),
        corpus: after(" corp: ").unwrap_or(0),
        slowest: stat("slowest_unit_time_sec"),
        peak: stat("peak_rss_mb"),
        find: None,
    }
}

fn report(runs: &[Run]) -> String {
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let figures = [run.executions, run.per_second, run.edges, run.corpus, run.slowest, run.peak];
            let verdict = if run.find.is_some() { "FIND" } else { "-" };
            let figures = figures.iter().map(u64::to_string);
            [run.name.clone()].into_iter().chain(figures).chain([verdict.to_owned()]).collect()
        })
        .collect();
    let header = ["target", "executions", "per s", "edges", "corpus", "slowest s", "peak MiB", "finds"];
    let total: u64 = runs.iter().map(|run| run.executions).sum();
    table::render(&header, &rows, &[1, 2, 3, 4, 5, 6]) + &format!("{total} executions\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_log() {
        let log = "INFO: seed\n#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb\n\
            #4096\tpulse  cov: 215 ft: 400 corp: 37/1200b lim: 4 exec/s: 900 rss: 40Mb\n\
            Done 5000 runs\nstat::number_of_executed_units: 5000\nstat::average_exec_per_sec:     833\n\
            stat::new_units_added:          12\nstat::slowest_unit_time_sec:    1\nstat::peak_rss_mb:              41\n";
        let run = read_log("x", log);
        assert_eq!((run.executions, run.per_second, run.edges, run.corpus), (5000, 833, 215, 37));
        assert_eq!((run.slowest, run.peak, run.find.is_none()), (1, 41, true));
        assert!(report(&[run]).ends_with("5000 executions\n"));
    }
}
