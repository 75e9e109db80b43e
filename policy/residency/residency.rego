# METADATA
# title: Residency and placement
# description: |
#   May data of this country be processed in this region, and may this run there? input: {country, region, data_class?,
#   dependencies?: [purl]}. The regions of a place, the countries that belong to it, the regions of a class of data,
#   closed regions, and what may not run in a region are data; a place without regions is not restricted.
#   A region stands for each of its parts: eu-west for eu-west-1.
package evidence.policy.residency

import data.evidence.policy.shape
import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

default settings := {}

settings := data.residency

denials contains {"rule": "residency.outside", "reason": reason} if {
	complete
	some place in bound_by
	regions := object.get(settings, "regions", {})[place]
	not within(input.region, regions)
	reason := sprintf("%s data must run in %s, not %s", [place, concat(" or ", regions), input.region])
}

denials contains {"rule": "residency.class_outside", "reason": reason} if {
	complete
	shape.text(data_class)
	regions := object.get(settings, "classes", {})[shape.folded(data_class)]
	not within(input.region, regions)
	reason := sprintf("%s data must run in %s, not %s", [data_class, concat(" or ", regions), input.region])
}

denials contains {"rule": "residency.closed", "reason": reason} if {
	complete
	within(input.region, object.get(settings, "closed", []))
	reason := sprintf("nothing is placed in %s", [input.region])
}

denials contains {"rule": "residency.dependency", "reason": reason} if {
	complete
	shape.texts(dependencies)
	some region, patterns in object.get(settings, "denied_dependencies", {})
	within(input.region, [region])
	some dependency in dependencies
	some pattern in patterns
	trust.matches(shape.folded(pattern), shape.folded(dependency))
	reason := sprintf("%s may not run in %s", [dependency, region])
}

denials contains {"rule": "residency.incomplete", "reason": reason} if {
	not complete
	reason := "the input must name a country by its two letters and a region in small letters, digits and -"
}

denials contains {"rule": "residency.incomplete", "reason": "data_class must be a word"} if {
	"data_class" in object.keys(input)
	not shape.text(data_class)
}

denials contains {"rule": "residency.incomplete", "reason": "dependencies must be a list of package URLs"} if {
	"dependencies" in object.keys(input)
	not shape.texts(dependencies)
}

data_class := object.get(input, "data_class", null)

dependencies := object.get(input, "dependencies", null)

# Another spelling of a country (DEU, Germany) or of a region would be bound by nothing, so there is one of each.
complete if {
	code(object.get(input, "country", null), `^[A-Za-z]{2}$`)
	code(object.get(input, "region", null), `^[a-z0-9]+(-[a-z0-9]+)*$`)
}

code(value, pattern) if {
	is_string(value)
	regex.match(pattern, value)
}

country := upper(input.country) if complete

bound_by contains country

bound_by contains place if {
	some place, members in object.get(settings, "members", {})
	country in members
}

within(region, regions) if region in regions

within(region, regions) if {
	some allowed in regions
	startswith(region, sprintf("%s-", [allowed]))
}
