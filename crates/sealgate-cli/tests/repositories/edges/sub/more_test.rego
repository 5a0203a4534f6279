package edges.sub_test

import data.edges.sub
import rego.v1

test_heads if sub.fruits == {"apple": {"colour": "red"}, "pear": {"colour": "green"}, "plum": {"colour": "blue"}}

test_else if [sub.else_chain(x) | some x in [1, 50, 500]] == ["small", "middle", "large"]

test_default_function if {
	sub.level(1) == "some"
	sub.level(-1) == "none"
}

test_grouped if sub.grouped == {"x": {"a", "b"}, "y": {"c"}}

test_total if sub.total == 5050

test_deep if sub.deep == [["a", 0, "b"], ["a", 1, "c", "d"]]

test_template if sub.deny == {"all 2 are small"} with input.items as [{"size": 1}, {"size": 2}]

test_not_all if count(sub.deny) == 0 with input.items as [{"size": 1}, {"size": 9}]

test_mocked_builtin if {
	sub.now == 42 with time.now_ns as 42
	sub.matches("^h") with input.text as "hello" with regex.match as mock_match
}

mock_match(pattern, _) if pattern == "^h"

test_http if {
	http.send({"method": "get", "url": "http://localhost"}).status_code == 200 with http.send as {"status_code": 200}
}

test_nested.inner.test_ignored if true

test_set contains "x" if true

test_object_value := {"a": 1} if true

test_by_key[a][b] if {
	some a, bs in {"one": ["x", "y"], "two": ["z"]}
	some b in bs
	b != "z"
}

test_builtin_error if {
	to_number("x") == 1
}

test_undefined_input if input.x == 1

test_printing if {
	print("in a test", {1, 2}, [true, null])
	print(sub.sorted)
	false
}
