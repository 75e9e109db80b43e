# METADATA
# title: What may never be given to more users
package evidence.invariant.rollout

import data.evidence.invariant.shape
import rego.v1

stages := [{"name": "canary", "percent": 5}, {"name": "early", "percent": 25}, {"name": "full", "percent": 100}]

settings := [
	{"stages": stages, "freezes": [], "max_incidents_open": 0, "approvals": 1, "approvers": []},
	{
		"stages": stages,
		"freezes": [
			{"from": "2026-12-20T00:00:00Z", "until": "2027-01-02T00:00:00Z", "reason": "holidays"},
			{"from": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z", "products": ["check*"]},
		],
		"max_incidents_open": 2,
		"approvals": 2,
		"approvers": ["Ada", "grace", "linus"],
	},
]

# Fewer users than before: that is never held up.
fewer if input.percent < input.previous.percent

number_of[name] := number if {
	some number, one in data.rollout.stages
	name := one.name
}

forbidden contains "a freeze" if {
	not fewer
	object.get(input, "freeze", null) != false
}

forbidden contains "within a freeze window" if {
	not fewer
	some window in data.rollout.freezes
	some pattern in object.get(window, "products", ["*"])
	shape.must_fit(pattern, input.product)
	time.parse_rfc3339_ns(input.at) >= time.parse_rfc3339_ns(window.from)
	time.parse_rfc3339_ns(input.at) < time.parse_rfc3339_ns(window.until)
}

forbidden contains "there are freeze windows, and nobody says what time it is" if {
	not fewer
	count(data.rollout.freezes) > 0
	not is_string(object.get(input, "at", null))
}

forbidden contains "a stage that there is not" if {
	not stage_known
}

stage_known if number_of[input.stage] >= 0

forbidden contains "a stage before its turn" if {
	not fewer
	not input.previous
	number_of[input.stage] != 0
}

forbidden contains "a stage is skipped, or gone back to with more users" if {
	not fewer
	input.previous
	not one_step
}

one_step if number_of[input.stage] == number_of[input.previous.stage]

one_step if number_of[input.stage] == number_of[input.previous.stage] + 1

forbidden contains "more users than the stage may have" if {
	not fewer
	some one in data.rollout.stages
	one.name == input.stage
	input.percent > one.percent
}

forbidden contains "no percentage" if {
	not percentage
}

percentage if {
	is_number(input.percent)
	input.percent >= 0
	input.percent <= 100
}

forbidden contains "a metric is breached" if {
	not fewer
	some metric in input.metrics
	not input_better(metric)
	metric.canary > metric.control + metric.max_delta
}

forbidden contains "a metric of which more is better is breached" if {
	not fewer
	some metric in input.metrics
	input_better(metric)
	metric.canary + metric.max_delta < metric.control
}

input_better(metric) if metric.better == "higher"

forbidden contains "nobody measured anything after the first stage" if {
	not fewer
	number_of[input.stage] > 0
	count(input.metrics) == 0
}

forbidden contains "incidents are open" if {
	not fewer
	input.incidents_open > data.rollout.max_incidents_open
}

forbidden contains "fewer than no incidents" if input.incidents_open < 0

forbidden contains "too few people approved of the last stage" if {
	not fewer
	number_of[input.stage] == count(data.rollout.stages) - 1
	people := {lower(trim(who, " ")) | some who in input.approvals} - {""}
	count(allowed(people)) < data.rollout.approvals
}

allowed(people) := people if count(data.rollout.approvers) == 0

allowed(people) := people & {lower(who) | some who in data.rollout.approvers} if count(data.rollout.approvers) > 0
