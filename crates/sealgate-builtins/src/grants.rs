//! What a host lets a policy's builtins do: by capability, and by name.
//!
//! Pure builtins, clock and randomness are granted unless the host says otherwise; network and environment never are
//! unless it says so. A name that is denied stays denied, whatever else is granted.

use std::collections::BTreeSet;
use std::fmt;

use crate::network::{Network, SharedNetwork};
use crate::registry::Capability;

/// The capabilities and builtins that a host hands out.
///
/// ```
/// use sealgate_builtins::{Capability, Grants, Refusal};
/// let grants = Grants::default().with(Capability::Network).deny("net.lookup_ip_addr");
/// assert_eq!(grants.check("http.send", Capability::Network), Ok(()));
/// assert_eq!(grants.check("net.lookup_ip_addr", Capability::Network), Err(Refusal::Denied));
/// assert_eq!(grants.check("opa.runtime", Capability::Environment), Err(Refusal::Capability(Capability::Environment)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    capabilities: BTreeSet<Capability>,
    /// The only builtins there are, if the host named them.
    only: Option<BTreeSet<String>>,
    allowed: BTreeSet<String>,
    denied: BTreeSet<String>,
    network: Option<SharedNetwork>,
}

/// Why a builtin is not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The host denied it by name.
    Denied,
    /// The host named the builtins that it grants, and this is none of them.
    NotNamed,
    /// It needs what the host does not grant.
    Capability(Capability),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("this host denies it"),
            Self::NotNamed => f.write_str("this host grants others only"),
            Self::Capability(capability) => write!(f, "it needs the capability `{capability}`"),
        }
    }
}

impl Grants {
    /// Pure builtins only.
    pub fn pure_only() -> Self {
        Self {
            capabilities: BTreeSet::from([Capability::Pure]),
            only: None,
            allowed: BTreeSet::new(),
            denied: BTreeSet::new(),
            network: None,
        }
    }

    /// Adds a capability. The network by itself reaches no host: [`Grants::with_network`] says which.
    #[must_use]
    pub fn with(mut self, capability: Capability) -> Self {
        self.capabilities.insert(capability);
        self
    }

    /// Grants the network, to the hosts of this allow-list.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = Some(SharedNetwork::new(network));
        self.with(Capability::Network)
    }

    /// The hosts that may be reached, if there are any.
    pub(crate) fn network(&self) -> Option<&SharedNetwork> {
        self.network.as_ref()
    }

    /// Takes a capability away.
    #[must_use]
    pub fn without(mut self, capability: Capability) -> Self {
        self.capabilities.remove(&capability);
        self
    }

    /// Grants one builtin, whatever capability it needs.
    #[must_use]
    pub fn allow(mut self, name: impl Into<String>) -> Self {
        self.allowed.insert(name.into());
        self
    }

    /// Refuses one builtin, whatever else is granted.
    #[must_use]
    pub fn deny(mut self, name: impl Into<String>) -> Self {
        self.denied.insert(name.into());
        self
    }

    /// Refuses every builtin but these; they still need their capabilities.
    #[must_use]
    pub fn only<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Whether builtins with this capability may be called.
    pub fn allows(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether this builtin, which needs this capability, may be called.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn check(&self, name: &str, capability: Capability) -> Result<(), Refusal> {
        if self.denied.contains(name) {
            return Err(Refusal::Denied);
        }
        if self.only.as_ref().is_some_and(|only| !only.contains(name)) {
            return Err(Refusal::NotNamed);
        }
        if self.allows(capability) || self.allowed.contains(name) {
            return Ok(());
        }
        Err(Refusal::Capability(capability))
    }
}

impl Default for Grants {
    /// Pure builtins, clock and randomness; never network or environment.
    fn default() -> Self {
        Self::pure_only().with(Capability::Clock).with(Capability::Random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_grant_nothing_beyond_the_machine() {
        let grants = Grants::default();
        for capability in [Capability::Pure, Capability::Clock, Capability::Random] {
            assert_eq!(grants.check("b", capability), Ok(()));
        }
        for capability in [Capability::Network, Capability::Environment] {
            assert_eq!(grants.check("b", capability), Err(Refusal::Capability(capability)));
        }
    }

    #[test]
    fn names_are_stronger_than_capabilities_and_denials_than_all() {
        let grants = Grants::default().with(Capability::Network).allow("a").allow("b").only(["a", "b", "c"]).deny("b");
        assert_eq!(grants.check("a", Capability::Environment), Ok(()));
        assert_eq!(grants.check("b", Capability::Pure), Err(Refusal::Denied));
        assert_eq!(grants.check("c", Capability::Network), Ok(()));
        assert_eq!(grants.check("c", Capability::Environment), Err(Refusal::Capability(Capability::Environment)));
        assert_eq!(grants.check("d", Capability::Pure), Err(Refusal::NotNamed));
        let narrow = Grants::default().without(Capability::Clock);
        assert_eq!(narrow.check("time.now_ns", Capability::Clock), Err(Refusal::Capability(Capability::Clock)));
    }
}
