"""Which SLSA build level a verdict may state: only one that a control says, and that control passed.

A control says a level in one of two ways, both written by people in the catalog:
  - a mapping of the criterion BUILD-Ln of the framework SLSA to controls, whose relation says that the controls ask
    for all of it (equal, identical, equivalent, subset_of), none of them only in part; "relates to" says no such thing
  - a query over verification summaries that cannot hold without the level: `SLSA_BUILD_LEVEL_3 in levels`, as its
    condition or as its population, asked of each subject where the release has several
"""

import re

from evidence_api.domain.assessment import Assessment, Finding, Outcome
from evidence_api.domain.control import Catalog, Control, CriterionMapping, Per
from evidence_api.domain.where import And, Compare, Expression, Or

_ASKS_FOR_ALL = frozenset({"equal", "identical", "equivalent", "subset_of"})
_ALIAS = "SLSA"
_CRITERION = re.compile(r"BUILD-L([1-3])\Z")
_LEVEL = re.compile(r"SLSA_BUILD_LEVEL_([0-3])\Z")


def build_level(catalog: Catalog, assessment: Assessment, subjects: int) -> str | None:
    """`SLSA_BUILD_LEVEL_n`, the highest that is stated and held; None where none is. Each implies those below it.

    `subjects` is how many things the release is made of.
    """
    passed = {one.control: one for one in assessment.findings if one.outcome is Outcome.PASS}
    tracks = {framework.id for framework in catalog.frameworks if _ALIAS in {framework.title, *framework.aliases}}
    levels = {level for one in catalog.mappings if (level := _mapped(one, tracks, set(passed))) is not None}
    for control in catalog.controls:
        if control.id in passed:
            levels |= _asked(control, passed[control.id], subjects)
    return f"SLSA_BUILD_LEVEL_{max(levels)}" if levels else None


def _mapped(mapping: CriterionMapping, tracks: set[str], passed: set[str]) -> int | None:
    """The level a mapping states, if every control it names passed."""
    named = _CRITERION.match(mapping.ref)
    if named is None or mapping.framework not in tracks or mapping.relation not in _ASKS_FOR_ALL:
        return None
    holds = bool(mapping.maps_to) and passed.issuperset(mapping.maps_to) and not mapping.partial
    return int(named[1]) if holds else None


def _asked(control: Control, finding: Finding, subjects: int) -> set[int]:
    """The levels that the queries which passed cannot pass without."""
    return {
        level
        for query, result in zip(control.queries, finding.queries, strict=False)
        if query.kind == "vsa" and result.outcome is Outcome.PASS and (subjects == 1 or query.per is Per.SUBJECT)
        for level in _necessary(query.where) | (_necessary(query.population) if query.population else set())
    }


def _necessary(where: Expression) -> set[int]:
    """The levels without which a condition is not true. A summary names the highest level alone, which implies those
    below it: of two levels, either of which will do, the lower one is necessary."""
    match where:
        case Compare(path="levels", operator="contains", value=str(value)):
            named = _LEVEL.match(value)
            return {int(named[1]), *range(1, int(named[1]))} if named else set()
        case And(terms=terms):
            return set.union(*map(_necessary, terms))
        case Or(terms=terms):
            return set.intersection(*map(_necessary, terms))
    return set()
