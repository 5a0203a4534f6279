package legacy["http-api"].authz

import data.legacy.users as directory
import input.attributes.request.http as http_request

default allow = false

allow {
    http_request.method == "GET"
    action_allowed
}

allow = true {
    is_admin(http_request.headers["x-user"])
}

action_allowed {
    some i
    public[i] == http_request.path
}

action_allowed {
    user := directory[http_request.headers["x-user"]]
    user.paths[_] == http_request.path
}

public = ["/", "/health"]

is_admin(name) {
    directory[name].roles[_] == "admin"
}

roles[name] = roles {
    user := directory[name]
    roles := {role | role := user.roles[_]}
}

paths[path] {
    walk(directory, [at, path])
    at[count(at) - 2] == "paths"
}

deny[msg] {
    not allow
    msg := sprintf("%v is not allowed", [http_request.path])
}
