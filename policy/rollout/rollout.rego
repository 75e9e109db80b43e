# METADATA
# title: Rollout
# description: |
#   May this change be given to so many users? input: {product, change?, stage, percent, previous?: {stage, percent},
#   metrics: [{name, canary, control, max_delta, better?}], incidents_open, freeze, approvals: [who], at?}. `previous` is
#   what the change has now; without it nobody has it. The stages and how far each may go are data. A metric is breached
#   where the canary is worse than the control by more than max_delta; lower is better unless it says `better: higher`.
#   `at` is filled in by the server. Giving a change to fewer users than have it is never held up.
package evidence.policy.rollout

import data.evidence.policy.shape
import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

default settings := {}

settings := data.rollout

stages := object.get(settings, "stages", [])

stage := object.get(input, "stage", null)

percent := object.get(input, "percent", null)

before := object.get(input, "previous", null)

# Where the stages stand in their order.
place[name] := number if {
	some number, one in stages
	name := one.name
}

most[name] := limit if {
	some one in stages
	name := one.name
	limit := one.percent
}

reached := place[before.stage] if begun

reached := -1 if unbegun

begun if {
	is_object(before)
	object.get(before, "stage", null) in object.keys(place)
	shape.number_within(object.get(before, "percent", null), 0, 100)
}

unbegun if not "previous" in object.keys(input)

retreat if {
	begun
	known
	percent < before.percent
}

known if {
	is_string(stage)
	stage in object.keys(place)
	shape.number_within(percent, 0, 100)
}

last_stage if {
	known
	place[stage] == count(stages) - 1
}

# What must be said.

denials contains {"rule": "rollout.incomplete", "reason": "the input does not name the product"} if {
	not shape.text(object.get(input, "product", null))
}

denials contains {"rule": "rollout.incomplete", "reason": reason} if {
	not known
	names := concat(", ", [one.name | some one in stages])
	reason := sprintf("stage must be one of %s, and percent a number from 0 to 100", [names])
}

denials contains {"rule": "rollout.incomplete", "reason": "previous must be {stage, percent}, with a stage that there is"} if {
	not begun
	not unbegun
}

denials contains {"rule": "rollout.incomplete", "reason": "change must be a digest: sha256:<hex>"} if {
	"change" in object.keys(input)
	not shape.digest(object.get(input, "change", null))
}

denials contains {"rule": "rollout.incomplete", "reason": "metrics must be a list of {name, canary, control, max_delta}, all but the name numbers"} if {
	not measured
}

denials contains {"rule": "rollout.incomplete", "reason": "incidents_open must be a number of incidents, freeze true or false"} if {
	not calm_known
}

denials contains {"rule": "rollout.incomplete", "reason": "approvals must be a list of names"} if {
	not shape.texts(approvals)
}

calm_known if {
	shape.whole_within(object.get(input, "incidents_open", null), 0, 1000000)
	is_boolean(object.get(input, "freeze", null))
}

measured if {
	is_array(object.get(input, "metrics", null))
	every metric in input.metrics {
		is_object(metric)
		shape.text(object.get(metric, "name", null))
		magnitude(object.get(metric, "canary", null))
		magnitude(object.get(metric, "control", null))
		shape.number_within(object.get(metric, "max_delta", null), 0, 1000000000000000)
		object.get(metric, "better", "lower") in {"lower", "higher"}
	}
}

magnitude(value) if shape.number_within(value, -1000000000000000, 1000000000000000)

# Freezes.

denials contains {"rule": "rollout.freeze", "reason": "changes are frozen"} if {
	object.get(input, "freeze", null) == true
	not retreat
}

denials contains {"rule": "rollout.freeze", "reason": reason} if {
	not retreat
	shape.moment(at)
	some window in windows
	second(window.from) <= second(at)
	second(at) < second(window.until)
	reason := sprintf("changes of %s are frozen until %s: %s", [input.product, window.until, object.get(window, "reason", "no reason given")])
}

denials contains {"rule": "rollout.incomplete", "reason": "there are freeze windows, and at does not say what time it is (RFC 3339, UTC)"} if {
	not retreat
	count(object.get(settings, "freezes", [])) > 0
	not shape.moment(at)
}

at := object.get(input, "at", null)

windows := [window |
	some window in object.get(settings, "freezes", [])
	frozen_product(object.get(window, "products", ["*"]), object.get(input, "product", null))
]

frozen_product(patterns, product) if trust.matches_any(patterns, product)

# Times in UTC sort as their first nineteen characters do.
second(time) := substring(time, 0, 19)

# Stages and steps.

denials contains {"rule": "rollout.stage_order", "reason": reason} if {
	known
	not retreat
	place[stage] > reached + 1
	reason := sprintf("stage %s comes after %s, which was not reached", [stage, stages[place[stage] - 1].name])
}

denials contains {"rule": "rollout.stage_order", "reason": reason} if {
	known
	not retreat
	place[stage] < reached
	reason := sprintf("stage %s comes before %s, which was reached, and more users are asked for", [stage, before.stage])
}

denials contains {"rule": "rollout.percent", "reason": reason} if {
	known
	not retreat
	percent > most[stage]
	reason := sprintf("stage %s goes to %s percent of users at most, not %s", [stage, shape.told(most[stage]), shape.told(percent)])
}

# Metrics, incidents, approvals.

denials contains {"rule": "rollout.breached", "reason": reason} if {
	measured
	not retreat
	some metric in input.metrics
	worse(metric) > metric.max_delta
	reason := sprintf("%s of the canary is worse than the control by more than %s: %s, not %s", [
		metric.name,
		shape.told(metric.max_delta),
		shape.told(metric.canary),
		shape.told(metric.control),
	])
}

worse(metric) := metric.canary - metric.control if object.get(metric, "better", "lower") == "lower"

worse(metric) := metric.control - metric.canary if object.get(metric, "better", "lower") == "higher"

denials contains {"rule": "rollout.unmeasured", "reason": "after the first stage a change is measured: there must be a metric"} if {
	known
	measured
	not retreat
	place[stage] > 0
	count(input.metrics) == 0
}

denials contains {"rule": "rollout.incidents", "reason": reason} if {
	calm_known
	not retreat
	input.incidents_open > object.get(settings, "max_incidents_open", 0)
	reason := sprintf("open incidents: %d; at most %d may be", [input.incidents_open, object.get(settings, "max_incidents_open", 0)])
}

denials contains {"rule": "rollout.approvals", "reason": reason} if {
	last_stage
	not retreat
	needed := object.get(settings, "approvals", 1)
	count(approvers) < needed
	reason := sprintf("stage %s needs %d approvals, there are %d", [stage, needed, count(approvers)])
}

approvals := object.get(input, "approvals", null)

approvers := {who |
	is_array(approvals)
	some approval in approvals
	who := shape.folded(approval)
	who != ""
	may_approve(who)
}

may_approve(_) if count(object.get(settings, "approvers", [])) == 0

may_approve(who) if {
	some one in object.get(settings, "approvers", [])
	shape.folded(one) == who
}
