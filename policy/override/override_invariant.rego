# METADATA
# title: What no override may be
package evidence.invariant.override

import rego.v1

settings := [
	{"max_days": 365, "approvers": {}, "never": []},
	{"max_days": 30, "approvers": {"a.smith": ["key a.smith"], "j.doe": []}, "never": []},
	{"max_days": 365, "approvers": {"a.smith": ["sha256:aa"]}, "never": ["IG-*"]},
	{},
]

one(name) := object.get(input, name, "")

# Written alike but for capitals and blanks.
alike(left, right) if replace(upper(left), " ", "") == replace(upper(right), " ", "")

forbidden contains "whoever asked for it approved it" if {
	one("requester") == one("approver")
}

forbidden contains "nobody signed it" if one("signer") == ""

forbidden contains "somebody else signed it than approved it" if {
	not alike(one("signer"), one("approver"))
	not alike(one("signer"), concat(" ", ["key", one("approver")]))
	not stands_for
}

stands_for if {
	some name, signers in object.get(data.override, "approvers", {})
	alike(name, one("approver"))
	some signer in signers
	count({one("signer"), one("key_id")} & {signer}) == 1
}

forbidden contains "only named people approve" if {
	named := object.keys(object.get(data.override, "approvers", {}))
	count(named) > 0
	count([1 | some name in named; alike(name, one("approver"))]) == 0
}

forbidden contains "neither a control nor a rule, or both" if {
	count([name | some name in ["control", "rule"]; one(name) != ""]) != 1
}

# Two times of the same form sort as text does, and a year later on the same day is one to the year.
forbidden contains "it never begins" if one("until") <= one("from")

forbidden contains "longer than two years" if {
	to_number(concat("", ["1", substring(one("until"), 0, 4)])) - to_number(concat("", ["1", substring(one("from"), 0, 4)])) > 2
}

forbidden contains "of something that is never overridden" if {
	some pattern in object.get(data.override, "never", [])
	startswith(one("control"), trim_suffix(pattern, "*"))
}
