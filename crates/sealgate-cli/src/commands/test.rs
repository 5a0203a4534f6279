//! `sealgate test`: the tests of Rego, as `opa test` runs them, or the calls of a YAML policy.
//!
//! The exit code is that of `opa test`: 2 where a test failed, erred, or was skipped without `--exit-zero-on-skipped`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use sealgate::toolchain::diagnostics::Sources;
use sealgate::toolchain::rego::files::{self, FolderMode};
use sealgate::toolchain::rego::program::Dialect;
use sealgate::toolchain::rego::tester::{self, RunError, SubResult, TestOptions, TestResult};
use sealgate::toolchain::suite::Suite;
use sealgate::{Policy, RuntimeOptions};
use serde_json::{Value, json};

use crate::grants::GrantArgs;
use crate::output::{self, say};
use crate::rego::{self, RegoArgs};
use crate::{Exit, Failure, text_file};

/// What to test.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rego with tests and data: files, folders, OPA bundles. With `--calls`: a YAML policy.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Decide the calls in this file by the YAML policy, and compare.
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,
    /// Read folders as bundles: data in files called `data.json|yaml` alone.
    #[arg(long, short)]
    bundle: bool,
    /// Show every test, not only those that do not pass.
    #[arg(long, short)]
    verbose: bool,
    /// Run only tests whose full name (`data.app.test_x`) this regular expression finds something in.
    #[arg(long, short, value_name = "REGEX")]
    run: Option<String>,
    /// Print results as JSON: a list in the shape of `opa test --format=json`, prints as text.
    #[arg(long)]
    json: bool,
    /// How long one test may take: seconds, or a number with `ms`, `s` or `m`.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION", default_value = "5s")]
    timeout: Duration,
    /// Exit with 0 where tests are skipped and none fails.
    #[arg(long, short = 'z')]
    exit_zero_on_skipped: bool,
    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    rego: RegoArgs,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match (&self.calls, self.paths.as_slice()) {
            (Some(calls), [policy]) if !files::is_rego(policy) => test_policy(policy, calls, self.json, self.verbose),
            (Some(_), _) => Err(Failure::Usage("--calls needs one YAML policy".to_owned())),
            (None, paths) => self.test_rego(paths),
        }
    }

    fn test_rego(&self, paths: &[PathBuf]) -> Result<Exit, Failure> {
        let run = self.run.as_deref().map(regex::Regex::new).transpose();
        let run = run.map_err(|error| Failure::Usage(format!("--run: {error}")))?;
        let folders = if self.bundle { FolderMode::Bundle } else { FolderMode::AllData };
        let read = rego::read(paths, &self.rego.read_options(folders, true))?;
        if read.modules.is_empty() && !paths.iter().any(|path| files::is_rego(path)) {
            return Err(Failure::Usage("no `.rego` file to test; for a YAML policy give `--calls FILE`".to_owned()));
        }
        let RuntimeOptions { grants, host, .. } = self.grants.apply(RuntimeOptions::default())?;
        let rego = self.rego.rego_options(Dialect::Either, &[]);
        let options = TestOptions { rego, run, timeout: self.timeout, grants, host };
        let mut sources = Sources::new();
        let run = tester::run(&read, &mut sources, &options).map_err(|error| match error {
            RunError::Refused(found) => rego::refusal(&found, &sources),
            other => Failure::Other(other.into()),
        })?;
        rego::note_v0(&run.read_as_v0);
        if self.json {
            let rows: Vec<Value> = run.results.iter().map(TestResult::to_json).collect();
            say!("{}", serde_json::to_string_pretty(&rows)?);
        } else {
            output::print(format_args!("{}", text(&run.results, self.verbose)));
        }
        let good = |result: &TestResult| result.passed() || (result.skip && self.exit_zero_on_skipped);
        Ok(if run.results.iter().all(good) { Exit::Ok } else { Exit::Usage })
    }
}

/// The results for people: those that do not pass (or all) by file, and the counts.
fn text(results: &[TestResult], verbose: bool) -> String {
    let mut text = String::new();
    let mut last = "";
    let mut counts = [0_usize; 4];
    for result in results {
        let [passed, failed, skipped, erred] = &mut counts;
        match result.outcome() {
            "SKIPPED" => *skipped += 1,
            "ERROR" => *erred += 1,
            outcome if result.sub_results.is_empty() => *(if outcome == "PASS" { passed } else { failed }) += 1,
            _ => {
                let (good, bad) = result.case_counts();
                (*passed, *failed) = (*passed + good, *failed + bad);
            }
        }
        if !verbose && result.passed() {
            continue;
        }
        if !last.is_empty() && last != result.file {
            text.push('\n');
        }
        last = &result.file;
        text += &format!("{}:{}:\n", result.file, result.row);
        let took =
            if result.skip { String::new() } else { format!(" ({:.3} ms)", result.duration.as_secs_f64() * 1e3) };
        text += &format!("{}.{}: {}{took}\n", result.package, result.name, result.outcome());
        for (name, case) in &result.sub_results {
            push_case(&mut text, name, case, 1, verbose);
        }
        if !result.output.is_empty() {
            text += &format!("\n{}\n\n", indented(result.output.trim_end()));
        }
        if let Some(error) = &result.error {
            text += &format!("{}\n", indented(&format!("{}: {}", error.code, error.message)));
        }
    }
    if !text.is_empty() {
        text += &format!("{}\n", "-".repeat(80));
    }
    let total: usize = counts.iter().sum();
    for (name, count) in ["PASS", "FAIL", "SKIPPED", "ERROR"].into_iter().zip(counts) {
        if count > 0 {
            text += &format!("{name}: {count}/{total}\n");
        }
    }
    if total == 0 {
        text += "no tests\n";
    }
    text
}

fn push_case(text: &mut String, name: &str, case: &SubResult, depth: usize, verbose: bool) {
    if !verbose && !case.fail {
        return;
    }
    *text += &format!("{}{name}: {}\n", "  ".repeat(depth), if case.fail { "FAIL" } else { "PASS" });
    for (name, case) in &case.sub_results {
        push_case(text, name, case, depth + 1, verbose);
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Decides the calls of a file by a YAML policy.
fn test_policy(policy: &Path, calls: &Path, json: bool, verbose: bool) -> Result<Exit, Failure> {
    let text = text_file::read(calls).with_context(|| format!("`{}` cannot be read", calls.display()))?;
    let suite = Suite::parse(&text).map_err(|error| Failure::refused(calls.display(), error))?;
    let bundle = super::decide::built(policy, false)?;
    let policy = Policy::load(&bundle, &RuntimeOptions::default())
        .map_err(|error| Failure::refused("the policy's module is refused", error))?;
    let mut wrong = 0;
    let mut rows = Vec::new();
    for call in &suite.calls {
        let decided = call.decide(&policy);
        let holds = call.holds(&decided);
        wrong += usize::from(!holds);
        if json {
            rows.push(json!({
                "name": call.name,
                "fail": !holds,
                "expected": {"outcome": call.outcome.to_string(), "violations": call.violations},
                "decided": decided,
            }));
        } else if !holds {
            say!("{}: FAIL", call.name);
            say!(
                "  expected {} {:?}\n  decided  {} {:?}",
                call.outcome,
                call.violations,
                decided.outcome,
                decided.violations
            );
        } else if verbose {
            say!("{}: PASS ({})", call.name, decided.outcome);
        }
    }
    if json {
        say!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        let total = suite.calls.len();
        say!("PASS: {}/{total}", total - wrong);
        if wrong > 0 {
            say!("FAIL: {wrong}/{total}");
        }
    }
    Ok(if wrong == 0 { Exit::Ok } else { Exit::Usage })
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("`{text}` is no duration like `5s`"))?;
    let duration = match text.get(digits.len()..) {
        Some("ms") => Duration::from_millis(number),
        Some("s" | "") => Duration::from_secs(number),
        Some("m") => Duration::from_secs(number.saturating_mul(60)),
        _ => return Err(format!("`{text}` is no duration like `5s`")),
    };
    if duration.is_zero() || duration > Duration::from_secs(3600) {
        return Err("from 1 ms to 60 minutes".to_owned());
    }
    Ok(duration)
}
