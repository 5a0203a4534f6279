//! Decision ids: unique, and without a system call or a shared counter per decision.
//!
//! The upper half is drawn from the system's randomness once per process, the lower half is a count. Each instance takes
//! numbers from the shared count in blocks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::decision::DecisionId;

/// Numbers taken from the shared count at once.
const BLOCK: u64 = 1 << 16;

static NEXT: AtomicU64 = AtomicU64::new(0);
static PREFIX: OnceLock<u64> = OnceLock::new();

/// A supply of decision ids.
pub(crate) struct Ids {
    prefix: u64,
    next: u64,
    end: u64,
}

impl Ids {
    /// A new supply; it takes its first block when the first id is drawn.
    pub(crate) fn new() -> Self {
        Self { prefix: prefix(), next: 0, end: 0 }
    }

    /// The next id.
    #[inline]
    pub(crate) fn draw(&mut self) -> DecisionId {
        if self.next == self.end {
            self.next = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
            self.end = self.next.wrapping_add(BLOCK);
        }
        let count = self.next;
        self.next = self.next.wrapping_add(1);
        id(self.prefix, count)
    }
}

/// One id, for a decision that had no instance.
pub(crate) fn single() -> DecisionId {
    // A whole block for one id: such decisions are rare, and 2^48 of them are not to be had.
    Ids::new().draw()
}

fn id(prefix: u64, count: u64) -> DecisionId {
    DecisionId(u128::from(prefix) << 64 | u128::from(count))
}

fn prefix() -> u64 {
    *PREFIX.get_or_init(|| {
        // A host without randomness still gets ids that differ by address space layout and start time.
        getrandom::u64().unwrap_or_else(|_| {
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(std::process::id())
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_over_supplies_and_threads() {
        let draw = || {
            let mut ids = Ids::new();
            (0..BLOCK + 10).map(|_| ids.draw()).chain([single()]).collect::<Vec<_>>()
        };
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), drawn.len());
    }
}
