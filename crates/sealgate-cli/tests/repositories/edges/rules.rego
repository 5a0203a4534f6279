package edges.sub

import rego.v1

# One package over several files; rules with references as heads.
fruits.apple.colour := "red"

fruits[name].colour := colour if {
	some name, colour in {"pear": "green", "plum": "blue"}
}

sorted := [x | some x in {3, 1, 2}]

matches(pattern) if regex.match(pattern, input.text)

total := sum([n | some n in numbers.range(1, 100)])

deep := [path | walk({"a": [{"b": 1}, {"c": {"d": 2}}]}, [path, value]); is_number(value)]

now := time.now_ns()
