# METADATA
# title: Trust rules
# description: |
#   What differs between a trust rule and a signer or uploader; areas admission and exchange decide on it.
#   A rule is {id, label, issuer, identity, claims, key_id, predicate_types, subjects, allow}, a party is
#   {type, issuer, identity, claims, key_id}. In a pattern `*` stands for any run of characters, and every other
#   character for itself (evidence_api/domain/trust_rule.py says the same).
package evidence.policy.trust

import rego.v1

# The forms that the functions below can read.
is_rule(rule) if {
	is_object(rule)
	every field in ["id", "label", "issuer", "identity", "key_id"] {
		is_string(object.get(rule, field, null))
	}
	is_object(object.get(rule, "claims", null))
	every field in ["predicate_types", "subjects", "allow"] {
		words(object.get(rule, field, null))
	}
	every _, pattern in rule.claims {
		is_string(pattern)
	}
}

is_party(party) if {
	is_object(party)
	every field in ["type", "issuer", "identity", "key_id"] {
		is_string(object.get(party, field, ""))
	}
	is_object(object.get(party, "claims", {}))
	every _, value in object.get(party, "claims", {}) {
		is_string(value)
	}
}

words(value) if {
	is_array(value)
	every one in value {
		is_string(one)
	}
}

# Every difference is {"field", "expected", "got"}. A rule without any names the party.
differences(rule, party) := (origin_differences(rule, party) | claim_differences(rule, party)) | special_differences(rule, party)

origin_differences(rule, party) := {difference |
	some field in ["issuer", "key_id", "identity"]
	expected := rule[field]
	expected != ""
	got := object.get(party, field, "")
	got != expected
	difference := {"field": field, "expected": expected, "got": shown(got)}
} | {{"field": "issuer", "expected": "an issuer or a key", "got": "nothing"} |
	rule.issuer == ""
	rule.key_id == ""
}

claim_differences(rule, party) := {difference |
	some claim, expected in rule.claims
	got := object.get(object.get(party, "claims", {}), claim, "")
	not claim_matches(expected, got)
	difference := {"field": claim, "expected": expected, "got": shown(got)}
}

claim_matches(expected, got) if {
	got != ""
	matches(expected, got)
}

# Workflows that run with a project's rights on code from outside it: only where the rule says so.
special := {
	"pull_request_target": {"claim": "trigger", "value": "pull_request_target", "expected": "another trigger"},
	"fork": {"claim": "fork", "value": "true", "expected": "no fork"},
}

special_differences(rule, party) := {difference |
	some permission, outside in special
	not permission in rule.allow
	got := object.get(object.get(party, "claims", {}), outside.claim, "")
	got == outside.value
	difference := {"field": outside.claim, "expected": sprintf("%s, or allow: [%s]", [outside.expected, permission]), "got": got}
}

shown(text) := text if {
	is_string(text)
	text != ""
}

shown(text) := "none" if text == ""

shown(text) := "no text" if not is_string(text)

matches_any(patterns, text) if {
	some pattern in patterns
	matches(pattern, text)
}

matches(pattern, text) if {
	is_string(pattern)
	is_string(text)
	literal := [regex.replace(piece, `[\[\]\\.^$|?+(){}]`, `\${0}`) | some piece in split(pattern, "*")]
	regex.match(sprintf(`^(?s:%s)$`, [concat(`.*`, literal)]), text)
}

# Of {label, differences} the one with the fewest, by name where several have as few. Those that differ in nothing but
# what they are about come before those about somebody else.
closest(candidates) := nearest if {
	ranked := sort([[count(party_fields(one)), count(one.differences), one.label, one] | some one in candidates])
	nearest := ranked[0][3]
}

party_fields(candidate) := {difference.field |
	some difference in candidate.differences
	not difference.field in {"predicate_type", "subject"}
}

told(differences) := concat("; ", sort([text |
	some difference in differences
	text := sprintf("%s: expected %s, got %s", [difference.field, difference.expected, difference.got])
]))
