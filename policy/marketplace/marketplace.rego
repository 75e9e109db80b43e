# METADATA
# title: Marketplace
# description: |
#   May this plugin run, or is it quarantined? input: {plugin, version, digest, permissions: [..], at, evidence: {reviews:
#   [{evidence, reviewer, rubric, stars, verdict, permissions, age_days}], incidents: [{evidence, id, severity, status,
#   age_days}], sboms: [{evidence, age_days}]}}. The caller sends the first four; the server fills in `at` and, from its
#   own verified evidence about the digest, `evidence`. `reviewer` is who signed the review, not who it says wrote it.
#   Only reviews by reviewers whom the data names count, and of each reviewer the newest. The risk score is told in a
#   reason, also when the plugin is allowed.
package evidence.policy.marketplace

import data.evidence.policy.shape
import data.evidence.policy.trust
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials} | told),
}

default settings := {}

settings := data.marketplace

# What must be said.

denials contains {"rule": "marketplace.incomplete", "reason": "plugin and version must name the plugin, digest its content: sha256:<hex>"} if {
	not named
}

denials contains {"rule": "marketplace.incomplete", "reason": "permissions must be a list of words"} if {
	not shape.texts(permissions)
}

denials contains {"rule": "marketplace.incomplete", "reason": "the evidence about the plugin is missing or not in the known form"} if {
	not gathered
}

named if {
	shape.text(object.get(input, "plugin", null))
	shape.text(object.get(input, "version", null))
	shape.digest(object.get(input, "digest", null))
}

permissions := object.get(input, "permissions", null)

evidence := object.get(input, "evidence", {}) if is_object(object.get(input, "evidence", {}))

evidence := {} if not is_object(object.get(input, "evidence", {}))

reviews := object.get(evidence, "reviews", null)

incidents := object.get(evidence, "incidents", null)

sboms := object.get(evidence, "sboms", null)

gathered if {
	is_array(reviews)
	every review in reviews {
		is_review(review)
	}
	is_array(incidents)
	every incident in incidents {
		is_incident(incident)
	}
	is_array(sboms)
	every sbom in sboms {
		is_object(sbom)
		aged(sbom)
	}
}

is_review(review) if {
	is_object(review)
	shape.text(object.get(review, "reviewer", null))
	object.get(review, "verdict", null) in {"approve", "reject"}
	shape.number_within(object.get(review, "stars", null), 1, 5)
	shape.texts(object.get(review, "permissions", null))
	aged(review)
}

is_incident(incident) if {
	is_object(incident)
	object.get(incident, "severity", null) in object.keys(weights.incident)
	object.get(incident, "status", null) in {"open", "mitigated", "resolved"}
	aged(incident)
}

aged(one) if shape.number_within(object.get(one, "age_days", null), 0, 100000)

# Reviews.

reviewers := {reviewer | some reviewer in object.get(settings, "reviewers", [])}

trusted_reviews := [review |
	gathered
	some review in reviews
	review.reviewer in reviewers
]

# Of each reviewer the newest; two of one age count both, so that a rejection is not hidden behind an approval.
standing := [review |
	some review in trusted_reviews
	newest := min({other.age_days | some other in trusted_reviews; other.reviewer == review.reviewer})
	review.age_days == newest
]

approving := [review |
	some review in standing
	review.verdict == "approve"
	review.age_days <= object.get(settings, "review_max_age_days", 365)
	review.stars >= object.get(settings, "min_stars", 1)
]

denials contains {"rule": "marketplace.unsigned", "reason": reason} if {
	named
	gathered
	count(reviews) + count(sboms) == 0
	reason := sprintf("nobody signed anything about %s: it is quarantined", [shown])
}

denials contains {"rule": "marketplace.unreviewed", "reason": reason} if {
	named
	gathered
	count(approvers) < needed
	reason := sprintf("%s has %d current approving reviews by trusted reviewers, %d are needed: it is quarantined", [shown, count(approvers), needed])
}

denials contains {"rule": "marketplace.rejected", "reason": reason} if {
	some review in standing
	review.verdict == "reject"
	reason := sprintf("%s rejects it", [review.reviewer])
}

denials contains {"rule": "marketplace.permissions_unreviewed", "reason": reason} if {
	shape.texts(permissions)
	gathered
	count(approvers) >= needed
	beyond := {permission | some permission in permissions} - reviewed_permissions
	count(beyond) > 0
	reason := sprintf("the reviews are not about these permissions: %s", [concat(", ", beyond)])
}

denials contains {"rule": "marketplace.permission_denied", "reason": reason} if {
	shape.texts(permissions)
	some permission in permissions
	some pattern in object.get(settings, "denied_permissions", [])
	trust.matches(shape.folded(pattern), shape.folded(permission))
	reason := sprintf("no plugin may have the permission %s", [permission])
}

shown := sprintf("%s %s", [input.plugin, input.version])

needed := max({1, object.get(settings, "min_reviews", 1)})

approvers := {review.reviewer | some review in approving}

reviewed_permissions := {permission | some review in approving; some permission in review.permissions}

# Incidents and the bill of materials.

denials contains {"rule": "marketplace.open_incident", "reason": reason} if {
	gathered
	some incident in incidents
	incident.status == "open"
	reason := sprintf("an incident is open: %s (%s)", [object.get(incident, "id", "without a name"), incident.severity])
}

denials contains {"rule": "marketplace.sbom_too_old", "reason": reason} if {
	gathered
	not current_sbom
	reason := sprintf("it has no bill of materials of the last %d days", [sbom_max_age])
}

sbom_max_age := object.get(settings, "sbom_max_age_days", 90)

current_sbom if {
	gathered
	some sbom in sboms
	sbom.age_days <= sbom_max_age
}

# The risk score, whole points. What is over the threshold is quarantined.

denials contains {"rule": "marketplace.risk", "reason": reason} if {
	scorable
	score > max_score
	reason := sprintf("the risk score of %d is over the threshold of %d: it is quarantined", [score, max_score])
}

told contains reason if {
	scorable
	reason := sprintf("risk score %d of at most %d: incidents %d, permissions %d, age of the bill of materials %d", [
		score,
		max_score,
		incident_points,
		permission_points,
		sbom_points,
	])
}

scorable if {
	gathered
	shape.texts(permissions)
}

max_score := object.get(settings, "max_score", 50)

default_weights := {
	"incident": {"low": 5, "medium": 10, "high": 25, "critical": 50},
	"permission": {},
	"other_permission": 5,
	"no_sbom": 30,
}

weights := object.union(default_weights, object.get(settings, "weights", {}))

score := (incident_points + permission_points) + sbom_points

incident_points := sum([incident_weight(incident) | some incident in incidents]) if gathered

# What is over weighs half, and nothing after two years.
incident_weight(incident) := weights.incident[incident.severity] if incident.status != "resolved"

incident_weight(incident) := floor(weights.incident[incident.severity] / 2) if {
	incident.status == "resolved"
	incident.age_days <= 730
}

incident_weight(incident) := 0 if {
	incident.status == "resolved"
	incident.age_days > 730
}

permission_points := sum([permission_weight(permission) | some permission in asked_permissions])

asked_permissions := {shape.folded(permission) |
	shape.texts(permissions)
	some permission in permissions
}

permission_weight(permission) := max({weight |
	some pattern, weight in weights.permission
	trust.matches(shape.folded(pattern), permission)
} | {weights.other_permission})

# A point for every ten days of the newest one, up to what having none weighs.
sbom_points := weights.no_sbom if {
	gathered
	count(sboms) == 0
}

sbom_points := min({weights.no_sbom, floor(min({sbom.age_days | some sbom in sboms}) / 10)}) if {
	gathered
	count(sboms) > 0
}
