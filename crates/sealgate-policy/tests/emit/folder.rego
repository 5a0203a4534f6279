# Made by Sealgate from a policy: change that, not this.
package sealgate.policy

decision := {
	"allow": allow,
	"failures": failures,
	"reason": reason,
	"requires_approval": requires_approval,
	"rule": granted.rule,
	"violations": {text | some text in failures},
}

default allow := false

allow if {
	granted.outcome == "allowed"
	failures == []
}

default requires_approval := false

requires_approval if {
	granted.outcome == "approval_required"
	failures == []
}

reason := granted.outcome if failures == []

else := "constraint_failed"

# What holds for the call if its constraints do.
granted := entry if entry := grant(role, input.tool)

else := fallback(role) if is_string(input.tool)

else := {"outcome": "unknown_role", "rule": null} if is_string(input.tool)

else := {"outcome": "invalid_request", "rule": null}

failures := []

# The role whose entries apply.
default role := "default"

role := input.role if input.role in {"default", "support"}

fallback("default") := {"outcome": "denied_by_default", "rule": "default/default_policy"}

grant("support", "search") := {"outcome": "allowed", "rule": "read_only/tools/search"}

grant("support", "reply") := {"outcome": "approval_required", "rule": "support/tools/reply"}

fallback("support") := {"outcome": "denied_by_default", "rule": "support/default_policy"}
