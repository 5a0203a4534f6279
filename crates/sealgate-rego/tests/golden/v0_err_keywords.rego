package t

p if { true }

q { some x in xs }

r { every x in xs { x } }

s contains 1
