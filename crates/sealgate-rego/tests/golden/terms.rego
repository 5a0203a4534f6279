package t

scalars := [null, true, false, 0, -1, 1.5e-10, "a\"\\\n\u00e9\ud83d\ude00", `raw \n`, .5]

collections := {"set": {1, {2}}, "empty": [set(), {}, []], [1]: {"k": [,1]},}

comprehensions := [[x | x := 1], {x | some x in xs; x > 1}, {k: v | some k, v in xs}, {a | b, c}, [(a | b), c]]

operators := [a + b * c - d, (a + b) * c, a | b & c, a == b | c, a in b == c, -x, -x.y, a - -1, (a, b in c), a % b / c]

references := [a.b["c d"][e], f(x).y[z], [1, 2][i], {"a": 1}.a, {x | x := 1}[y], data.f(x), input, x.not.if["in"]]

text := $"a {x} {f(x) with input as {"y": 1}} \{b} {$"{z}"}" 

raw := $`line
{x} \{y}`
