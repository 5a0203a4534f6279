package example

import rego.v1

# Each comprehension below a loop is collected once, grouped by what the loop binds.
members[team] := names if {
	some team in input.teams
	names := [name |
		some person in input.people
		person.team == team
		name := person.name
	]
}

ids[team] contains count(unique) if {
	some team in input.teams
	unique := {person.id |
		some person in input.people
		person.team == team
	}
}

of_team(team, role) := names if {
	names := {person.name: person.id |
		some person in input.people
		person.team == team
		person.role == role
	}
}

leads[team] := of_team(team, "lead") if {
	some team in input.teams
}

# Looked up by the key: no pass is better.
direct[team] := values if {
	some team in input.teams
	values := [value | value := input.by_team[team][_]]
}

# Needs the loop's value before anything else.
longer[team] := names if {
	some team in input.teams
	names := [person.name |
		some person in input.people
		count(person.team) > count(team)
	]
}

# A closure inside uses the loop's value.
nested[team] := names if {
	some team in input.teams
	names := [person.name |
		some person in input.people
		person.team == team
		not person.team == concat("", [team, ""])
	]
}

replaced[team] contains names if {
	some team in input.teams
	some other in [1, 2]
	names := members_with(team) with input.people as [{"name": sprintf("p%d", [other]), "team": team}]
}

members_with(team) := [name |
	some person in input.people
	person.team == team
	name := person.name
]
