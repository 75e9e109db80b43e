# METADATA
# title: Model budget
# description: |
#   May a change spend more on models? input: {kind: "model_call", spends: [dollars], budget: dollars};
#   other kinds are not its concern. Sums are made in millionths of a dollar, so that 0.1 + 0.2 is 0.3.
package evidence.policy.model_budget

import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

denials contains {"rule": "model_budget.exceeded", "reason": reason} if {
	applies
	complete
	spent > micros(input.budget)
	reason := sprintf("Budget exceeded: spent %s > %s", [dollars(spent), dollars(micros(input.budget))])
}

# What cannot be added up is not within the budget.
denials contains {"rule": "model_budget.incomplete", "reason": reason} if {
	applies
	not complete
	reason := "spends and budget must be amounts between 0 and 1,000,000,000 dollars"
}

denials contains {"rule": "model_budget.incomplete", "reason": "the input does not say its kind"} if not input.kind

applies if input.kind == "model_call"

complete if {
	amount(input.budget)
	is_array(input.spends)
	every spend in input.spends {
		amount(spend)
	}
}

spent := sum([micros(spend) | some spend in input.spends]) if complete

amount(value) if {
	is_number(value)
	value >= 0
	value <= 1000000000
}

micros(value) := round(value * 1000000)

# "$2.50", or all six places when there is less than a cent to show. A number is never formatted as a fraction.
dollars(value) := sprintf("$%d.%02d", [floor(value / 1000000), floor(value / 10000) % 100]) if value % 10000 == 0

dollars(value) := sprintf("$%d.%06d", [floor(value / 1000000), value % 1000000]) if value % 10000 != 0
