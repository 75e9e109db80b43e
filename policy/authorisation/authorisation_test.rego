package evidence.policy.authorisation_test

import data.evidence.policy.authorisation
import rego.v1

asked(rights, action) := {"principal": {"kind": "token", "rights": rights, "tenant": "acme"}, "action": action}

allowed(question) if {
	authorisation.decision == {"allow": true, "rules": [], "reasons": []} with input as question
}

denied_for(rule, question) if {
	answer := authorisation.decision with input as question
	answer.allow == false
	answer.rules == [rule]
	count(answer.reasons) == 1
}

test_every_right_allows_its_action if {
	every action, rights in data.authorisation.actions {
		every right in rights {
			allowed(asked([right], action))
		}
	}
}

test_no_right_denies_every_action if {
	every action, _ in data.authorisation.actions {
		denied_for("authorisation.right_required", asked([], action))
	}
}

test_reading_does_not_allow_writing if denied_for(
	"authorisation.right_required",
	asked(["evidence:read", "pack:read", "pack:build"], "evidence:write"),
)

test_writing_does_not_allow_reading if denied_for(
	"authorisation.right_required",
	asked(["evidence:write"], "evidence:read"),
)

test_builder_reads_packs if allowed(asked(["pack:build"], "pack:read"))

test_reader_does_not_build_packs if denied_for("authorisation.right_required", asked(["pack:read"], "pack:build"))

test_reason_names_the_rights if {
	answer := authorisation.decision with input as asked([], "pack:read")
	answer.reasons == ["pack:read needs the right pack:read or pack:build"]
}

test_asking_policies_and_fetching_them_allows_nothing_else if {
	every action, _ in object.remove(data.authorisation.actions, ["decision:ask", "policy:read"]) {
		denied_for("authorisation.right_required", asked(["decide", "policy:read"], action))
	}
	denied_for("authorisation.right_required", asked(["policy:read"], "decision:ask"))
	denied_for("authorisation.right_required", asked(["decide"], "policy:read"))
}

test_unknown_action_is_denied if denied_for("authorisation.unknown_action", asked(["evidence:write"], "evidence:burn"))

test_operator_may_do_every_known_action if {
	every action, _ in data.authorisation.actions {
		allowed({"principal": {"kind": "operator", "rights": [], "tenant": "acme"}, "action": action})
	}
}

test_operator_may_not_do_unknown_actions if denied_for("authorisation.unknown_action", {
	"principal": {"kind": "operator", "rights": [], "tenant": "acme"},
	"action": "evidence:burn",
})

test_other_kinds_of_principal_are_denied if denied_for("authorisation.right_required", {
	"principal": {"kind": "visitor", "rights": ["evidence:read"], "tenant": "acme"},
	"action": "evidence:read",
})

every_right := {right | some rights in data.authorisation.actions; some right in rights}

guest(kind, expires, action, at) := {
	"principal": {"kind": kind, "rights": every_right, "tenant": "acme", "grant": {"expires": expires}},
	"action": action,
	"at": at,
}

until := "2027-01-31T12:00:00Z"

before := "2027-01-31T11:59:59.999999Z"

test_an_auditor_reads_while_the_grant_lasts if {
	every action in ["evidence:read", "release:read", "pack:read"] {
		allowed(guest("auditor", until, action, before))
	}
}

test_an_auditor_does_nothing_else if {
	every action, _ in object.remove(data.authorisation.actions, ["evidence:read", "release:read", "pack:read"]) {
		denied_for("authorisation.right_required", guest("auditor", until, action, before))
	}
}

test_an_auditor_needs_the_right if denied_for("authorisation.right_required", object.union(
	guest("auditor", until, "pack:read", before),
	{"principal": {"rights": ["evidence:read"]}},
))

test_a_peer_asks_for_evidence_and_nothing_else if {
	allowed(guest("peer", until, "evidence:read", before))
	every action, _ in object.remove(data.authorisation.actions, ["evidence:read"]) {
		denied_for("authorisation.right_required", guest("peer", until, action, before))
	}
}

test_a_grant_ends if {
	every kind in ["auditor", "peer"] {
		every at in ["2027-01-31T12:00:00Z", "2027-01-31T12:00:00.000001Z", "2027-02-01T00:00:00Z", "2031-01-01T00:00:00Z"] {
			denied_for("authorisation.grant_ended", guest(kind, until, "evidence:read", at))
		}
	}
}

test_without_a_time_a_grant_that_ends_is_over if {
	every at in [null, "", "soon", 0, "2027-01-31 11:00:00", "2027-01-31T11:00:00+01:00"] {
		denied_for("authorisation.grant_ended", guest("auditor", until, "evidence:read", at))
	}
	denied_for("authorisation.grant_ended", object.remove(guest("peer", until, "evidence:read", before), ["at"]))
}

test_an_auditors_grant_says_when_it_ends if {
	every expires in [null, "", "never", 0, ["2027-01-31T12:00:00Z"]] {
		denied_for("authorisation.grant_ended", guest("auditor", expires, "evidence:read", before))
	}
	every grant in [null, {}, [], "2027-01-31T12:00:00Z"] {
		denied_for("authorisation.grant_ended", {
			"principal": {"kind": "auditor", "rights": ["evidence:read"], "tenant": "acme", "grant": grant},
			"action": "evidence:read",
			"at": before,
		})
	}
}

test_a_peer_may_be_enrolled_without_an_end if allowed(guest("peer", null, "evidence:read", before))

test_a_peer_has_a_grant if denied_for("authorisation.grant_ended", {
	"principal": {"kind": "peer", "rights": ["evidence:read"], "tenant": "acme"},
	"action": "evidence:read",
	"at": before,
})

test_a_grant_says_what_is_missing if {
	answer := authorisation.decision with input as guest("auditor", until, "evidence:read", until)
	answer.reasons == ["the grant of this auditor has ended, or does not say until when it lasts"]
}

test_a_guest_reads_one_tenant if denied_for("authorisation.other_tenant", object.union(
	guest("auditor", until, "evidence:read", before),
	{"resource": {"tenant": "other"}},
))

uploading(rights, action) := {"principal": {"kind": "uploader", "rights": rights, "tenant": "acme"}, "action": action}

test_an_uploader_uploads if allowed(uploading(["evidence:write"], "evidence:write"))

test_an_uploader_needs_the_right if denied_for("authorisation.right_required", uploading([], "evidence:write"))

test_an_uploader_does_nothing_else if {
	every action, rights in object.remove(data.authorisation.actions, ["evidence:write"]) {
		denied_for("authorisation.right_required", uploading(array.concat(["evidence:write"], rights), action))
	}
}

test_own_tenant_is_allowed if {
	allowed(object.union(asked(["evidence:read"], "evidence:read"), {"resource": {"tenant": "acme"}}))
}

test_other_tenant_is_denied if denied_for(
	"authorisation.other_tenant",
	object.union(asked(["evidence:read"], "evidence:read"), {"resource": {"tenant": "other"}}),
)

test_resource_without_tenant_is_denied if denied_for(
	"authorisation.other_tenant",
	object.union(asked(["evidence:read"], "evidence:read"), {"resource": {}}),
)

test_nothing_is_denied if {
	answer := authorisation.decision with input as {}
	answer.allow == false
}

test_nobody_owns_nothing if {
	every tenant in [null, 0, [null]] {
		answer := authorisation.decision with input as {
			"principal": {"kind": "operator", "rights": [], "tenant": tenant},
			"action": "evidence:read",
			"resource": {"tenant": tenant},
		}
		answer.rules == ["authorisation.other_tenant"]
	}
}
