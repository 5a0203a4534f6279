//! The committed list of cases that are not supported, and its rules: a listed case that passes fails the run, so the list
//! only shrinks; and a case that gives a wrong result hides behind no other reason.
//!
//! A line is `file`, `index`, `note` and `reason`, with tabs between them. Empty lines and lines that begin with `#` say
//! nothing. Does not run anything.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::compare::{Kind, Verdict, WRONG_RESULT};

/// What stands at the top of the list.
const HEADER: &str = "\
# Compliance cases that Sealgate does not pass, with the reason of each: file, index, note, reason, with tabs between.
# `rego/` is the whole way from Rego, `plans/` begins with OPA's plan. A listed case that passes fails the run, so the
# list only shrinks. `cargo xtask conformance [--plans] --bless` rewrites it.
";

/// Which case a line is about. Notes repeat, so the index counts too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// `rego/` or `plans/`, and the file's path below the folder.
    pub(crate) file: String,
    /// Its place in the file, from 0.
    pub(crate) index: usize,
    pub(crate) note: String,
}

/// The list.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct List {
    lines: BTreeMap<Key, String>,
}

/// What a case counts as, the list considered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Settled {
    Passed,
    /// Listed, with the list's reason.
    Skipped(String),
    /// Why it fails the run.
    Failed(String),
}

impl List {
    /// Reads the list; a missing file is an empty one.
    ///
    /// # Errors
    /// The file cannot be read, or has a line that is none.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
        }
    }

    /// Reads the list's text.
    ///
    /// # Errors
    /// A line that is none, has no reason, or is there twice.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut list = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.splitn(4, '\t');
            let (Some(file), Some(index), Some(note), Some(reason)) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                bail!("line {number} is not file, index, note and reason with tabs between");
            };
            let Ok(index) = index.parse() else { bail!("`{index}` in line {number} is not an index") };
            if reason.trim().is_empty() {
                bail!("line {number} gives no reason");
            }
            let key = Key { file: file.to_owned(), index, note: note.to_owned() };
            if list.lines.insert(key, reason.to_owned()).is_some() {
                bail!("line {number} names a case that is listed already");
            }
        }
        Ok(list)
    }

    /// The list as text, sorted.
    pub(crate) fn to_text(&self) -> String {
        let lines = self.lines.iter();
        let lines = lines.map(|(key, reason)| format!("{}\t{}\t{}\t{reason}\n", key.file, key.index, key.note));
        std::iter::once(HEADER.to_owned()).chain(lines).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn insert(&mut self, key: Key, reason: String) {
        self.lines.insert(key, reason);
    }

    /// Takes out the lines of these files.
    pub(crate) fn forget_files(&mut self, files: &[String]) {
        let files: HashSet<&str> = files.iter().map(String::as_str).collect();
        self.lines.retain(|key, _| !files.contains(key.file.as_str()));
    }

    /// Lines of a form (`rego` or `plans`) that name none of the cases in `known`.
    pub(crate) fn without_case(&self, form: &str, known: &HashSet<Key>) -> Vec<Key> {
        let of_form = |key: &&Key| key.file.split('/').next() == Some(form);
        self.lines.keys().filter(of_form).filter(|key| !known.contains(key)).cloned().collect()
    }

    /// What a case counts as.
    pub(crate) fn settle(&self, key: &Key, verdict: &Verdict) -> Settled {
        match (verdict, self.lines.get(key)) {
            (Verdict::Passed, None) => Settled::Passed,
            (Verdict::Passed, Some(reason)) => {
                Settled::Failed(format!("passes, but is listed as not supported (`{reason}`): take its line out"))
            }
            (Verdict::Failed(failed), None) => Settled::Failed(failed.explain()),
            (Verdict::Failed(failed), Some(reason)) if failed.kind == Kind::Wrong && reason != WRONG_RESULT => {
                Settled::Failed(format!("is listed with `{reason}`, but gives a wrong result: {}", failed.detail))
            }
            (Verdict::Failed(_), Some(reason)) => Settled::Skipped(reason.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
