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

# What holds for the call if its constraints do.
granted := entry if entry := held_by(role)

else := {"outcome": "unknown_role", "rule": null, "constraints": []} if is_string(input.tool)

else := {"outcome": "invalid_request", "rule": null, "constraints": []}

# The entry of a role for the call.
held_by(name) := entry if entry := grant(name, input.tool)

else := fallback(name) if is_string(input.tool)

# Which of an entry's constraints do not hold, in the policy's order.
failures(entry) := [id | some id in entry.constraints; not holds(id)]

# The role whose entries apply.
default role := "default"

role := input.role if input.role in {"default"}

grant("default", "refund") := {
	"outcome": "allowed",
	"rule": "default/tools/refund",
	"constraints": [0, 1],
}

grant("default", "wire") := {
	"outcome": "approval_required",
	"rule": "default/tools/wire",
	"constraints": [2],
}

grant("default", "drop_database") := {"outcome": "denied_by_mode", "rule": "default/tools/drop_database", "constraints": []}

grant("default", "list") := {"outcome": "allowed", "rule": "default/tools/list", "constraints": []}

fallback("default") := {"outcome": "approval_required", "rule": "default/default_policy", "constraints": []}

text_of(0) := "args.amount <= 100"

text_of(1) := "args.currency in [\"USD\", \"EUR\"]"

text_of(2) := "args.amount <= 5000"

holds(0) if {
	is_number(input.args.amount)
	input.args.amount <= 100
}

holds(1) if input.args.currency in {"USD", "EUR"}

holds(2) if {
	is_number(input.args.amount)
	input.args.amount <= 5000
}
