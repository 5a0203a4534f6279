//! A policy's calls: what a policy is expected to decide, as data beside it.
//!
//! Takes a YAML text with `calls`, each a request with the outcome and violations that it must give; asks a loaded policy
//! and compares.

use sealgate_runtime::{Outcome, Policy, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A file of calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The calls in the order written.
    pub calls: Vec<Call>,
}

/// A request with what it must give.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What the call shows, in the words of whoever wrote it.
    pub name: String,
    /// The caller's role.
    #[serde(default)]
    pub role: Option<String>,
    /// The tool.
    pub tool: String,
    /// The tool's arguments.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// Attributes of the call's context.
    #[serde(default)]
    pub ctx: Map<String, Value>,
    /// Attributes of the caller.
    #[serde(default)]
    pub user: Map<String, Value>,
    /// Facts of the agent's run.
    #[serde(default)]
    pub run: Map<String, Value>,
    /// The outcome that the call must give.
    pub outcome: Expected,
    /// The violations that it must give, in policy order.
    #[serde(default)]
    pub violations: Vec<String>,
}

/// The three outcomes of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The tool may run.
    Allow,
    /// The tool must not run.
    Deny,
    /// A person decides.
    NeedsApproval,
}

/// What an engine decided for a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The outcome.
    pub outcome: Expected,
    /// The violations in policy order.
    pub violations: Vec<String>,
}

impl From<Outcome> for Expected {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::Deny => Self::Deny,
            Outcome::NeedsApproval => Self::NeedsApproval,
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::NeedsApproval => "needs_approval",
        })
    }
}

/// Why a file of calls was refused; the text shows the line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SuiteError(String);

impl Suite {
    /// Reads a file of calls.
    pub fn parse(text: &str) -> Result<Self, SuiteError> {
        serde_saphyr::from_str(text).map_err(|error| SuiteError(error.to_string()))
    }
}

impl Call {
    /// The input document `{role, tool, args, ctx, user, run}`; without a role the key is left out.
    pub fn input(&self) -> Value {
        let mut input = Map::new();
        if let Some(role) = &self.role {
            input.insert("role".to_owned(), Value::from(role.clone()));
        }
        input.insert("tool".to_owned(), Value::from(self.tool.clone()));
        for (key, attributes) in [("args", &self.args), ("ctx", &self.ctx), ("user", &self.user), ("run", &self.run)] {
            input.insert(key.to_owned(), Value::Object(attributes.clone()));
        }
        Value::Object(input)
    }

    /// What a policy decides for the call.
    pub fn decide(&self, policy: &Policy) -> Decided {
        let mut request = Request::new(&self.tool).args(&self.args).ctx(&self.ctx).user(&self.user).run(&self.run);
        if let Some(role) = &self.role {
            request = request.role(role);
        }
        let decision = policy.decide_or_deny(&request);
        Decided { outcome: decision.outcome().into(), violations: decision.violations().map(str::to_owned).collect() }
    }

    /// Whether the decision is the one expected.
    pub fn holds(&self, decided: &Decided) -> bool {
        decided.outcome == self.outcome && decided.violations == self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: &str = r#"
calls:
  - name: a refund
    role: tier1
    tool: refund
    args: { amount: 20.50, big: 9007199254740993 }
    outcome: needs_approval
    violations: ["args.amount <= 50"]
"#;

    #[test]
    fn a_call_becomes_an_input_and_keeps_its_numbers() {
        let suite = Suite::parse(CALLS).unwrap();
        let input = suite.calls[0].input();
        assert_eq!(input["args"]["big"].to_string(), "9007199254740993");
        assert_eq!(input["args"]["amount"], serde_json::json!(20.5));
        assert_eq!(input["role"], "tier1");
        let decided = |violations: &[&str]| Decided {
            outcome: Expected::NeedsApproval,
            violations: violations.iter().map(|v| (*v).to_owned()).collect(),
        };
        assert!(suite.calls[0].holds(&decided(&["args.amount <= 50"])));
        assert!(!suite.calls[0].holds(&decided(&[])));
    }

    #[test]
    fn a_misspelt_key_is_an_error_with_its_line() {
        let error = Suite::parse(&CALLS.replace("outcome", "outcom")).unwrap_err().to_string();
        assert!(error.contains("outcom"), "{error}");
    }
}
