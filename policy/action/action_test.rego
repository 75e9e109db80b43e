package evidence.policy.action_test

import data.evidence.policy.action
import rego.v1

limits := {"allowed": ["rollback", "raise_budget", "retry_alt_arm", "open_incident", "request_pack"], "min_justification": 8, "max_budget_usd": 1000}

asked(name, parameters) := {
	"action": name,
	"actor": {"kind": "token", "id": "t-1"},
	"target": "payments@2.4.0",
	"justification": "Error rate doubled.",
	"parameters": parameters,
}

allowed(question) if {
	action.decision == {"allow": true, "rules": [], "reasons": []} with input as question with data.action as limits
}

denied_for(rule, question) if {
	answer := action.decision with input as question with data.action as limits
	answer.allow == false
	answer.rules == [rule]
}

test_what_is_listed_may_be_asked if {
	allowed(asked("rollback", {}))
	allowed(asked("request_pack", {}))
	allowed(asked("retry_alt_arm", {"arm": "large-2"}))
	allowed(asked("open_incident", {"severity": "high"}))
}

test_what_is_not_listed_may_not if denied_for("action.not_allowed", asked("quarantine", {}))

test_unknown_actions if denied_for("action.unknown", asked("delete_everything", {}))

test_nothing_listed_allows_nothing if {
	answer := action.decision with input as asked("rollback", {}) with data.action as {}
	answer.rules == ["action.not_allowed"]
}

test_a_justification_is_needed if {
	denied_for("action.incomplete", object.union(asked("rollback", {}), {"justification": " "}))
	denied_for("action.justification_too_short", object.union(asked("rollback", {}), {"justification": " why?  "}))
}

test_a_target_and_somebody_are_needed if {
	denied_for("action.incomplete", object.union(asked("rollback", {}), {"target": ""}))
	denied_for("action.no_actor", object.union(asked("rollback", {}), {"actor": "t-1"}))
	denied_for("action.no_actor", object.union(asked("rollback", {}), {"actor": {"kind": "token", "id": ""}}))
}

test_what_actions_need_besides if {
	denied_for("action.incomplete", asked("retry_alt_arm", {}))
	denied_for("action.incomplete", asked("open_incident", {"severity": ""}))
	denied_for("action.incomplete", asked("raise_budget", {"limit_usd": 10}))
}

test_a_budget_is_raised_to_a_limit if {
	allowed(asked("raise_budget", {"period": "2026-11", "limit_usd": 1000}))
	denied_for("action.limit_required", asked("raise_budget", {"period": "2026-11"}))
	denied_for("action.limit_required", asked("raise_budget", {"period": "2026-11", "limit_usd": 0}))
	denied_for("action.limit_required", asked("raise_budget", {"period": "2026-11", "limit_usd": "800"}))
	denied_for("action.limit_too_high", asked("raise_budget", {"period": "2026-11", "limit_usd": 1000.5}))
}

test_a_raise_raises if {
	question := asked("raise_budget", {"period": "2026-11", "limit_usd": 500})
	allowed(object.union(question, {"budget": {"limit_usd": 499.99}}))
	denied_for("action.no_raise", object.union(question, {"budget": {"limit_usd": 500}}))
	denied_for("action.incomplete", object.union(question, {"budget": {"limit_usd": []}}))
}

test_nothing_is_denied if {
	some question in [{}, null, [], "rollback", {"parameters": 1, "budget": "x"}]
	answer := action.decision with input as question with data.action as limits
	answer.allow == false
}
