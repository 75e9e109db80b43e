# METADATA
# title: Residency
# description: |
#   May data of this country be processed in this region? input: {country, region}. The regions of a
#   place, and the countries that belong to it, are data; a place without regions is not restricted.
package evidence.policy.residency

import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

denials contains {"rule": "residency.outside", "reason": reason} if {
	complete
	some place in bound_by
	regions := data.residency.regions[place]
	not within(input.region, regions)
	reason := sprintf("%s data must run in %s, not %s", [place, concat(" or ", regions), input.region])
}

denials contains {"rule": "residency.incomplete", "reason": "the input must name a country and a region"} if not complete

complete if {
	is_string(input.country)
	is_string(input.region)
	input.country != ""
}

country := upper(input.country) if complete

bound_by contains country

bound_by contains place if {
	some place, members in data.residency.members
	country in members
}

within(region, regions) if region in regions

within(region, regions) if {
	some allowed in regions
	startswith(region, sprintf("%s-", [allowed]))
}
