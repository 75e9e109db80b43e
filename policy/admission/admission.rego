# METADATA
# title: Admission
# description: |
#   May this evidence be stored? Asked after every signature check, before the append.
#   input: {tenant, rights, own, status, code, signer, kind, predicate_type, by, rules, outside, uploader}; `own` is
#   whether the server itself derived and sends it, `status` the
#   result of the checks (verified, unsupported, failed, unsigned), `code` names the check that did not hold.
#   `by` is who signed: {type: key | certificate, issuer, identity, claims, key_id}; `rules` are the tenant's trust rules
#   that may concern it, and `outside` maps the id of a rule to the first subject that its patterns do not cover.
#   `uploader` is the CI job that exchanged its token for this upload: {issuer, identity, claims}; absent for API tokens.
#   Where a trust rule lets the evidence in, `rules` of the answer names it: trust:<id>.
package evidence.policy.admission

import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
} if {
	count(denials) > 0
} else := {
	"allow": true,
	"rules": sort({sprintf("trust:%s", [rule.id]) | some rule in let_in}),
	"reasons": sort({sprintf("rule '%s' names the signer", [rule.label]) | some rule in let_in}),
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

# What the server derives it does not take from others: theirs would stand in the place of its own.
derived := {"sbom_drift", "dependency_debt", "reproducible_build"}

denials contains {"rule": "admission.derived_by_another", "reason": reason} if {
	input.kind in derived
	input.status == "verified"
	not input.own == true
	reason := sprintf("%s is derived by the server from what it was sent, and taken from nobody else", [input.kind])
}

# What kind it is decides more than one rule above, so it must be said.
denials contains {"rule": "admission.unknown_kind", "reason": "it is not said what kind of evidence this is"} if {
	object.get(input, "kind", "") == ""
}

denials contains {"rule": "admission.unknown_status", "reason": "the result of the signature checks is missing or not one we know"} if {
	not input.status in statuses
}

# Who signed must be named by a rule; a registered key that no rule names is trusted for everything.

denials contains {"rule": "admission.unknown_signer", "reason": "verified, but not said by whom"} if {
	input.status == "verified"
	not object.get(input, ["by", "type"], "") in {"key", "certificate"}
}

rules := object.get(input, "rules", [])

rule_needed if {
	input.status == "verified"
	input.by.type == "certificate"
}

rule_needed if {
	input.status == "verified"
	input.by.type == "key"
	some rule in rules
	rule.key_id == input.by.key_id
}

candidates := [{"id": rule.id, "label": rule.label, "differences": differences} |
	some rule in rules
	differences := trust.differences(rule, input.by) | uncovered(rule)
]

let_in := [candidate |
	rule_needed
	some candidate in candidates
	count(candidate.differences) == 0
]

uncovered(rule) := {difference |
	count(rule.predicate_types) > 0
	not trust.matches_any(rule.predicate_types, input.predicate_type)
	difference := {"field": "predicate_type", "expected": concat(" or ", sort(rule.predicate_types)), "got": trust.shown(input.predicate_type)}
} | {difference |
	got := object.get(input, ["outside", rule.id], "")
	got != ""
	difference := {"field": "subject", "expected": concat(" or ", sort(rule.subjects)), "got": got}
}

unruled if {
	rule_needed
	count(let_in) == 0
}

denials contains {"rule": "admission.untrusted_identity", "reason": reason} if {
	unruled
	count(candidates) == 0
	reason := sprintf("the tenant has no trust rule, so nobody of %s is trusted", [input.by.issuer])
}

denials contains {"rule": "admission.untrusted_identity", "reason": reason} if {
	unruled
	near := trust.closest(candidates)
	count(trust.party_fields(near)) > 0
	reason := sprintf("no trust rule names the signer; closest is rule '%s': %s", [near.label, trust.told(near.differences)])
}

denials contains {"rule": "admission.outside_rule", "reason": reason} if {
	unruled
	near := trust.closest(candidates)
	count(trust.party_fields(near)) == 0
	reason := sprintf("rule '%s' names the signer, but not for this: %s", [near.label, trust.told(near.differences)])
}

# What a CI job uploads it has signed itself, unless its rule says that it passes on what others signed.

uploader_rules := [rule |
	some rule in rules
	rule.key_id == ""
	count(trust.differences(rule, input.uploader)) == 0
]

denials contains {"rule": "admission.uploader_rule_ended", "reason": "no trust rule names the uploader any more; exchange a new token"} if {
	"uploader" in object.keys(input)
	count(uploader_rules) == 0
}

passes_on if {
	some rule in uploader_rules
	"any_signer" in rule.allow
}

same_party if {
	input.by.issuer == input.uploader.issuer
	some_id := input.by.claims.repository_id
	some_id == input.uploader.claims.repository_id
}

# Without ids on both sides, the identity itself.
same_party if {
	input.by.issuer == input.uploader.issuer
	not both_have_ids
	input.by.identity == input.uploader.identity
}

both_have_ids if {
	input.by.claims.repository_id != ""
	input.uploader.claims.repository_id != ""
}

denials contains {"rule": "admission.other_uploader", "reason": reason} if {
	"uploader" in object.keys(input)
	input.status == "verified"
	input.by.type == "certificate"
	not same_party
	not passes_on
	reason := sprintf("signed by %s, uploaded by %s; a rule for the uploader with allow: [any_signer] would take it", [
		party_told(input.by),
		party_told(input.uploader),
	])
}

party_told(party) := sprintf("%s (repository_id %s) of %s", [
	trust.shown(object.get(party, "identity", "")),
	trust.shown(object.get(party, ["claims", "repository_id"], "")),
	trust.shown(object.get(party, "issuer", "")),
])
