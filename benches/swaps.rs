//! What swaps: a source with two bundles.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealgate::bundle::fs::LoadError;
use sealgate::bundle::{Limits, UnverifiedBundle};
use sealgate::{Source, Stamp};

/// Two bundles by turns: every look finds another one.
#[derive(Debug)]
pub struct ByTurns {
    archives: [Vec<u8>; 2],
    looks: AtomicUsize,
}

impl ByTurns {
    /// Begins with the first.
    pub fn new(archives: [Vec<u8>; 2]) -> Self {
        Self { archives, looks: AtomicUsize::new(0) }
    }
}

impl Source for ByTurns {
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        Ok(None)
    }

    fn read(&self, limits: &Limits) -> Result<UnverifiedBundle, LoadError> {
        let [one, other] = &self.archives;
        let archive = if self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { one } else { other };
        UnverifiedBundle::read_with(archive, limits)
            .map_err(|error| LoadError::Io { path: self.describe(), source: io::Error::other(error) })
    }

    fn describe(&self) -> String {
        "two bundles by turns".to_owned()
    }
}
