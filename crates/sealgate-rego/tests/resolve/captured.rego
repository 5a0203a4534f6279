package app

p if {
	print(x, input.y)
	[print(z) | z := 1] == []
}

q := $"{count(y)} of {n}" if n := 1

f(input) := 1

g(data.limit) := 2

h() := 3

r := h()
