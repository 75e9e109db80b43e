"""Catalog to Rego: the rules of counting, the same for every catalog (README of controls/, "What a query means")."""

COUNTING = """
# ===== The rules of counting =====
# input.rows.<kind> are the current, verified rows of the release; rows are named by their numbers there.
# A withheld row is in the log, but its body is gone. input.unverified is shown to readers; no rule reads it.

# What settles a query before anything is counted, in this order: a withheld row; no row at all; a false
# row that is not too old; a row that does not say what is asked.
settled(query) := "missing" if {
	some row in query.rows
	row.withheld
} else := query.on_empty if {
	count(query.rows) == 0
} else := "fail" if {
	count(query["false"] - query.old) > 0
} else := "missing" if {
	count((query.tested - query["true"]) - query["false"]) > 0
} else := "countable"

answer(query, outcome) := {
	"outcome": outcome,
	"tested": count(query.tested),
	"matched": query["true"] - query.old,
	"failed": query["false"] - query.old,
	"unknown": (query.tested - query["true"]) - query["false"],
	"stale": (query["true"] | query["false"]) & query.old,
}

limited(query) := object.union(query, {
	"true": query["true"] & query.tested,
	"false": query["false"] & query.tested,
})

# per: release. So many rows of the release must be true and not too old.
per_release(given) := answer(query, outcome) if {
	query := limited(given)
	outcome := enough(query, settled(query))
}

enough(query, state) := state if {
	state != "countable"
} else := "pass" if {
	count(query["true"] - query.old) >= query.at_least
} else := "stale" if {
	count(query["true"]) >= query.at_least
} else := "missing"

# per: occurrence. Every row must be true and not too old: a test of the whole population.
per_occurrence(given) := answer(query, outcome) if {
	query := limited(given)
	outcome := every_row(query, settled(query))
}

every_row(query, state) := state if {
	state != "countable"
} else := "missing" if {
	count(query.tested) < query.at_least
} else := "stale" if {
	count(query.tested & query.old) > 0
} else := "pass"

# per: subject. So many true rows for each artifact of the release.
per_subject(given) := object.union(answer(query, outcome), {"lacking": lacking}) if {
	query := limited(given)
	lacking := lacking_rows(query, query["true"] - query.old)
	outcome := each_subject(query, settled(query), lacking)
}

each_subject(query, state, lacking) := state if {
	state != "countable"
} else := "missing" if {
	count(input.release.digests) == 0
} else := "pass" if {
	count(lacking) == 0
} else := "stale" if {
	count(lacking_rows(query, query["true"])) == 0
} else := "missing"

lacking_rows(query, numbers) := [subject |
	some subject in input.release.digests
	count({n | some n in numbers; subject in query.rows[n].subjects}) < query.at_least
]

# The rows of a sample were picked by a seed before the rules ran; anyone can replay the pick.
sampled(control, number) := {n | some n in input.samples[control][number]}

worst_first := ["error", "fail", "missing", "stale", "needs_review", "not_run", "pass"]

# combine: all. The worst query decides; not_applicable is neutral.
combine_all(queries) := {"outcome": first_of(queries, worst_first), "queries": queries}

# combine: any. The best query decides.
combine_any(queries) := {"outcome": first_of(queries, array.reverse(worst_first)), "queries": queries}

first_of(queries, order) := "not_applicable" if {
	every query in queries {
		query.outcome == "not_applicable"
	}
} else := [outcome |
	some outcome in order
	some query in queries
	query.outcome == outcome
][0]

# A rule of the operator's own is not believed when it passes while evidence is withheld.
believed(decision) := object.union(decision, {
	"outcome": "missing",
	"because": "evidence of this release was erased, so a pass cannot be relied on",
}) if {
	decision.outcome == "pass"
	some kind
	input.rows[kind][_].withheld
} else := decision

# input.only, where it is given, names the controls to evaluate.
wanted(control) if {
	not input.only
}

wanted(control) if {
	control in input.only
}

# ===== The facts the catalog reads, and the comparisons it makes =====
"""

COUNTING_NAMES = (
    "settled",
    "answer",
    "limited",
    "per_release",
    "enough",
    "per_occurrence",
    "every_row",
    "per_subject",
    "each_subject",
    "lacking_rows",
    "sampled",
    "worst_first",
    "combine_all",
    "combine_any",
    "first_of",
    "believed",
    "verdicts",
    "wanted",
)
