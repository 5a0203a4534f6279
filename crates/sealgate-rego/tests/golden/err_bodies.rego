package t

a if {}{}
b if { x y }
c if { not some x in xs }
d if { every 1 in xs { x } }
e if { every x in xs }
f if { some f(x) }
g if { x with 1 as 2 }
h if { x with input }
i if { x = y = z }
j if { "a".b }
k if { (x }
l if
