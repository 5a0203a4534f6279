//! Certificate policies along a chain (RFC 5280, 6.1), for a host that accepts any policy.
//!
//! They matter only where a certificate requires an explicit policy. Then at least one policy must hold from the root down
//! to the leaf; so it suffices to keep the leaves of the policy tree.

use std::collections::{BTreeMap, BTreeSet};

use crate::pki::der::Oid;

use super::certificate::Certificate;
use super::extensions::Count;

/// The leaves of the tree: each policy with those that the next certificate may have for it.
type Leaves = BTreeMap<Oid, BTreeSet<Oid>>;

/// How many more certificates a rule spares.
struct Counters {
    explicit: usize,
    mapping: usize,
    any: usize,
}

/// Whether the policies of a chain, leaf first, are consistent.
pub(super) fn allow(chain: &[&Certificate]) -> bool {
    let Some(below_root) = chain.len().checked_sub(1).filter(|length| *length > 0) else { return true };
    let any = Oid(vec![2, 5, 29, 32, 0]);
    let mut leaves: Option<Leaves> = Some(BTreeMap::from([(any.clone(), BTreeSet::from([any.clone()]))]));
    let mut counters = Counters { explicit: chain.len(), mapping: chain.len(), any: chain.len() };
    for (index, certificate) in chain.iter().enumerate().take(below_root).rev() {
        let self_issued = certificate.raw_issuer == certificate.raw_subject;
        let policies = certificate.understood.policies.as_deref().unwrap_or_default();
        if policies.is_empty() {
            leaves = None;
        }
        if counters.explicit == 0 && leaves.is_none() {
            return false;
        }
        if let Some(parents) = leaves.take() {
            let any_counts = counters.any > 0 || (index > 0 && self_issued);
            let mut next = descend(&parents, policies, &any, any_counts);
            if index > 0 && !map(&mut next, certificate, &any, counters.mapping > 0) {
                return false;
            }
            leaves = Some(next);
        }
        if index > 0 {
            counters.pass(certificate, self_issued);
        }
    }
    let leaf_requires = chain.first().is_some_and(|leaf| leaf.understood.require_explicit_policy.is_explicit_zero);
    let explicit = if leaf_requires { 0 } else { counters.explicit.saturating_sub(1) };
    explicit > 0 || leaves.is_some_and(|leaves| !leaves.is_empty())
}

fn descend(parents: &Leaves, policies: &[Oid], any: &Oid, any_counts: bool) -> Leaves {
    let expected: BTreeSet<&Oid> = parents.values().flatten().collect();
    let mut next = Leaves::new();
    for policy in policies.iter().filter(|policy| *policy != any) {
        if expected.contains(policy) || parents.contains_key(any) {
            next.insert(policy.clone(), BTreeSet::from([policy.clone()]));
        }
    }
    if any_counts && policies.contains(any) {
        for policy in expected {
            next.entry(policy.clone()).or_insert_with(|| BTreeSet::from([policy.clone()]));
        }
    }
    next
}

/// Applies a certificate's policy mappings; false if they map from or to any policy.
fn map(leaves: &mut Leaves, certificate: &Certificate, any: &Oid, allowed: bool) -> bool {
    let mut mappings: BTreeMap<&Oid, BTreeSet<Oid>> = BTreeMap::new();
    for (issuer, subject) in &certificate.understood.policy_mappings {
        if !allowed {
            leaves.remove(issuer);
        } else if issuer == any || subject == any {
            return false;
        } else {
            mappings.entry(issuer).or_default().insert(subject.clone());
        }
    }
    for (issuer, subjects) in mappings {
        if leaves.contains_key(issuer) || leaves.contains_key(any) {
            leaves.insert(issuer.clone(), subjects);
        }
    }
    true
}

impl Counters {
    fn pass(&mut self, certificate: &Certificate, self_issued: bool) {
        let understood = &certificate.understood;
        for (counter, limit) in [
            (&mut self.explicit, understood.require_explicit_policy),
            (&mut self.mapping, understood.inhibit_policy_mapping),
            (&mut self.any, understood.inhibit_any_policy),
        ] {
            if !self_issued {
                *counter = counter.saturating_sub(1);
            }
            let Count { value, is_explicit_zero } = limit;
            if let Ok(limit) = usize::try_from(value)
                && (limit > 0 || is_explicit_zero)
            {
                *counter = limit.min(*counter);
            }
        }
    }
}
