package edges.sub

import rego.v1

else_chain(x) := "small" if x < 10
else := "middle" if x < 100
else := "large"

default level(_) := "none"

level(x) := "some" if x > 0

grouped[kind] contains name if {
	some name, kind in {"a": "x", "b": "x", "c": "y"}
}

deny contains msg if {
	every item in input.items { item.size < 5 }
	msg := $"all {count(input.items)} are small"
}
