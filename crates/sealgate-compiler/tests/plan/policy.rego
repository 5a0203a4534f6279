package example

# The shape that a policy of tools and roles is emitted in.

grant("support", "refund") := {"mode": "allow", "constraints": [[1, "args.amount <= 100"], [2, "args.reason in consts.reasons"]]}

grant("support", "lookup") := {"mode": "allow", "constraints": []}

grant("admin", "refund") := {"mode": "approval_required", "constraints": [[3, "every(args.lines, . > 0)"]]}

fallback("support") := {"mode": "deny", "constraints": []}

holds(1) if {
	is_number(input.args.amount)
	input.args.amount <= 100
}

holds(2) if {
	is_string(input.args.reason)
	input.args.reason in {"damaged", "late"}
}

holds(3) if {
	is_array(input.args.lines)
	every line in input.args.lines {
		is_number(line)
		line > 0
	}
}

holds(3) if input.args.lines == "none"

default role := "default"

role := input.role if input.role in {"support", "admin"}

granted := g if {
	g := grant(role, input.tool)
} else := fallback(role) if {
	is_string(input.tool)
} else := {"mode": "deny", "constraints": []}

failures := [check[1] | some check in granted.constraints; not holds(check[0])]

violations := {text | some text in failures}

default allow := false

allow if {
	granted.mode == "allow"
	count(violations) == 0
}

requires_approval if granted.mode == "approval_required"
