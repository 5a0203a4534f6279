//! From a result set to a verdict: reads the decision document that a policy returns.
//!
//! Takes `[{"result": DOCUMENT}]` as text, gives a [`Verdict`]. The document has `allow`; it may have `requires_approval`,
//! `violations` (a set of texts), `failures` (the same texts in the policy's order), `reason` and `rule`. A bare boolean is
//! read as `allow` alone, which is what most Rego written for OPA returns. Everything else is an error, and an error
//! denies.

mod document;

use std::borrow::Cow;

use self::document::{Document, Given, Part, Row};
use crate::decision::{Outcome, Reason, Verdict};
use crate::error::DecideError;

/// Reads the decision document of a result set.
///
/// # Errors
/// [`DecideError::Undefined`] for an empty result set, [`DecideError::MalformedDecision`] for anything that is not a
/// decision document.
pub(crate) fn read(result_set: &str) -> Result<Verdict, DecideError> {
    let rows: Vec<Row<'_>> =
        serde_json::from_str(result_set).map_err(|error| malformed(format!("the result is no result set: {error}")))?;
    let mut rows = rows.into_iter();
    match (rows.next(), rows.next()) {
        (None, _) => Err(DecideError::Undefined),
        (Some(_), Some(_)) => Err(malformed("several results")),
        (Some(Row { result }), None) => match result {
            Given::Bool(allow) => Ok(plain(allow)),
            Given::Document(document) => document_verdict(*document),
            Given::Other => Err(malformed("neither an object nor a boolean")),
            Given::Missing => Err(malformed("a result without `result`")),
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

fn document_verdict(document: Document<'_>) -> Result<Verdict, DecideError> {
    let Some(allow) = boolean(&document.allow, "allow")? else { return Err(malformed("no `allow`")) };
    let approval = boolean(&document.requires_approval, "requires_approval")?.unwrap_or(false);
    let violations = texts(document.violations, "violations")?;
    let failures = texts(document.failures, "failures")?;
    let violations = if failures.is_empty() { violations } else { failures };
    let rule = text(document.rule, "rule")?.map(Box::from);
    let outcome = match (approval, allow, violations.is_empty()) {
        // A failed constraint is never allowed or approved, whatever else the document says.
        (true, _, true) => Outcome::NeedsApproval,
        (false, true, true) => Outcome::Allow,
        (false, true, false) => return Err(malformed("`allow` is true and there are violations")),
        (true, _, false) | (false, false, _) => Outcome::Deny,
    };
    let said = text(document.reason, "reason")?;
    let said = said.and_then(|reason| Reason::from_policy(&reason)).filter(|reason| fits(*reason, outcome));
    let reason = said.unwrap_or_else(|| default_reason(outcome, &violations));
    Ok(Verdict { outcome, reason, violations: violations.into_iter().map(Box::from).collect(), rule })
}

fn fits(reason: Reason, outcome: Outcome) -> bool {
    match reason {
        Reason::Allowed => outcome == Outcome::Allow,
        Reason::ApprovalRequired => outcome == Outcome::NeedsApproval,
        _ => outcome == Outcome::Deny,
    }
}

fn default_reason(outcome: Outcome, violations: &[Cow<'_, str>]) -> Reason {
    match outcome {
        Outcome::Allow => Reason::Allowed,
        Outcome::NeedsApproval => Reason::ApprovalRequired,
        Outcome::Deny if violations.is_empty() => Reason::Denied,
        Outcome::Deny => Reason::ConstraintFailed,
    }
}

fn boolean(part: &Part<'_>, key: &str) -> Result<Option<bool>, DecideError> {
    match part {
        Part::Missing => Ok(None),
        Part::Bool(value) => Ok(Some(*value)),
        _ => Err(malformed(format!("`{key}` is not a boolean"))),
    }
}

fn text<'a>(part: Part<'a>, key: &str) -> Result<Option<Cow<'a, str>>, DecideError> {
    match part {
        Part::Missing | Part::Null => Ok(None),
        Part::Text(value) => Ok(Some(value)),
        _ => Err(malformed(format!("`{key}` is not a string"))),
    }
}

/// No texts where there is no list.
fn texts<'a>(part: Part<'a>, key: &str) -> Result<Vec<Cow<'a, str>>, DecideError> {
    match part {
        Part::Missing => Ok(Vec::new()),
        Part::Texts(values) => Ok(values),
        Part::List => Err(malformed(format!("`{key}` holds something that is not a string"))),
        _ => Err(malformed(format!("`{key}` is not a list"))),
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
        for (document, problem) in [
            ("null", "neither an object nor a boolean"),
            (r#"[{"allow":true}]"#, "neither an object nor a boolean"),
            (r#"{"allow":null}"#, "`allow` is not a boolean"),
            (r#"{"allow":true,"requires_approval":[]}"#, "`requires_approval` is not a boolean"),
            (r#"{"allow":false,"violations":null}"#, "`violations` is not a list"),
            (r#"{"allow":false,"failures":["a",{"b":[1.5]}]}"#, "`failures` holds something that is not a string"),
            (r#"{"allow":false,"reason":false}"#, "`reason` is not a string"),
        ] {
            let said = read(&format!(r#"[{{"result":{document}}}]"#));
            assert_eq!(said, Err(malformed(problem)), "{document}");
        }
    }

    #[test]
    fn texts_are_unescaped_and_what_is_not_known_is_left_out() {
        let verdict = read(
            r#"[{"more":1e400,"result":{"allow":false,"rule":"a\"b","more":[{"allow":true}],"violations":["\u00e9",""]}}]"#,
        );
        let verdict = verdict.unwrap();
        assert_eq!(verdict.rule.as_deref(), Some("a\"b"));
        assert_eq!(verdict.violations.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["é", ""]);
    }
}
