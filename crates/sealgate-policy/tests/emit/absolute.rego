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

grant("default", "read_file") := {
	"outcome": "allowed",
	"rule": "default/tools/read_file",
	"constraints": [0],
}

fallback("default") := {"outcome": "denied_by_default", "rule": "default/default_policy", "constraints": []}

text_of(0) := "file_scope"

holds(0) if {
	every path in paths(input.args.file_path) {
		within_0(path)
	}
}

within_0(path) if {
	clean := normalised(path)
	not regex.match("^(?s:\\.env|secrets(?:/.*)?)$", clean)
}

# The paths that an argument gives.
paths(value) := [value] if is_string(value)

paths(value) := value if {
	is_array(value)
	value != []
}

# A path in its one form; undefined where it leaves its root or means different files to different systems.
normalised(path) := "." if {
	resolved(path) == []
	not startswith(path, "/")
}

normalised(path) := concat("/", parts) if {
	parts := resolved(path)
	parts != []
	not startswith(path, "/")
}

normalised(path) := concat("", ["/", concat("/", parts)]) if {
	parts := resolved(path)
	startswith(path, "/")
}

resolved(path) := parts if {
	parts := segments(path)
	not ".." in parts
}

# With `..`, a part stays if no later depth lies below its own; a depth below 0 has left the root.
resolved(path) := kept if {
	parts := segments(path)
	".." in parts
	depths := [depth(parts, i) | some i, _ in parts]
	every d in depths {
		d >= 0
	}
	kept := [part | some i, part in parts; part != ".."; not left(depths, i)]
}

depth(parts, i) := (i + 1) - (2 * count([j | some j, part in parts; j <= i; part == ".."]))

left(depths, i) if {
	some j, d in depths
	j > i
	d < depths[i]
}

segments(path) := parts if {
	is_string(path)
	path != ""
	count(path) <= 4096
	not contains(path, "\\")
	not contains(path, "\u0000")
	parts := [part | some part in split(path, "/"); not part in {"", "."}]
	count(parts) <= 256
}
