//! Where statements come from: spans as files, lines and columns.

use foldhash::HashMap;
use sealgate_diagnostics::{SourceId, Sources, Span};

use crate::ir::{FileIndex, Location};

/// Columns are counted in lines up to this many bytes; beyond it they are not known, so that a module on one line costs no more.
const LONGEST_LINE: usize = 4096;
/// So many lines from the last one on are looked through before all of them are.
const FEW_LINES: usize = 4;

/// Turns spans into locations and numbers the files that they are in.
#[derive(Debug)]
pub(super) struct Places<'a> {
    sources: &'a Sources,
    files: HashMap<SourceId, (FileIndex, Lines<'a>)>,
    names: Vec<String>,
}

#[derive(Debug)]
struct Lines<'a> {
    text: &'a str,
    starts: Vec<u32>,
    /// How many lines begin before the last place that was asked for, or there: the next one is mostly near.
    near: usize,
}

impl<'a> Places<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, files: HashMap::default(), names: Vec::new() }
    }

    /// A span's location; one that lies in no source is unknown.
    pub(super) fn locate(&mut self, span: Span) -> Location {
        let (sources, names) = (self.sources, &mut self.names);
        let (file, lines) = self.files.entry(span.source).or_insert_with(|| {
            let (name, text) =
                sources.get(span.source).map_or(("<unknown>", ""), |source| (source.name(), source.text()));
            names.push(name.to_owned());
            (FileIndex(u32::try_from(names.len() - 1).unwrap_or(u32::MAX)), Lines::new(text))
        });
        let (row, col) = lines.at(span.start);
        let (end_row, end_col) = lines.at(span.end);
        Location { file: *file, col, row, end_col, end_row }
    }

    /// The names of the files, by index.
    pub(super) fn into_files(self) -> Vec<String> {
        self.names
    }
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        Self { text, starts: std::iter::once(0).chain(breaks).collect(), near: 0 }
    }

    fn at(&mut self, offset: u32) -> (u32, u32) {
        let row = self.row(offset);
        self.near = row;
        let start = row.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let before = self.text.get(start as usize..(offset as usize).min(self.text.len())).unwrap_or("");
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let col = if before.len() > LONGEST_LINE { 0 } else { count(before.chars().count() + 1) };
        (count(row), col)
    }

    /// How many lines begin before an offset or there.
    fn row(&self, offset: u32) -> usize {
        // The line that the last place was in, or one of the few behind it.
        for row in self.near.max(1)..self.near + FEW_LINES {
            let begins = self.starts.get(row - 1).is_some_and(|start| *start <= offset);
            if begins && self.starts.get(row).is_none_or(|next| offset < *next) {
                return row;
            }
        }
        self.starts.partition_point(|start| *start <= offset)
    }
}
