package example

# Kinds of rules and the ways in which they refer to each other.

users[name].roles contains role if some [name, role] in input.grants

users[name].flags contains "admin" if users_named[name].admin

users_named := {user.name: user | some user in input.users}

sizes[size] := names if {
	some size in {1, 2}
	names := {name | some name, user in users; count(user.roles) == size}
}

path.to.value := input.value

path.to.other if not path.to.value

double(x) := x * 2 if is_number(x)

double(x) := concat("", [x, x]) if is_string(x)

default triple(_) := "none"

triple(x) := x * 3 if is_number(x)

doubled := [y | some x in input.values; y := double(x)]

tripled := [triple(x) | some x in input.values]

pairs := {[i, j] | input.values[i] == input.values[j]; i < j}

first := [a, rest] if {
	[a, {"b": rest}] = input.pattern
} else := rest if {
	{"only": rest} := input.pattern
} else := "neither"

replaced := {
	"input": [x | x := doubled with input as {"values": [1]}],
	"path": [x | x := path.to.value with input.value as 7],
	"function": [x | x := doubled with double as triple],
	"constant": [x | x := doubled with double as input.value with input.values as [1, "a"]],
	"builtin": [x | x := tripled with is_number as false],
	"each": [x | some v in [1, 2]; x := path.to.value with input.value as v],
	"scan": {[k, x] | x := users[k].roles[_] with input.grants as [["a", "b"], ["c", "d"]]},
	"not": [1 | not path.to.value with input as {}],
}

indirect := data.example.path.to[input.key]

every_pair if every i, x in input.values {
	every y in array.slice(input.values, 0, i) { x != y }
}

some_path contains p if walk(input.pattern, [p, "x"])

message := $"{input.value} and {input.missing.part}"
