package legacy["http-api"].authz

request(method, path, user) = {"attributes": {"request": {"http": {
    "method": method, "path": path, "headers": {"x-user": user},
}}}}

test_public { allow with input as request("GET", "/health", "nobody") }

test_post_public { not allow with input as request("POST", "/health", "nobody") }

test_admin { allow with input as request("DELETE", "/anything", "ann") }

test_own_path {
    allow with input as request("GET", "/bob", "bob")
    not allow with input as request("GET", "/ann", "bob")
}

test_denial {
    deny["/x is not allowed"] with input as request("GET", "/x", "bob")
}

test_roles { roles.ann == {"admin", "dev"} }

test_paths { paths == {"/bob", "/shared"} }

test_mocked_directory {
    allow with input as request("GET", "/new", "eve") with data.legacy.users as {"eve": {"paths": ["/new"], "roles": []}}
}

test_twice { true }

test_twice { 1 == 2 }

test_not_true = 7 { true }

test_conflict { two(1) == 1 }

two(_) = 1 { true }

two(_) = 2 { true }
