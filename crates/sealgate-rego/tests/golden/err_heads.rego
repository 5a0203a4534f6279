package t

f(x) contains 1
f(x).y := 1
1 := 2
"a" := 1
p := 1 with input as 2
not p
some x
count(x)
f()
p := 1; q := 2
p[x] if { x := 1 } else := 2
p contains 1 if { x } else := 2
