package evidence.policy.override_test

import data.evidence.policy.override
import rego.v1

asked(change) := object.union(
	{
		"control": "IG-SC-5",
		"scope": "",
		"reason": "Only in the test image.",
		"owner": "o.wner",
		"requester": "j.doe",
		"approver": "a.smith",
		"from": "2026-09-01T00:00:00Z",
		"until": "2026-12-01T00:00:00Z",
		"decided": "2026-09-01T09:00:00Z",
		"signer": "key a.smith",
		"key_id": "sha256:aa",
		"at": "2026-09-01T10:00:00Z",
	},
	change,
)

without(name) := object.remove(asked({}), [name])

allowed_of(question) if {
	override.decision == {"allow": true, "rules": [], "reasons": []} with input as question
}

denied_of(rule, question) if {
	answer := override.decision with input as question
	answer.allow == false
	answer.rules == [rule]
	count(answer.reasons) == 1
}

allowed(change) if allowed_of(asked(change))

denied_for(rule, change) if denied_of(rule, asked(change))

test_the_approver_signs_with_their_key if allowed({})

test_the_approver_signs_with_their_identity if allowed({"signer": "a.smith@example.org", "approver": "A.Smith@example.org"})

test_case_and_spaces_tell_nobody_apart if allowed({"approver": " Ann  Smith", "signer": "key ann smith"})

test_a_policy_rule_is_overridden_alike if {
	allowed_of(object.union(without("control"), {"rule": "write_paths.review_required"}))
}

test_a_rule_is_not_overridden_by_another if {
	denied_of("override.not_signed_by_approver", object.union(without("control"), {"rule": "a.b", "signer": "key ci"}))
}

test_nothing_is_denied if {
	answer := override.decision with input as {}
	answer.allow == false
	answer.rules == ["override.incomplete", "override.one_thing", "override.unsigned"]
}

test_each_member_must_be_there if {
	every name in ["scope", "reason", "owner", "requester", "from", "until", "at"] {
		denied_of("override.incomplete", without(name))
	}
}

test_an_approver_must_be_there if {
	answer := override.decision with input as without("approver")
	answer.rules == ["override.incomplete"]
}

test_each_member_must_be_of_its_type if {
	every name in ["scope", "reason", "owner", "from", "until", "at", "decided"] {
		denied_for("override.incomplete", {name: 7})
	}
}

test_blanks_are_no_reason if denied_for("override.incomplete", {"reason": "  "})

test_a_day_is_no_time if denied_for("override.incomplete", {"until": "2026-12-01"})

test_decided_may_be_left_out if allowed_of(without("decided"))

test_both_a_control_and_a_rule if denied_for("override.one_thing", {"rule": "write_paths.review_required"})

test_both_of_one_name if denied_for("override.one_thing", {"rule": "IG-SC-5"})

test_one_that_names_nothing_beside_the_other if {
	denied_for("override.one_thing", {"rule": " "})
	answer := override.decision with input as asked({"rule": 7})
	answer.reasons == ["rule is there, but names nothing"]
}

test_neither_a_control_nor_a_rule if denied_of("override.one_thing", without("control"))

test_nobody_approves_their_own if {
	denied_for("override.self_approved", {"requester": "a.smith"})
	denied_for("override.self_approved", {"requester": " A.SMITH "})
}

test_the_owner_may_have_asked if allowed({"owner": "j.doe"})

test_somebody_must_sign if {
	denied_for("override.unsigned", {"signer": ""})
	denied_of("override.unsigned", without("signer"))
}

test_nobody_signs_for_the_approver if {
	denied_for("override.not_signed_by_approver", {"signer": "key ci"})
	denied_for("override.not_signed_by_approver", {"signer": "key key a.smith"})
	denied_for("override.not_signed_by_approver", {"signer": "a.smith@example.org"})
}

test_the_reason_names_both if {
	answer := override.decision with input as asked({"signer": "key ci"})
	answer.reasons == ["signed by key ci, not by the approver a.smith"]
}

named(approvers) := {"max_days": 365, "approvers": approvers}

test_who_is_not_named_may_not_approve if {
	answer := override.decision with input as asked({}) with data.override as named({"b.jones": []})
	answer.rules == ["override.not_an_approver"]
	answer.reasons == ["a.smith may not approve overrides"]
}

test_who_is_named_signs_in_their_own_name if {
	answer := override.decision with input as asked({}) with data.override as named({"A.Smith": []})
	answer.allow
}

test_who_is_named_signs_with_what_is_listed if {
	every signer in ["key laptop-7", "sha256:bb"] {
		answer := override.decision with input as asked({"signer": "key laptop-7", "key_id": "sha256:bb"})
			with data.override as named({"a.smith": [signer]})
		answer.allow
	}
}

test_a_name_alone_is_not_enough_where_signers_are_listed if {
	answer := override.decision with input as asked({}) with data.override as named({"a.smith": ["key laptop-7"]})
	answer.rules == ["override.not_signed_by_approver"]
}

test_settings_of_the_wrong_form_let_nobody_approve if {
	every wrong in [["a.smith"], "a.smith", null, {"a.smith": "key a.smith"}, {"a.smith": null}] {
		answer := override.decision with input as asked({}) with data.override as named(wrong)
		answer.allow == false
	}
}

test_it_must_begin_before_it_ends if {
	denied_for("override.no_time", {"until": "2026-09-01T00:00:00Z"})
	denied_for("override.no_time", {"until": "2026-08-01T00:00:00Z"})
}

test_a_year_is_the_longest if {
	allowed({"until": "2027-09-01T00:00:00Z"})
	denied_for("override.too_long", {"until": "2027-09-01T00:00:01Z"})
	answer := override.decision with input as asked({"until": "2027-09-01T00:00:01Z"})
	answer.reasons == ["it lasts 366 days, 365 are allowed"]
}

test_a_year_with_a_leap_day_is_a_day_longer if {
	denied_for("override.too_long", {"from": "2027-09-01T00:00:00Z", "until": "2028-09-01T00:00:00Z"})
	allowed({"from": "2027-09-01T00:00:00Z", "until": "2028-08-31T00:00:00Z"})
	allowed({"from": "2100-02-01T00:00:00Z", "until": "2101-02-01T00:00:00Z"})
}

test_how_long_is_a_setting if {
	answer := override.decision with input as asked({}) with data.override as {"max_days": 90}
	answer.rules == ["override.too_long"]
	longer := override.decision with input as asked({}) with data.override as {"max_days": 91}
	longer.allow
}

test_without_settings_it_is_a_year if {
	answer := override.decision with input as asked({}) with data.override as {}
	answer.allow
	longer := override.decision with input as asked({"until": "2027-09-02T00:00:00Z"}) with data.override as {}
	longer.rules == ["override.too_long"]
}

test_a_setting_of_the_wrong_type_allows_none if {
	answer := override.decision with input as asked({}) with data.override as {"max_days": "365"}
	answer.rules == ["override.too_long"]
}

test_what_was_decided_ahead if {
	denied_for("override.ahead", {"decided": "2026-09-01T10:05:01Z"})
	allowed({"decided": "2026-09-01T10:05:00Z"})
}

test_the_last_and_first_years_are_times if {
	denied_for("override.too_long", {"until": "9999-12-31T23:59:59.999999Z"})
	denied_for("override.too_long", {"from": "0001-01-01T00:00:00Z"})
	denied_for("override.no_time", {"from": "9999-02-30T00:00:00Z"})
}

test_what_is_no_list_lets_nothing_through if {
	answer := override.decision with input as asked({}) with data.override as {"never": "IG-*"}
	answer.rules == ["override.never"]
	answer.reasons == ["nothing may be overridden: data.override.never is no list"]
	other := override.decision with input as asked({}) with data.override as {"never": null}
	other.rules == ["override.never"]
}

test_some_things_are_never_overridden if {
	answer := override.decision with input as asked({}) with data.override as {"max_days": 365, "never": ["IG-SC-*"]}
	answer.rules == ["override.never"]
	answer.reasons == ["IG-SC-5 may not be overridden (IG-SC-*)"]
	other := override.decision with input as asked({}) with data.override as {"max_days": 365, "never": ["IG-AC-*", "IG-SC"]}
	other.allow
}

test_what_is_there_must_name_something if {
	every nothing in ["", " ", null, 0, ["IG-SC-5"]] {
		answer := override.decision with input as asked({"rule": nothing})
		answer.rules == ["override.one_thing"]
		answer.reasons == ["rule is there, but names nothing"]
	}
}

test_letters_of_other_alphabets_are_others if {
	denied_for("override.not_signed_by_approver", {"signer": "\u212aey a.smith"})
	denied_for("override.not_signed_by_approver", {"approver": "k.smith", "signer": "key \u212a.smith"})
	answer := override.decision with input as asked({"signer": 7})
	answer.rules == ["override.unsigned"]
}
