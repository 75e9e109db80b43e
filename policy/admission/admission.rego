# METADATA
# title: Admission
# description: |
#   May this evidence be stored? Asked after every signature check, before the append.
#   input: {tenant, rights, own, status, code, signer, kind, predicate_type, by, rules, outside, uploader, found}; `own` is
#   whether the server itself derived and sends it, `status` the
#   result of the checks (verified, unsupported, failed, unsigned), `code` names the check that did not hold.
#   `by` is who signed: {type: key | certificate, issuer, identity, claims, key_id}; `rules` are the tenant's trust rules
#   that may concern it, and `outside` maps the id of a rule to the first subject that its patterns do not cover.
#   `uploader` is the CI job that exchanged its token for this upload: {issuer, identity, claims}; absent for API tokens.
#   `found` is how much personal data of each detector, and how many secrets, are in it; absent where nobody looked.
#   Where a trust rule lets the evidence in, `rules` of the answer names it: trust:<id>.
package evidence.policy.admission

import data.evidence.policy.shape
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

# What is not said is not there: nothing below reads the input itself.
rights := object.get(input, "rights", [])

status := object.get(input, "status", null)

kind := object.get(input, "kind", "")

by := object.get(input, "by", null)

uploader := object.get(input, "uploader", null)

denials contains {"rule": "admission.right_required", "reason": "the token does not hold the right evidence:write"} if {
	not "evidence:write" in rights
}

denials contains {"rule": "admission.incomplete", "reason": "the signer, the uploader or the trust rules are not in the known form"} if {
	not well_formed
}

well_formed if {
	is_signer(by)
	is_uploader(uploader)
	is_array(object.get(input, "rules", []))
	every rule in object.get(input, "rules", []) {
		trust.is_rule(rule)
	}
	is_object(object.get(input, "outside", {}))
	is_object(object.get(input, "found", {}))
}

is_signer(party) if party == null

is_signer(party) if trust.is_party(party)

is_uploader(_) if not "uploader" in object.keys(input)

is_uploader(party) if trust.is_party(party)

denials contains {"rule": "admission.failed_check", "reason": reason} if {
	status == "failed"
	reason := sprintf("a check did not hold: %s", [code])
}

code := input.code if is_string(input.code)

code := "not named" if not is_string(object.get(input, "code", null))

denials contains {"rule": "admission.unsigned", "reason": "nobody signed this evidence"} if {
	status == "unsigned"
	not data.admission.accept_unsigned == true
}

# A release says what is assessed, so it must be known who says it.
denials contains {"rule": "admission.release_unverified", "reason": reason} if {
	kind == "release"
	status in statuses
	status != "verified"
	reason := sprintf("a release statement must be verified, this one is %s", [status])
}

# What the server derives it does not take from others: theirs would stand in the place of its own.
derived := {"sbom_drift", "dependency_debt", "reproducible_build", "reperformance"}

denials contains {"rule": "admission.derived_by_another", "reason": reason} if {
	kind in derived
	status == "verified"
	not own
	reason := sprintf("%s is derived by the server from what it was sent, and taken from nobody else", [kind])
}

own if object.get(input, "own", false) == true

# What kind it is decides more than one rule above, so it must be said.
denials contains {"rule": "admission.unknown_kind", "reason": "it is not said what kind of evidence this is"} if {
	not shape.text(kind)
}

denials contains {"rule": "admission.unknown_status", "reason": "the result of the signature checks is missing or not one we know"} if {
	not status in statuses
}

# Personal data and secrets, where the operator refuses them. They are looked for only then.
found := object.get(input, "found", {})

denials contains {"rule": "admission.personal_data", "reason": reason} if {
	is_object(found)
	some name, count in found
	count != 0
	refused(name)
	reason := sprintf("%s found (%s), which is not taken in; redact it at its source", [name, shape.told(count)])
}

refused(name) if name in data.admission.refuse_found

# A setting that is there and no list is a mistake, and lets nothing in.
refused(_) if not is_array(object.get(data.admission, "refuse_found", []))

# Who signed must be named by a rule; a registered key that no rule names is trusted for everything.

denials contains {"rule": "admission.unknown_signer", "reason": "verified, but not said by whom"} if {
	status == "verified"
	not signer_type in {"key", "certificate"}
}

default signer_type := ""

signer_type := by.type

rules := [rule |
	well_formed
	some rule in object.get(input, "rules", [])
]

rule_needed if {
	status == "verified"
	signer_type == "certificate"
}

rule_needed if {
	status == "verified"
	signer_type == "key"
	some rule in rules
	rule.key_id == by.key_id
}

candidates := [{"id": rule.id, "label": rule.label, "differences": differences} |
	some rule in rules
	differences := trust.differences(rule, by) | uncovered(rule)
]

let_in := [candidate |
	rule_needed
	some candidate in candidates
	count(candidate.differences) == 0
]

uncovered(rule) := {difference |
	count(rule.predicate_types) > 0
	not trust.matches_any(rule.predicate_types, predicate_type)
	difference := {"field": "predicate_type", "expected": concat(" or ", sort(rule.predicate_types)), "got": trust.shown(predicate_type)}
} | {difference |
	got := object.get(input, ["outside", rule.id], "")
	got != ""
	difference := {"field": "subject", "expected": concat(" or ", sort(rule.subjects)), "got": got}
}

predicate_type := object.get(input, "predicate_type", "")

unruled if {
	rule_needed
	count(let_in) == 0
}

denials contains {"rule": "admission.untrusted_identity", "reason": reason} if {
	unruled
	count(candidates) == 0
	reason := sprintf("the tenant has no trust rule, so nobody of %s is trusted", [trust.shown(object.get(by, "issuer", ""))])
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
	is_object(uploader)
	count(trust.differences(rule, uploader)) == 0
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
	by.issuer == uploader.issuer
	some_id := by.claims.repository_id
	some_id == uploader.claims.repository_id
}

# Without ids on both sides, the identity itself.
same_party if {
	by.issuer == uploader.issuer
	not both_have_ids
	by.identity == uploader.identity
}

both_have_ids if {
	by.claims.repository_id != ""
	uploader.claims.repository_id != ""
}

denials contains {"rule": "admission.other_uploader", "reason": reason} if {
	"uploader" in object.keys(input)
	well_formed
	status == "verified"
	signer_type == "certificate"
	not same_party
	not passes_on
	reason := sprintf("signed by %s, uploaded by %s; a rule for the uploader with allow: [any_signer] would take it", [
		party_told(by),
		party_told(uploader),
	])
}

party_told(party) := sprintf("%s (repository_id %s) of %s", [
	trust.shown(object.get(party, "identity", "")),
	trust.shown(object.get(party, ["claims", "repository_id"], "")),
	trust.shown(object.get(party, "issuer", "")),
])
