# METADATA
# title: Authorisation
# description: |
#   May this principal do this? Asked before every request that is not public.
#   input: {principal: {kind, rights, tenant}, action, resource: {tenant}}; `resource` may be left out
#   where the action is about the principal's own tenant.
package evidence.policy.authorisation

import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

known if data.authorisation.actions[input.action]

granted if {
	input.principal.kind == "token"
	some right in data.authorisation.actions[input.action]
	right in input.principal.rights
}

# A CI job with the token it exchanged its own for: uploads, whatever else its rights say.
granted if {
	input.principal.kind == "uploader"
	input.action == "evidence:write"
	"evidence:write" in input.principal.rights
}

granted if {
	input.principal.kind == "operator"
	known
}

denials contains {"rule": "authorisation.unknown_action", "reason": reason} if {
	not known
	reason := sprintf("there is no action %v", [object.get(input, "action", "(none)")])
}

denials contains {"rule": "authorisation.right_required", "reason": reason} if {
	known
	not granted
	rights := concat(" or ", data.authorisation.actions[input.action])
	reason := sprintf("%s needs the right %s", [input.action, rights])
}

# A resource of another tenant is out of reach whatever the rights, for operators too: they ask as that tenant.
denials contains {"rule": "authorisation.other_tenant", "reason": "the resource belongs to another tenant"} if {
	"resource" in object.keys(input)
	not same_tenant
}

same_tenant if input.resource.tenant == input.principal.tenant
