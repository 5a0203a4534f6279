# Made by Sealgate from a policy: change that, not this.
package sealgate.policy

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

# What holds for the call if its constraints do.
granted := entry if entry := held_by(role)

else := {"outcome": "unknown_role", "rule": null} if is_string(input.tool)

else := {"outcome": "invalid_request", "rule": null}

# The entry of a role for the call.
held_by(name) := fallback(name) if is_string(input.tool)

failures(_) := []

# The role whose entries apply.
role := input.role if input.role in {"support"}

fallback("support") := {"outcome": "denied_by_default", "rule": "support/default_policy"}
