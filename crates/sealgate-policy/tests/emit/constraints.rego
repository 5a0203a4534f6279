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

grant("default", "everything") := {
	"outcome": "allowed",
	"rule": "default/tools/everything",
	"constraints": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33],
}

fallback("default") := {"outcome": "denied_by_default", "rule": "default/default_policy", "constraints": []}

text_of(0) := "args.a == 1 or args.a == 2"

text_of(1) := "not (args.a == 1 and args.b != \"x\" or args.c > 3)"

text_of(2) := "args.a not in [1, 2]"

text_of(3) := "args.a not in [1, \"b\"]"

text_of(4) := "args.a not in consts.blocked"

text_of(5) := "args.a not in []"

text_of(6) := "args.a in args.list"

text_of(7) := "args.a not in args.list"

text_of(8) := "args.a == args.b"

text_of(9) := "args.a != args.b"

text_of(10) := "args.a < args.b"

text_of(11) := "5 <= args.a"

text_of(12) := "args.a == null"

text_of(13) := "args.a != null"

text_of(14) := "count(args.list) <= 2"

text_of(15) := "count(args.list) not in [1, 2]"

text_of(16) := "count(args.list) != null"

text_of(17) := "startswith(args.path, consts.home)"

text_of(18) := "not endswith(args.path, user.suffix)"

text_of(19) := "contains(args.path, \"\\\"#`\\\\\\n\\u202e\")"

text_of(20) := "matches(args.id, \"^[a-z]+\\\\d{2}$\")"

text_of(21) := "glob(args.path, \"/srv/**/*.md\")"

text_of(22) := "every(args.items, .price <= 100 and (.qty > 0 or .gift == true))"

text_of(23) := "any(args.tags, . == \"x\" or . == \"y\")"

text_of(24) := "not any(args.tags, startswith(., \"secret\"))"

text_of(25) := "every(args.orders, any(.lines, .sku in [\"a\", \"b\"] or . == null))"

text_of(26) := "any(args.a, . == 1) and any(args.b, . == 2)"

text_of(27) := "args[\"x-y\"].if[0].in == {\"a\": [1, 2.50], \"b\": {}}"

text_of(28) := "1 == 1 and \"a\" < \"b\""

text_of(29) := "every(args.tags, 1 == 1)"

text_of(30) := "any(args.tags, 1 == 1)"

text_of(31) := "tool == \"everything\" and role in [\"a\"] and ctx.ip != \"\" and run.steps < 10 and user.id != 0"

text_of(32) := "not not (1 == 2)"

text_of(33) := "1 == \"1\" or args.a == 3"

holds(0) if input.args.a == 1

holds(0) if input.args.a == 2

holds(1) if {
	holds_1_1
	is_number(input.args.c)
	input.args.c <= 3
}

holds_1_1 if {
	is_number(input.args.a)
	input.args.a != 1
}

holds_1_1 if input.args.b == "x"

holds(2) if {
	is_number(input.args.a)
	not input.args.a in {1, 2}
}

holds(3) if {
	type_name(input.args.a) in {"number", "string"}
	not input.args.a in {1, "b"}
}

holds(4) if {
	present(input.args.a)
	not input.args.a in {null, 5, "x"}
}

holds(5) if present(input.args.a)

holds(6) if {
	is_array(input.args.list)
	input.args.a in input.args.list
}

holds(7) if not_in(input.args.a, input.args.list)

holds(8) if input.args.a == input.args.b

holds(9) if {
	same_type(input.args.a, input.args.b)
	input.args.a != input.args.b
}

holds(10) if {
	ordered(input.args.a, input.args.b)
	input.args.a < input.args.b
}

holds(11) if {
	is_number(input.args.a)
	input.args.a >= 5
}

holds(12) if input.args.a == null

holds(13) if input.args.a != null

holds(14) if size(input.args.list) <= 2

holds(15) if {
	present(size(input.args.list))
	not size(input.args.list) in {1, 2}
}

holds(16) if present(size(input.args.list))

holds(17) if {
	is_string(input.args.path)
	startswith(input.args.path, "/srv")
}

holds(18) if {
	is_string(input.args.path)
	is_string(input.user.suffix)
	not endswith(input.args.path, input.user.suffix)
}

holds(19) if {
	is_string(input.args.path)
	contains(input.args.path, "\"#`\\\n\u202e")
}

holds(20) if {
	is_string(input.args.id)
	regex.match("^[a-z]+\\d{2}$", input.args.id)
}

holds(21) if {
	is_string(input.args.path)
	regex.match("^(?s:/srv/.*/[^/]*\\.md)$", input.args.path)
}

holds(22) if {
	is_array(input.args.items)
	every item in input.args.items {
		is_number(item.price)
		item.price <= 100
		holds_22_1(item)
	}
}

holds_22_1(item) if {
	is_number(item.qty)
	item.qty > 0
}

holds_22_1(item) if item.gift == true

holds(23) if {
	is_array(input.args.tags)
	holds_23_2
}

holds_23_2 if {
	some item in input.args.tags
	holds_23_1(item)
}

holds_23_1(item) if item in {"x"}

holds_23_1(item) if item in {"y"}

holds(24) if {
	is_array(input.args.tags)
	every item in input.args.tags {
		is_string(item)
		not startswith(item, "secret")
	}
}

holds(25) if {
	is_array(input.args.orders)
	every item in input.args.orders {
		is_array(item.lines)
		holds_25_2(item)
	}
}

holds_25_2(item) if {
	some item2 in item.lines
	holds_25_1(item2)
}

holds_25_1(item2) if item2.sku in {"a", "b"}

holds_25_1(item2) if item2 in {null}

holds(26) if {
	is_array(input.args.a)
	holds_26_1
	is_array(input.args.b)
	holds_26_2
}

holds_26_2 if {
	some item in input.args.b
	item in {2}
}

holds_26_1 if {
	some item in input.args.a
	item in {1}
}

holds(27) if input.args["x-y"]["if"][0]["in"] == {"a": [1, 2.50], "b": {}}

holds(28)

holds(29) if is_array(input.args.tags)

holds(30) if {
	is_array(input.args.tags)
	count(input.args.tags) > 0
}

holds(31) if {
	input.tool == "everything"
	input.role in {"a"}
	is_string(input.ctx.ip)
	input.ctx.ip != ""
	is_number(input.run.steps)
	input.run.steps < 10
	is_number(input.user.id)
	input.user.id != 0
}

holds(32) if false

holds(33) if input.args.a == 3

# Whether there is a value, whatever it is.
present(_)

# How many elements, members or code points there are.
size(value) := count(value) if type_name(value) in {"array", "object", "string"}

same_type(a, b) if type_name(a) == type_name(b)

# Whether two values have an order.
ordered(a, b) if {
	is_number(a)
	is_number(b)
}

ordered(a, b) if {
	is_string(a)
	is_string(b)
}

# Whether a list is known not to hold a value: it is empty, or has others of the value's type.
not_in(_, list) if list == []

not_in(value, list) if {
	is_array(list)
	not value in list
	some item in list
	same_type(item, value)
}
