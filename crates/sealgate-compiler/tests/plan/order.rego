package example

# Bodies that must be reordered, and variables that are shared with closures.

out_of_order := [x, y, z] if {
	z == x + y
	y = x + 1
	x = input.x
	z = input.z
}

closed_over := [[i, n] | n := count([x | x := input.list[i][_]]); input.list[i]]

unified if {
	[x, {"k": y}, z] = [input.x, {"k": z}, input.z]
	y > x
}

same := x if {
	x = input.x
	x = input.x
}

joined contains [x.id, y.name] if {
	some x in input.left
	some y in input.right
	x.id == y.id
}

looked_up := v if {
	k = input.key
	v = input.object[k]
}

keys := {k | input.object[k]}

nested := input.object[input.keys[i]] if i = 1

negated if {
	not input.object.missing
	not input.x == input.z
	not unified
}
