package t

import future.keywords.and
import future.keywords.not
import future.keywords.or

p if {
	a and b or not c and {d; e}
	(a or b) and not (c or d) with input as 1
	not { x; y }
	not z = 1
	x := and(a, b) | or(c, d)
}
