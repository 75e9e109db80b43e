# METADATA
# title: Where nothing may be placed
package evidence.invariant.residency

import data.evidence.invariant.shape
import rego.v1

settings := [
	{
		"regions": {"EU": ["eu-west"], "CH": ["ch-north", "ch-south"], "DE": ["eu-central"]},
		"members": {"EU": ["DE", "FR", "EL"]},
		"classes": {"restricted": ["eu-west-1", "us-gov"]},
		"closed": ["xx", "us-east-3"],
		"denied_dependencies": {"us-east": ["pkg:npm/*"], "eu-west": ["pkg:pypi/requests@2.0.0"]},
	},
	{},
]

in_part_of(region, whole) if {
	array.slice(split(region, "-"), 0, count(split(whole, "-"))) == split(whole, "-")
}

outside(region, regions) if {
	every one in regions {
		not in_part_of(region, one)
	}
}

forbidden contains sprintf("data of %s elsewhere", [place]) if {
	some place, regions in data.residency.regions
	belongs(upper(input.country), place)
	outside(input.region, regions)
}

belongs(country, place) if country == place

belongs(country, place) if {
	some member in data.residency.members[place]
	member == country
}

forbidden contains "the country has another spelling" if {
	count(input.country) != 2
}

forbidden contains "the region has another spelling" if {
	some letter in split(input.region, "")
	not contains("abcdefghijklmnopqrstuvwxyz0123456789-", letter)
}

forbidden contains "a part of the region has no name" if {
	some part in split(input.region, "-")
	part == ""
}

forbidden contains "whose data it is, or where it would go, is not said" if {
	not said
}

said if {
	is_string(input.country)
	is_string(input.region)
}

forbidden contains "a class of data elsewhere" if {
	some class, regions in data.residency.classes
	lower(trim(input.data_class, " ")) == class
	outside(input.region, regions)
}

forbidden contains "in a closed region" if {
	some region in data.residency.closed
	in_part_of(input.region, region)
}

forbidden contains "with a dependency that may not run there" if {
	some region, patterns in data.residency.denied_dependencies
	in_part_of(input.region, region)
	some dependency in input.dependencies
	some pattern in patterns
	shape.must_fit(pattern, lower(dependency))
}
