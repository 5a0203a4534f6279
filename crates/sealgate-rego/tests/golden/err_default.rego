package t

default a := x
default b := [1, f(2)]
default c.d
default f(x, x) := 1
default g(1, {}) := 1
default h contains 1
