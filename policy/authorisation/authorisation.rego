# METADATA
# title: Authorisation
# description: |
#   May this principal do this? Asked before every request that is not public.
#   input: {principal: {kind, rights, tenant, grant: {expires}}, action, resource: {tenant}, at}; `resource` may be left
#   out where the action is about the principal's own tenant. Auditors and peers have a grant, and `at` says when they ask;
#   what of the tenant the grant lets them see is held by the database.
package evidence.policy.authorisation

import data.evidence.policy.shape
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

action := object.get(input, "action", null)

principal := object.get(input, "principal", null)

rights := object.get(principal, "rights", []) if is_object(principal)

known if data.authorisation.actions[action]

granted if {
	principal.kind == "token"
	some right in data.authorisation.actions[action]
	right in rights
}

# A CI job with the token it exchanged its own for: uploads, whatever else its rights say.
granted if {
	principal.kind == "uploader"
	action == "evidence:write"
	"evidence:write" in rights
}

granted if {
	principal.kind == "operator"
	known
}

# What those may do who were let in to read, whatever else their rights say.
readings := {
	"auditor": {"evidence:read", "release:read", "pack:read"},
	"peer": {"evidence:read"},
}

granted if {
	action in readings[principal.kind]
	some right in data.authorisation.actions[action]
	right in rights
}

denials contains {"rule": "authorisation.unknown_action", "reason": reason} if {
	not known
	reason := sprintf("there is no action %s", [action_told])
}

action_told := action if is_string(action)

action_told := "(none)" if not is_string(action)

denials contains {"rule": "authorisation.right_required", "reason": reason} if {
	known
	not granted
	needed := concat(" or ", data.authorisation.actions[action])
	reason := sprintf("%s needs the right %s", [action, needed])
}

denials contains {"rule": "authorisation.grant_ended", "reason": reason} if {
	granted
	readings[principal.kind]
	not in_force
	reason := sprintf("the grant of this %s has ended, or does not say until when it lasts", [principal.kind])
}

in_force if {
	shape.moment(expires)
	shape.moment(at)
	second(at) < second(expires)
}

# A peer may be enrolled without an end.
in_force if {
	principal.kind == "peer"
	expires == null
}

grant := object.get(principal, "grant", null) if is_object(principal)

expires := object.get(grant, "expires", "") if is_object(grant)

at := object.get(input, "at", null)

# Times in UTC sort as their first nineteen characters do.
second(time) := substring(time, 0, 19)

# A resource of another tenant is out of reach whatever the rights, for operators too: they ask as that tenant.
denials contains {"rule": "authorisation.other_tenant", "reason": "the resource belongs to another tenant"} if {
	"resource" in object.keys(input)
	not same_tenant
}

same_tenant if {
	is_string(principal.tenant)
	input.resource.tenant == principal.tenant
}
