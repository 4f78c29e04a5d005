# The policy of the tests, and an example: agents read, people do what their groups may, drops need two approvals.
package countersign

default decision := {"outcome": "deny", "rule": "default", "reason": "nothing allows this"}

decision := {"outcome": "deny", "rule": "opaque", "reason": "code that cannot be seen"} if {
	some action in input.actions
	action.action == "opaque_code"
}

decision := {"outcome": "hold_approval", "rule": "drops", "reason": "drops need two persons", "approval": {"approvals": 2, "groups": ["dba"]}} if {
	not opaque
	some action in input.actions
	action.action == "drop"
}

decision := {"outcome": "allow", "rule": "agents-read", "reason": "agents read some rows", "limits": {"rowsMax": data.limits.agent_rows}} if {
	input.identity.kind == "ai_agent"
	count(input.actions) > 0
	every action in input.actions {
		action.action == "read"
		startswith(action.object, "public.")
	}
}

decision := {"outcome": "allow", "rule": "groups", "reason": "a group of theirs may"} if {
	input.identity.kind == "human"
	not opaque
	not drops
	every action in input.actions {
		some group in input.identity.groups
		action.action in data.groups[group]
	}
}

opaque if {
	some action in input.actions
	action.action == "opaque_code"
}

drops if {
	some action in input.actions
	action.action == "drop"
}

# For the tests of what goes wrong.
loops := [x | some i in numbers.range(1, 30000); some j in numbers.range(1, 30000); x := i + j; x < 0]

hungry := count([x | some i in numbers.range(1, 40000000); x := sprintf("%d", [i])])

typo := {"outcome": "allow", "limit": {"rowsMax": 1}}

yes := true

undefined_here if input.identity.kind == "nobody"

# print goes nowhere.
prints if {
	print("a line that nobody may see", input.identity.id)
}
