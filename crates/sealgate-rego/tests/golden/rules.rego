package app.authz["special name"]

import data.roles as r
import data.users["x-y"] as xy
import input.request

default allow := false

allow if { request.user == "root" }

allow if r[request.user] == "admin"

allow := true if {
	some role in r[request.user]; role.level > 3
} else := false if {
	request.blocked
} else = null

names contains name if some name, _ in xy
names contains "fixed"

by.name[user.id].roles contains role if {
	some user in data.all
	some role in user.roles
}

level(user) := user.level if user.level > 0
level({"id": _}) := 0
level(_) if { false } { true }

pi := 3.14
p[x] := y if { x := 1; y := 2 }
q[x] if x := 1
