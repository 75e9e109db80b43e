# METADATA
# title: What may never be depended on
package evidence.invariant.dependencies

import data.evidence.invariant.shape
import rego.v1

settings := [
	{
		"denied": ["pkg:npm/left-pad", "pkg:npm/%40angular/core@1.3.0", "pkg:pypi/colour_ama", "pkg:golang/*"],
		"allowed": [],
		"licences": ["MIT", "Apache-2.0", "BSD-3-Clause", "ISC"],
		"scopes": {"runtime": "low", "test": "high"},
		"min_age_days": 7,
		"pinned": true,
	},
	{
		"denied": ["pkg:npm/event-stream@3.3.6"],
		"allowed": ["pkg:npm/*", "pkg:pypi/requests", "pkg:maven/org.apache.commons/*"],
		"licences": ["MIT", "ISC"],
		"scopes": {"runtime": "none", "development": "critical"},
		"min_age_days": 0,
		"pinned": false,
	},
	{},
]

# One spelling of a name: escapes read, case folded, and Python's - _ . one.
spelt(purl) := regex.replace(plain(purl), `[-_.]+`, "-") if startswith(plain(purl), "pkg:pypi/")

spelt(purl) := plain(purl) if not startswith(plain(purl), "pkg:pypi/")

plain(purl) := lower(replace(replace(replace(replace(replace(purl, "%40", "\u0001"), "%2D", "-"), "%2d", "-"), "%2E", "."), "%5F", "_"))

# Without qualifiers and subpath; with the version if it says one.
bare(purl) := split(split(purl, "?")[0], "#")[0]

package_of(purl) := split(bare(purl), "@")[0]

forbidden contains sprintf("a package that is denied: %s", [pattern]) if {
	some pattern in data.dependencies.denied
	not contains(pattern, "*")
	not contains(pattern, "@")
	spelt(package_of(input.purl)) == spelt(pattern)
}

forbidden contains sprintf("a version that is denied: %s", [pattern]) if {
	some pattern in data.dependencies.denied
	not contains(pattern, "*")
	contains(pattern, "@")
	spelt(package_of(input.purl)) == spelt(package_of(pattern))
	number_of(input.version) == number_of(split(pattern, "@")[1])
}

# A v before a version, or what stands after a plus, does not make it another.
number_of(version) := regex.replace(lower(version), `^v|\+.*$`, "")

forbidden contains sprintf("a family of packages that is denied: %s", [pattern]) if {
	some pattern in data.dependencies.denied
	contains(pattern, "*")
	shape.must_fit(lower(pattern), lower(bare(input.purl)))
}

forbidden contains "a package that is not on the list" if {
	count(data.dependencies.allowed) > 0
	shape.none_can_fit(data.dependencies.allowed, package_of(input.purl))
	shape.none_can_fit(data.dependencies.allowed, sprintf("%s@%s", [package_of(input.purl), input.version]))
}

forbidden contains "a package URL with two spellings" if {
	some oddity in ["%2e", "%2E", "%2f", "%2F", "%2d", "%2D", "//", "/./", "/../", "\\", " ", "\u0000", "\uff0f"]
	contains(input.purl, oddity)
}

forbidden contains "no package URL" if {
	not startswith(input.purl, "pkg:")
}

forbidden contains "no package URL at all" if {
	not is_string(object.get(input, "purl", null))
}

forbidden contains "asked about another version than the package URL names" if {
	named := split(bare(input.purl), "@")
	count(named) > 1
	replace(replace(named[1], "%2B", "+"), "%3A", ":") != input.version
}

forbidden contains "a range instead of a version" if {
	some mark in ["^", "*", "<", ">", "=", "|", " ", ","]
	contains(input.version, mark)
	data.dependencies.pinned != false
}

forbidden contains "no version" if {
	not versioned
}

versioned if {
	is_string(input.version)
	input.version != ""
}

moving := {"latest", "next", "any", "head", "main", "master"}

forbidden contains "a version that moves" if {
	lower(input.version) in moving
	data.dependencies.pinned != false
}

forbidden contains "a dependency that is not pinned" if {
	not data.dependencies.pinned == false
	object.get(input, "pinned", null) != true
}

forbidden contains "a version that is too new" if {
	object.get(input, "age_days", 0) < data.dependencies.min_age_days
}

forbidden contains "an age that is none" if input.age_days < 0

order := ["none", "low", "medium", "high", "critical"]

forbidden contains "a vulnerability that its scope does not bear" if {
	some vulnerability in input.vulnerabilities
	some worst, word in order
	word == data.dependencies.scopes[input.scope]
	some rank, severity in order
	severity == lower(vulnerability.severity)
	rank > worst
}

forbidden contains "a vulnerability of which nobody knows how severe it is" if {
	some vulnerability in input.vulnerabilities
	not lower(vulnerability.severity) in order
	data.dependencies.scopes[input.scope] != "critical"
}

forbidden contains "its vulnerabilities are not said" if {
	not is_array(object.get(input, "vulnerabilities", null))
}

forbidden contains "a scope that there is not" if {
	not scope_known
}

scope_known if data.dependencies.scopes[input.scope]

# Whatever the expression means, one licence in it must be allowed, and without a choice all of them.
ids := {lower(trim_space(id)) |
	some id in regex.split(`[ \t()]+`, input.licence)
	not lower(id) in {"", "and", "or"}
}

taken := {lower(id) | some id in data.dependencies.licences}

forbidden contains "a licence that is not allowed" if count(ids & taken) == 0

forbidden contains "a licence that is not allowed, beside one that is" if {
	not contains(lower(input.licence), " or ")
	count(ids - taken) > 0
}

forbidden contains "no licence" if {
	not is_string(object.get(input, "licence", null))
}
