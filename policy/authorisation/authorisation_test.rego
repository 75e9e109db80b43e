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
	"principal": {"kind": "peer", "rights": ["evidence:read"], "tenant": "acme"},
	"action": "evidence:read",
})

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
