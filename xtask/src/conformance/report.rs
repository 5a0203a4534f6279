//! The counts of a run, as text for people and as JSON for tools.
//!
//! Takes what every case counts as, prints. Text goes to standard output and ends with the line of counts; with JSON the
//! object alone does, and the text to standard error.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use super::case::Case;
use super::unsupported::{Key, Settled};

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    total: Counts,
    files: BTreeMap<String, Counts>,
    failures: Vec<Line>,
    reasons: BTreeMap<String, usize>,
    /// The cases that took longest, the longest first.
    slowest: Vec<Slow>,
    /// Lines of the list that name no case.
    pub(crate) stale: Vec<Key>,
}

#[derive(Debug, Default, Clone, Copy, serde::Serialize)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// A case that fails the run.
#[derive(Debug, serde::Serialize)]
struct Line {
    file: String,
    index: usize,
    note: String,
    problem: String,
}

/// A case that took long.
#[derive(Debug, serde::Serialize)]
struct Slow {
    file: String,
    index: usize,
    note: String,
    seconds: f64,
}

/// How many of the slowest cases are kept.
const SLOWEST: usize = 5;

impl Report {
    /// Counts a case.
    pub(crate) fn add(&mut self, file: &str, case: &Case, settled: Settled, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = self.slowest.partition_point(|slow| slow.seconds >= seconds);
        if at < SLOWEST {
            self.slowest
                .insert(at, Slow { file: file.to_owned(), index: case.index, note: case.note.clone(), seconds });
            self.slowest.truncate(SLOWEST);
        }
        let counts = self.files.entry(file.to_owned()).or_default();
        match settled {
            Settled::Passed => {
                counts.passed += 1;
                self.total.passed += 1;
            }
            Settled::Skipped(reason) => {
                counts.skipped += 1;
                self.total.skipped += 1;
                *self.reasons.entry(reason).or_default() += 1;
            }
            Settled::Failed(problem) => {
                counts.failed += 1;
                self.total.failed += 1;
                let (file, note) = (file.to_owned(), case.note.clone());
                self.failures.push(Line { file, index: case.index, note, problem });
            }
        }
    }

    /// Whether nothing failed.
    pub(crate) fn is_good(&self) -> bool {
        self.total.failed == 0 && self.stale.is_empty()
    }

    /// The line that a run ends with.
    fn line(&self) -> String {
        let Counts { passed, failed, skipped } = self.total;
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    fn text(&self, took: Duration) -> String {
        let mut text = String::new();
        let mut say = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        for Line { file, index, note, problem } in &self.failures {
            say(format!("FAILED {file}#{index} {note}: {problem}"));
        }
        for key in &self.stale {
            say(format!("STALE the list names {}#{} {}, which there is not", key.file, key.index, key.note));
        }
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), reason.as_str()));
        for (reason, count) in reasons {
            say(format!("{count:>5} skipped: {reason}"));
        }
        if let Some(slow) = self.slowest.first() {
            say(format!("slowest: {}#{} {} in {:.2} s", slow.file, slow.index, slow.note, slow.seconds));
        }
        say(format!("{} files in {:.1} s", self.files.len(), took.as_secs_f64()));
        say(self.line());
        text
    }

    fn json(&self, took: Duration) -> serde_json::Value {
        serde_json::json!({
            "passed": self.total.passed,
            "failed": self.total.failed,
            "skipped": self.total.skipped,
            "seconds": took.as_secs_f64(),
            "files": self.files,
            "skipped_reasons": self.reasons,
            "failures": self.failures,
            "slowest": self.slowest,
            "stale": self.stale.len(),
        })
    }

    /// Prints it.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn print(&self, json: bool, took: Duration) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            eprint!("{}", self.text(took));
            writeln!(out, "{:#}", self.json(took))?;
        } else {
            out.write_all(self.text(took).as_bytes())?;
        }
        out.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
