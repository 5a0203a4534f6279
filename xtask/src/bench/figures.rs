//! Figures of one process each: threads, swaps, allocations, cold starts; and builds and sizes.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::programs::Programs;
use super::report::Note;
use super::rounds::{Ratio, median};
use super::rows::{Figure, plain};

/// Runs the contestant's program to its end; what it printed.
///
/// # Errors
/// What it said instead.
pub(crate) fn print(programs: &Programs, arguments: &[&dyn AsRef<OsStr>]) -> Result<Value, String> {
    let output = Command::new(&programs.contestant)
        .args(arguments.iter().map(AsRef::as_ref))
        .output()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("it printed no JSON: {error}"))
}

/// The throughput of two threads as a multiple of one's: from the quickest of many short rounds, because a round in which the
/// machine was also busy otherwise says nothing of the pool. The note is what work without anything shared comes to.
pub(crate) fn threads(programs: &Programs, archive: &Path, rounds: usize) -> (Figure, Option<Note>) {
    let printed = print(programs, &[&"threads", &archive, &rounds.to_string()]);
    let throughput = |key: &str| -> Figure {
        let pairs = pairs(printed.as_ref().map_err(Clone::clone)?, key)?;
        let least = |side: fn(&[f64; 2]) -> f64| pairs.iter().map(side).fold(f64::INFINITY, f64::min);
        Ok(plain(2.0 * least(|[one, _]| *one) / least(|[_, two]| *two)))
    };
    let note = throughput("shared_nothing").ok().map(|most| Note {
        name: "two_threads_of_the_machine".to_owned(),
        what: "the same for work that shares nothing: what the machine gives".to_owned(),
        value: most.median,
    });
    (throughput("decisions"), note)
}

/// The 99.9th percentile of decisions during swaps, as a multiple of that of the slice just before without any.
pub(crate) fn swap(programs: &Programs, archives: [&Path; 2], rounds: usize) -> (Figure, Option<Note>) {
    let [one, other] = archives;
    let printed = print(programs, &[&"swap", &one, &other, &rounds.to_string()]);
    let note = printed.as_ref().ok().and_then(|printed| printed.get("swaps")?.as_f64()).map(|swaps| Note {
        name: "swaps".to_owned(),
        what: "how often the policy was swapped while `swap_p999` was measured".to_owned(),
        value: swaps,
    });
    let figure = printed.and_then(|printed| {
        let quotients = pairs(&printed, "p999")?.iter().map(|[swapping, steady]| swapping / steady).collect();
        Ok(Ratio::of(quotients))
    });
    (figure, note)
}

/// Bytes that a typed decision allocates.
pub(crate) fn allocations(programs: &Programs, archive: &Path) -> Figure {
    let printed = print(programs, &[&"allocations", &archive])?;
    printed.get("typed_allow").and_then(Value::as_f64).map(plain).ok_or_else(|| "it printed no figure".to_owned())
}

/// Milliseconds to the first decision, each in a process of its own. With a folder compiled code is kept there; the first
/// start, which fills it, does not count.
pub(crate) fn cold_start(programs: &Programs, archive: &Path, cache: Option<&Path>, starts: usize) -> Figure {
    let mut times = Vec::with_capacity(starts);
    for _ in 0..=starts {
        let printed = match &cache {
            None => print(programs, &[&"cold", &archive])?,
            Some(cache) => print(programs, &[&"cold", &archive, cache])?,
        };
        times.push(printed.get("milliseconds").and_then(Value::as_f64).ok_or("it printed no figure")?);
    }
    Ok(Ratio::of(times.split_off(1)))
}

/// `sealgate build` on a policy's YAML against `opa build -t wasm` on its Rego, both as commands that write a bundle. Nobody
/// waits for what another has left to be written to the disk.
pub(crate) fn build(programs: &Programs, policy: &Path, rounds: usize) -> (Figure, Option<Note>) {
    let timed = || -> Result<Vec<[f64; 2]>, String> {
        let opa = programs.opa.clone()?;
        let key = policy.join("key");
        run(&programs.sealgate, policy, &["keygen", "--out", &key.to_string_lossy(), "--force"])?;
        let mut pairs = Vec::new();
        for _ in 0..rounds {
            let ours = ["build", "refunds.yaml", "--sign-key", "key.private", "--out", "built"];
            let theirs = ["build", "-t", "wasm", "-e", "sealgate/policy/decision", "-o", "opa.tar.gz", "refunds.rego"];
            flush();
            let ours = run(&programs.sealgate, policy, &ours)?;
            flush();
            pairs.push([ours, run(&opa, policy, &theirs)?]);
        }
        Ok(pairs)
    };
    let pairs = timed();
    let note = pairs.as_ref().ok().map(|pairs| Note {
        name: "build_ms_1000".to_owned(),
        what: "milliseconds of `sealgate build` for 1,000 rules, the process included".to_owned(),
        value: median(pairs.iter().map(|[ours, _]| ours * 1e3).collect()),
    });
    (pairs.map(|pairs| Ratio::of(pairs.iter().map(|[ours, theirs]| ours / theirs).collect())), note)
}

/// Has everything written to the disk, where the system can be told to.
fn flush() {
    #[cfg(unix)]
    rustix::fs::sync();
}

/// Seconds that a command takes.
fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Result<f64, String> {
    let began = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
    let took = began.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(took);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{}` ended with {}: {}", program.display(), output.status, said.trim()))
}

fn pairs(printed: &Value, key: &str) -> Result<Vec<[f64; 2]>, String> {
    let list = printed.get(key).and_then(Value::as_array).ok_or("it printed no rounds")?;
    let pair = |pair: &Value| Some([pair.get(0)?.as_f64()?, pair.get(1)?.as_f64()?]);
    list.iter().map(pair).collect::<Option<Vec<_>>>().ok_or_else(|| "it printed odd rounds".to_owned())
}
