package evidence.policy.rollout_test

import data.evidence.policy.rollout
import data.evidence.policy.shape
import rego.v1

settings := {
	"stages": [{"name": "canary", "percent": 5}, {"name": "early", "percent": 25}, {"name": "full", "percent": 100}],
	"freezes": [],
	"max_incidents_open": 1,
	"approvals": 2,
	"approvers": ["Ada", "Grace", "linus"],
}

metric(change) := object.union({"name": "p95_ms", "canary": 210, "control": 200, "max_delta": 20}, change)

asked(change) := object.union(
	{
		"product": "checkout",
		"stage": "canary",
		"percent": 5,
		"metrics": [metric({})],
		"incidents_open": 0,
		"freeze": false,
		"approvals": [],
	},
	change,
)

answer_to(question) := answer if answer := rollout.decision with input as question with data.rollout as settings

allowed(change) if answer_to(asked(change)) == {"allow": true, "rules": [], "reasons": []}

denied_for(rule, change) if {
	answer := answer_to(asked(change))
	answer.allow == false
	answer.rules == [rule]
	count(answer.reasons) == 1
}

told(reason, change) if answer_to(asked(change)).reasons == [reason]

to(stage, percent, change) := object.union({"stage": stage, "percent": percent}, change)

had(stage, percent) := {"previous": {"stage": stage, "percent": percent}}

full(change) := object.union(to("full", 100, had("early", 25)), object.union({"approvals": ["ada", "linus"]}, change))

test_the_first_stage if allowed({})

test_the_first_stage_needs_no_metric if allowed({"metrics": []})

test_the_next_stage if allowed(to("early", 25, had("canary", 5)))

test_further_in_a_stage if allowed(to("early", 20, had("early", 10)))

test_all_the_way if allowed(full({"change": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}))

test_a_stage_is_not_skipped if {
	denied_for("rollout.stage_order", to("early", 10, {}))
	told("stage early comes after canary, which was not reached", to("early", 10, {}))
	denied_for("rollout.stage_order", object.union(full({}), had("canary", 5)))
}

test_back_a_stage_with_more_users if {
	denied_for("rollout.stage_order", to("canary", 5, had("early", 2)))
	told("stage canary comes before early, which was reached, and more users are asked for", to("canary", 5, had("early", 2)))
}

test_percent_of_a_stage if {
	denied_for("rollout.percent", {"percent": 5.5})
	told("stage canary goes to 5 percent of users at most, not 6", {"percent": 6})
}

worse := {"metrics": [metric({"canary": 221})]}

test_a_breached_metric if {
	allowed({"metrics": [metric({"canary": 220})]})
	denied_for("rollout.breached", worse)
	told("p95_ms of the canary is worse than the control by more than 20: 221, not 200", worse)
	allowed({"metrics": [metric({"canary": 100})]})
}

test_numbers_are_told_as_people_write_them if {
	every case in [
		[1000020.5, "1000020.5"], [-3.25, "-3.25"], [0.0000001, "0"], [2.0000001, "2"], [1e15, "1000000000000000"], [-7, "-7"],
		[12345678901.5, "12345678901"], [0.000001, "0.000001"],
	] {
		shape.told(case[0]) == case[1]
	}
}

test_a_metric_of_which_more_is_better if {
	rate := {"name": "rate", "control": 100, "max_delta": 1, "better": "higher"}
	allowed({"metrics": [object.union(rate, {"canary": 99})]})
	allowed({"metrics": [object.union(rate, {"canary": 150})]})
	denied_for("rollout.breached", {"metrics": [object.union(rate, {"canary": 98.5})]})
	lower := {"metrics": [metric({"canary": 221, "better": "lower"})]}
	denied_for("rollout.breached", lower)
}

test_later_stages_are_measured if denied_for("rollout.unmeasured", to("early", 10, object.union(had("canary", 5), {"metrics": []})))

test_open_incidents if {
	allowed({"incidents_open": 1})
	denied_for("rollout.incidents", {"incidents_open": 2})
	told("open incidents: 2; at most 1 may be", {"incidents_open": 2})
}

test_approvals_of_the_last_stage if {
	every approvals in [[], ["ada"], ["ada", " Ada "], ["ada", "mallory"], ["ada", "ADA"]] {
		denied_for("rollout.approvals", full({"approvals": approvals}))
	}
	told("stage full needs 2 approvals, there are 1", full({"approvals": ["ada"]}))
	allowed(full({"approvals": ["Grace", "LINUS", "mallory"]}))
}

test_where_nobody_is_named_anyone_approves if {
	answer := rollout.decision with input as asked(full({"approvals": ["x", "y"]}))
		with data.rollout as object.remove(settings, ["approvers"])
	answer.allow
}

test_a_freeze if {
	denied_for("rollout.freeze", {"freeze": true})
	told("changes are frozen", {"freeze": true})
}

frozen := object.union(settings, {"freezes": [
	{"from": "2026-12-20T00:00:00Z", "until": "2027-01-02T00:00:00Z", "reason": "holidays", "products": ["check*"]},
	{"from": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"},
]})

at(time, change) := answer if answer := rollout.decision with input as asked(object.union({"at": time}, change)) with data.rollout as frozen

test_freeze_windows if {
	at("2026-12-19T23:59:59Z", {}).allow
	at("2026-12-20T00:00:00Z", {}).rules == ["rollout.freeze"]
	at("2027-01-01T23:59:59.999Z", {}).reasons == ["changes of checkout are frozen until 2027-01-02T00:00:00Z: holidays"]
	at("2027-01-02T00:00:00Z", {}).allow
	at("2026-12-24T00:00:00Z", {"product": "search"}).allow
	at("2026-11-01T12:00:00Z", {"product": "search"}).reasons == ["changes of search are frozen until 2026-11-02T00:00:00Z: no reason given"]
}

test_freeze_windows_need_the_time if {
	every time in ["", "2026-12-24", "2026-12-24T00:00:00+01:00", null, 0] {
		at(time, {}).rules == ["rollout.incomplete"]
	}
	answer := rollout.decision with input as asked({}) with data.rollout as frozen
	answer.rules == ["rollout.incomplete"]
}

test_fewer_users_are_never_held_up if {
	retreat := object.union(to("canary", 1, had("early", 25)), {"freeze": true, "incidents_open": 9, "metrics": worse.metrics})
	allowed(retreat)
	allowed(to("full", 50, had("full", 100)))
	at("2026-12-24T00:00:00Z", retreat).allow
	answer := rollout.decision with input as asked(retreat) with data.rollout as frozen
	answer.allow
}

test_as_many_users_are_no_retreat if denied_for("rollout.freeze", object.union(to("canary", 5, had("canary", 5)), {"freeze": true}))

test_what_must_be_said if {
	every change in [
		{"product": ""}, {"product": null}, {"stage": "Canary"}, {"stage": 1}, {"percent": -1}, {"percent": 101}, {"percent": "5"},
		{"change": "abc"}, {"metrics": null}, {"metrics": [1]}, {"metrics": [metric({"name": ""})]},
		{"metrics": [metric({"canary": "1"})]}, {"metrics": [metric({"control": null})]}, {"metrics": [metric({"max_delta": -1})]},
		{"metrics": [metric({"better": "more"})]}, {"incidents_open": -1}, {"incidents_open": 0.5}, {"incidents_open": null},
		{"freeze": null}, {"freeze": 0}, {"approvals": null}, {"approvals": [""]}, {"approvals": "ada"},
	] {
		denied_for("rollout.incomplete", change)
	}
}

test_a_previous_stage_of_another_form if {
	every previous in [null, "canary", {}, {"stage": "canary"}, {"stage": "beta", "percent": 1}, {"stage": "canary", "percent": "1"}] {
		denied_for("rollout.incomplete", {"previous": previous})
	}
}

test_where_nothing_is_set_nothing_is_allowed if {
	answer := rollout.decision with input as asked({}) with data.rollout as {}
	answer.rules == ["rollout.incomplete"]
}

test_the_shipped_settings if {
	first := rollout.decision with input as asked({})
	first.allow
	last := rollout.decision with input as asked(object.union(full({"approvals": []}), had("half", 50)))
	last.rules == ["rollout.approvals"]
}

test_nothing_is_denied if answer_to({}).rules == ["rollout.incomplete"]
