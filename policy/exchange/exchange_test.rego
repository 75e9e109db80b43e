package evidence.policy.exchange_test

import data.evidence.policy.exchange
import rego.v1

lab := "https://gitlab.example"

rule(change) := object.union(
	{
		"id": "r1",
		"label": "deploy",
		"issuer": lab,
		"identity": "",
		"claims": {"repository_id": "7", "protected": "true", "environment": "production"},
		"key_id": "",
		"predicate_types": [],
		"subjects": [],
		"allow": [],
	},
	change,
)

job(change) := object.union({"repository_id": "7", "protected": "true", "environment": "production"}, change)

asked(claims, rules) := {"tenant": "acme", "by": {"type": "token", "issuer": lab, "identity": "w", "claims": job(claims)}, "rules": rules}

denied_for(rule_id, question) if {
	answer := exchange.decision with input as question
	answer.allow == false
	answer.rules == [rule_id]
}

test_a_named_job_gets_a_token if {
	answer := exchange.decision with input as asked({}, [rule({})])
	answer == {"allow": true, "rules": ["trust:r1"], "reasons": ["rule 'deploy' names the uploader"]}
}

test_an_unprotected_ref if {
	question := asked({"protected": "false"}, [rule({})])
	denied_for("exchange.no_rule", question)
	answer := exchange.decision with input as question
	answer.reasons == ["no trust rule names the uploader; closest is rule 'deploy': protected: expected true, got false"]
}

test_a_fork if denied_for("exchange.no_rule", asked({"fork": "true"}, [rule({})]))

test_a_fork_by_permission if {
	answer := exchange.decision with input as asked({"fork": "true"}, [rule({"allow": ["fork"]})])
	answer.allow
}

test_pull_request_target if denied_for("exchange.no_rule", asked({"trigger": "pull_request_target"}, [rule({})]))

test_no_rules if denied_for("exchange.no_rule", asked({}, []))

test_rules_about_keys_are_for_nobody if {
	denied_for("exchange.no_rule", asked({}, [object.union(object.remove(rule({}), ["claims"]), {"issuer": "", "key_id": "sha256:aa", "claims": {}})]))
}

test_only_tokens if {
	denied_for("exchange.not_a_token", object.union(asked({}, [rule({})]), {"by": {"type": "certificate"}}))
}

test_nothing_is_denied if {
	answer := exchange.decision with input as {}
	answer.allow == false
}

test_rules_or_claims_of_another_form if {
	every question in [
		asked({}, null), asked({}, [1]), asked({}, [rule({"claims": null})]), asked({}, [rule({"allow": "fork"})]),
		asked({}, [object.union(rule({}), {"label": 3})]), object.union(asked({}, [rule({})]), {"by": {"type": "token", "claims": []}}),
		asked({"environment": 1}, [rule({})]), asked({}, [object.remove(rule({}), ["key_id"])]), asked({}, [rule({"subjects": [1]})]),
	] {
		denied_for("exchange.incomplete", question)
	}
}
