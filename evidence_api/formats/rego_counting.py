"""Catalog to Rego: the rules of counting, the same for every catalog (README of controls/, "What a query means")."""

from evidence_api.domain.verdict import DERIVATION

COUNTING = """
# ===== The rules of counting =====
# input.rows.<kind> are the current, verified rows of the release; rows are named by their numbers there.
# A withheld row is in the log, but its body is gone. input.unverified is shown to readers; no rule reads it.
# Of a query, `tested` are the rows looked at, `true` and `false` those for which its condition is so, `old`
# those too old to count. What a row does not say makes its condition neither. `ageless` are rows whose age is
# not known: that never helps, so they are old where they would pass, and not where they fail.

parted(query) := {
	"tested": count(query.tested),
	"matched": query["true"] - query.old,
	"failed": query["false"] - (query.old - query.ageless),
	"unknown": query.tested - (query["true"] | query["false"]),
	"stale": (query["true"] & query.old) | (query["false"] & (query.old - query.ageless)),
}

# What settles a query before anything is counted, in this order: a withheld row; no row at all; a false
# row that is not too old; a row that does not say what is asked.
settled(query, parts) := "missing" if {
	count(query.withheld) > 0
} else := query.on_empty if {
	parts.tested == 0
} else := "fail" if {
	count(parts.failed) > 0
} else := "missing" if {
	count(parts.unknown) > 0
}

# per: release. So many rows of the release must be true and not too old.
per_release(query) := {"outcome": enough(query, parts), "rows": parts} if {
	parts := parted(query)
}

enough(query, parts) := state if {
	state := settled(query, parts)
} else := "pass" if {
	count(parts.matched) >= query.at_least
} else := "stale" if {
	count(query["true"]) >= query.at_least
} else := "missing"

# per: occurrence. Every row must be true and not too old: a test of the whole population.
per_occurrence(query) := {"outcome": every_row(query, parts), "rows": parts} if {
	parts := parted(query)
}

every_row(query, parts) := state if {
	state := settled(query, parts)
} else := "missing" if {
	parts.tested < query.at_least
} else := "stale" if {
	count(query.tested & query.old) > 0
} else := "pass"

# per: subject. So many true rows for each artifact of the release.
per_subject(query, rows) := {"outcome": outcome, "rows": parts, "lacking": lacking} if {
	parts := parted(query)
	lacking := lacking_rows(query, rows, parts.matched)
	outcome := each_subject(query, rows, parts, lacking)
}

each_subject(query, rows, parts, lacking) := state if {
	state := settled(query, parts)
} else := "missing" if {
	count(input.release.digests) == 0
} else := "pass" if {
	count(lacking) == 0
} else := "stale" if {
	count(lacking_rows(query, rows, query["true"])) == 0
} else := "missing"

lacking_rows(query, rows, numbers) := [subject |
	some subject in input.release.digests
	count({n | some n in numbers; subject in rows[n].subjects}) < query.at_least
]

# The rows of a sample were picked by a seed before the rules ran; anyone can replay the pick.
sampled(control, number) := {n | some n in input.samples[control][number]}

worst_first := ["error", "fail", "missing", "stale", "needs_review", "not_run", "pass"]

best_first := array.reverse(worst_first)

# combine: all. The worst query decides; not_applicable is neutral.
combine_all(queries) := {"outcome": first_of(queries, worst_first), "queries": queries}

# combine: any. The best query decides.
combine_any(queries) := {"outcome": first_of(queries, best_first), "queries": queries}

first_of(queries, order) := found[0] if {
	found := [outcome |
		some outcome in order
		queries[_].outcome == outcome
	]
	count(found) > 0
} else := "not_applicable"

# A rule of the operator's own is not believed while evidence is withheld when it passes, or says that nothing applies.
believed(decision) := object.union(decision, {
	"outcome": "missing",
	"because": sprintf("evidence of this release was erased, so %s cannot be relied on", [decision.outcome]),
}) if {
	decision.outcome in {"pass", "not_applicable"}
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

# What derivation 1 had in the place of some lines.
_BEFORE = (
    (" `ageless` are rows whose age is\n", "\n"),
    ("# not known: that never helps, so they are old where they would pass, and not where they fail.\n", ""),
    ('query["false"] - (query.old - query.ageless)', 'query["false"] - query.old'),
    (
        '(query["true"] & query.old) | (query["false"] & (query.old - query.ageless))',
        '(query["true"] | query["false"]) & query.old',
    ),
    (
        "is not believed while evidence is withheld when it passes, or says that nothing applies.",
        "is not believed when it passes while evidence is withheld.",
    ),
    (
        'sprintf("evidence of this release was erased, so %s cannot be relied on", [decision.outcome])',
        '"evidence of this release was erased, so a pass cannot be relied on"',
    ),
    ('decision.outcome in {"pass", "not_applicable"}', 'decision.outcome == "pass"'),
)


def counting(derivation: int = DERIVATION) -> str:
    """The rules of counting, as packs of that derivation hold them."""
    text = COUNTING
    for now, before in _BEFORE if derivation == 1 else ():
        text = text.replace(now, before)
    return text


COUNTING_NAMES = (
    "parted",
    "settled",
    "per_release",
    "enough",
    "per_occurrence",
    "every_row",
    "per_subject",
    "each_subject",
    "lacking_rows",
    "sampled",
    "worst_first",
    "best_first",
    "combine_all",
    "combine_any",
    "first_of",
    "believed",
    "verdicts",
    "wanted",
)
