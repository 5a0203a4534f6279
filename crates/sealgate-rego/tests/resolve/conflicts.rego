package example

p := 1

p contains 2

q := 1

q.r := 2

f(x) := x

f(x, y) := x + y

default d := 1

default d := 2
