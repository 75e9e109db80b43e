package evidence.policy.admission_test

import data.evidence.policy.admission
import rego.v1

asked(change) := object.union(
	{
		"tenant": "acme",
		"rights": ["evidence:write"],
		"own": false,
		"status": "verified",
		"code": "",
		"signer": "key build",
		"kind": "sbom",
		"predicate_type": "https://cyclonedx.org/bom",
		"by": {"type": "key", "key_id": "sha256:aa", "issuer": "", "identity": "", "claims": {}},
		"rules": [],
		"outside": {},
	},
	change,
)

denied_for(rule, change) if {
	answer := admission.decision with input as asked(change)
	answer.allow == false
	answer.rules == [rule]
	count(answer.reasons) == 1
}

allowed(change) if {
	admission.decision == {"allow": true, "rules": [], "reasons": []} with input as asked(change)
}

test_verified_is_allowed if allowed({})

test_verified_release_is_allowed if allowed({"kind": "release"})

test_unsupported_is_stored if allowed({"status": "unsupported", "code": "unsupported"})

test_what_the_server_derives_is_taken_from_it if allowed({"kind": "sbom_drift", "own": true})

test_what_the_server_derives_is_taken_from_nobody_else if {
	every kind in {"sbom_drift", "dependency_debt", "reproducible_build", "reperformance"} {
		denied_for("admission.derived_by_another", {"kind": kind})
	}
}

test_it_must_be_said_who_derived_it if {
	answer := admission.decision with input as object.remove(asked({"kind": "sbom_drift"}), ["own"])
	answer.rules == ["admission.derived_by_another"]
}

test_right_is_required if denied_for("admission.right_required", {"rights": ["evidence:read"]})

test_no_rights_at_all if denied_for("admission.right_required", {"rights": []})

test_failed_check_is_denied if denied_for("admission.failed_check", {"status": "failed", "code": "bad_signature"})

test_failed_check_is_named if {
	answer := admission.decision with input as asked({"status": "failed", "code": "bad_signature"})
	answer.reasons == ["a check did not hold: bad_signature"]
}

test_failed_check_without_code_is_denied if {
	answer := admission.decision with input as object.remove(asked({"status": "failed"}), ["code"])
	answer.allow == false
}

test_unsigned_is_denied_by_setting if {
	answer := admission.decision with input as asked({"status": "unsigned", "code": "unsigned"})
		with data.admission as {"accept_unsigned": false}
	answer.rules == ["admission.unsigned"]
}

test_unsigned_is_denied_where_nothing_is_set if {
	answer := admission.decision with input as asked({"status": "unsigned"}) with data.admission as {}
	answer.rules == ["admission.unsigned"]
}

test_unsigned_is_allowed_by_setting if {
	answer := admission.decision with input as asked({"status": "unsigned"}) with data.admission as {"accept_unsigned": true}
	answer.allow
}

test_setting_must_be_true_itself if {
	answer := admission.decision with input as asked({"status": "unsigned"}) with data.admission as {"accept_unsigned": "yes"}
	answer.allow == false
}

test_setting_does_not_let_failures_in if {
	answer := admission.decision with input as asked({"status": "failed", "code": "expired"})
		with data.admission as {"accept_unsigned": true}
	answer.rules == ["admission.failed_check"]
}

test_unsupported_release_is_denied if denied_for(
	"admission.release_unverified",
	{"kind": "release", "status": "unsupported"},
)

test_unsigned_release_is_denied_even_by_setting if {
	answer := admission.decision with input as asked({"kind": "release", "status": "unsigned"})
		with data.admission as {"accept_unsigned": true}
	answer.rules == ["admission.release_unverified"]
}

test_unknown_status_is_denied if denied_for("admission.unknown_status", {"status": "probably"})

test_nothing_is_denied if {
	answer := admission.decision with input as {}
	answer.allow == false
	answer.rules == ["admission.right_required", "admission.unknown_kind", "admission.unknown_status"]
}

# Trust rules

hub := "https://token.actions.githubusercontent.com"

flow := "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1"

job := {"repository_id": "123", "owner_id": "9", "ref": "refs/tags/v1", "trigger": "push"}

by_job(change) := {
	"type": "certificate",
	"issuer": hub,
	"identity": flow,
	"key_id": "",
	"claims": object.union(job, change),
}

rule(change) := object.union(
	{
		"id": "r1",
		"label": "release",
		"name": "release",
		"issuer": hub,
		"identity": "",
		"claims": {"repository_id": "123", "ref": "refs/tags/*"},
		"key_id": "",
		"predicate_types": [],
		"subjects": [],
		"allow": [],
	},
	change,
)

signed(claims, rules) := {"by": by_job(claims), "rules": rules}

let_in_by(ids, change) if {
	answer := admission.decision with input as asked(change)
	answer.allow
	answer.rules == ids
}

told(text, change) if {
	answer := admission.decision with input as asked(change)
	answer.allow == false
	answer.reasons == [text]
}

test_a_rule_lets_its_signer_in if let_in_by(["trust:r1"], signed({}, [rule({})]))

test_the_answer_names_every_rule if let_in_by(
	["trust:r1", "trust:r2"],
	signed({}, [rule({}), rule({"id": "r2", "claims": {"owner_id": "9"}})]),
)

test_a_key_without_rule_is_trusted_for_everything if allowed({})

test_rules_about_others_do_not_bind_a_key if allowed({"rules": [rule({})]})

test_no_rule_at_all if denied_for("admission.untrusted_identity", signed({}, []))

test_another_repository_is_named if told(
	"no trust rule names the signer; closest is rule 'release': repository_id: expected 123, got 77",
	signed({"repository_id": "77"}, [rule({})]),
)

test_every_difference_is_named if told(
	"no trust rule names the signer; closest is rule 'release': ref: expected refs/tags/*, got refs/heads/x; repository_id: expected 123, got 77",
	signed({"repository_id": "77", "ref": "refs/heads/x"}, [rule({})]),
)

test_the_closest_rule_is_named if told(
	"no trust rule names the signer; closest is rule 'near': repository_id: expected 123, got 77",
	signed({"repository_id": "77"}, [
		rule({"label": "far", "claims": {"repository_id": "1", "ref": "refs/heads/main", "trigger": "schedule"}}),
		rule({"label": "near"}),
	]),
)

test_an_absent_claim_never_matches if told(
	"no trust rule names the signer; closest is rule 'release': environment: expected *, got none",
	signed({}, [rule({"claims": {"repository_id": "123", "environment": "*"}})]),
)

test_another_issuer if {
	other := object.union(by_job({}), {"issuer": "https://elsewhere.example"})
	denied_for("admission.untrusted_identity", {"by": other, "rules": [rule({})]})
}

test_identity_is_exact if let_in_by(["trust:r1"], signed({}, [rule({"identity": flow, "claims": {}})]))

test_another_identity if denied_for(
	"admission.untrusted_identity",
	signed({}, [rule({"identity": concat("", [flow, "2"]), "claims": {}})]),
)

test_an_empty_rule_names_nobody if denied_for(
	"admission.untrusted_identity",
	signed({}, [object.union(rule({}), {"issuer": "", "claims": {}})]),
)

test_a_rule_for_predicate_types if let_in_by(
	["trust:r1"],
	signed({}, [rule({"predicate_types": ["https://slsa.dev/*", "https://cyclonedx.org/bom"]})]),
)

test_outside_its_predicate_types if {
	change := signed({}, [rule({"predicate_types": ["https://slsa.dev/*"]})])
	denied_for("admission.outside_rule", change)
	told("rule 'release' names the signer, but not for this: predicate_type: expected https://slsa.dev/*, got https://cyclonedx.org/bom", change)
}

test_outside_its_subjects if {
	change := object.union(signed({}, [rule({"subjects": ["app-*"]})]), {"outside": {"r1": "other-1"}})
	denied_for("admission.outside_rule", change)
	told("rule 'release' names the signer, but not for this: subject: expected app-*, got other-1", change)
}

test_inside_its_subjects if let_in_by(["trust:r1"], signed({}, [rule({"subjects": ["app-*"]})]))

test_another_rule_may_cover_it if let_in_by(
	["trust:r2"],
	object.union(
		signed({}, [rule({"subjects": ["app-*"]}), rule({"id": "r2"})]),
		{"outside": {"r1": "other-1"}},
	),
)

test_who_it_is_comes_before_what_it_is_about if denied_for(
	"admission.outside_rule",
	signed({}, [
		rule({"label": "a", "claims": {"repository_id": "9"}}),
		rule({"label": "b", "predicate_types": ["x", "y"]}),
	]),
)

key_rule(change) := object.union(
	rule({"id": "k1", "label": "nightly", "predicate_types": ["https://cyclonedx.org/*"]}),
	object.union({"issuer": "", "claims": {}, "key_id": "sha256:aa"}, change),
)

plain_key_rule(change) := object.union(object.remove(key_rule(change), ["claims"]), {"claims": {}})

test_a_rule_binds_its_key if let_in_by(["trust:k1"], {"rules": [plain_key_rule({})]})

test_a_bound_key_outside_its_rule if denied_for(
	"admission.outside_rule",
	{"rules": [plain_key_rule({})], "predicate_type": "https://slsa.dev/provenance/v1"},
)

test_a_verified_signer_must_be_known if denied_for("admission.unknown_signer", {"by": {"type": "moon"}})

test_verified_without_signer if {
	answer := admission.decision with input as object.remove(asked({}), ["by"])
	answer.rules == ["admission.unknown_signer"]
}

test_pull_request_target_is_refused if told(
	"no trust rule names the signer; closest is rule 'release': trigger: expected another trigger, or allow: [pull_request_target], got pull_request_target",
	signed({"trigger": "pull_request_target"}, [rule({})]),
)

test_pull_request_target_by_permission if let_in_by(
	["trust:r1"],
	signed({"trigger": "pull_request_target"}, [rule({"allow": ["pull_request_target"]})]),
)

test_naming_the_trigger_is_no_permission if denied_for(
	"admission.untrusted_identity",
	signed({"trigger": "pull_request_target"}, [rule({"claims": {"repository_id": "123", "trigger": "*"}})]),
)

uploaded_by(claims, rules) := object.union(
	signed({}, rules),
	{"uploader": {"issuer": hub, "identity": flow, "claims": object.union(job, claims)}},
)

test_signer_and_uploader_are_one if let_in_by(["trust:r1"], uploaded_by({}, [rule({})]))

test_another_workflow_of_the_repository if let_in_by(
	["trust:r1"],
	object.union(uploaded_by({}, [rule({})]), {"uploader": {"issuer": hub, "identity": "other", "claims": job}}),
)

collector(allow) := rule({"id": "r2", "label": "collector", "claims": {"repository_id": "55"}, "allow": allow})

test_another_repository_uploads if {
	answer := admission.decision with input as asked(uploaded_by({"repository_id": "55"}, [rule({}), collector([])]))
	answer.rules == ["admission.other_uploader"]
	contains(answer.reasons[0], "repository_id 123")
	contains(answer.reasons[0], "repository_id 55")
}

test_another_repository_uploads_by_permission if let_in_by(
	["trust:r1"],
	uploaded_by({"repository_id": "55"}, [rule({}), collector(["any_signer"])]),
)

test_permission_of_the_signer_is_none_of_the_uploader if denied_for(
	"admission.other_uploader",
	uploaded_by({"repository_id": "55"}, [rule({"allow": ["any_signer"]}), collector([])]),
)

test_uploader_without_rule if denied_for(
	"admission.uploader_rule_ended",
	object.union(uploaded_by({"repository_id": "55"}, [rule({})]), {"by": {"type": "key", "key_id": "sha256:aa"}}),
)

test_uploader_passes_on_what_keys_signed if allowed(object.union(
	uploaded_by({}, [rule({})]),
	{"by": {"type": "key", "key_id": "sha256:aa", "issuer": "", "identity": "", "claims": {}}},
))

test_without_ids_the_identity_is_compared if {
	mail := object.union(object.remove(by_job({}), ["claims"]), {"claims": {}, "identity": "me@example.org"})
	by_mail := object.union(object.remove(rule({}), ["claims"]), {"claims": {}, "identity": "me@example.org"})
	passing := object.union(object.remove(rule({}), ["claims"]), {"id": "r2", "label": "any", "claims": {"subject": "*"}})
	question := {"by": mail, "rules": [by_mail, passing], "uploader": {"issuer": hub, "identity": "you@example.org", "claims": {"subject": "you"}}}
	denied_for("admission.other_uploader", question)
	let_in_by(["trust:r1"], object.union(question, {"uploader": {"identity": "me@example.org"}}))
}

refusing(change) := answer if {
	answer := admission.decision with input as asked(change)
		with data.admission as {"refuse_found": ["secret", "national_id"]}
}

test_what_the_operator_refuses_stays_out if {
	answer := refusing({"found": {"secret": 2, "email": 1}})
	answer.allow == false
	answer.rules == ["admission.personal_data"]
	answer.reasons == ["secret found (2), which is not taken in; redact it at its source"]
}

test_what_the_operator_does_not_mind_comes_in if refusing({"found": {"email": 3, "secret": 0}}).allow

test_what_is_no_list_refuses_all_that_is_found if {
	every odd in ["secret", {"secret": true}] {
		answer := admission.decision with input as asked({"found": {"email": 1}}) with data.admission as {"refuse_found": odd}
		answer.rules == ["admission.personal_data"]
	}
}

test_nothing_is_refused_by_default if allowed({"found": {"secret": 1}})

test_a_finding_without_a_count_is_not_understood if {
	every odd in [["secret"], "secret", null] {
		denied_for("admission.incomplete", {"found": odd})
	}
	every odd in ["1", -1, null] {
		refusing({"found": {"secret": odd}}).rules == ["admission.personal_data"]
	}
}
