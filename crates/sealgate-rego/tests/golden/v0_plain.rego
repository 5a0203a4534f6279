package t

in := 1
every := 2
contains := 3

p { in; every == contains }
if { x }
