package t

a := 01
b := 1.
c := 1e
e := 1e400000
f := 1.2.3
d := -
