package t

a := [1 2]
b := {1: 2, 3}
c := f(1; 2)
d := x[1
