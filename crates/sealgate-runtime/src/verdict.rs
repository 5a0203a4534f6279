//! From a result set to a verdict: reads the decision document that a policy returns.
//!
//! Takes `[{"result": DOCUMENT}]` as text, gives a [`Verdict`]. The document has `allow`; it may have `requires_approval`,
//! `violations` (a set of texts), `failures` (the same texts in the policy's order), `reason` and `rule`. A bare boolean is
//! read as `allow` alone, which is what most Rego written for OPA returns. Everything else is an error, and an error
//! denies. [`Memo`] keeps what was read, because a policy has few documents and repeats them.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::decision::{Finding, Outcome, PolicyIdentity, Reason, Verdict};
use crate::error::DecideError;

/// Reads the decision document of a result set.
///
/// # Errors
/// [`DecideError::Undefined`] for an empty result set, [`DecideError::MalformedDecision`] for anything that is not a
/// decision document.
pub(crate) fn read(result_set: &str) -> Result<Verdict, DecideError> {
    let rows: Vec<Map<String, Value>> =
        serde_json::from_str(result_set).map_err(|error| malformed(format!("the result is no result set: {error}")))?;
    let mut rows = rows.into_iter();
    match (rows.next(), rows.next()) {
        (None, _) => Err(DecideError::Undefined),
        (Some(_), Some(_)) => Err(malformed("several results")),
        (Some(mut row), None) => match row.remove("result") {
            Some(Value::Bool(allow)) => Ok(plain(allow)),
            Some(Value::Object(document)) => document_verdict(&document),
            Some(_) => Err(malformed("neither an object nor a boolean")),
            None => Err(malformed("a result without `result`")),
        },
    }
}

fn malformed(problem: impl Into<String>) -> DecideError {
    DecideError::MalformedDecision(problem.into())
}

fn plain(allow: bool) -> Verdict {
    let (outcome, reason) = if allow { (Outcome::Allow, Reason::Allowed) } else { (Outcome::Deny, Reason::Denied) };
    Verdict { outcome, reason, violations: Box::default(), rule: None }
}

fn document_verdict(document: &Map<String, Value>) -> Result<Verdict, DecideError> {
    let Some(allow) = boolean(document, "allow")? else { return Err(malformed("no `allow`")) };
    let approval = boolean(document, "requires_approval")?.unwrap_or(false);
    let violations = texts(document, "violations")?;
    let ordered = texts(document, "failures")?;
    let violations = match (ordered, violations) {
        (Some(ordered), Some(violations)) if ordered.is_empty() => violations,
        (Some(ordered), _) => ordered,
        (None, violations) => violations.unwrap_or_default(),
    };
    let rule = text(document, "rule")?.map(Box::from);
    let outcome = match (approval, allow, violations.is_empty()) {
        // A failed constraint is never allowed or approved, whatever else the document says.
        (true, _, true) => Outcome::NeedsApproval,
        (false, true, true) => Outcome::Allow,
        (false, true, false) => return Err(malformed("`allow` is true and there are violations")),
        (true, _, false) | (false, false, _) => Outcome::Deny,
    };
    let said = text(document, "reason")?.and_then(Reason::from_policy);
    let reason = said.filter(|reason| fits(*reason, outcome)).unwrap_or_else(|| default_reason(outcome, &violations));
    Ok(Verdict { outcome, reason, violations, rule })
}

fn fits(reason: Reason, outcome: Outcome) -> bool {
    match reason {
        Reason::Allowed => outcome == Outcome::Allow,
        Reason::ApprovalRequired => outcome == Outcome::NeedsApproval,
        _ => outcome == Outcome::Deny,
    }
}

fn default_reason(outcome: Outcome, violations: &[Box<str>]) -> Reason {
    match outcome {
        Outcome::Allow => Reason::Allowed,
        Outcome::NeedsApproval => Reason::ApprovalRequired,
        Outcome::Deny if violations.is_empty() => Reason::Denied,
        Outcome::Deny => Reason::ConstraintFailed,
    }
}

fn boolean(document: &Map<String, Value>, key: &str) -> Result<Option<bool>, DecideError> {
    match document.get(key) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(malformed(format!("`{key}` is not a boolean"))),
    }
}

fn text<'a>(document: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, DecideError> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(malformed(format!("`{key}` is not a string"))),
    }
}

fn texts(document: &Map<String, Value>, key: &str) -> Result<Option<Box<[Box<str>]>>, DecideError> {
    let Some(value) = document.get(key) else { return Ok(None) };
    let items = value.as_array().ok_or_else(|| malformed(format!("`{key}` is not a list")))?;
    let text = |item: &Value| match item {
        Value::String(text) => Ok(Box::from(text.as_str())),
        _ => Err(malformed(format!("`{key}` holds something that is not a string"))),
    };
    items.iter().map(text).collect::<Result<_, _>>().map(Some)
}

/// What was made of documents lately, by bytes that only they have: their text, or what a module calls their identity.
pub(crate) struct Memo<T> {
    /// Made with the first entry, so that an instance for one decision need not.
    slots: Vec<Option<(Box<[u8]>, T)>>,
    /// The hash of the key that was looked for last and not found, by slot.
    missed: Vec<u64>,
}

const SLOTS: usize = 64;
/// Longer keys are not kept, so that a memo stays small.
const MAX_KEY: usize = 2048;

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), missed: Vec::new() }
    }
}

impl<T> Memo<T> {
    /// What was kept under a key.
    #[inline(always)]
    pub(crate) fn find(&self, key: &[u8]) -> Option<&T> {
        match self.slots.get(slot_of(key)) {
            Some(Some((known, kept))) if **known == *key => Some(kept),
            _ => None,
        }
    }

    /// Notes that a key was not found; whether it is the one that was not found in its slot before. An empty one never is.
    pub(crate) fn is_second_miss(&mut self, key: &[u8]) -> bool {
        if key.is_empty() {
            return false;
        }
        if self.missed.is_empty() {
            self.missed.resize(SLOTS, 0);
        }
        let hash = hash_of(key);
        self.missed.get_mut(slot_of(key)).is_some_and(|missed| std::mem::replace(missed, hash) == hash)
    }

    /// Keeps something under a key that is not empty.
    pub(crate) fn keep(&mut self, key: Box<[u8]>, made: T) {
        if key.is_empty() || key.len() > MAX_KEY {
            return;
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        if let Some(slot) = self.slots.get_mut(slot_of(&key)) {
            *slot = Some((key, made));
        }
    }
}

impl Memo<Arc<Finding>> {
    /// As [`read`], of a policy, from memory where possible.
    ///
    /// # Errors
    /// As [`read`]; errors are not remembered.
    pub(crate) fn read(&mut self, result_set: &str, policy: &Arc<PolicyIdentity>) -> Result<Arc<Finding>, DecideError> {
        if let Some(finding) = self.find(result_set.as_bytes()) {
            return Ok(Arc::clone(finding));
        }
        let finding = Arc::new(Finding { verdict: read(result_set)?, policy: Arc::clone(policy) });
        self.keep(result_set.as_bytes().into(), Arc::clone(&finding));
        Ok(finding)
    }
}

#[inline]
fn slot_of(key: &[u8]) -> usize {
    usize::try_from((hash_of(key) >> 40) % SLOTS as u64).unwrap_or(0)
}

/// Two chains of words, which do not wait for each other, and one product: spreads keys that differ in a word. Who finds a slot
/// compares the key. Most keys are shorter than 64 bytes: for these it is straight code.
#[inline(always)]
fn hash_of(key: &[u8]) -> u64 {
    let mut chains = Chains(key.len() as u64, 0);
    let mut rest = key;
    while let Some((words, behind)) = rest.split_first_chunk::<64>() {
        chains.add_all(words);
        rest = behind;
    }
    if let Some((words, behind)) = rest.split_first_chunk::<32>() {
        chains.add_all(words);
        rest = behind;
    }
    if let Some((words, behind)) = rest.split_first_chunk::<16>() {
        chains.add_all(words);
        rest = behind;
    }
    if let Some((word, behind)) = rest.split_first_chunk::<8>() {
        chains.add(u64::from_le_bytes(*word), 0);
        rest = behind;
    }
    chains.add(rest.iter().fold(0, |before, byte| before << 8 | u64::from(*byte)), 0);
    chains.hash()
}

struct Chains(u64, u64);

impl Chains {
    #[inline(always)]
    fn add(&mut self, first: u64, second: u64) {
        self.0 = self.0.rotate_left(11) ^ first;
        self.1 = self.1.rotate_left(13) ^ second;
    }

    #[inline(always)]
    fn add_all(&mut self, words: &[u8]) {
        for words in words.as_chunks::<16>().0 {
            let words = u128::from_le_bytes(*words);
            self.add(words as u64, (words >> 64) as u64);
        }
    }

    #[inline(always)]
    fn hash(self) -> u64 {
        let wide = u128::from(self.0 ^ 0xa076_1d64_78bd_642f) * u128::from(self.1 ^ 0xe703_7ed1_a0b4_28db);
        (wide ^ (wide >> 64)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(document: &str) -> (Outcome, Reason) {
        let verdict = read(&format!(r#"[{{"result":{document}}}]"#)).unwrap();
        (verdict.outcome, verdict.reason)
    }

    #[test]
    fn documents_are_read_with_their_reasons() {
        for (document, expected) in [
            ("true", (Outcome::Allow, Reason::Allowed)),
            ("false", (Outcome::Deny, Reason::Denied)),
            (r#"{"allow":true}"#, (Outcome::Allow, Reason::Allowed)),
            (r#"{"allow":false,"reason":"unknown_role"}"#, (Outcome::Deny, Reason::UnknownRole)),
            (r#"{"allow":false,"reason":"allowed"}"#, (Outcome::Deny, Reason::Denied)),
            (r#"{"allow":false,"reason":"timeout"}"#, (Outcome::Deny, Reason::Denied)),
            (r#"{"allow":false,"requires_approval":true}"#, (Outcome::NeedsApproval, Reason::ApprovalRequired)),
            (r#"{"allow":true,"requires_approval":true}"#, (Outcome::NeedsApproval, Reason::ApprovalRequired)),
            (r#"{"allow":false,"violations":["a"]}"#, (Outcome::Deny, Reason::ConstraintFailed)),
            (r#"{"allow":false,"violations":["file_scope"]}"#, (Outcome::Deny, Reason::ConstraintFailed)),
            (
                r#"{"allow":false,"requires_approval":true,"violations":["a"]}"#,
                (Outcome::Deny, Reason::ConstraintFailed),
            ),
        ] {
            assert_eq!(outcome(document), expected, "{document}");
        }
    }

    #[test]
    fn the_policys_order_wins_over_the_sets() {
        let verdict =
            read(r#"[{"result":{"allow":false,"violations":["a","b"],"failures":["b","a"],"rule":"r"}}]"#).unwrap();
        assert_eq!(verdict.violations.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["b", "a"]);
        assert_eq!(verdict.rule.as_deref(), Some("r"));
    }

    #[test]
    fn odd_documents_are_errors() {
        for result_set in [
            "",
            "{}",
            "null",
            "[1]",
            "[{}]",
            r#"[{"result":"true"}]"#,
            r#"[{"result":1}]"#,
            r#"[{"result":{}}]"#,
            r#"[{"result":{"allow":"true"}}]"#,
            r#"[{"result":{"allow":1}}]"#,
            r#"[{"result":{"allow":true,"requires_approval":null}}]"#,
            r#"[{"result":{"allow":true,"violations":["x"]}}]"#,
            r#"[{"result":{"allow":true,"violations":{}}}]"#,
            r#"[{"result":{"allow":true,"violations":[1]}}]"#,
            r#"[{"result":{"allow":true,"rule":1}}]"#,
            r#"[{"result":true},{"result":false}]"#,
            r#"[{"result":true}] [{"result":true}]"#,
        ] {
            assert!(matches!(read(result_set), Err(DecideError::MalformedDecision(_))), "{result_set}");
        }
        assert!(matches!(read("[]"), Err(DecideError::Undefined)));
    }

    #[test]
    fn what_is_missed_twice_is_told_from_what_is_missed_once() {
        let mut memo = Memo::<Box<str>>::default();
        assert!(!memo.is_second_miss(b"one"));
        assert!(memo.is_second_miss(b"one"));
        memo.keep(b"one".as_slice().into(), "kept".into());
        assert_eq!(memo.find(b"one").map(|kept| &**kept), Some("kept"));
        assert!(!memo.is_second_miss(b"") && !memo.is_second_miss(b""));
        assert!((0..500_u32).all(|key| !memo.is_second_miss(&key.to_le_bytes())));
    }

    #[test]
    fn a_memo_gives_what_was_read() {
        let mut memo = Memo::default();
        let policy = Arc::new(PolicyIdentity { name: "".into(), revision: "".into(), serial: 0, verified: true });
        let texts: Vec<String> =
            (0..500).map(|n| format!(r#"[{{"result":{{"allow":false,"violations":["rule {n}"]}}}}]"#)).collect();
        for text in texts.iter().chain(texts.iter().rev()) {
            assert_eq!(memo.read(text, &policy).unwrap().verdict, read(text).unwrap());
        }
        let mut again = || memo.read(&texts[3], &policy).unwrap();
        assert!(Arc::ptr_eq(&again(), &again()));
    }
}
