package t

a := $"{}"
b := $"{not x}"
c := $"{x := 1}"
d := $"{some x in xs}"
e := $"{x y}"
f := $"{x"
