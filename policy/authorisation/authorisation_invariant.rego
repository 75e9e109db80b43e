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
	some kind in ["token", "uploader", "operator"]
	kind == input.principal.kind
}

forbidden contains "a CI job does something else than upload" if {
	input.principal.kind == "uploader"
	input.action != "evidence:write"
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
