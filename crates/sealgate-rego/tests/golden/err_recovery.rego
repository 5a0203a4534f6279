package t

p := [1, 2

q := 1 +

r if {
	x == 
}

s := 1

t := {"a": 1, "b"}
