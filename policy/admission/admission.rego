# METADATA
# title: Admission
# description: |
#   May this evidence be stored? Asked after every signature check, before the append.
#   input: {tenant, rights, status, code, signer, kind, predicate_type}; `status` is the result of the
#   checks (verified, unsupported, failed, unsigned), `code` names the check that did not hold.
package evidence.policy.admission

import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

statuses := {"verified", "unsupported", "failed", "unsigned"}

denials contains {"rule": "admission.right_required", "reason": "the token does not hold the right evidence:write"} if {
	not "evidence:write" in input.rights
}

denials contains {"rule": "admission.failed_check", "reason": sprintf("a check did not hold: %s", [object.get(input, "code", "not named")])} if {
	input.status == "failed"
}

denials contains {"rule": "admission.unsigned", "reason": "nobody signed this evidence"} if {
	input.status == "unsigned"
	not data.admission.accept_unsigned == true
}

# A release says what is assessed, so it must be known who says it.
denials contains {"rule": "admission.release_unverified", "reason": reason} if {
	input.kind == "release"
	input.status in statuses
	input.status != "verified"
	reason := sprintf("a release statement must be verified, this one is %s", [input.status])
}

denials contains {"rule": "admission.unknown_status", "reason": "the result of the signature checks is missing or not one we know"} if {
	not input.status in statuses
}
