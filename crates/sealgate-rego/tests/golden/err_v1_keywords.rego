package t

p { true }

p[x] { x := 1 }

p.q.r

f(x) { x }

p if { x } else { y }

contains := 1
