# METADATA
# title: Action
# description: |
#   May this be asked for? input: {action, actor: {kind, id}, target, justification, parameters, budget?}. The server
#   does nothing of it itself: what is allowed here is put on record and told to whoever listens. `parameters` is what the
#   action needs besides (`arm` of retry_alt_arm; `period`, `scope` and `limit_usd` of raise_budget; `severity` of
#   open_incident), `budget` the limit the server knows now, where it keeps that budget.
package evidence.policy.action

import data.evidence.policy.shape
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

default settings := {}

settings := data.action

said(name) := object.get(input, name, null)

default allowed := []

allowed := settings.allowed if is_array(settings.allowed)

known := ["retry_alt_arm", "downshift", "escalate_tests", "open_incident", "rollback", "quarantine", "raise_budget", "request_pack"]

parameters := object.get(input, "parameters", {}) if is_object(object.get(input, "parameters", {}))

default parameters := {}

# What.

denials contains {"rule": "action.unknown", "reason": reason} if {
	not said("action") in known
	reason := sprintf("there is no action %s", [told(said("action"))])
}

denials contains {"rule": "action.not_allowed", "reason": reason} if {
	said("action") in known
	not said("action") in allowed
	reason := sprintf("%s may not be asked for here", [said("action")])
}

denials contains {"rule": "action.incomplete", "reason": reason} if {
	some name in ["target", "justification"]
	not shape.text(said(name))
	reason := sprintf("%s must be text that says something", [name])
}

denials contains {"rule": "action.no_actor", "reason": "nobody is named who asks"} if {
	not named
}

named if {
	is_object(said("actor"))
	shape.text(object.get(said("actor"), "kind", null))
	shape.text(object.get(said("actor"), "id", null))
}

# A justification says more than a word or two.
denials contains {"rule": "action.justification_too_short", "reason": reason} if {
	shape.text(said("justification"))
	count(trim_space(said("justification"))) < shortest
	reason := sprintf("the justification has %d characters, at least %d are needed", [count(trim_space(said("justification"))), shortest])
}

default shortest := 0

shortest := floor(settings.min_justification) if is_number(settings.min_justification)

# What an action needs besides.

needed := {
	"retry_alt_arm": ["arm"],
	"raise_budget": ["period"],
	"open_incident": ["severity"],
}

denials contains {"rule": "action.incomplete", "reason": reason} if {
	some name in needed[said("action")]
	not shape.text(object.get(parameters, name, null))
	reason := sprintf("%s needs %s", [said("action"), name])
}

denials contains {"rule": "action.limit_required", "reason": "raise_budget needs limit_usd: the new limit in US dollars, over 0"} if {
	said("action") == "raise_budget"
	not limited
}

limited if {
	is_number(parameters.limit_usd)
	parameters.limit_usd > 0
}

denials contains {"rule": "action.incomplete", "reason": "budget is there, but its limit_usd is no number"} if {
	"budget" in object.keys(input)
	not is_number(budget_limit)
}

denials contains {"rule": "action.no_raise", "reason": reason} if {
	said("action") == "raise_budget"
	limited
	is_number(budget_limit)
	parameters.limit_usd <= budget_limit
	reason := sprintf("the limit is %s already, so %s raises nothing", [shape.told(budget_limit), shape.told(parameters.limit_usd)])
}

denials contains {"rule": "action.limit_too_high", "reason": reason} if {
	said("action") == "raise_budget"
	limited
	parameters.limit_usd > most
	reason := sprintf("%s is over the most a budget may be raised to (%s)", [shape.told(parameters.limit_usd), shape.told(most)])
}

default budget_limit := null

budget_limit := object.get(said("budget"), "limit_usd", null) if is_object(said("budget"))

default most := 0

most := settings.max_budget_usd if is_number(settings.max_budget_usd)

told(value) := value if is_string(value)

told(value) := "(none)" if not is_string(value)
