# METADATA
# title: What nobody may be let ask for
package evidence.invariant.action

import rego.v1

settings := [
	{"allowed": ["raise_budget", "rollback", "request_pack"], "min_justification": 10, "max_budget_usd": 1000},
	{"allowed": ["retry_alt_arm", "open_incident"], "min_justification": 1, "max_budget_usd": 0},
	{"allowed": [], "min_justification": 1, "max_budget_usd": 10},
]

forbidden contains "an action the operator does not list" if {
	listed := {one | some one in data.action.allowed}
	count({object.get(input, "action", null)} - listed) == 1
}

forbidden contains "without a reason" if {
	not reasoned
}

reasoned if {
	is_string(input.justification)
	trim_space(input.justification) != ""
	count(trim_space(input.justification)) >= data.action.min_justification
}

forbidden contains "by nobody" if {
	not somebody
}

somebody if {
	is_string(input.actor.kind)
	is_string(input.actor.id)
	trim_space(input.actor.id) != ""
}

forbidden contains "to nothing" if {
	not aimed
}

aimed if {
	is_string(input.target)
	trim_space(input.target) != ""
}

forbidden contains "a budget without a limit, or over the most" if {
	input.action == "raise_budget"
	not bounded
}

bounded if {
	is_number(input.parameters.limit_usd)
	input.parameters.limit_usd > 0
	input.parameters.limit_usd <= data.action.max_budget_usd
}

forbidden contains "a budget that is not raised by it" if {
	input.action == "raise_budget"
	input.parameters.limit_usd <= input.budget.limit_usd
}
