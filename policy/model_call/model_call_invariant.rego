# METADATA
# title: What no model call may do
package evidence.invariant.model_call

import data.evidence.invariant.shape
import rego.v1

settings := [
	{"models": ["*"], "tokens_per_call": 1000000, "tenants": {}},
	{"models": ["small-*", "large-2"], "tokens_per_call": 2000, "tenants": {}},
	{
		"models": ["small-*"],
		"tokens_per_call": 2000,
		"tenants": {"acme": {"models": ["large-2"]}, "globex": {"tokens_per_call": 100}, "initech": {"models": []}},
	},
	{"models": [], "tokens_per_call": 0},
	{"models": ["*"], "tokens_per_call": 2000, "tenants": {}, "enforce_budgets": false, "buckets": {"small-1": {"burst": 20, "refill_per_minute": 10}}},
	{
		"models": ["*"],
		"tokens_per_call": 2000,
		"buckets": {"*": {"burst": 20, "refill_per_minute": 10}},
		"tenants": {"acme": {"buckets": {}}, "globex": {"enforce_budgets": false}},
	},
]

forbidden contains "more is spent than the budget" if {
	# Each amount is rounded to a millionth; beyond that and what a double cannot hold, more is more.
	sum(input.spends) > (input.budget * 1.000000001) + (0.000001 * (count(input.spends) + 1))
}

forbidden contains "an amount below nothing" if {
	some spend in input.spends
	spend < 0
}

forbidden contains "there is no budget" if {
	not budgeted
}

budgeted if {
	is_number(input.budget)
	is_array(input.spends)
}

forbidden contains "a model that is not on the list" if {
	shape.none_can_fit(models, input.model)
}

forbidden contains "a model that nobody named, though not all are allowed" if {
	not input.model
	not "*" in models
}

forbidden contains "more tokens than a call may use" if input.tokens > cap

forbidden contains "tokens that are no count" if {
	input.tokens != floor(input.tokens)
}

forbidden contains "tokens below nothing" if input.tokens < 0

forbidden contains "a call that does not say its tokens" if {
	input.model
	not is_number(object.get(input, "tokens", null))
}

forbidden contains "whose limits count is not said" if {
	count(data.model_call.tenants) > 0
	not is_string(object.get(input, "tenant", null))
}

forbidden contains "a call beyond what its bucket held" if {
	"bucket" in object.keys(input)
	not has_room
}

forbidden contains "a call that is counted, and of which no bucket was asked" if {
	some name in [input.model, "*"]
	buckets[name]
	not has_room
}

forbidden contains "a call that may be counted, of a model that nobody named" if {
	count(buckets) > 0
	not is_string(object.get(input, "model", null))
}

has_room if input.bucket.granted == true

forbidden contains "a call out of a budget that is spent" if {
	input.budget_state.level == "exceeded100"
	not spending_on
}

forbidden contains "a call out of a budget whose level is none" if {
	"budget_state" in object.keys(input)
	not input.budget_state.level in {"ok", "warn80", "exceeded100"}
}

spending_on if own_budgets == false

spending_on if {
	data.model_call.enforce_budgets == false
	not own_budgets == true
}

own_budgets := data.model_call.tenants[input.tenant].enforce_budgets

buckets := data.model_call.tenants[input.tenant].buckets

buckets := data.model_call.buckets if not own_buckets

own_buckets if data.model_call.tenants[input.tenant].buckets

models := data.model_call.tenants[input.tenant].models

models := data.model_call.models if not own_models

own_models if data.model_call.tenants[input.tenant].models

cap := data.model_call.tenants[input.tenant].tokens_per_call

cap := data.model_call.tokens_per_call if not own_cap

own_cap if is_number(data.model_call.tenants[input.tenant].tokens_per_call)
