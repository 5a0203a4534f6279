//! Maps by locals. A local is a small number, so that its place in a vector is found sooner than by its hash; and a map that is
//! emptied keeps its room for the next body.

use crate::ir::Local;

/// What is known of locals.
#[derive(Debug)]
pub(super) struct LocalMap<T> {
    entries: Vec<Option<T>>,
    /// The locals that have been given something, some of them more than once.
    given: Vec<Local>,
}

/// A set of locals.
pub(super) type LocalSet = LocalMap<()>;

impl<T> Default for LocalMap<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), given: Vec::new() }
    }
}

impl<T> LocalMap<T> {
    pub(super) fn get(&self, local: Local) -> Option<&T> {
        self.entries.get(local.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, local: Local) -> Option<&mut T> {
        self.entries.get_mut(local.0 as usize)?.as_mut()
    }

    pub(super) fn contains(&self, local: Local) -> bool {
        self.get(local).is_some()
    }

    /// What was there before.
    pub(super) fn insert(&mut self, local: Local, value: T) -> Option<T> {
        let place = local.0 as usize;
        if self.entries.len() <= place {
            self.entries.resize_with(place + 1, || None);
        }
        let before = self.entries.get_mut(place).and_then(|entry| entry.replace(value));
        if before.is_none() {
            self.given.push(local);
        }
        before
    }

    pub(super) fn remove(&mut self, local: Local) -> Option<T> {
        self.entries.get_mut(local.0 as usize)?.take()
    }

    pub(super) fn clear(&mut self) {
        for local in self.given.drain(..) {
            if let Some(entry) = self.entries.get_mut(local.0 as usize) {
                *entry = None;
            }
        }
    }

    /// The locals that there is something of, sorted.
    pub(super) fn locals(&self) -> impl Iterator<Item = Local> {
        (0..).map(Local).zip(&self.entries).filter(|(_, entry)| entry.is_some()).map(|(local, _)| local)
    }
}

impl<T: Default> LocalMap<T> {
    /// Changes what there is of a local, which is made first if there is nothing.
    pub(super) fn change(&mut self, local: Local, change: impl FnOnce(&mut T)) {
        if let Some(value) = self.get_mut(local) {
            return change(value);
        }
        let mut value = T::default();
        change(&mut value);
        self.insert(local, value);
    }
}
