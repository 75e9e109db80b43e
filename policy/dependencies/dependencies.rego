# METADATA
# title: Dependencies
# description: |
#   May this version of a package be depended on? input: {purl, version, licence, scope, pinned, age_days?,
#   vulnerabilities: [{id, severity}]}. `purl` is a package URL in its canonical form; where it has a version, `version`
#   is the same. Patterns in the data are package URLs with or without a version, in which `*` stands for any run of
#   characters. What is denied is compared without regard to case, what is allowed exactly.
package evidence.policy.dependencies

import data.evidence.policy.shape
import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

default settings := {}

settings := data.dependencies

# The package: which one, and is it allowed at all?

denials contains {"rule": "dependencies.incomplete", "reason": reason} if {
	not canonical
	reason := "purl must be a package URL in its canonical form: pkg:type/name, without needless escapes or empty parts"
}

denials contains {"rule": "dependencies.incomplete", "reason": reason} if {
	not concrete
	not range_given
	reason := "version must be one version: letters, digits and . _ ~ : + -"
}

denials contains {"rule": "dependencies.incomplete", "reason": "the version in the purl is another than the version asked about"} if {
	canonical
	purl_version != ""
	purl_version != version
}

denials contains {"rule": "dependencies.denied", "reason": reason} if {
	canonical
	some pattern in object.get(settings, "denied", [])
	matches_folded(pattern)
	reason := sprintf("%s is denied by %s", [shown, pattern])
}

denials contains {"rule": "dependencies.not_allowed", "reason": reason} if {
	canonical
	not listed
	reason := sprintf("%s is not on the list of allowed packages", [shown])
}

purl := object.get(input, "purl", null)

version := object.get(input, "version", null)

# Escapes only where the characters need them, no empty, "." or ".." part: else one package has many spellings.
canonical if {
	is_string(purl)
	regex.match(`^pkg:[a-z][a-z0-9.+-]*(/([A-Za-z0-9._~:+-]|%(20|2B|3A|40))+)+(@([A-Za-z0-9._~:+-]|%(2B|3A))+)?(\?[!-"$->@-~]+)?(#[!-"$-~]+)?$`, purl)
	not dotted
}

dotted if {
	is_string(purl)
	regex.match(`/\.{1,2}([/@?#]|$)`, purl)
}

base := split(split(purl, "#")[0], "?")[0] if canonical

package_name := split(base, "@")[0]

purl_version := replace(replace(concat("", array.slice(split(base, "@"), 1, 2)), "%2B", "+"), "%3A", ":")

named := sprintf("%s@%s", [package_name, version]) if is_string(version)

named := package_name if not is_string(version)

shown := named

candidates := {package_name, named}

listed if count(object.get(settings, "allowed", [])) == 0

listed if {
	some candidate in candidates
	trust.matches_any(settings.allowed, candidate)
}

# One version has several spellings by which it is installed: with a v before it, with build metadata after it.
spelled contains candidate if some candidate in candidates

spelled contains sprintf("%s@%s%s", [package_name, prefix, split(trim_prefix(lower(version), "v"), "+")[0]]) if {
	is_string(version)
	some prefix in ["", "v"]
}

matches_folded(pattern) if {
	some candidate in spelled
	trust.matches(folded(pattern), folded(candidate))
}

# Python's names are one whatever of - _ . they are written with; elsewhere only case is folded.
folded(text) := regex.replace(lower(text), `[-_.]+`, "-") if startswith(lower(text), "pkg:pypi/")

folded(text) := lower(text) if not startswith(lower(text), "pkg:pypi/")

# The version: pinned, and not published the day before yesterday.

denials contains {"rule": "dependencies.unpinned", "reason": reason} if {
	not pinned
	reason := sprintf("%s must be pinned to one version", [purl_told])
}

purl_told := purl if is_string(purl)

purl_told := "the dependency" if not is_string(purl)

concrete if {
	is_string(version)
	regex.match(`^[A-Za-z0-9][A-Za-z0-9._~:+-]*$`, version)
	not loose
}

# A range, or a name that moves, is no fault of form: it is not pinned.
range_given if {
	loose
	version != ""
}

loose if {
	is_string(version)
	regex.match(`^$|^[~^<>=*!]|[*,| \t\r\n]|(^|\.)[xX](\.|$)|^(?i:latest|next|any|head|main|master)$`, version)
}

pinned if {
	object.get(input, "pinned", null) == true
	not loose
}

pinned if {
	object.get(settings, "pinned", true) == false
	is_boolean(object.get(input, "pinned", null))
}

least_age := object.get(settings, "min_age_days", 0)

age := object.get(input, "age_days", null)

denials contains {"rule": "dependencies.too_new", "reason": reason} if {
	shape.number_within(age, 0, 100000)
	age < least_age
	reason := sprintf("this version is %d days old; it must be known for %d days", [floor(age), least_age])
}

denials contains {"rule": "dependencies.too_new", "reason": reason} if {
	not "age_days" in object.keys(input)
	least_age > 0
	reason := sprintf("age_days does not say how old this version is; it must be known for %d days", [least_age])
}

denials contains {"rule": "dependencies.incomplete", "reason": "age_days must be a number of days, 0 to 100,000"} if {
	"age_days" in object.keys(input)
	not shape.number_within(age, 0, 100000)
}

# The licence: an SPDX expression. Of alternatives (OR) one must be allowed wholly; in brackets every part must be.

denials contains {"rule": "dependencies.licence", "reason": reason} if {
	shape.text(licence)
	not licence_allowed
	reason := sprintf("the licence %s is not one of those allowed", [licence])
}

denials contains {"rule": "dependencies.incomplete", "reason": "licence must name an SPDX licence, or several with AND and OR"} if {
	not shape.text(licence)
}

licence := object.get(input, "licence", null)

licences := {shape.folded(id) | some id in object.get(settings, "licences", [])}

alternatives := regex.split(`[ \t]+(?i:or)[ \t]+`, licence) if {
	is_string(licence)
	not contains(licence, "(")
}

alternatives := [regex.replace(licence, `[()]|[ \t]+(?i:or)[ \t]+`, " AND ")] if {
	is_string(licence)
	contains(licence, "(")
}

licence_allowed if {
	some alternative in alternatives
	parts := {shape.folded(part) | some part in regex.split(`[ \t]+(?i:and)[ \t]+`, alternative)} - {"", "and"}
	count(parts) > 0
	every part in parts {
		part in licences
	}
}

# The scope, and the worst vulnerability that it bears.

ranks := {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4, "unknown": 4}

scopes := object.get(settings, "scopes", {})

scope := object.get(input, "scope", null)

denials contains {"rule": "dependencies.scope", "reason": reason} if {
	shape.text(scope)
	not scope in object.keys(scopes)
	reason := sprintf("there is no scope %s; known are %s", [scope, concat(", ", sort(object.keys(scopes)))])
}

denials contains {"rule": "dependencies.incomplete", "reason": "the input does not name its scope"} if {
	not shape.text(scope)
}

denials contains {"rule": "dependencies.vulnerable", "reason": reason} if {
	described
	borne := scopes[scope]
	ids := {vulnerability.id | some vulnerability in input.vulnerabilities; ranks[lower(vulnerability.severity)] > ranks[borne]}
	count(ids) > 0
	reason := sprintf("worse than %s is not taken in scope %s: %s", [borne, scope, concat(", ", ids)])
}

denials contains {"rule": "dependencies.incomplete", "reason": reason} if {
	not described
	reason := "vulnerabilities must be a list of {id, severity}; severity is none, low, medium, high, critical or unknown"
}

described if {
	is_array(object.get(input, "vulnerabilities", null))
	every vulnerability in input.vulnerabilities {
		is_object(vulnerability)
		shape.text(object.get(vulnerability, "id", null))
		known_severity(object.get(vulnerability, "severity", null))
	}
}

known_severity(value) if {
	is_string(value)
	lower(value) in object.keys(ranks)
}
