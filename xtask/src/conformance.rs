//! `cargo xtask conformance`: OPA's compliance cases through compiler, Wasm and runtime, against the list of what is not
//! supported.
//!
//! | module | what it does |
//! |---|---|
//! | `case` | reads case files, of either form, and OPA's plans beside them |
//! | `run` | one case: text or plan to Wasm, loaded and evaluated, with a bound on its time |
//! | `compare` | what came of a case against what it wants |
//! | `unsupported` | the committed list, and its rule that it only shrinks |
//! | `report` | the counts, as text and as JSON |

mod case;
mod compare;
mod report;
mod run;
mod unsupported;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use sealgate_cli::{Exit, Failure};

use case::{Case, CaseFile};
use compare::{Kind, Verdict};
use report::Report;
use run::Runner;
use unsupported::{Key, List};

/// Where the list lies in the repository.
const LIST: &str = "xtask/conformance/unsupported.txt";
/// Stack of the threads that compile. The front end bounds its depth; unoptimised frames are large.
const STACK: usize = 64 << 20;
/// Cases that run at the same time, at most: each is compiled by wasmtime with threads of its own.
const MAX_THREADS: usize = 4;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of case files. Without it: the compliance cases in `shared/conformance` beside the repository.
    dir: Option<PathBuf>,
    /// Compile OPA's plans of the cases instead of their Rego; DIR is then the folder of plans, beside the folder `rego`.
    #[arg(long)]
    plans: bool,
    /// Print JSON: `passed`, `failed`, `skipped`, `seconds`; `files` (each with its counts), `skipped_reasons` (how many
    /// cases of each), `failures` (`file`, `index`, `note`, `problem`), `slowest` (`file`, `index`, `note`, `seconds`),
    /// `stale` (how many lines of the list name no case). The text goes to standard error.
    #[arg(long)]
    json: bool,
    /// Write what fails now to the list of what is not supported.
    #[arg(long)]
    bless: bool,
    /// Run only the cases whose `file#index note` contains this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<Exit, Failure> {
        if self.bless && std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false") {
            return Err(Failure::Usage("the list is never rewritten in CI".to_owned()));
        }
        if self.bless && self.only.is_some() {
            return Err(Failure::Usage("`--bless` needs all cases, so not `--only`".to_owned()));
        }
        let form = if self.plans { "plans" } else { "rego" };
        let beside = root.join("../shared/conformance").join(form);
        let dir = self.dir.clone().unwrap_or_else(|| beside.clone());
        if !dir.is_dir() {
            return Err(Failure::Usage(format!(
                "there is no folder `{}` with compliance cases; name one, such as the testdata of OPA's repository",
                dir.display()
            )));
        }
        let list_path = root.join(LIST);
        let list = List::read(&list_path)?;
        let mut files = if self.plans { case::read_plans(&dir)? } else { case::read_dir(&dir)? };
        if let Some(only) = &self.only {
            for file in &mut files {
                let name = file.name.clone();
                file.cases.retain(|case| format!("{name}#{} {}", case.index, case.note).contains(only.as_str()));
            }
        }
        if files.iter().all(|file| file.cases.is_empty()) {
            return Err(Failure::Usage(format!("`{}` holds no cases", dir.display())));
        }
        let started = Instant::now();
        let verdicts = run_all(&files)?;
        let took = started.elapsed();
        if self.bless {
            return bless(&list_path, &list, form, &files, &verdicts);
        }
        let mut report = Report::default();
        let at_home = same_folder(&dir, &beside);
        // Files of other folders may have the same names and notes. The list speaks of a file only where it is, byte by
        // byte, the one that the list was made with.
        let listed: HashSet<&str> = files
            .iter()
            .map(|file| file.name.as_str())
            .filter(|name| at_home || same_content(&dir.join(name), &beside.join(name)))
            .collect();
        let unlisted = List::default();
        for ((file, case), (verdict, took)) in each(&files).zip(&verdicts) {
            let list = if listed.contains(file.name.as_str()) { &list } else { &unlisted };
            report.add(&file.name, case, list.settle(&key(form, file, case), verdict), *took);
        }
        if self.only.is_none() && at_home {
            let known: HashSet<Key> = each(&files).map(|(file, case)| key(form, file, case)).collect();
            report.stale = list.without_case(form, &known);
        }
        report.print(self.json, took)?;
        Ok(if report.is_good() { Exit::Ok } else { Exit::Other })
    }
}

fn same_folder(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn same_content(a: &Path, b: &Path) -> bool {
    matches!((std::fs::read(a), std::fs::read(b)), (Ok(a), Ok(b)) if a == b)
}

fn each(files: &[CaseFile]) -> impl Iterator<Item = (&CaseFile, &Case)> {
    files.iter().flat_map(|file| file.cases.iter().map(move |case| (file, case)))
}

fn key(form: &str, file: &CaseFile, case: &Case) -> Key {
    Key { file: format!("{form}/{}", file.name), index: case.index, note: case.note.clone() }
}

/// Runs every case; the verdicts, with how long each took, are in the order of [`each`].
fn run_all(files: &[CaseFile]) -> anyhow::Result<Vec<(Verdict, Duration)>> {
    let runner = Runner::new()?;
    let cases: Vec<&Case> = each(files).map(|(_, case)| case).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(at) else { return done };
            let started = Instant::now();
            // A panic is a failure of its case and must not end the run.
            let verdict = catch_unwind(AssertUnwindSafe(|| runner.run(case)))
                .unwrap_or_else(|_| Verdict::failed(Kind::Stopped, "the compiler panicked".to_owned()));
            done.push((at, (verdict, started.elapsed())));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let mut all = thread::scope(|scope| -> anyhow::Result<Vec<(usize, (Verdict, Duration))>> {
        let mut workers = Vec::new();
        for _ in 0..threads {
            workers.push(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?);
        }
        let mut all = Vec::with_capacity(cases.len());
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow!("a thread that runs cases ended early"))?);
        }
        Ok(all)
    })?;
    all.sort_unstable_by_key(|(at, _)| *at);
    if all.len() != cases.len() {
        bail!("{} of {} cases were run", all.len(), cases.len());
    }
    Ok(all.into_iter().map(|(_, verdict)| verdict).collect())
}

fn bless(
    path: &Path,
    list: &List,
    form: &str,
    files: &[CaseFile],
    verdicts: &[(Verdict, Duration)],
) -> Result<Exit, Failure> {
    let names: Vec<String> = files.iter().map(|file| format!("{form}/{}", file.name)).collect();
    let mut blessed = list.clone();
    blessed.forget_files(&names);
    for ((file, case), (verdict, _)) in each(files).zip(verdicts) {
        let Verdict::Failed(failed) = verdict else { continue };
        if failed.kind == Kind::Wrong {
            eprintln!("WRONG RESULT {}#{} {}: {}", file.name, case.index, case.note, failed.detail);
        }
        blessed.insert(key(form, file, case), failed.reason());
    }
    std::fs::write(path, blessed.to_text()).with_context(|| format!("`{}` cannot be written", path.display()))?;
    println!("{} has {} lines now; it had {}", path.display(), blessed.len(), list.len());
    Ok(Exit::Ok)
}
