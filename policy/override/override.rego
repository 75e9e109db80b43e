# METADATA
# title: Override
# description: |
#   May this override be recorded? input: {control | rule, scope, reason, owner, requester, approver, from, until,
#   decided?, signer, key_id?, at}. `signer` is who signed the statement, as verified ("" if nobody did), `key_id` the
#   key's id where a key did. An override accepts that a control is not met, or that a policy rule denied, so somebody
#   else than who asks for it has to sign it in their own name, and it has to end. Who may approve, and for how long at
#   most, is data.
package evidence.policy.override

import data.evidence.policy.shape
import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

default settings := {}

settings := data.override

said(name) := object.get(input, name, null)

# What must be said.

denials contains {"rule": "override.incomplete", "reason": reason} if {
	some name in ["reason", "owner", "requester", "approver"]
	not shape.text(said(name))
	reason := sprintf("%s must be text that says something", [name])
}

denials contains {"rule": "override.incomplete", "reason": reason} if {
	some name in ["from", "until", "at"]
	not timed(said(name))
	reason := sprintf("%s must be a time: RFC 3339, in UTC", [name])
}

denials contains {"rule": "override.incomplete", "reason": "decided must be a time: RFC 3339, in UTC"} if {
	"decided" in object.keys(input)
	not timed(said("decided"))
}

denials contains {"rule": "override.incomplete", "reason": "scope must be text; \"\" is every release"} if {
	not is_string(said("scope"))
}

denials contains {"rule": "override.one_thing", "reason": "exactly one of control and rule is overridden"} if {
	count(named) != 1
}

denials contains {"rule": "override.one_thing", "reason": reason} if {
	some name in ["control", "rule"]
	name in object.keys(input)
	not shape.text(said(name))
	reason := sprintf("%s is there, but names nothing", [name])
}

named contains name if {
	some name in ["control", "rule"]
	shape.text(said(name))
}

things contains said(name) if some name in named

# Who.

denials contains {"rule": "override.self_approved", "reason": reason} if {
	shape.text(said("requester"))
	plain(said("requester")) == plain(said("approver"))
	reason := sprintf("%s asked for it and approves it; somebody else has to", [said("approver")])
}

denials contains {"rule": "override.unsigned", "reason": "nobody signed it; the approver has to"} if {
	not shape.text(said("signer"))
}

denials contains {"rule": "override.not_signed_by_approver", "reason": reason} if {
	shape.text(said("signer"))
	shape.text(said("approver"))
	not signed_by_approver
	reason := sprintf("signed by %s, not by the approver %s", [said("signer"), said("approver")])
}

denials contains {"rule": "override.not_an_approver", "reason": reason} if {
	shape.text(said("approver"))
	count(approvers) > 0
	count(entries) == 0
	reason := sprintf("%s may not approve overrides", [said("approver")])
}

denials contains {"rule": "override.not_an_approver", "reason": "nobody may approve: data.override.approvers is no mapping"} if {
	not is_object(object.get(settings, "approvers", {}))
}

default approvers := {}

approvers := object.get(settings, "approvers", {}) if is_object(object.get(settings, "approvers", {}))

# Approver in data, whatever the case and spaces -> the signers that sign for them; none: in their own name alone.
entries contains listed(signers) if {
	some name, signers in approvers
	same_name(name, said("approver"))
}

listed(signers) := signers if is_array(signers)

listed(signers) := ["nobody: this is no list"] if not is_array(signers)

signed_by_approver if {
	some signers in entries
	some signer in signers
	signer in {said("signer"), said("key_id")}
}

signed_by_approver if {
	every signers in entries {
		count(signers) == 0
	}
	in_own_name
}

in_own_name if same_name(said("signer"), said("approver"))

# A key goes by its name.
in_own_name if {
	is_string(said("signer"))
	startswith(said("signer"), "key ")
	same_name(trim_prefix(said("signer"), "key "), said("approver"))
}

# In small letters and in capitals: some letters of other alphabets turn into ours in one of the two.
same_name(one, other) if {
	plain(one) == plain(other)
	replace(upper(one), " ", "") == replace(upper(other), " ", "")
}

# How long.

denials contains {"rule": "override.no_time", "reason": "until is not after from"} if {
	instant(said("until")) <= instant(said("from"))
}

denials contains {"rule": "override.too_long", "reason": reason} if {
	lasting := instant(said("until")) - instant(said("from"))
	lasting > max_days * 86400
	reason := sprintf("it lasts %d days, %s are allowed", [ceil(lasting / 86400), shape.told(max_days)])
}

denials contains {"rule": "override.ahead", "reason": "decided lies ahead of the server's clock"} if {
	instant(said("decided")) > instant(said("at")) + 300
}

default max_days := 0

max_days := object.get(settings, "max_days", 365) if is_number(object.get(settings, "max_days", 365))

# What.

denials contains {"rule": "override.never", "reason": reason} if {
	some thing in things
	some pattern in never
	is_string(pattern)
	trust.matches(pattern, thing)
	reason := sprintf("%s may not be overridden (%s)", [thing, pattern])
}

denials contains {"rule": "override.never", "reason": "nothing may be overridden: data.override.never is no list"} if {
	not is_array(object.get(settings, "never", []))
}

default never := []

never := object.get(settings, "never", []) if is_array(object.get(settings, "never", []))

# Names differ in more than case and spaces between words.
plain(name) := concat(" ", [word | some word in split(lower(name), " "); word != ""]) if is_string(name)

timed(value) if instant(value) >= 0

# Seconds since the first of March of the year 0, in the calendar of today. Every month has 31 days to it, so no text of
# this form fails.
instant(value) := seconds if {
	shape.moment(value)
	month := number(value, 5, 2)
	since_march := (month + 9) % 12
	year := number(value, 0, 4) - floor(since_march / 10)
	leaps := (floor(year / 4) - floor(year / 100)) + floor(year / 400)
	days := (((year * 365) + leaps) + floor(((153 * since_march) + 2) / 5)) + (number(value, 8, 2) - 1)
	clock := ((number(value, 11, 2) * 3600) + (number(value, 14, 2) * 60)) + number(value, 17, 2)
	seconds := (days * 86400) + clock
}

# Leading zeros aside.
number(value, start, length) := to_number(concat("", ["1", substring(value, start, length)])) - powers[length]

powers := {2: 100, 4: 10000}
