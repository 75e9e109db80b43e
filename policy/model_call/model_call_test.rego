package evidence.policy.model_call_test

import data.evidence.policy.model_call
import rego.v1

asked(spends, budget) := {"kind": "model_call", "spends": spends, "budget": budget}

allowed(question) if {
	model_call.decision == {"allow": true, "rules": [], "reasons": []} with input as question
}

denied_for(rule, question) if {
	answer := model_call.decision with input as question
	answer.allow == false
	answer.rules == [rule]
}

reason(question) := answer.reasons[0] if answer := model_call.decision with input as question

test_within_the_budget if allowed(asked([1, 0.5], 2))

test_nothing_spent if allowed(asked([], 0))

test_exactly_the_budget if allowed(asked([0.1, 0.2], 0.3))

test_over_the_budget if denied_for("model_call.exceeded", asked([1, 1.5], 2))

test_a_cent_over if denied_for("model_call.exceeded", asked([1, 1.01], 2))

test_reason_shows_both_amounts if reason(asked([1, 1.5], 2)) == "Budget exceeded: spent $2.50 > $2.00"

test_reason_shows_parts_of_a_cent if reason(asked([2.000001], 2)) == "Budget exceeded: spent $2.000001 > $2.00"

test_reason_shows_large_amounts if reason(asked([1234567.05], 0)) == "Budget exceeded: spent $1234567.05 > $0.00"

test_missing_budget_is_denied if denied_for("model_call.incomplete", {"kind": "model_call", "spends": [1]})

test_missing_spends_are_denied if denied_for("model_call.incomplete", {"kind": "model_call", "budget": 1})

test_text_is_no_amount if denied_for("model_call.incomplete", asked(["1"], 2))

test_credit_is_no_spend if denied_for("model_call.incomplete", asked([5, -4], 2))

test_absurd_amounts_are_denied if denied_for("model_call.incomplete", asked([1e300], 1e301))

test_other_kinds_are_not_decided_here if denied_for("model_call.incomplete", object.union(asked([1], 2), {"kind": "write"}))

test_nothing_is_denied if denied_for("model_call.incomplete", {})

limits := {
	"models": ["small-*", "large-2"],
	"tokens_per_call": 2000,
	"tenants": {},
}

calling(change) := object.union(asked([1], 2), change)

under(data_of, change) := answer if answer := model_call.decision with input as calling(change) with data.model_call as data_of

call(model, tokens) := {"model": model, "tokens": tokens}

test_a_model_that_is_allowed if {
	under(limits, call("small-1", 2000)).allow
	under(limits, call("large-2", 0)).allow
}

test_a_model_that_is_not if {
	every model in ["large-3", "Small-1", "x-small-1", "small", " small-1"] {
		under(limits, call(model, 1)).rules == ["model_call.model_not_allowed"]
	}
	under(limits, call("large-3", 1)).reasons == ["the model large-3 is not one of those allowed: small-*, large-2"]
}

test_a_model_must_be_named_where_they_are_limited if {
	under(limits, {}).rules == ["model_call.model_not_named"]
	under(limits, {}).reasons == ["it is not said which model is called; allowed are small-*, large-2"]
}

test_too_many_tokens if {
	under(limits, call("small-1", 2001)).rules == ["model_call.too_many_tokens"]
	under(limits, call("small-1", 2001)).reasons == ["a call may use 2000 tokens at most, not 2001"]
}

test_tokens_of_a_named_model_must_be_said if {
	every tokens in [null, "10", -1, 1.5, 1e13] {
		under(limits, call("small-1", tokens)).rules == ["model_call.incomplete"]
	}
	under(limits, {"model": "small-1"}).rules == ["model_call.incomplete"]
}

test_tokens_belong_to_a_model if denied_for("model_call.incomplete", calling({"tokens": 1}))

test_a_model_is_named_by_text if {
	every model in ["", " ", null, 3, ["small-1"]] {
		denied_for("model_call.incomplete", calling(call(model, 1)))
	}
}

tenants := object.union(limits, {"tenants": {"acme": {"models": ["large-2"]}, "globex": {"tokens_per_call": 10}, "initech": {"models": []}}})

test_limits_of_a_tenant if {
	under(tenants, object.union(call("large-2", 2000), {"tenant": "acme"})).allow
	under(tenants, object.union(call("small-1", 1), {"tenant": "acme"})).rules == ["model_call.model_not_allowed"]
	under(tenants, object.union(call("small-1", 10), {"tenant": "globex"})).allow
	under(tenants, object.union(call("small-1", 11), {"tenant": "globex"})).rules == ["model_call.too_many_tokens"]
	under(tenants, object.union(call("small-1", 1), {"tenant": "initech"})).rules == ["model_call.model_not_allowed"]
	under(tenants, object.union(call("small-1", 2000), {"tenant": "other"})).allow
}

test_where_limits_differ_the_tenant_must_be_named if {
	under(tenants, call("small-1", 1)).rules == ["model_call.incomplete"]
	under(tenants, object.union(call("small-1", 1), {"tenant": 7})).rules == ["model_call.incomplete"]
}

test_where_nothing_is_set_no_model_is_allowed if under({}, call("small-1", 0)).rules == ["model_call.model_not_allowed"]

buckets := object.union(limits, {
	"buckets": {"small-1": {"burst": 5, "refill_per_minute": 1}},
	"tenants": {"acme": {"buckets": {"*": {"burst": 5, "refill_per_minute": 1}}}, "globex": {"buckets": {}}},
})

room := {"granted": true, "remaining": 4, "retry_after_seconds": 0}

no_room := {"granted": false, "remaining": 0, "retry_after_seconds": 12.5}

of(tenant, model, more) := object.union(object.union(call(model, 1), {"tenant": tenant}), more)

test_a_call_there_is_room_for if {
	under(buckets, of("other", "small-1", {"bucket": room})).allow
	under(buckets, of("other", "small-2", {})).allow
	under(buckets, of("globex", "small-1", {})).allow
	under(buckets, of("acme", "small-2", {"bucket": room})).allow
}

test_a_call_there_is_no_room_for if {
	answer := under(buckets, of("other", "small-1", {"bucket": no_room}))
	answer == {"allow": false, "rules": ["model_call.rate"], "reasons": ["too many calls of this model; try again in 12.5 seconds"]}
	under(limits, object.union(call("small-1", 1), {"bucket": no_room})).rules == ["model_call.rate"]
}

test_where_calls_are_counted_the_bucket_must_be_asked if {
	under(buckets, of("other", "small-1", {})).rules == ["model_call.incomplete"]
	under(buckets, of("acme", "large-2", {})).reasons == ["calls of this model are counted, and it is not said whether there is room for one: only the server can tell"]
}

test_a_bucket_that_cannot_be_read_has_no_room if {
	every odd in [null, true, {}, {"granted": "yes", "remaining": 1, "retry_after_seconds": 0}, object.union(room, {"remaining": -1}), object.union(room, {"retry_after_seconds": "soon"}), object.remove(room, ["remaining"])] {
		under(limits, object.union(call("small-1", 1), {"bucket": odd})).rules == ["model_call.incomplete"]
	}
}

test_where_calls_are_counted_the_model_must_be_named if {
	everybody := {"models": ["*"], "tokens_per_call": 10, "buckets": {"small-1": {"burst": 5, "refill_per_minute": 1}}}
	under(everybody, {}).rules == ["model_call.model_not_named"]
	under(everybody, {}).reasons == ["it is not said which model is called, and calls are counted by model"]
}

spent_budget := {"period": "2026-11", "level": "exceeded100", "spent": "12", "limit": "10.5"}

test_a_spent_budget_ends_calls if {
	answer := under(limits, object.union(call("small-1", 1), {"budget_state": spent_budget}))
	answer == {"allow": false, "rules": ["model_call.budget_exceeded"], "reasons": ["the budget of 2026-11 is spent: $12 of $10.5"]}
	denied_for("model_call.budget_exceeded", calling({"budget_state": spent_budget}))
}

test_a_budget_that_is_not_spent_does_not if {
	every level in ["ok", "warn80"] {
		under(limits, object.union(call("small-1", 1), {"budget_state": object.union(spent_budget, {"level": level})})).allow
	}
}

test_budgets_are_enforced_unless_somebody_says_otherwise if {
	lenient := object.union(limits, {"enforce_budgets": false, "tenants": {"acme": {"enforce_budgets": true}}})
	under(lenient, of("other", "small-1", {"budget_state": spent_budget})).allow
	under(lenient, of("acme", "small-1", {"budget_state": spent_budget})).rules == ["model_call.budget_exceeded"]
	strict := object.union(limits, {"enforce_budgets": true, "tenants": {"acme": {"enforce_budgets": false}}})
	under(strict, of("acme", "small-1", {"budget_state": spent_budget})).allow
	under(strict, of("other", "small-1", {"budget_state": spent_budget})).rules == ["model_call.budget_exceeded"]
}

test_a_budget_that_cannot_be_read_denies if {
	every odd in [null, {}, object.union(spent_budget, {"level": "fine"}), object.remove(spent_budget, ["period"]), object.union(spent_budget, {"level": "ok", "spent": 3})] {
		under(limits, object.union(call("small-1", 1), {"budget_state": odd})).rules == ["model_call.incomplete"]
	}
}
