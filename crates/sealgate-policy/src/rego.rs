//! A policy as Rego that means the same by itself.
//!
//! Takes a [`PolicySet`]; gives the text of one Rego v1 module, formatted as `opa fmt` leaves it, whose rule `decision`
//! decides as [`PolicySet::evaluate`] does, in any Rego engine. Type guards and three-valued logic are spelt out: Rego
//! orders values of different types and takes undefined for false under `not`, policies do neither.
//!
//! INVARIANT: text from the policy or the caller enters the module through [`literal::string`] only, and no comment
//! holds any.

mod conditions;
mod literal;
mod prelude;
mod scopes;

use std::fmt::Write as _;

use crate::document::Mode;
use crate::evaluate::Reason;
use crate::policy_set::{Check, CheckId, DEFAULT_ROLE, Grant, PolicySet};
use conditions::Conditions;
use prelude::Prelude;

/// How to emit.
#[derive(Clone, Debug)]
pub struct EmitOptions {
    /// The module's package: names joined by dots.
    pub package: String,
}

impl Default for EmitOptions {
    fn default() -> Self {
        Self { package: "sealgate.policy".to_owned() }
    }
}

/// A policy as Rego.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmittedRego {
    /// The module's text.
    pub text: String,
    /// The path of the rule that decides, such as `sealgate/policy/decision`.
    pub entrypoint: String,
}

/// Why nothing was emitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The package is not names joined by dots, or one of them is a keyword.
    #[error("`{0}` is not a package: it must be names of ASCII letters, digits and `_`, joined by dots")]
    BadPackage(String),
}

/// Emits a policy as Rego.
pub fn emit_rego(set: &PolicySet, options: &EmitOptions) -> Result<EmittedRego, EmitError> {
    if !options.package.split('.').all(literal::is_name) || options.package.len() > 256 {
        return Err(EmitError::BadPackage(options.package.clone()));
    }
    let mut module = Module { set, out: String::new(), prelude: Prelude::default() };
    module.header(&options.package);
    module.decision();
    module.grants();
    module.checks();
    module.prelude.write(&mut module.out);
    Ok(EmittedRego { text: module.out, entrypoint: format!("{}/decision", options.package.replace('.', "/")) })
}

struct Module<'a> {
    set: &'a PolicySet,
    out: String,
    prelude: Prelude,
}

impl Module<'_> {
    fn header(&mut self, package: &str) {
        self.out.push_str("# Made by Sealgate from a policy: change that, not this.\n");
        let _ = writeln!(self.out, "package {package}");
    }

    /// The rules that every policy has.
    fn decision(&mut self) {
        self.out.push_str(DECISION);
        if self.set.checks().len() > 0 {
            self.out.push_str(CONSTRAINT_FAILED);
        }
        self.out.push_str("\n# What holds for the call if its constraints do.\n");
        let outcome = |reason: Reason| {
            let (reason, constraints) = (literal::string(reason.as_str()), self.no_constraints());
            format!("{{\"outcome\": {reason}, \"rule\": null{constraints}}}")
        };
        let unknown_role = format!("{} if is_string(input.tool)", outcome(Reason::UnknownRole));
        let branches = ["entry if entry := held_by(role)".to_owned(), unknown_role, outcome(Reason::InvalidRequest)];
        self.write_else_chain("granted", &branches);
        self.out.push_str("\n# The entry of a role for the call.\n");
        let own = "entry if entry := grant(name, input.tool)".to_owned();
        let has_tools = self.set.roles().any(|(_, role)| role.tools().len() > 0);
        let fallback = "fallback(name) if is_string(input.tool)".to_owned();
        let branches: Vec<String> = has_tools.then_some(own).into_iter().chain([fallback]).collect();
        self.write_else_chain("held_by(name)", &branches);
        if self.set.checks().len() > 0 {
            self.out.push_str("\n# Which of an entry's constraints do not hold, in the policy's order.\n");
            self.out.push_str("failures(entry) := [id | some id in entry.constraints; not holds(id)]\n");
        } else {
            self.out.push_str("\nfailures(_) := []\n");
        }
        self.out.push_str("\n# The role whose entries apply.\n");
        if self.set.roles().any(|(name, _)| name == DEFAULT_ROLE) {
            let _ = writeln!(self.out, "default role := {}\n", literal::string(DEFAULT_ROLE));
        }
        let names: Vec<String> = self.set.roles().map(|(name, _)| literal::string(name)).collect();
        let _ = writeln!(self.out, "role := input.role if input.role in {{{}}}", names.join(", "));
    }

    /// A rule that has the value of the first branch that has one.
    fn write_else_chain(&mut self, head: &str, branches: &[String]) {
        for (place, branch) in branches.iter().enumerate() {
            let head = if place == 0 { head } else { "\nelse" };
            let _ = writeln!(self.out, "{head} := {branch}");
        }
    }

    fn grants(&mut self) {
        for (name, role) in self.set.roles() {
            let role_name = literal::string(name);
            for (tool, grant) in role.tools() {
                let head = format!("grant({role_name}, {})", literal::string(tool));
                self.grant(&head, grant, Reason::DeniedByMode);
            }
            self.grant(&format!("fallback({role_name})"), role.fallback(), Reason::DeniedByDefault);
        }
    }

    fn grant(&mut self, head: &str, grant: &Grant, denied: Reason) {
        let outcome = match grant.mode {
            Mode::Allow => Reason::Allowed,
            Mode::ApprovalRequired => Reason::ApprovalRequired,
            Mode::Deny => denied,
        };
        let (outcome, rule) = (literal::string(outcome.as_str()), literal::string(&grant.rule));
        if grant.checks.is_empty() {
            let constraints = self.no_constraints();
            let _ = writeln!(self.out, "\n{head} := {{\"outcome\": {outcome}, \"rule\": {rule}{constraints}}}");
            return;
        }
        let ids: Vec<String> = grant.checks.iter().map(|id| id.0.to_string()).collect();
        let _ = writeln!(
            self.out,
            "\n{head} := {{\n\t\"outcome\": {outcome},\n\t\"rule\": {rule},\n\t\"constraints\": [{}],\n}}",
            ids.join(", ")
        );
    }

    /// The last member of an entry without constraints. If other entries have some it is there, so that all have the same
    /// members: compilers of Rego find them sooner.
    fn no_constraints(&self) -> &'static str {
        if self.set.checks().len() > 0 { ", \"constraints\": []" } else { "" }
    }

    fn checks(&mut self) {
        for (id, check) in self.set.checks() {
            let _ = writeln!(self.out, "\ntext_of({}) := {}", id.0, literal::string(check.text()));
        }
        for (id, check) in self.set.checks() {
            match check {
                Check::Constraint { condition, .. } => {
                    let mut conditions = Conditions::new(id, &mut self.prelude);
                    conditions.define(condition);
                    self.out.push_str(&conditions.finish());
                }
                Check::FileScope(scope) => {
                    let text = scopes::define(id, scope, &mut self.prelude);
                    self.out.push_str(&text);
                }
            }
        }
    }
}

/// The head of the rule that says whether a check holds.
fn holds(id: CheckId) -> String {
    format!("holds({})", id.0)
}

/// Writes one rule: `head if body`, braces only where the body has several lines. No lines is a fact.
fn write_rule(out: &mut String, head: &str, lines: &[String]) {
    match lines {
        [] => {
            let _ = writeln!(out, "\n{head}");
        }
        [only] if !only.contains('\n') && !only.contains(":=") && !only.starts_with("some ") => {
            let _ = writeln!(out, "\n{head} if {only}");
        }
        many => {
            let _ = writeln!(out, "\n{head} if {{");
            for line in many {
                let _ = writeln!(out, "\t{}", line.replace('\n', "\n\t"));
            }
            out.push_str("}\n");
        }
    }
}

/// Each outcome has its own document, most of it constant: an engine makes it without asking other rules for its parts.
const DECISION: &str = r#"
decision := decided(granted)

decided(entry) := document(entry.outcome, entry.rule, failures(entry))

allow := decision.allow

requires_approval := decision.requires_approval

reason := decision.reason

# The decision by an entry's outcome and name, and which of its constraints do not hold.
document(outcome, rule, failed) := {
	"allow": true,
	"failures": [],
	"reason": "allowed",
	"requires_approval": false,
	"rule": rule,
	"violations": set(),
} if {
	outcome == "allowed"
	failed == []
}

else := {
	"allow": false,
	"failures": [],
	"reason": "approval_required",
	"requires_approval": true,
	"rule": rule,
	"violations": set(),
} if {
	outcome == "approval_required"
	failed == []
}

else := {
	"allow": false,
	"failures": [],
	"reason": outcome,
	"requires_approval": false,
	"rule": rule,
	"violations": set(),
} if {
	failed == []
}
"#;

/// The last of `document`'s branches. Only here texts are looked up: that a constraint does not hold never depends on them.
const CONSTRAINT_FAILED: &str = r#"
else := {
	"allow": false,
	"failures": texts,
	"reason": "constraint_failed",
	"requires_approval": false,
	"rule": rule,
	"violations": {text | some text in texts},
} if {
	texts := [text_of(id) | some id in failed]
}
"#;

#[cfg(test)]
mod tests;
