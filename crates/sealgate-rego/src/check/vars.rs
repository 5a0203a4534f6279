//! What is known of the variables of one rule, undone where a closure ends.

use crate::resolved::VarId;
use crate::types::Type;

/// The types of variables.
#[derive(Debug, Default)]
pub(super) struct Vars {
    types: Vec<Option<Type>>,
    /// What the variables were before, latest last.
    undo: Vec<(VarId, Option<Type>, u64)>,
    /// Says which state this is: equal stamps, equal types.
    stamp: u64,
    next: u64,
}

impl Vars {
    /// Nothing known of so many variables.
    pub(super) fn new(count: usize) -> Self {
        Self { types: vec![None; count], ..Self::default() }
    }

    /// What is known of a variable.
    pub(super) fn get(&self, id: VarId) -> Option<&Type> {
        self.types.get(id.index()).and_then(Option::as_ref)
    }

    /// Says what a variable is.
    pub(super) fn put(&mut self, id: VarId, of: Option<Type>) {
        if let Some(known) = self.types.get_mut(id.index()) {
            self.undo.push((id, std::mem::replace(known, of), self.stamp));
            self.next += 1;
            self.stamp = self.next;
        }
    }

    /// Which state this is.
    pub(super) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// A point to come back to.
    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Forgets what was said since a mark.
    pub(super) fn back_to(&mut self, mark: usize) {
        while self.undo.len() > mark
            && let Some((id, before, stamp)) = self.undo.pop()
        {
            if let Some(known) = self.types.get_mut(id.index()) {
                *known = before;
            }
            self.stamp = stamp;
        }
    }
}
