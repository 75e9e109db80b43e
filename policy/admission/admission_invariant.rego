# METADATA
# title: What admission may never let in
package evidence.invariant.admission

import data.evidence.invariant.shape
import data.evidence.invariant.trust
import rego.v1

settings := [{"accept_unsigned": false}, {"accept_unsigned": true}, {}]

forbidden contains "the token has no right to write" if {
	not writes
}

writes if {
	some right in input.rights
	right == "evidence:write"
}

forbidden contains "a check did not hold" if input.status == "failed"

forbidden contains "there is no such result of the checks" if {
	not status_known
}

status_known if input.status == "verified"

status_known if input.status == "unsupported"

status_known if input.status == "unsigned"

forbidden contains "nobody signed it, and unsigned evidence is not accepted" if {
	input.status == "unsigned"
	not unsigned_accepted
}

unsigned_accepted if data.admission.accept_unsigned == true

forbidden contains "a release that is not verified" if {
	input.kind == "release"
	input.status != "verified"
}

forbidden contains "nobody knows what kind it is" if {
	not kind_known
}

kind_known if {
	is_string(input.kind)
	input.kind != ""
}

forbidden contains "what only the server derives, from somebody else" if {
	input.status == "verified"
	some kind in ["sbom_drift", "dependency_debt", "reproducible_build", "reperformance"]
	kind == input.kind
	not from_server
}

from_server if input.own == true

forbidden contains "verified, but by nobody" if {
	input.status == "verified"
	not somebody
}

somebody if input.by.type == "key"

somebody if input.by.type == "certificate"

# Rules that can concern this evidence: of its predicate type, and about all its subjects.
relevant := [rule |
	some rule in input.rules
	not beyond(rule)
]

beyond(rule) if {
	count(rule.predicate_types) > 0
	shape.none_can_fit(rule.predicate_types, input.predicate_type)
}

beyond(rule) if input.outside[rule.id] != ""

forbidden contains "a certificate that no rule names" if {
	input.status == "verified"
	input.by.type == "certificate"
	trust.nobody_named(relevant, input.by)
}

forbidden contains "a key bound by rules, none of which lets it sign this" if {
	input.status == "verified"
	input.by.type == "key"
	some rule in input.rules
	rule.key_id == input.by.key_id
	trust.nobody_named(relevant, input.by)
}

# A rule about a key speaks of no CI job.
job_rules := [rule |
	some rule in input.rules
	rule.key_id == ""
	not trust.stranger(rule, input.uploader)
]

forbidden contains "uploaded by a job that no rule names" if {
	input.uploader
	count(job_rules) == 0
}

forbidden contains "a certificate of one repository, uploaded by a job of another" if {
	input.status == "verified"
	input.by.type == "certificate"
	other_origin
	passing := [rule | some rule in job_rules; "any_signer" in rule.allow]
	count(passing) == 0
}

other_origin if input.by.issuer != input.uploader.issuer

other_origin if {
	input.by.claims.repository_id != input.uploader.claims.repository_id
	input.by.claims.repository_id != ""
	input.uploader.claims.repository_id != ""
}

forbidden contains sprintf("holds %v, which the operator turns away", [name]) if {
	some name in data.admission.refuse_found
	input.found[name] != 0
}
