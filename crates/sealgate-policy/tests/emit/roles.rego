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

role := input.role if input.role in {"default", "support", "lead"}

fallback("default") := {"outcome": "denied_by_default", "rule": "default/default_policy", "constraints": []}

grant("support", "search") := {
	"outcome": "allowed",
	"rule": "reader/tools/search",
	"constraints": [0],
}

grant("support", "lookup") := {
	"outcome": "allowed",
	"rule": "reader/tools/lookup",
	"constraints": [0, 1],
}

grant("support", "refund") := {
	"outcome": "allowed",
	"rule": "support/tools/refund",
	"constraints": [0, 2, 3],
}

fallback("support") := {"outcome": "denied_by_default", "rule": "support/default_policy", "constraints": []}

grant("lead", "search") := {
	"outcome": "allowed",
	"rule": "reader/tools/search",
	"constraints": [0],
}

grant("lead", "lookup") := {
	"outcome": "allowed",
	"rule": "lead/tools/lookup",
	"constraints": [0],
}

grant("lead", "refund") := {
	"outcome": "allowed",
	"rule": "lead/tools/refund",
	"constraints": [0, 4],
}

fallback("lead") := {
	"outcome": "approval_required",
	"rule": "lead/default_policy",
	"constraints": [0, 5],
}

text_of(0) := "user.active == true"

text_of(1) := "args.id != \"0\""

text_of(2) := "args.amount <= consts.limit"

text_of(3) := "args.currency in consts.currencies"

text_of(4) := "args.amount <= consts.limit"

text_of(5) := "not startswith(tool, \"drop_\")"

holds(0) if input.user.active == true

holds(1) if {
	is_string(input.args.id)
	input.args.id != "0"
}

holds(2) if {
	is_number(input.args.amount)
	input.args.amount <= 100
}

holds(3) if input.args.currency in {"USD", "EUR"}

holds(4) if {
	is_number(input.args.amount)
	input.args.amount <= 1000
}

holds(5) if {
	is_string(input.tool)
	not startswith(input.tool, "drop_")
}
