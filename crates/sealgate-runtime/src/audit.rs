//! The decision log: who is told of every decision, and with what.
//!
//! A sink is called on the deciding thread, after the decision and before it is handed out, for every decision: also
//! for those that failed. It may refuse; [`OnAuditFailure`](crate::OnAuditFailure) says what becomes of the decision
//! then, so nothing is lost in silence. Batching, spooling and sending are the sink's own affair.

use crate::decision::Decision;

/// One line of the decision log.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AuditRecord<'a> {
    /// The decision.
    pub decision: &'a Decision,
    /// The input document as JSON, as the host gave it; empty if it could not be written.
    pub input: &'a [u8],
    /// What failed, where no policy answered.
    pub failure: Option<&'a str>,
}

/// Takes the decision log.
pub trait AuditSink: Send + Sync {
    /// Records one decision.
    ///
    /// # Errors
    /// Whatever keeps the record from being kept, as text for people.
    fn record(&self, record: &AuditRecord<'_>) -> Result<(), String>;
}

/// Tells `sink` of a decision.
///
/// # Errors
/// Why the record was not kept.
pub(crate) fn tell(sink: &dyn AuditSink, decision: &Decision, input: &[u8]) -> Result<(), String> {
    let failure = decision.failure().map(ToString::to_string);
    sink.record(&AuditRecord { decision, input, failure: failure.as_deref() })
}
