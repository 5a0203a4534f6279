//! What a decision is: outcome, reason, violations, the rule that matched, its id and the policy that gave it.
//!
//! Takes nothing from the sandbox itself (`verdict` reads the decision document) and does no IO. A [`Decision`] is
//! cheap to clone and to keep: everything in it that a policy repeats is shared.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::DecideError;
use crate::ids;

/// What the caller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The call may go ahead.
    Allow,
    /// The call must not go ahead.
    Deny,
    /// The call may go ahead once a person has approved it.
    NeedsApproval,
}

impl Outcome {
    /// The outcome as written in JSON and in logs: `allow`, `deny` or `needs_approval`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::NeedsApproval => "needs_approval",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a decision has its outcome. The first group is said by the policy, the second by the host: each of those
/// denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The policy allows the call.
    Allowed,
    /// The policy wants a person's approval.
    ApprovalRequired,
    /// A constraint of the tool or of the role, or the tool's file scope, did not hold; `violations` says which.
    ConstraintFailed,
    /// The tool is listed with mode `deny`.
    DeniedByMode,
    /// The tool is not listed and the role's default denies.
    DeniedByDefault,
    /// The role is unknown and the policy declares no default role.
    UnknownRole,
    /// The request names no tool, or not by a string.
    InvalidRequest,
    /// The policy denies and gives no reason that this version knows.
    Denied,

    /// The policy had no answer: its decision is undefined.
    Undefined,
    /// The decision document is missing its fields or they have unexpected types.
    MalformedDecision,
    /// The request could not be written as JSON, or is no JSON.
    InvalidInput,
    /// The request is larger than the host accepts.
    InputTooLarge,
    /// The decision did not end before its deadline.
    Timeout,
    /// The decision needed more memory than the host grants.
    MemoryLimit,
    /// The decision recursed deeper than the host's stack cap.
    StackLimit,
    /// The policy gave up with a message, for example on conflicting rules.
    Aborted,
    /// The sandbox stopped the policy: an out-of-bounds access, `unreachable` and the like.
    Trapped,
    /// The policy returned a pointer, a length or text that is not what the ABI says.
    BrokenAbi,
    /// The result is larger than the host accepts.
    ResultTooLarge,
    /// A builtin that the host serves failed.
    BuiltinFailed,
    /// No instance could be had: all slots are in use.
    Busy,
    /// There is no policy to decide with, or it is too old to be trusted.
    NoPolicy,
    /// The audit sink did not take the record, and the host asked for decisions to be denied then.
    AuditFailed,
}

impl Reason {
    /// The reason as written in JSON and in logs, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ApprovalRequired => "approval_required",
            Self::ConstraintFailed => "constraint_failed",
            Self::DeniedByMode => "denied_by_mode",
            Self::DeniedByDefault => "denied_by_default",
            Self::UnknownRole => "unknown_role",
            Self::InvalidRequest => "invalid_request",
            Self::Denied => "denied",
            Self::Undefined => "undefined",
            Self::MalformedDecision => "malformed_decision",
            Self::InvalidInput => "invalid_input",
            Self::InputTooLarge => "input_too_large",
            Self::Timeout => "timeout",
            Self::MemoryLimit => "memory_limit",
            Self::StackLimit => "stack_limit",
            Self::Aborted => "aborted",
            Self::Trapped => "trapped",
            Self::BrokenAbi => "broken_abi",
            Self::ResultTooLarge => "result_too_large",
            Self::BuiltinFailed => "builtin_failed",
            Self::Busy => "busy",
            Self::NoPolicy => "no_policy",
            Self::AuditFailed => "audit_failed",
        }
    }

    /// Whether the host, not the policy, is the origin of this reason.
    pub const fn is_failure(self) -> bool {
        !matches!(
            self,
            Self::Allowed
                | Self::ApprovalRequired
                | Self::ConstraintFailed
                | Self::DeniedByMode
                | Self::DeniedByDefault
                | Self::UnknownRole
                | Self::InvalidRequest
                | Self::Denied
        )
    }

    /// The reason that a policy names in its decision document, if it is one of those a policy may give.
    pub(crate) fn from_policy(name: &str) -> Option<Self> {
        [
            Self::Allowed,
            Self::ApprovalRequired,
            Self::ConstraintFailed,
            Self::DeniedByMode,
            Self::DeniedByDefault,
            Self::UnknownRole,
            Self::InvalidRequest,
            Self::Denied,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which policy decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyIdentity {
    /// The bundle's name, as its signed manifest says.
    pub name: Box<str>,
    /// The bundle's revision, a digest of its content.
    pub revision: Box<str>,
    /// The bundle's serial, 0 unless one was given.
    pub serial: u64,
    /// Whether a signature was verified; false only for a policy loaded through a `dangerous_` call.
    pub verified: bool,
}

/// A number that no other decision has: 64 bits that are random per process, then a count.
///
/// A process that forks keeps its random half, so a forked child must not decide with a policy loaded before the fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(pub u128);

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What the policy's document says, shared between all decisions with the same document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
    pub(crate) violations: Box<[Box<str>]>,
    pub(crate) rule: Option<Box<str>>,
}

impl Verdict {
    pub(crate) fn failure(reason: Reason) -> Self {
        Self { outcome: Outcome::Deny, reason, violations: Box::default(), rule: None }
    }
}

/// A verdict and the policy that gave it: together, so that a decision counts one owner more and not two.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) policy: Arc<PolicyIdentity>,
}

/// One answer: may this caller run this tool with these arguments.
#[derive(Debug, Clone)]
pub struct Decision {
    pub(crate) finding: Arc<Finding>,
    pub(crate) id: DecisionId,
    pub(crate) elapsed: Option<Duration>,
    pub(crate) failure: Option<Arc<DecideError>>,
}

impl Decision {
    /// The denial on account of `error`.
    pub(crate) fn failed(error: DecideError, policy: Arc<PolicyIdentity>) -> Self {
        Self {
            finding: Arc::new(Finding { verdict: Verdict::failure(error.reason()), policy }),
            id: ids::single(),
            elapsed: None,
            failure: Some(Arc::new(error)),
        }
    }

    /// What the caller is to do.
    pub fn outcome(&self) -> Outcome {
        self.finding.verdict.outcome
    }

    /// Whether the call may go ahead without anybody's approval.
    pub fn is_allowed(&self) -> bool {
        self.finding.verdict.outcome == Outcome::Allow
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.finding.verdict.reason
    }

    /// The text of each constraint that failed, as the policy's author wrote it, in the policy's order.
    pub fn violations(&self) -> impl ExactSizeIterator<Item = &str> {
        self.finding.verdict.violations.iter().map(AsRef::as_ref)
    }

    /// The rule that decided, where the policy says so.
    pub fn rule(&self) -> Option<&str> {
        self.finding.verdict.rule.as_deref()
    }

    /// This decision's id.
    pub fn id(&self) -> DecisionId {
        self.id
    }

    /// The policy that decided.
    pub fn policy(&self) -> &PolicyIdentity {
        &self.finding.policy
    }

    /// What failed, where it was not the policy that decided.
    pub fn failure(&self) -> Option<&DecideError> {
        self.failure.as_deref()
    }

    /// How long it took, if [`RuntimeOptions::measure_elapsed`](crate::RuntimeOptions::measure_elapsed) was set.
    pub fn elapsed(&self) -> Option<Duration> {
        self.elapsed
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("outcome", self.outcome().as_str())?;
        map.serialize_entry("reason", self.reason().as_str())?;
        map.serialize_entry("violations", &self.finding.verdict.violations)?;
        if let Some(rule) = self.rule() {
            map.serialize_entry("rule", rule)?;
        }
        if let Some(failure) = self.failure() {
            map.serialize_entry("failure", &failure.to_string())?;
        }
        map.serialize_entry("decision_id", &self.id.to_string())?;
        map.serialize_entry("bundle", &self.finding.policy.name)?;
        map.serialize_entry("revision", &self.finding.policy.revision)?;
        map.serialize_entry("serial", &self.finding.policy.serial)?;
        if !self.finding.policy.verified {
            map.serialize_entry("verified", &false)?;
        }
        if let Some(elapsed) = self.elapsed {
            map.serialize_entry("elapsed_ns", &u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))?;
        }
        map.end()
    }
}
