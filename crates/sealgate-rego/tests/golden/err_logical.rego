package t

import future.keywords

a if { x and }
b if { {"a": 1} and y }
c if { x or {1, 2} }
d if { {x | y} and z }
e if { x with input as 1 and y }
f if { not {1, 2} }
g if { (x or y }
h if { print("x") or y }
