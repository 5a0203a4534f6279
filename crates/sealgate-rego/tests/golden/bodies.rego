package t

p if {
	some x, y
	some z in zs
	some k, {"v": v} in zs with input as 1
	every a in as_list { a > 1; not b }
	every i, a in f(x) {
		i < a
	} with data.x as {}
	not x = 1
	not f(x) with input.x as 1 with data.f as g
	[q, _] := z; q == x
	x in xs
	k, v in zs
	-1 == y
	not.in == 1
	(a | b) == c
}

q if { a | b }

r if (a | b)

s if { (a | b) = c }

t if { {a, b} }
