package t

a := "unterminated
b := "bad \x escape"
c := "\u12"
d := "tab	and \n escape"
e := 1a
f := 'single'
g := $x
h := !x
i := `never closed
