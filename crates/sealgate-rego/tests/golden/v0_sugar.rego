package t

import future.keywords.every
import future.keywords.if
import future.keywords.contains

p { x }
p[x] { x := 1 }
p["a"]
p.q { true }
p[x] = y { x := 1; y := x }
p[x] if x := 1
p.q.r
p.q contains x { x := 1 }
f(x) { x } { not x }
f(x) = y { y := x } else = 1 { x } else = 2
default d = 1
g := 1
