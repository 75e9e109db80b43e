# METADATA
# title: Token exchange
# description: |
#   May the job that this verified OIDC token speaks for have an upload token? Asked after every check of the token.
#   input: {tenant, by: {type: "token", issuer, identity, claims}, rules}; `rules` are the tenant's trust rules of that
#   issuer. Where the answer is yes, its `rules` name those that allow it: trust:<id>.
package evidence.policy.exchange

import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": false,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
} if {
	count(denials) > 0
} else := {
	"allow": true,
	"rules": sort({sprintf("trust:%s", [rule.id]) | some rule in naming}),
	"reasons": sort({sprintf("rule '%s' names the uploader", [rule.label]) | some rule in naming}),
}

by := object.get(input, "by", {})

rules := object.get(input, "rules", [])

well_formed if {
	trust.is_party(by)
	is_array(rules)
	every rule in rules {
		trust.is_rule(rule)
	}
}

candidates := [{"id": rule.id, "label": rule.label, "differences": differences} |
	well_formed
	some rule in rules
	rule.key_id == ""
	differences := trust.differences(rule, by)
]

naming := [candidate |
	some candidate in candidates
	count(candidate.differences) == 0
]

denials contains {"rule": "exchange.not_a_token", "reason": "only a verified OIDC token can be exchanged"} if {
	not token
}

token if by.type == "token"

denials contains {"rule": "exchange.incomplete", "reason": "the token's claims or the trust rules are not in the known form"} if {
	not well_formed
}

denials contains {"rule": "exchange.no_rule", "reason": "the tenant has no trust rule about this issuer"} if {
	well_formed
	count(candidates) == 0
}

denials contains {"rule": "exchange.no_rule", "reason": reason} if {
	count(candidates) > 0
	count(naming) == 0
	near := trust.closest(candidates)
	reason := sprintf("no trust rule names the uploader; closest is rule '%s': %s", [near.label, trust.told(near.differences)])
}
