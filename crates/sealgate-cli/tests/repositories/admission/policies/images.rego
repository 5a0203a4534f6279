package policies.images

import data.lib.kubernetes
import rego.v1

policy_id := "P1001"

# METADATA
# title: Images come from a registry of ours and have a tag
# entrypoint: true
violation contains kubernetes.format_with_id(msg, policy_id) if {
	some container in kubernetes.containers
	[_, "latest"] = kubernetes.split_image(container.image)
	msg := sprintf("%s/%s uses the tag latest", [kubernetes.kind, kubernetes.name])
}

violation contains kubernetes.format_with_id(msg, policy_id) if {
	some container in kubernetes.containers
	not allowed_registry(container.image)
	msg := sprintf("%s/%s is from another registry", [kubernetes.kind, kubernetes.name])
}

allowed_registry(image) if {
	some registry in data.registries.allowed
	startswith(image, concat("", [registry, "/"]))
}

cpu_over(limit) := {container.name |
	some container in kubernetes.containers
	kubernetes.canonify_cpu(container.resources.limits.cpu) > limit
}

chain := rego.metadata.chain()
