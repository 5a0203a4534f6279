package example

import data.roles
import data.other.roles

grant(role) if roles[role]

declared if {
	some unused
	input.x
}

again if {
	x := 1
	x := 2
}

above if {
	later == 1
	later := 1
}

named_as_called if {
	count := count(input.xs)
	count > 1
}

calls if {
	no.such.function(1)
	count(1, 2, 3)
	grant
}

loop if loop2

loop2 if not loop

target if allow with nothing as 1
