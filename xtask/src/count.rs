//! `cargo xtask count`: the instructions of a decision, which a busy machine does not change.
//!
//! Builds `decide-many` in release and runs it under valgrind's callgrind, which counts only below the function that decides;
//! the count of one decision is what that comes to divided by the number of decisions. The counts that are kept lie in
//! `benches/counts.json`, for the architecture that they were counted on. They depend on the instruction set that valgrind
//! shows to cranelift and to libc (AVX2 where the machine has it; nothing newer), on rustc, cranelift and libc, not on the
//! machine's load, caches or speed; whoever changes a compiler blesses them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use sealgate_cli::{Exit, Failure, table};

/// The counts that are kept.
const KEPT: &str = "benches/counts.json";
/// A count that has grown by more than this is a regression.
const TOLERANCE: f64 = 0.03;
/// Decisions that are counted.
const DECISIONS: u64 = 2_000;
/// What is counted: its name, what `decide-many` is asked for, and the rules of the policy.
const COUNTED: [(&str, &str, &str); 6] = [
    ("json", "json", "4"),
    ("json_denied", "denied", "4"),
    ("typed", "request", "4"),
    ("json_10000_rules", "json", "10000"),
    ("uniform_10000_rules", "uniform", "10000"),
    ("uniform_decision_10000_rules", "uniform-decision", "10000"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Fail if a count has grown by more than 3 %.
    #[arg(long, conflicts_with = "bless")]
    check: bool,
    /// Keep these counts from now on.
    #[arg(long)]
    bless: bool,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<Exit, Failure> {
        let program = build(root)?;
        let folder = root.join("target/count");
        std::fs::create_dir_all(&folder).context("cannot make the folder for counts")?;
        let kept_at = root.join(KEPT);
        let mut all: BTreeMap<String, BTreeMap<String, u64>> = match std::fs::read(&kept_at) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| format!("`{KEPT}` holds no counts"))?,
            Err(_) => BTreeMap::new(),
        };
        let here = std::env::consts::ARCH;
        let kept = all.get(here).cloned().unwrap_or_default();
        let mut counts = BTreeMap::new();
        for (name, kind, rules) in COUNTED {
            eprintln!("counting {name}");
            let archive = folder.join(format!("refunds-{rules}.tar.gz"));
            run(Command::new(&program).args(["write", rules]).arg(&archive))?;
            counts.insert(name.to_owned(), count(&program, kind, rules, &archive, &folder.join(name))?);
        }
        print!("{}", shown(&counts, &kept));
        if self.bless {
            all.insert(here.to_owned(), counts.clone());
            let text = serde_json::to_string_pretty(&all)? + "\n";
            std::fs::write(&kept_at, text).with_context(|| format!("cannot write `{KEPT}`"))?;
        }
        let grown = grown(&counts, &kept);
        if self.check && !grown.is_empty() {
            let text = grown.join("\n");
            return Err(Failure::Other(anyhow::anyhow!(
                "{text}\n`cargo xtask count --bless` keeps the counts as they are"
            )));
        }
        Ok(Exit::Ok)
    }
}

fn build(root: &Path) -> anyhow::Result<PathBuf> {
    eprintln!("building the program whose instructions are counted");
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--release", "-p", "sealgate-benches", "--bin", "decide-many"]).current_dir(root);
    run(&mut command)?;
    Ok(root.join("target/release/decide-many"))
}

/// Instructions of one decision.
fn count(program: &Path, kind: &str, rules: &str, archive: &Path, log: &Path) -> anyhow::Result<u64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind", "--toggle-collect=*counted_decisions*"])
        .arg(format!("--callgrind-out-file={}", log.display()))
        .arg(program)
        .args([kind, rules])
        .arg(archive)
        .arg(DECISIONS.to_string());
    run(&mut command).context("callgrind fails; valgrind is a package of that name")?;
    let text = std::fs::read_to_string(log).context("callgrind wrote nothing")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    let total: u64 = total.and_then(|total| total.trim().parse().ok()).context("callgrind wrote no total")?;
    if total < DECISIONS {
        bail!(
            "callgrind counted {total} instructions of {DECISIONS} decisions: the function that decides was not found"
        );
    }
    Ok(total / DECISIONS)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .stdout(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", command.get_program().to_string_lossy(), output.status, said.trim());
    }
    Ok(())
}

fn shown(counts: &BTreeMap<String, u64>, kept: &BTreeMap<String, u64>) -> String {
    let rows: Vec<Vec<String>> = counts
        .iter()
        .map(|(name, count)| {
            let kept = kept.get(name).copied();
            let change = kept.map_or_else(String::new, |kept| format!("{:+.1} %", 100.0 * change(*count, kept)));
            vec![name.clone(), count.to_string(), kept.map_or_else(String::new, |kept| kept.to_string()), change]
        })
        .collect();
    table::render(&["instructions of a decision", "now", "kept", "change"], &rows, &[1, 2, 3])
}

fn change(count: u64, kept: u64) -> f64 {
    count as f64 / kept.max(1) as f64 - 1.0
}

/// What must not be: counts that have grown, and counts that are kept for nothing or not at all.
fn grown(counts: &BTreeMap<String, u64>, kept: &BTreeMap<String, u64>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, count) in counts {
        match kept.get(name) {
            Some(kept) if *count as f64 > *kept as f64 * (1.0 + TOLERANCE) => {
                found.push(format!("{name} takes {count} instructions, {kept} were kept"));
            }
            Some(_) => {}
            None => found.push(format!("no count is kept for {name}")),
        }
    }
    found.extend(kept.keys().filter(|name| !counts.contains_key(*name)).map(|name| format!("{name} is not counted")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_fails_and_what_shrinks_does_not() {
        let counts = |list: &[(&str, u64)]| list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let kept = counts(&[("json", 1000), ("typed", 1000)]);
        assert!(grown(&counts(&[("json", 1030), ("typed", 500)]), &kept).is_empty());
        assert_eq!(
            grown(&counts(&[("json", 1031), ("typed", 500)]), &kept),
            ["json takes 1031 instructions, 1000 were kept"]
        );
        assert_eq!(grown(&counts(&[("json", 1)]), &kept), ["typed is not counted"]);
        assert_eq!(grown(&counts(&[("json", 1), ("typed", 1), ("new", 1)]), &kept), ["no count is kept for new"]);
    }
}
