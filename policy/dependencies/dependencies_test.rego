package evidence.policy.dependencies_test

import data.evidence.policy.dependencies
import rego.v1

settings := {
	"denied": ["pkg:npm/left-pad", "pkg:npm/%40angular/core@1.3.0", "pkg:pypi/colour_ama", "pkg:golang/*"],
	"allowed": [],
	"licences": ["MIT", "Apache-2.0", "ISC"],
	"scopes": {"runtime": "low", "test": "high"},
	"min_age_days": 7,
	"pinned": true,
}

asked(change) := object.union(
	{
		"purl": "pkg:npm/right-pad@1.3.0",
		"version": "1.3.0",
		"licence": "MIT",
		"scope": "runtime",
		"age_days": 30,
		"vulnerabilities": [],
		"pinned": true,
	},
	change,
)

answer_to(question) := answer if answer := dependencies.decision with input as question with data.dependencies as settings

allowed(change) if answer_to(asked(change)) == {"allow": true, "rules": [], "reasons": []}

denied_for(rule, change) if {
	answer := answer_to(asked(change))
	answer.allow == false
	answer.rules == [rule]
	count(answer.reasons) == 1
}

told(reason, change) if answer_to(asked(change)).reasons == [reason]

without(name) := answer_to(object.remove(asked({}), [name]))

named(purl, version) := {"purl": purl, "version": version}

test_a_plain_dependency if allowed({})

test_canonical_package_urls if {
	every pair in [
		["pkg:npm/right-pad", "1.3.0"],
		["pkg:npm/%40angular/core@1.4.0", "1.4.0"],
		["pkg:maven/org.apache.commons/io@1.3.0", "1.3.0"],
		["pkg:deb/debian/curl@1%3A7.50.3-1?arch=i386&distro=jessie", "1:7.50.3-1"],
		["pkg:cargo/a@1.0.0%2Bbuild#src/lib.rs", "1.0.0+build"],
		["pkg:generic/c%2B%2B@11", "11"],
	] {
		allowed(named(pair[0], pair[1]))
	}
}

test_a_package_that_is_no_text_is_told_of_in_words if {
	answer := answer_to(asked({"purl": 0, "pinned": false}))
	"the dependency must be pinned to one version" in answer.reasons
}

test_other_spellings_of_a_denied_version if {
	every version in ["1.3.0", "v1.3.0", "V1.3.0", "1.3.0+build", "v1.3.0+a.b"] {
		denied_for("dependencies.denied", named("pkg:npm/%40angular/core", version))
	}
	answer := dependencies.decision with input as asked(named("pkg:golang/a/b", "1.0.0"))
		with data.dependencies as object.union(settings, {"denied": ["pkg:golang/a/b@v1.0.0"]})
	answer.rules == ["dependencies.denied"]
	allowed(named("pkg:npm/%40angular/core", "v1.3.1"))
}

test_other_spellings_of_a_package_url if {
	every purl in [
		"", "left-pad", "PKG:npm/a", "pkg:NPM/a", "pkg:npm", "pkg:npm/", "pkg://npm/a", "pkg:npm//a", "pkg:npm/a/",
		"pkg:npm/../a", "pkg:npm/./a", "pkg:npm/a%2Fb", "pkg:npm/left%2Dpad", "pkg:npm/left%2dpad", "pkg:npm/@angular/core@1",
		"pkg:npm/a b", "pkg:npm/a@1@2", "pkg:npm/\u0430", "pkg:npm/a?", "pkg:npm/a#",
	] {
		denied_for("dependencies.incomplete", named(purl, "1.3.0"))
	}
}

test_package_url_must_be_text if denied_for("dependencies.incomplete", {"purl": 3})

test_a_denied_package if {
	denied_for("dependencies.denied", named("pkg:npm/left-pad@1.3.0", "1.3.0"))
	denied_for("dependencies.denied", named("pkg:npm/left-pad", "9"))
	told("pkg:npm/left-pad@9 is denied by pkg:npm/left-pad", named("pkg:npm/left-pad", "9"))
}

test_a_denied_version if {
	denied_for("dependencies.denied", named("pkg:npm/%40angular/core", "1.3.0"))
	allowed(named("pkg:npm/%40angular/core", "1.3.1"))
}

test_a_denied_family if denied_for("dependencies.denied", named("pkg:golang/example.org/x@v1", "v1"))

test_case_does_not_help if {
	denied_for("dependencies.denied", named("pkg:npm/Left-Pad", "1"))
	denied_for("dependencies.denied", named("pkg:pypi/Colour.-Ama", "1"))
}

test_only_python_names_are_folded if allowed(named("pkg:npm/left_pad", "1"))

test_a_name_that_only_begins_alike if allowed(named("pkg:npm/left-padding", "1"))

listed := object.union(settings, {"allowed": ["pkg:npm/right-*", "pkg:pypi/requests@2.0"]})

test_only_what_is_listed if {
	every change in [{}, named("pkg:pypi/requests", "2.0")] {
		answer := dependencies.decision with input as asked(change) with data.dependencies as listed
		answer.allow
	}
	every change in [named("pkg:npm/other", "1"), named("pkg:npm/Right-pad", "1"), named("pkg:pypi/requests", "2.1")] {
		answer := dependencies.decision with input as asked(change) with data.dependencies as listed
		answer.rules == ["dependencies.not_allowed"]
	}
}

test_denied_wins_over_listed if {
	both := object.union(settings, {"allowed": ["pkg:npm/*"]})
	answer := dependencies.decision with input as asked(named("pkg:npm/left-pad", "1")) with data.dependencies as both
	answer.rules == ["dependencies.denied"]
}

test_the_versions_must_agree if denied_for("dependencies.incomplete", {"version": "1.3.1"})

test_versions_that_are_none if {
	every version in ["-1", "1/2", "\u0661"] {
		denied_for("dependencies.incomplete", named("pkg:npm/a", version))
	}
	every version in ["", 7, null] {
		answer := answer_to(asked(named("pkg:npm/a", version)))
		"dependencies.incomplete" in answer.rules
	}
}

test_ranges_and_moving_names_are_not_pinned if {
	every version in ["^1.2", "~1.2", ">=1", "<2", "=1", "*", "1.*", "1.x", "1 || 2", "1,2", "latest", "Next", "HEAD", "main"] {
		denied_for("dependencies.unpinned", named("pkg:npm/a", version))
	}
}

test_names_that_only_hold_an_x if allowed(named("pkg:npm/a", "1.xylo"))

test_what_does_not_say_that_it_is_pinned if {
	every pinned in [false, null, "true", 1] {
		denied_for("dependencies.unpinned", {"pinned": pinned})
	}
	without("pinned").rules == ["dependencies.unpinned"]
}

test_pinning_is_a_setting if {
	loose := object.union(settings, {"pinned": false})
	taken := dependencies.decision with input as asked({"pinned": false}) with data.dependencies as loose
	taken.allow
	odd := dependencies.decision with input as asked({"pinned": "no"}) with data.dependencies as loose
	odd.rules == ["dependencies.unpinned"]
}

test_too_new if {
	denied_for("dependencies.too_new", {"age_days": 6.999})
	told("this version is 6 days old; it must be known for 7 days", {"age_days": 6.999})
	allowed({"age_days": 7})
	without("age_days").rules == ["dependencies.too_new"]
}

test_age_may_be_left_out_where_it_does_not_matter if {
	answer := dependencies.decision with input as object.remove(asked({}), ["age_days"])
		with data.dependencies as object.remove(settings, ["min_age_days"])
	answer.allow
}

test_an_age_that_is_none if {
	every age in [-1, "30", null, 1e9] {
		denied_for("dependencies.incomplete", {"age_days": age})
	}
}

test_licences if {
	every licence in ["mit", " MIT ", "MIT OR GPL-3.0-only", "GPL-3.0-only or isc", "MIT AND ISC", "(MIT AND Apache-2.0)"] {
		allowed({"licence": licence})
	}
	every licence in [
		"GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR GPL-3.0-only)", "MIT OR", "OR", "()", "MITx", "MIT WITH x",
		"NOASSERTION",
	] {
		denied_for("dependencies.licence", {"licence": licence})
	}
}

test_a_licence_must_be_named if {
	every licence in ["", " ", null, ["MIT"]] {
		denied_for("dependencies.incomplete", {"licence": licence})
	}
}

test_scopes if {
	denied_for("dependencies.scope", {"scope": "Runtime"})
	told("there is no scope dev; known are runtime, test", {"scope": "dev"})
	denied_for("dependencies.incomplete", {"scope": ""})
	denied_for("dependencies.incomplete", {"scope": null})
}

hurt(severity) := {"vulnerabilities": [{"id": "CVE-2", "severity": severity}, {"id": "CVE-1", "severity": "none"}]}

test_a_scope_bears_so_much if {
	allowed(hurt("low"))
	denied_for("dependencies.vulnerable", hurt("medium"))
	denied_for("dependencies.vulnerable", hurt("unknown"))
	told("worse than low is not taken in scope runtime: CVE-2", hurt("Critical"))
	allowed(object.union(hurt("high"), {"scope": "test"}))
	denied_for("dependencies.vulnerable", object.union(hurt("critical"), {"scope": "test"}))
}

test_vulnerabilities_must_be_told if {
	every told in [null, {}, "none", [1], [{"id": "x"}], [{"severity": "low"}], [{"id": "x", "severity": "bad"}]] {
		denied_for("dependencies.incomplete", {"vulnerabilities": told})
	}
}

test_where_nothing_is_set_nothing_is_allowed if {
	answer := dependencies.decision with input as asked({}) with data.dependencies as {}
	answer.rules == ["dependencies.licence", "dependencies.scope"]
}

test_nothing_is_denied if {
	answer := answer_to({})
	answer.rules == ["dependencies.incomplete", "dependencies.too_new", "dependencies.unpinned"]
}

test_the_shipped_settings_deny_known_bad_packages if {
	answer := dependencies.decision with input as asked(named("pkg:npm/event-stream@3.3.6", "3.3.6"))
	answer.rules == ["dependencies.denied"]
}
