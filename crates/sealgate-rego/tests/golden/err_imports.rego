package t

import foo.bar
import data.x as input
import data[x]
import rego.v2
import future.keywords.foo
import future.keywords.in as inn
import data.a.if
