package evidence.policy.admission_test

import data.evidence.policy.admission
import rego.v1

asked(change) := object.union(
	{
		"tenant": "acme",
		"rights": ["evidence:write"],
		"status": "verified",
		"code": "",
		"signer": "key build",
		"kind": "sbom",
		"predicate_type": "https://cyclonedx.org/bom",
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

test_unsigned_is_denied if denied_for("admission.unsigned", {"status": "unsigned", "code": "unsigned"})

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
	answer.rules == ["admission.right_required", "admission.unknown_status"]
}
