//! Chains from a leaf to a root, as Go builds and judges them.

use std::sync::Arc;

use super::certificate::Certificate;
use super::extensions::SUBJECT_ALT_NAME;
use super::options::Options;
use super::{constraints, hostname, policies};

/// Candidates that are looked at while a chain is built.
const MAX_CANDIDATES: usize = 100;
/// Certificates that a chain may have.
const MAX_LENGTH: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Leaf,
    Intermediate,
    Root,
}

/// The chain from the last certificate to the first, which is the root; those between may be intermediates. `None` if
/// there is no valid one. `now` is in nanoseconds since 1970.
pub(super) fn verify(certificates: &[Arc<Certificate>], options: &Options, now: i64) -> Option<Vec<Arc<Certificate>>> {
    let [root, intermediates @ .., leaf] = certificates else { return None };
    if !is_valid(leaf, Role::Leaf, &[], now)
        || (!options.dns_name.is_empty() && !hostname::allow(leaf, &options.dns_name))
    {
        return None;
    }
    if root.raw == leaf.raw {
        let chain = vec![Arc::clone(leaf)];
        return is_acceptable(&chain, options).then_some(chain);
    }
    // A pool holds each certificate once.
    let mut pool: Vec<&Arc<Certificate>> = Vec::new();
    for certificate in intermediates {
        if pool.iter().all(|known| known.raw != certificate.raw) {
            pool.push(certificate);
        }
    }
    let mut search = Search { root, pool, now, looked_at: 0, found: Vec::new() };
    search.extend(&[leaf]);
    search.found.into_iter().find(|chain| is_acceptable(chain, options))
}

struct Search<'a> {
    root: &'a Arc<Certificate>,
    pool: Vec<&'a Arc<Certificate>>,
    now: i64,
    looked_at: usize,
    found: Vec<Vec<Arc<Certificate>>>,
}

impl<'a> Search<'a> {
    /// Adds every chain that begins with this one.
    fn extend(&mut self, chain: &[&'a Arc<Certificate>]) {
        let Some(last) = chain.last().copied().filter(|_| chain.len() < MAX_LENGTH) else { return };
        let roots = parents(last, &[self.root]).into_iter().map(|parent| (parent, Role::Root));
        let others = parents(last, &self.pool).into_iter().map(|parent| (parent, Role::Intermediate));
        for (parent, role) in roots.chain(others).collect::<Vec<_>>() {
            self.looked_at += 1;
            if self.looked_at > MAX_CANDIDATES {
                return;
            }
            let references: Vec<&Certificate> = chain.iter().map(|certificate| certificate.as_ref()).collect();
            if parent.key.is_none()
                || already_in(parent, &references)
                || !last.is_signed_by(parent)
                || !is_valid(parent, role, &references, self.now)
            {
                continue;
            }
            let longer = [chain, &[parent]].concat();
            if role == Role::Root {
                self.found.push(longer.into_iter().map(Arc::clone).collect());
            } else {
                self.extend(&longer);
            }
        }
    }
}

/// The certificates of a pool whose subject is this one's issuer; those whose key ids match first.
fn parents<'a>(certificate: &Certificate, pool: &[&'a Arc<Certificate>]) -> Vec<&'a Arc<Certificate>> {
    let mut found: Vec<_> =
        pool.iter().copied().filter(|candidate| candidate.raw_subject == certificate.raw_issuer).collect();
    let authority = certificate.understood.authority_key_id.as_deref().unwrap_or_default();
    found.sort_by_key(|candidate| {
        let subject = candidate.understood.subject_key_id.as_deref().unwrap_or_default();
        match (subject == authority, subject.is_empty() != authority.is_empty()) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    });
    found
}

/// Whether the chain has a certificate with the same subject, key and alternative names.
fn already_in(candidate: &Certificate, chain: &[&Certificate]) -> bool {
    let names = |certificate: &Certificate| certificate.extension(SUBJECT_ALT_NAME).map(|names| names.value.clone());
    chain.iter().any(|certificate| {
        certificate.raw_subject == candidate.raw_subject
            && certificate.raw_key_info == candidate.raw_key_info
            && names(certificate) == names(candidate)
    })
}

/// Whether a certificate may come next in a chain.
fn is_valid(certificate: &Certificate, role: Role, chain: &[&Certificate], now: i64) -> bool {
    let understood = &certificate.understood;
    let nanos = |seconds: i64| i128::from(seconds) * 1_000_000_000;
    let in_time = nanos(certificate.not_before.seconds) <= i128::from(now)
        && i128::from(now) <= nanos(certificate.not_after.seconds);
    let issued = chain.last().is_none_or(|child| child.raw_issuer == certificate.raw_subject);
    let may_sign = role != Role::Intermediate || (understood.has_basic_constraints && understood.is_ca);
    let intermediates = i64::try_from(chain.len()).unwrap_or(i64::MAX) - 1;
    let short_enough =
        !understood.has_basic_constraints || understood.max_path_len < 0 || intermediates <= understood.max_path_len;
    understood.unhandled_critical.is_empty() && in_time && issued && may_sign && short_enough
}

fn is_acceptable(chain: &[Arc<Certificate>], options: &Options) -> bool {
    let references: Vec<&Certificate> = chain.iter().map(AsRef::as_ref).collect();
    policies::allow(&references) && has_usage(&references, &options.key_usages) && constraints::allow(&references)
}

/// Whether one of the wanted usages is left after every certificate from the root down has narrowed them.
fn has_usage(chain: &[&Certificate], wanted: &[i64]) -> bool {
    const ANY: i64 = 0;
    const SERVER: i64 = 1;
    if wanted.contains(&ANY) {
        return true;
    }
    let mut left = if wanted.is_empty() { vec![SERVER] } else { wanted.to_vec() };
    for certificate in chain.iter().rev() {
        let (known, unknown) = (&certificate.understood.ext_key_usage, &certificate.understood.unknown_ext_key_usage);
        if (known.is_empty() && unknown.is_empty()) || known.contains(&ANY) {
            continue;
        }
        left.retain(|usage| known.contains(usage));
        if left.is_empty() {
            return false;
        }
    }
    true
}
