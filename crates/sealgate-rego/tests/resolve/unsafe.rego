package example

# A variable that nothing binds, in each of the places where that can be.
head := x

argument if startswith(prefix, "a")

negated if not input.items[i] == 1

closure := [y | true]

forgotten := n if {
	m := count(input.items)
	n > m
}
