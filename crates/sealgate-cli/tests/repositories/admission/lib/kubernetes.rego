# METADATA
# title: Helpers for admission reviews
# scope: subpackages
package lib.kubernetes

import rego.v1

default is_gatekeeper := false

is_gatekeeper if has_field(input, "review")

object := input.review.object if is_gatekeeper

object := input.request.object if not is_gatekeeper

name := object.metadata.name

kind := object.kind

has_field(document, field) if _ = document[field]

pod_spec := object.spec if kind == "Pod"

pod_spec := object.spec.template.spec if kind in {"Deployment", "DaemonSet", "StatefulSet", "Job"}

containers contains container if some container in pod_spec.containers

containers contains container if some container in pod_spec.initContainers

split_image(image) := [image, "latest"] if not contains(image, ":")

split_image(image) := [parts[0], parts[1]] if {
	parts := split(image, ":")
	count(parts) == 2
}

format_with_id(msg, id) := {"msg": sprintf("%s: %s", [id, msg]), "details": {"policyID": id}}

canonify_cpu(value) := to_number(value) * 1000 if is_number(value)

canonify_cpu(value) := to_number(trim_suffix(value, "m")) if {
	is_string(value)
	endswith(value, "m")
}

canonify_cpu(value) := to_number(value) * 1000 if {
	is_string(value)
	not endswith(value, "m")
}
