# METADATA
# title: Which plugins may never run
package evidence.invariant.marketplace

import data.evidence.invariant.shape
import rego.v1

weights := {
	"incident": {"low": 5, "medium": 10, "high": 25, "critical": 50},
	"permission": {"network*": 10, "exec*": 25, "secrets*": 30},
	"other_permission": 5,
	"no_sbom": 30,
}

settings := [
	{
		"reviewers": ["key security-review", "key second"],
		"min_reviews": 1,
		"min_stars": 3,
		"review_max_age_days": 365,
		"denied_permissions": ["secrets*"],
		"sbom_max_age_days": 90,
		"max_score": 40,
		"weights": weights,
	},
	{
		"reviewers": ["key security-review", "mallory"],
		"min_reviews": 2,
		"min_stars": 1,
		"review_max_age_days": 100000,
		"sbom_max_age_days": 100000,
		"max_score": 1000,
		"weights": weights,
	},
	{"reviewers": ["key security-review"], "max_score": 20},
	{},
]

reviews := object.get(object.get(input, "evidence", {}), "reviews", [])

forbidden contains "nothing is known of it" if {
	not input.evidence.reviews
}

forbidden contains "fewer people approve of it than must" if {
	count({reviewer | some reviewer in data.marketplace.reviewers; approves(reviewer)}) < max({1, least})
}

default least := 1

least := data.marketplace.min_reviews

of(reviewer) := [review | some review in reviews; review.reviewer == reviewer]

youngest(reviewer) := min([review.age_days | some review in of(reviewer)])

approves(reviewer) if {
	some review in of(reviewer)
	review.age_days == youngest(reviewer)
	review.verdict == "approve"
	not tired(review)
	not few_stars(review)
}

tired(review) if review.age_days > data.marketplace.review_max_age_days

few_stars(review) if review.stars < data.marketplace.min_stars

forbidden contains "a trusted reviewer rejects it" if {
	some reviewer in data.marketplace.reviewers
	some review in of(reviewer)
	review.verdict == "reject"
	review.age_days == youngest(reviewer)
}

forbidden contains "it asks for more than anybody trusted has approved" if {
	some permission in input.permissions
	every review in reviews {
		not covers(review, permission)
	}
}

covers(review, permission) if {
	review.verdict == "approve"
	review.reviewer in data.marketplace.reviewers
	permission in review.permissions
}

forbidden contains "an incident is open" if {
	some incident in input.evidence.incidents
	incident.status == "open"
}

forbidden contains "a permission that no plugin may have" if {
	some permission in input.permissions
	some pattern in data.marketplace.denied_permissions
	shape.must_fit(pattern, lower(permission))
}

forbidden contains "its bill of materials is too old, or there is none" if {
	count([sbom | some sbom in input.evidence.sboms; sbom.age_days <= oldest]) == 0
}

default oldest := 90

oldest := data.marketplace.sbom_max_age_days

# At the least: incidents not over, by their severity; permissions, each once.
risk := sum([weights.incident[incident.severity] |
	some incident in input.evidence.incidents
	incident.status != "resolved"
]) + sum([weight |
	some permission in {lower(trim(one, " ")) | some one in input.permissions}
	weight := max({5} | {points | some pattern, points in data.marketplace.weights.permission; shape.must_fit(pattern, permission)})
])

forbidden contains "its risk is over the threshold" if risk > data.marketplace.max_score

forbidden contains "it is not said what it is" if {
	not named
}

named if {
	is_string(input.plugin)
	is_string(input.version)
	startswith(input.digest, "sha256:")
	count(input.digest) == 71
}
