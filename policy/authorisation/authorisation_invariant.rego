# METADATA
# title: What nobody may ever do
package evidence.invariant.authorisation

import rego.v1

forbidden contains "there is no such action" if {
	not action_known
}

action_known if {
	some action in object.keys(data.authorisation.actions)
	action == input.action
}

forbidden contains "there is no such kind of principal" if {
	not kind_known
}

kind_known if {
	some kind in ["token", "uploader", "operator", "auditor", "peer"]
	kind == input.principal.kind
}

forbidden contains "a CI job does something else than upload" if {
	input.principal.kind == "uploader"
	input.action != "evidence:write"
}

forbidden contains "an auditor does something else than read" if {
	input.principal.kind == "auditor"
	not startswith(input.action, "evidence:")
	not startswith(input.action, "release:")
	not startswith(input.action, "pack:")
}

forbidden contains "an auditor changes something, or has something made" if {
	input.principal.kind == "auditor"
	not endswith(input.action, ":read")
}

forbidden contains "a peer does something else than ask for evidence" if {
	input.principal.kind == "peer"
	input.action != "evidence:read"
}

forbidden contains "an auditor without an end" if {
	input.principal.kind == "auditor"
	not is_string(input.principal.grant.expires)
}

forbidden contains "a peer without a grant" if {
	input.principal.kind == "peer"
	not is_object(input.principal.grant)
}

forbidden contains "after the grant has ended" if {
	guest
	digits(input.at) >= digits(input.principal.grant.expires)
}

# A time as the number its digits make, to the second.
digits(time) := to_number(concat("", ["1", replace(replace(replace(substring(time, 0, 19), "-", ""), ":", ""), "T", "")])) if {
	is_string(time)
	regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}`, time)
}

forbidden contains "a grant that ends, and nobody says what time it is" if {
	guest
	is_string(input.principal.grant.expires)
	not is_string(object.get(input, "at", null))
}

guest if {
	some kind in ["auditor", "peer"]
	kind == input.principal.kind
}

forbidden contains "without any right that the action needs" if {
	input.principal.kind != "operator"
	needed := {right | some right in data.authorisation.actions[input.action]}
	held := {right | some right in input.principal.rights}
	count(needed & held) == 0
}

forbidden contains "with something of another tenant" if {
	input.resource.tenant != input.principal.tenant
}

forbidden contains "with something that belongs to nobody" if {
	input.resource
	not owned
}

owned if {
	is_string(input.resource.tenant)
	is_string(input.principal.tenant)
}
