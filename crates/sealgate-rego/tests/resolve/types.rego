package app

limits := {"user": 10, "admin": 100}

names contains "alice"

double(x) := x * 2

default allowed := false

allowed if limits.guest > 1

allowed if limits.user == "ten"

allowed if names[1]

allowed if double("two") > 3

allowed if startswith(input.name, 1)

allowed if {
	some x in limits.user
	x
}

allowed if {
	[low, high] := [1, "b"]
	low == "a"
	high.first
}

scaled := [n | some n in limits; n == "ten"]

# METADATA
# schemas:
#   - input: {type: object, properties: {role: {type: string}}}
checked if input.rolle == "admin"

mocked if double(2) with double as upper
