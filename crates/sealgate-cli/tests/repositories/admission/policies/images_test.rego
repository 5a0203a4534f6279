package policies.images_test

import data.policies.images
import rego.v1

pod(image) := {"review": {"object": {
	"kind": "Pod",
	"metadata": {"name": "web"},
	"spec": {"containers": [{"name": "c", "image": image, "resources": {"limits": {"cpu": "1500m"}}}]},
}}}

test_tagged_image_of_ours if {
	count(images.violation) == 0 with input as pod("registry.example.com/web:1.2")
}

test_latest_is_a_violation if {
	found := images.violation with input as pod("registry.example.com/web")
	found == {{"msg": "P1001: Pod/web uses the tag latest", "details": {"policyID": "P1001"}}}
}

test_other_registry_with_mocked_data if {
	found := images.violation with input as pod("elsewhere.example.org/web:1") with data.registries.allowed as ["elsewhere.example.org"]
	count(found) == 0
}

test_other_registry if {
	found := images.violation with input as pod("elsewhere.example.org/web:1")
	some violation in found
	contains(violation.msg, "another registry")
}

test_cpu[tc.note] if {
	some tc in [
		{"note": "below", "limit": 1600, "over": set()},
		{"note": "above", "limit": 1000, "over": {"c"}},
	]
	over := images.cpu_over(tc.limit) with input as pod("a:1")
	over == tc.over
}

test_deployment if {
	deployment := json.patch(pod("registry.example.com/web").review.object, [
		{"op": "replace", "path": "/kind", "value": "Deployment"},
		{"op": "add", "path": "/spec/template", "value": {"spec": {"containers": [{"name": "d", "image": "x"}]}}},
	])
	found := images.violation with input as {"request": {"object": deployment}}
	count(found) == 2
}

test_metadata_chain if {
	some link in images.chain
	link.path == ["policies", "images", "chain"]
}

# The two below must fail, and with OPA too.
test_fails_on_purpose if {
	print("limit is", data.registries.limit, input.nothing)
	data.registries.limit > 100
}

test_cases_fail_on_purpose[tc.note] if {
	some tc in [{"note": "holds", "x": 1}, {"note": "does not", "x": 2}]
	tc.x == 1
}

todo_test_not_yet if {
	false
}
