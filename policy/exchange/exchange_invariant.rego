# METADATA
# title: Who may never be given an upload token
package evidence.invariant.exchange

import data.evidence.invariant.trust
import rego.v1

forbidden contains "what was shown is no token" if {
	not shown_token
}

shown_token if input.by.type == "token"

forbidden contains "no rule about CI jobs names it" if {
	rules := [rule | some rule in input.rules; rule.key_id == ""]
	trust.nobody_named(rules, input.by)
}
