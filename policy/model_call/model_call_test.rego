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
