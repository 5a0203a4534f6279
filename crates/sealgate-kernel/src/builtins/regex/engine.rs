//! Patterns compiled at run time, and how matches follow one another.
//!
//! Over the PikeVM of `regex-automata`: linear in the text for any pattern, and small. A pattern whose automaton is beyond
//! [`MAX_AUTOMATON`] ends the evaluation: undefined would let `not` succeed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::RefCell;

use regex_automata::nfa::thompson::pikevm::{Cache, PikeVM};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::Hir;

use super::syntax::{self, SyntaxError};
use crate::Text;

/// Bytes that a pattern's automaton may take.
pub(super) const MAX_AUTOMATON: usize = 8 << 20;

/// A pattern, compiled.
pub(in crate::builtins) struct Regex {
    machine: PikeVM,
    cache: RefCell<Cache>,
    names: Vec<Option<Box<str>>>,
}

/// One match: the positions of its groups. Group 0 is the whole match.
pub(super) struct Groups<'t> {
    text: &'t str,
    /// Number of groups, the whole match included.
    count: usize,
    /// Starts and ends, as many as the automaton has: it has none for groups at the end that can take no part.
    slots: Vec<Option<NonMaxUsize>>,
}

impl Regex {
    /// Compiles `pattern`, with the positions of groups if they are wanted; `None` if it is not a valid one.
    pub(super) fn new(pattern: &str, groups: bool) -> Option<Self> {
        let pattern = bounded(syntax::parse(pattern))?;
        Some(Self::compile(&pattern.hir, groups, pattern.groups))
    }

    /// Compiles what a parser of another language gave, without groups.
    pub(in crate::builtins) fn of_syntax(syntax: Result<Hir, SyntaxError>) -> Option<Self> {
        Some(Self::compile(&bounded(syntax)?, false, Vec::new()))
    }

    fn compile(hir: &Hir, groups: bool, names: Vec<Option<Box<str>>>) -> Self {
        let Some(machine) = automaton(hir, groups).and_then(|nfa| PikeVM::new_from_nfa(nfa).ok()) else { too_large() };
        let cache = RefCell::new(machine.create_cache());
        Self { machine, cache, names }
    }

    pub(in crate::builtins) fn is_match(&self, text: &str) -> bool {
        self.machine.is_match(&mut self.cache.borrow_mut(), Input::new(text).earliest(true))
    }

    /// Gives the first `limit` matches (all for a negative limit) to `each`. An empty match right behind another match does
    /// not count.
    pub(super) fn find_all<'t>(&self, text: &'t str, limit: i64, mut each: impl FnMut(&Groups<'t>)) {
        let slots = alloc::vec![None; self.machine.get_nfa().group_info().slot_len()];
        let mut groups = Groups { text, count: self.names.len() + 1, slots };
        let (mut position, mut previous_end, mut found) = (0, None, 0);
        while position <= text.len() && (limit < 0 || found < limit) {
            let input = Input::new(text).range(position..).anchored(Anchored::No);
            groups.slots.fill(None);
            if self.machine.search_slots(&mut self.cache.borrow_mut(), &input, &mut groups.slots).is_none() {
                return;
            }
            let (start, end) = groups.range();
            let empty = end == position;
            let counts = !(empty && previous_end == Some(start));
            position = if empty { position + width_at(text, position) } else { end };
            previous_end = Some(end);
            if counts {
                found += 1;
                each(&groups);
            }
        }
    }

    /// Appends `template` with its references to groups replaced.
    pub(super) fn expand(&self, template: &str, groups: &Groups<'_>, out: &mut Text<'_>) {
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(escaped) = behind.strip_prefix('$') {
                out.push('$');
                rest = escaped;
                continue;
            }
            match reference(behind) {
                Some((name, behind)) => {
                    rest = behind;
                    if let Some(index) = self.group(name) {
                        out.push_str(groups.get(index));
                    }
                }
                None => {
                    out.push('$');
                    rest = behind;
                }
            }
        }
        out.push_str(rest);
    }

    /// A group by number or name; where a name is used twice, the last group that took part is not looked for: the first is
    /// meant.
    fn group(&self, name: &str) -> Option<usize> {
        if name.bytes().all(|byte| byte.is_ascii_digit()) && !(name.len() > 1 && name.starts_with('0')) {
            return name.parse().ok();
        }
        self.names.iter().position(|group| group.as_deref() == Some(name)).map(|at| at + 1)
    }
}

impl<'t> Groups<'t> {
    /// Number of groups, the whole match included.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The text of a group, empty if it took no part.
    pub(super) fn get(&self, index: usize) -> &'t str {
        let at = index.saturating_mul(2);
        match (self.slot(at), self.slot(at.saturating_add(1))) {
            (Some(start), Some(end)) => self.text.get(start..end).unwrap_or_default(),
            _ => "",
        }
    }

    /// Where the whole match starts and ends.
    pub(super) fn range(&self) -> (usize, usize) {
        (self.slot(0).unwrap_or(0), self.slot(1).unwrap_or(0))
    }

    fn slot(&self, index: usize) -> Option<usize> {
        self.slots.get(index).copied().flatten().map(NonMaxUsize::get)
    }
}

/// Ends the evaluation for a pattern beyond what this engine takes.
pub(super) fn too_large() -> ! {
    crate::abort(c"regular expression too large")
}

pub(super) fn bounded<T>(result: Result<T, SyntaxError>) -> Option<T> {
    match result {
        Err(SyntaxError::TooLarge) => too_large(),
        result => result.ok(),
    }
}

/// The automaton of a pattern; `None` if it is too large.
pub(super) fn automaton(hir: &Hir, groups: bool) -> Option<NFA> {
    let captures = if groups { WhichCaptures::All } else { WhichCaptures::None };
    let config = Config::new().utf8(true).nfa_size_limit(Some(MAX_AUTOMATON)).which_captures(captures);
    Compiler::new().configure(config).build_from_hir(hir).ok()
}

/// Bytes to the next code point; 1 at the end.
fn width_at(text: &str, position: usize) -> usize {
    text.get(position..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

/// The name of a group behind `$`, bare or in braces, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let word = |c: char| c == '_' || c.is_alphanumeric();
    if let Some(braced) = text.strip_prefix('{') {
        let (name, rest) = braced.split_once('}')?;
        return (!name.is_empty() && name.chars().all(word)).then_some((name, rest));
    }
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at_checked(end)).flatten()
}
