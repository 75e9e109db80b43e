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
