# METADATA
# title: Model calls
# description: |
#   May a change call this model, and spend this on models?
#   input: {kind: "model_call", spends: [dollars], budget: dollars, model?, tokens?, tenant?, bucket?, budget_state?}.
#   `model` and `tokens` are the call that is asked about; the server fills in `tenant`, `bucket` {granted, remaining,
#   retry_after_seconds} where calls of the model are limited, and `budget_state` {period, scope?, level, spent, limit}
#   where it keeps a budget of now. Without `model` the question is about the budget alone, which is no answer where the
#   models are limited. Sums are made in millionths of a dollar, so that 0.1 + 0.2 is 0.3.
package evidence.policy.model_call

import data.evidence.policy.shape
import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

denials contains {"rule": "model_call.exceeded", "reason": reason} if {
	complete
	spent > micros(input.budget)
	reason := sprintf("Budget exceeded: spent %s > %s", [dollars(spent), dollars(micros(input.budget))])
}

denials contains {"rule": "model_call.model_not_allowed", "reason": reason} if {
	names_model
	not model_allowed
	reason := sprintf("the model %s is not one of those allowed: %s", [model, concat(", ", models)])
}

denials contains {"rule": "model_call.model_not_named", "reason": reason} if {
	not names_model
	not every_model
	reason := sprintf("it is not said which model is called; allowed are %s", [concat(", ", models)])
}

denials contains {"rule": "model_call.too_many_tokens", "reason": reason} if {
	counted
	tokens > cap
	reason := sprintf("a call may use %d tokens at most, not %d", [cap, tokens])
}

denials contains {"rule": "model_call.model_not_named", "reason": "it is not said which model is called, and calls are counted by model"} if {
	count(buckets) > 0
	not names_model
}

denials contains {"rule": "model_call.rate", "reason": reason} if {
	room_known
	input.bucket.granted == false
	reason := sprintf("too many calls of this model; try again in %s seconds", [shape.told(input.bucket.retry_after_seconds)])
}

denials contains {"rule": "model_call.budget_exceeded", "reason": reason} if {
	enforced
	ledger_known
	input.budget_state.level == "exceeded100"
	reason := sprintf("the budget of %s is spent: $%s of $%s", [input.budget_state.period, input.budget_state.spent, input.budget_state.limit])
}

# What cannot be added up, counted or compared is not within a limit.

denials contains {"rule": "model_call.incomplete", "reason": "the input does not say that it is about a model call"} if {
	object.get(input, "kind", null) != "model_call"
}

denials contains {"rule": "model_call.incomplete", "reason": reason} if {
	not complete
	reason := "spends and budget must be amounts between 0 and 1,000,000,000 dollars"
}

denials contains {"rule": "model_call.incomplete", "reason": "the model must be given by its name"} if {
	"model" in object.keys(input)
	not names_model
}

denials contains {"rule": "model_call.incomplete", "reason": "the tokens of a call must be a whole number, and belong to a model"} if {
	tokens_needed
	not counted
}

denials contains {"rule": "model_call.incomplete", "reason": "the limits differ by tenant, and the input does not name the tenant"} if {
	count(tenants) > 0
	not names_tenant
}

denials contains {"rule": "model_call.incomplete", "reason": reason} if {
	room_needed
	not room_known
	reason := "calls of this model are counted, and it is not said whether there is room for one: only the server can tell"
}

denials contains {"rule": "model_call.incomplete", "reason": "what is left of the tenant's budget cannot be read"} if {
	"budget_state" in object.keys(input)
	not ledger_known
}

# Limits: those of the tenant where it has its own, else everybody's.

default settings := {}

settings := data.model_call

tenants := object.get(settings, "tenants", {})

names_tenant if shape.text(object.get(input, "tenant", null))

own := object.get(tenants, object.get(input, "tenant", ""), {})

models := object.get(own, "models", object.get(settings, "models", []))

cap := object.get(own, "tokens_per_call", object.get(settings, "tokens_per_call", 0))

buckets := object.get(own, "buckets", object.get(settings, "buckets", {}))

enforced if object.get(own, "enforce_budgets", object.get(settings, "enforce_budgets", true)) != false

room_needed if {
	names_model
	some name in [model, "*"]
	name in object.keys(buckets)
}

room_needed if "bucket" in object.keys(input)

room_known if {
	is_object(input.bucket)
	is_boolean(input.bucket.granted)
	shape.whole_within(object.get(input.bucket, "remaining", null), 0, 1000000)
	shape.number_within(object.get(input.bucket, "retry_after_seconds", null), 0, 100000000)
}

ledger_known if {
	is_object(input.budget_state)
	input.budget_state.level in ["ok", "warn80", "exceeded100"]
	shape.texts([object.get(input.budget_state, part, null) | some part in ["period", "spent", "limit"]])
}

model := object.get(input, "model", null)

names_model if shape.text(model)

every_model if "*" in models

model_allowed if trust.matches_any(models, model)

tokens := object.get(input, "tokens", null)

tokens_needed if names_model

tokens_needed if "tokens" in object.keys(input)

counted if {
	names_model
	shape.whole_within(tokens, 0, 1000000000000)
}

complete if {
	amount(object.get(input, "budget", null))
	is_array(object.get(input, "spends", null))
	every spend in input.spends {
		amount(spend)
	}
}

spent := sum([micros(spend) | some spend in input.spends]) if complete

amount(value) if shape.number_within(value, 0, 1000000000)

micros(value) := round(value * 1000000)

# "$2.50", or all six places when there is less than a cent to show. A number is never formatted as a fraction.
dollars(value) := sprintf("$%d.%02d", [floor(value / 1000000), floor(value / 10000) % 100]) if value % 10000 == 0

dollars(value) := sprintf("$%d.%06d", [floor(value / 1000000), value % 1000000]) if value % 10000 != 0
