package evidence.policy.marketplace_test

import data.evidence.policy.marketplace
import rego.v1

digest := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

settings := {
	"reviewers": ["key one", "key two"],
	"min_reviews": 1,
	"min_stars": 3,
	"review_max_age_days": 365,
	"denied_permissions": ["secrets*"],
	"sbom_max_age_days": 90,
	"max_score": 50,
	"weights": {
		"incident": {"low": 5, "medium": 10, "high": 25, "critical": 50},
		"permission": {"network*": 10, "exec*": 25},
		"other_permission": 5,
		"no_sbom": 30,
	},
}

review(change) := object.union(
	{
		"evidence": digest,
		"reviewer": "key one",
		"rubric": "security-2",
		"stars": 5,
		"verdict": "approve",
		"permissions": ["network", "exec", "clipboard"],
		"age_days": 10,
	},
	change,
)

incident(severity, status, age) := {"evidence": digest, "id": "INC-1", "severity": severity, "status": status, "age_days": age}

sbom(age) := {"evidence": digest, "age_days": age}

asked(change, evidence) := object.union(
	{
		"plugin": "linter",
		"version": "1.0.0",
		"digest": digest,
		"permissions": ["network"],
		"at": "2026-11-20T12:00:00Z",
		"evidence": object.union({"reviews": [review({})], "incidents": [], "sboms": [sbom(5)]}, evidence),
	},
	change,
)

answer_to(question) := answer if answer := marketplace.decision with input as question with data.marketplace as settings

allowed(change, evidence) if answer_to(asked(change, evidence)).allow

denied_for(rule, change, evidence) if {
	answer := answer_to(asked(change, evidence))
	answer.allow == false
	answer.rules == [rule]
}

told(reason, change, evidence) if reason in answer_to(asked(change, evidence)).reasons

test_an_approved_plugin_is_allowed_and_its_score_told if answer_to(asked({}, {})) == {
	"allow": true,
	"rules": [],
	"reasons": ["risk score 10 of at most 50: incidents 0, permissions 10, age of the bill of materials 0"],
}

test_what_nobody_signed_anything_about if {
	answer := answer_to(asked({}, {"reviews": [], "sboms": []}))
	answer.rules == ["marketplace.sbom_too_old", "marketplace.unreviewed", "marketplace.unsigned"]
	"nobody signed anything about linter 1.0.0: it is quarantined" in answer.reasons
}

test_what_nobody_reviewed if {
	denied_for("marketplace.unreviewed", {}, {"reviews": []})
	told("linter 1.0.0 has 0 current approving reviews by trusted reviewers, 1 are needed: it is quarantined", {}, {"reviews": []})
}

test_reviews_by_others_do_not_count if {
	every reviewer in ["mallory", "key one ", "KEY ONE", "key"] {
		denied_for("marketplace.unreviewed", {}, {"reviews": [review({"reviewer": reviewer})]})
	}
}

test_old_reviews_do_not_count if {
	denied_for("marketplace.unreviewed", {}, {"reviews": [review({"age_days": 365.5})]})
	allowed({}, {"reviews": [review({"age_days": 365})]})
}

test_few_stars_do_not_count if {
	denied_for("marketplace.unreviewed", {}, {"reviews": [review({"stars": 2})]})
	allowed({}, {"reviews": [review({"stars": 3})]})
}

needing(least) := object.union(settings, {"min_reviews": least})

test_two_people if {
	twice := asked({}, {"reviews": [review({}), review({"age_days": 10})]})
	one_person := marketplace.decision with input as twice with data.marketplace as needing(2)
	one_person.rules == ["marketplace.unreviewed"]
	both := asked({}, {"reviews": [review({}), review({"reviewer": "key two"})]})
	two_people := marketplace.decision with input as both with data.marketplace as needing(2)
	two_people.allow
}

test_one_review_is_needed_whatever_is_set if {
	answer := marketplace.decision with input as asked({}, {"reviews": []}) with data.marketplace as needing(0)
	answer.rules == ["marketplace.unreviewed"]
}

reject(reviewer, age) := review({"reviewer": reviewer, "verdict": "reject", "age_days": age})

test_a_rejection if {
	denied_for("marketplace.rejected", {}, {"reviews": [review({}), reject("key two", 700)]})
	told("key two rejects it", {}, {"reviews": [review({}), reject("key two", 700)]})
}

test_the_newest_review_of_a_reviewer_stands if {
	allowed({}, {"reviews": [review({"age_days": 1}), reject("key one", 2)]})
	answer := answer_to(asked({}, {"reviews": [review({"age_days": 2}), reject("key one", 1)]}))
	answer.rules == ["marketplace.rejected", "marketplace.unreviewed"]
}

test_of_two_reviews_of_one_age_both_stand if {
	denied_for("marketplace.rejected", {}, {"reviews": [review({}), reject("key one", 10)]})
}

test_rejections_by_others_do_not_count if allowed({}, {"reviews": [review({}), reject("mallory", 1)]})

test_permissions_must_have_been_reviewed if {
	denied_for("marketplace.permissions_unreviewed", {"permissions": ["network", "camera"]}, {})
	told("the reviews are not about these permissions: camera", {"permissions": ["network", "camera"]}, {})
	allowed({"permissions": []}, {})
}

test_permissions_of_a_review_that_does_not_count if denied_for("marketplace.permissions_unreviewed", {"permissions": ["camera"]}, {"reviews": [review({}), review({"reviewer": "mallory", "permissions": ["camera"]})]})

test_a_permission_for_nobody if {
	reviewed := {"reviews": [review({"permissions": ["secrets:read", "Secrets:read"]})]}
	denied_for("marketplace.permission_denied", {"permissions": ["secrets:read"]}, reviewed)
	denied_for("marketplace.permission_denied", {"permissions": ["Secrets:read"]}, reviewed)
}

test_an_open_incident if {
	denied_for("marketplace.open_incident", {}, {"incidents": [incident("low", "open", 1)]})
	allowed({}, {"incidents": [incident("low", "mitigated", 1)]})
}

test_the_bill_of_materials_must_be_current if {
	denied_for("marketplace.sbom_too_old", {}, {"sboms": []})
	denied_for("marketplace.sbom_too_old", {}, {"sboms": [sbom(90.5), sbom(400)]})
	allowed({}, {"sboms": [sbom(400), sbom(90)]})
}

points(change, evidence) := reason if some reason in answer_to(asked(change, evidence)).reasons

test_the_score if {
	every case in [
		[{"incidents": [incident("low", "mitigated", 1), incident("medium", "resolved", 730)]}, 20],
		[{"incidents": [incident("critical", "resolved", 731)]}, 10],
		[{"sboms": [sbom(89)]}, 18],
		[{"sboms": [sbom(9.9), sbom(80)]}, 10],
	] {
		told_score(case[0], case[1])
	}
}

told_score(evidence, score) if {
	some reason in answer_to(asked({}, evidence)).reasons
	startswith(reason, sprintf("risk score %d of at most 50", [score]))
}

test_permissions_weigh_once_each if {
	answer := answer_to(asked({"permissions": ["network", "network", "exec", "clipboard"]}, {}))
	answer.reasons == ["risk score 40 of at most 50: incidents 0, permissions 40, age of the bill of materials 0"]
}

test_a_score_over_the_threshold if {
	over := {"incidents": [incident("high", "mitigated", 1), incident("medium", "mitigated", 1), incident("medium", "mitigated", 1)]}
	denied_for("marketplace.risk", {}, over)
	told("the risk score of 55 is over the threshold of 50: it is quarantined", {}, over)
	allowed({}, {"incidents": [incident("high", "mitigated", 1), incident("medium", "mitigated", 1), incident("low", "mitigated", 1)]})
}

test_no_bill_of_materials_weighs_most if {
	answer := answer_to(asked({}, {"sboms": []}))
	some reason in answer.reasons
	startswith(reason, "risk score 40 of at most 50")
}

test_what_must_be_said if {
	every change in [{"plugin": ""}, {"version": null}, {"digest": "sha256:AA"}, {"digest": null}] {
		denied_for("marketplace.incomplete", change, {})
	}
	every permissions in [null, "network", [""], [1]] {
		denied_for("marketplace.incomplete", {"permissions": permissions}, {})
	}
}

test_evidence_of_another_form if {
	every evidence in [
		{"reviews": null}, {"reviews": [1]}, {"reviews": [review({"stars": 6})]}, {"reviews": [review({"verdict": "yes"})]},
		{"reviews": [review({"reviewer": ""})]}, {"reviews": [review({"permissions": "all"})]}, {"reviews": [review({"age_days": -1})]},
		{"incidents": {}}, {"incidents": [null]}, {"incidents": [incident("grave", "open", 1)]}, {"incidents": [incident("low", "over", 1)]},
		{"sboms": "none"}, {"sboms": [1]}, {"sboms": [sbom(-1)]},
	] {
		denied_for("marketplace.incomplete", {}, evidence)
	}
	denied_for("marketplace.incomplete", {"evidence": []}, {})
}

test_evidence_that_is_missing if {
	answer := answer_to(object.remove(asked({}, {}), ["evidence"]))
	answer.rules == ["marketplace.incomplete"]
}

test_where_nobody_reviews_nothing_is_allowed if {
	shipped := marketplace.decision with input as asked({}, {})
	shipped.rules == ["marketplace.unreviewed"]
	unset := marketplace.decision with input as asked({}, {}) with data.marketplace as {}
	unset.rules == ["marketplace.unreviewed"]
}

test_nothing_is_denied if answer_to({}).rules == ["marketplace.incomplete"]
