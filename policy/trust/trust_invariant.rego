# METADATA
# title: What a trust rule cannot name
# description: For the invariants of admission and exchange. `stranger` holds for a party that the rule does not name.
package evidence.invariant.trust

import data.evidence.invariant.shape
import rego.v1

stranger(rule, _) if {
	rule.issuer == ""
	rule.key_id == ""
}

stranger(rule, party) if {
	rule.issuer != ""
	rule.issuer != object.get(party, "issuer", "")
}

stranger(rule, party) if {
	rule.identity != ""
	rule.identity != object.get(party, "identity", "")
}

stranger(rule, party) if {
	rule.key_id != ""
	rule.key_id != object.get(party, "key_id", "")
}

stranger(rule, party) if {
	some claim, pattern in rule.claims
	shape.cannot_fit(pattern, object.get(object.get(party, "claims", {}), claim, null))
}

stranger(rule, party) if {
	some claim, _ in rule.claims
	object.get(object.get(party, "claims", {}), claim, "") == ""
}

# A workflow that runs the code of strangers with the project's rights.
stranger(rule, party) if {
	party.claims.fork == "true"
	not "fork" in rule.allow
}

stranger(rule, party) if {
	party.claims.trigger == "pull_request_target"
	not "pull_request_target" in rule.allow
}

nobody_named(rules, party) if {
	every rule in rules {
		stranger(rule, party)
	}
}
