//! How a live policy stands, for people and for metrics.

use serde::Serialize;

/// The policy that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoadedStatus {
    /// The bundle's name.
    pub name: String,
    /// The bundle's revision.
    pub revision: String,
    /// The bundle's serial.
    pub serial: u64,
    /// The id of the key that signed it.
    pub key_id: Option<String>,
    /// Whether a trusted key signed it; false only where the host dangerously goes without.
    pub signed: bool,
    /// When it took over, in seconds since 1970.
    pub since: u64,
    /// When it expires, in seconds since 1970.
    pub expires: Option<u64>,
}

/// How a live policy stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Where bundles come from.
    pub source: String,
    /// What decides; nothing, before the first bundle was accepted.
    pub loaded: Option<LoadedStatus>,
    /// Whether decisions are denied because the policy is expired or its source was not confirmed for too long.
    pub stale: bool,
    /// The lowest serial that is accepted.
    pub minimum_serial: u64,
    /// How often the source was looked at.
    pub checks: u64,
    /// How often a policy took over.
    pub swaps: u64,
    /// How often the source could not be read or its bundle was refused.
    pub failures: u64,
    /// The same, since the last time that all was well.
    pub failures_in_a_row: u64,
    /// Why the last look failed, while it is the last.
    pub last_error: Option<String>,
    /// Audit records that were not kept, of denials for want of a policy; [`PolicyStats`](crate::PolicyStats) counts the
    /// others.
    pub audit_failures: u64,
    /// Why the last of them was not kept.
    pub last_audit_error: Option<String>,
    /// When the source was last looked at, in seconds since 1970.
    pub last_check: Option<u64>,
    /// When all was last well, in seconds since 1970.
    pub last_success: Option<u64>,
}
