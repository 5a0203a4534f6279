//! The set of public keys that a host trusts, by id, so that keys rotate: the old and the new are valid side by side
//! until the old one is revoked or taken out. Pure; [`super::file`] fills a store from files.

use std::collections::BTreeMap;

use super::{KeyError, KeyId, PublicKey};

/// What a [`TrustStore`] says of a key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus<'a> {
    /// Trusted: signatures by this key count.
    Trusted(&'a PublicKey),
    /// Known and no longer trusted, whoever adds it again.
    Revoked,
    /// Never heard of.
    Unknown,
}

/// Public keys by id, and the ids that are revoked. Revocation wins over trust, in whatever order they were added.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    keys: BTreeMap<KeyId, Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    Trusted(PublicKey),
    Revoked,
}

impl TrustStore {
    /// A store that trusts nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that trusts one key.
    pub fn of(key: PublicKey) -> Self {
        Self { keys: BTreeMap::from([(key.id(), Entry::Trusted(key))]) }
    }

    /// Trusts `key` as well. A key that was revoked stays revoked; adding a key twice changes nothing.
    ///
    /// # Errors
    /// [`KeyError::IdCollision`] where another key has the same id.
    pub fn add(&mut self, key: PublicKey) -> Result<(), KeyError> {
        match self.keys.get(&key.id()) {
            Some(Entry::Trusted(other)) if *other != key => Err(KeyError::IdCollision(key.id())),
            Some(_) => Ok(()),
            None => {
                self.keys.insert(key.id(), Entry::Trusted(key));
                Ok(())
            }
        }
    }

    /// Withdraws trust from the key with this id, for good.
    pub fn revoke(&mut self, id: KeyId) {
        self.keys.insert(id, Entry::Revoked);
    }

    /// What the store says of `id`.
    pub fn status(&self, id: KeyId) -> KeyStatus<'_> {
        match self.keys.get(&id) {
            Some(Entry::Trusted(key)) => KeyStatus::Trusted(key),
            Some(Entry::Revoked) => KeyStatus::Revoked,
            None => KeyStatus::Unknown,
        }
    }

    /// The trusted keys, by ascending id.
    pub fn trusted(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values().filter_map(|entry| match entry {
            Entry::Trusted(key) => Some(key),
            Entry::Revoked => None,
        })
    }

    /// Whether no key is trusted.
    pub fn is_empty(&self) -> bool {
        self.trusted().next().is_none()
    }
}
