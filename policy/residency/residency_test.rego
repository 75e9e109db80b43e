package evidence.policy.residency_test

import data.evidence.policy.residency
import rego.v1

asked(country, region) := {"country": country, "region": region}

allowed(question) if {
	residency.decision == {"allow": true, "rules": [], "reasons": []} with input as question
}

denied_for(rule, question) if {
	answer := residency.decision with input as question
	answer.allow == false
	answer.rules == [rule]
	count(answer.reasons) == 1
}

test_eu_in_eu_west if allowed(asked("EU", "eu-west"))

test_eu_in_a_part_of_eu_west if allowed(asked("EU", "eu-west-1"))

test_eu_elsewhere if denied_for("residency.outside", asked("EU", "us-east"))

test_reason_names_both_regions if {
	answer := residency.decision with input as asked("EU", "us-east")
	answer.reasons == ["EU data must run in eu-west, not us-east"]
}

test_a_region_that_only_begins_alike if denied_for("residency.outside", asked("EU", "eu-western"))

test_member_countries_are_bound_too if denied_for("residency.outside", asked("DE", "us-east"))

test_member_countries_in_their_region if allowed(asked("DE", "eu-west"))

test_small_letters_do_not_help if denied_for("residency.outside", asked("eu", "us-east"))

test_other_countries_are_free if allowed(asked("US", "us-east"))

test_regions_are_a_setting if {
	answer := residency.decision with input as asked("CH", "eu-west")
		with data.residency as {"regions": {"CH": ["ch-north", "ch-south"]}, "members": {}}
	answer.reasons == ["CH data must run in ch-north or ch-south, not eu-west"]
}

test_missing_region_is_denied if denied_for("residency.incomplete", {"country": "EU"})

test_missing_country_is_denied if denied_for("residency.incomplete", {"region": "eu-west"})

test_empty_country_is_denied if denied_for("residency.incomplete", asked("", "eu-west"))

test_nothing_is_denied if denied_for("residency.incomplete", {})

test_other_spellings_of_a_country_or_region if {
	every country in ["DEU", "Germany", "D", "D ", "\u0130T"] {
		denied_for("residency.incomplete", asked(country, "eu-west"))
	}
	every region in ["", "EU-West", "eu-west-", "-eu", "eu--west", "eu-west-1/../us-east", "eu-west 1", "\u0435u-west", "eu_west"] {
		denied_for("residency.incomplete", asked("DE", region))
	}
}

test_parts_of_a_country_with_codes_of_their_own if {
	every country in ["EL", "RE", "ax"] {
		denied_for("residency.outside", asked(country, "us-east"))
	}
}

placing := {
	"regions": {},
	"members": {},
	"classes": {"restricted": ["eu-west", "ch-north"]},
	"closed": ["xx"],
	"denied_dependencies": {"us-east": ["pkg:npm/*"]},
}

placed(change) := answer if answer := residency.decision with input as object.union(asked("US", "us-east-1"), change) with data.residency as placing

test_a_class_of_data if {
	placed({"data_class": "Restricted "}).reasons == ["Restricted  data must run in eu-west or ch-north, not us-east-1"]
	placed({"data_class": "restricted"}).rules == ["residency.class_outside"]
	placed({"data_class": "restricted", "region": "ch-north"}).allow
	placed({"data_class": "public"}).allow
}

test_a_closed_region if {
	placed({"region": "xx-1"}).rules == ["residency.closed"]
	placed({"region": "xx"}).reasons == ["nothing is placed in xx"]
	placed({"region": "xxl"}).allow
}

test_what_may_not_run_there if {
	placed({"dependencies": ["pkg:NPM/left-pad@1"]}).rules == ["residency.dependency"]
	placed({"dependencies": ["pkg:npm/a", "pkg:pypi/b"]}).reasons == ["pkg:npm/a may not run in us-east"]
	placed({"dependencies": ["pkg:pypi/b"]}).allow
	placed({"dependencies": ["pkg:npm/a"], "region": "us-east2"}).allow
}

test_what_is_said_must_be_readable if {
	placed({"data_class": ""}).rules == ["residency.incomplete"]
	placed({"dependencies": "pkg:npm/a"}).rules == ["residency.incomplete"]
	placed({"dependencies": [""]}).rules == ["residency.incomplete"]
}

test_where_nothing_is_set_nothing_is_bound if {
	answer := residency.decision with input as asked("DE", "us-east") with data.residency as {}
	answer.allow
}
