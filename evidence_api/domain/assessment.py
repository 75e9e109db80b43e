"""Assessment: what a catalog says of one release at one tree size and one moment, kept apart nine ways.

1. `assessment_input` (domain/population.py) turns the release's rows into the input of the catalog's Rego.
2. The engine decides the raw outcome of each query and control (formats/catalog_rego.py says how).
3. `fold` joins that answer with the rows again: evidence ids, sentences, fix hints, waivers, criteria, counts.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from evidence_api.domain.control import Catalog, Control, Query
from evidence_api.domain.evidence import Fact, Release
from evidence_api.domain.facts import Row
from evidence_api.domain.narrative import Group, Parted, control_sentence, group_of, query_sentence
from evidence_api.domain.population import assessment_input, counted, unverified
from evidence_api.domain.rollup import roll_up
from evidence_api.domain.verdict import (
    DERIVATION,
    WORST_FIRST,
    Assessment,
    CriterionResult,
    Finding,
    Outcome,
    QueryResult,
)
from evidence_api.domain.waiver import OVERRIDE, waivers_of
from evidence_api.domain.waiving import waive, waiver_notes
from evidence_api.domain.where import paths

__all__ = [
    "DERIVATION",
    "WORST_FIRST",
    "Assessment",
    "CriterionResult",
    "Finding",
    "Outcome",
    "QueryResult",
    "assessment_input",
    "due",
    "fold",
]

# What an operator's own Rego rule may answer: a rule cannot waive, and cannot say it did not run.
_RULE_MAY_SAY = frozenset(
    {Outcome.PASS, Outcome.FAIL, Outcome.MISSING, Outcome.STALE, Outcome.NOT_APPLICABLE, Outcome.NEEDS_REVIEW}
)
_NO_FIX = frozenset({Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.NOT_RUN})
_MAX_BECAUSE = 2_000
_MAX_FACTS = 64


class _Rows:
    """The release's rows by kind: those that count, numbered as in the input, and those only shown."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.counted = counted(rows)
        self.unverified = {kind: group_of(found) for kind, found in unverified(rows).items()}
        self.withheld = {kind: group_of(row for row in found if row.withheld) for kind, found in self.counted.items()}
        self.groups: dict[tuple[str, tuple[int, ...]], Group] = {}

    def group(self, kind: str, numbers: Sequence[int]) -> Group:
        """The rows of these numbers; made once, however many queries part the rows in the same way."""
        key = (kind, tuple(sorted(numbers)))
        if key not in self.groups:
            self.groups[key] = group_of(self.counted[kind][number] for number in key[1])
        return self.groups[key]


def due(
    catalog: Catalog,
    only: Collection[str] | None,
    previous: Assessment | None,
    policy_digest: str,
    rows: Sequence[Row] = (),
) -> frozenset[str] | None:
    """The controls that must be evaluated again; None is all of them.

    Beside `only`: those whose outcome moves with time alone (freshness, waivers), those that an override among the
    `rows` names or named, and those that `previous` does not hold. A previous assessment by another catalog or policy
    is of no use.
    """
    if only is None or previous is None:
        return None
    if (previous.catalog_digest, previous.policy_digest) != (catalog.digest, policy_digest):
        return None
    waived = {waiver.control for waiver in catalog.waivers} | _overridden(rows, previous)
    held = {finding.control for finding in previous.findings}
    return frozenset(
        control.id
        for control in catalog.controls
        if control.id in only
        or control.id in waived
        or control.id not in held
        or any(query.fresh for query in control.queries)
    )


def _overridden(rows: Sequence[Row], previous: Assessment) -> set[str]:
    """The controls that overrides name now, and those whose last finding rests on one: it may be erased by now."""
    overrides = [row for row in rows if row.kind == OVERRIDE]
    ids = {row.evidence[0] for row in overrides}
    rested = {one.control for one in previous.findings if ids.intersection(one.evidence) or ":" in one.waiver}
    return rested | {str(row.facts["control"]) for row in overrides if "control" in row.facts}


def fold(  # noqa: PLR0913  an assessment is a function of exactly these
    catalog: Catalog,
    release: Release,
    rows: Sequence[Row],
    decided: Mapping[str, Any],
    *,
    tree_size: int,
    at: datetime,
    policy_digest: str,
    catalog_digest: str = "",
    only: Collection[str] | None = None,
    previous: Assessment | None = None,
    derivation: int = DERIVATION,
) -> Assessment:
    """Join the engine's answer (control id -> {outcome, queries}) with the rows it was given.

    A control the answer does not hold is `error`: a rule that gives no decision decides nothing. With
    `only`, the findings of other controls are taken from `previous`. `derivation` is that of an assessment
    made before, which is to be made again word for word.
    """
    kinds, waivers, warns = _Rows(rows), waivers_of(catalog, release, rows), derivation > 1
    kept = _kept(only, previous)
    findings = tuple(
        kept.get(control.id)
        or waive(_finding(control, decided.get(control.id), kinds), waivers.get(control.id, ()), at, warns=warns)
        for control in catalog.controls
    )
    counts = Counter(finding.outcome for finding in findings)
    return Assessment(
        release=release.id,
        tree_size=tree_size,
        evaluated_at=at,
        catalog_digest=catalog_digest or catalog.digest,
        policy_digest=policy_digest,
        findings=findings,
        criteria=roll_up(catalog, {finding.control: finding.outcome for finding in findings}),
        counts={outcome: counts[outcome] for outcome in Outcome},
        notes=waiver_notes(waivers, rows, catalog, findings, at, warns=warns),
    )


def _kept(only: Collection[str] | None, previous: Assessment | None) -> Mapping[str, Finding]:
    """The findings that are taken over: of all controls but `only`."""
    if previous is None or only is None:
        return {}
    wanted = frozenset(only)
    return {finding.control: finding for finding in previous.findings if finding.control not in wanted}


def _finding(control: Control, answer: Any, rows: _Rows) -> Finding:  # noqa: ANN401  JSON of an engine, checked here
    """One control's finding before waivers."""
    if answer is None:
        return _error(control, "undecided", "its rule gave no decision")
    if not isinstance(answer, Mapping):
        return _error(control, "policy_answer", f"{control.policy} gave no object")
    if answer.get("outcome") == Outcome.ERROR:
        return _error(control, str(answer.get("code", "error")), str(answer.get("because", "the engine failed")))
    if control.policy and control.state not in {"draft", "retired"}:
        return _ruled(control, answer, rows)
    outcome = Outcome(answer["outcome"])
    pairs = [_result(query, told, rows) for query, told in zip(control.queries, answer["queries"], strict=False)]
    results, parts = tuple(result for result, _ in pairs), [parted for _, parted in pairs]
    return Finding(
        control=control.id,
        outcome=outcome,
        raw=outcome,
        because=control_sentence(control, outcome, results, parts),
        fix="" if outcome in _NO_FIX else control.fix,
        queries=results,
        evidence=_used(parts),
    )


def _error(control: Control, code: str, because: str) -> Finding:
    sentence = f"Could not be decided ({code}): {because[:_MAX_BECAUSE]}."
    return Finding(control.id, Outcome.ERROR, Outcome.ERROR, sentence, control.fix, (), (), code=code)


def _ruled(control: Control, answer: Mapping[str, Any], rows: _Rows) -> Finding:
    """The finding of an operator's own Rego rule: {outcome, because, facts}."""
    said = answer.get("outcome")
    if not isinstance(said, str) or said not in _RULE_MAY_SAY:
        return _error(control, "policy_answer", f"{control.policy} gave the outcome {str(said)[:60]!r}")
    because = answer.get("because")
    return Finding(
        control=control.id,
        outcome=Outcome(said),
        raw=Outcome(said),
        because=because[:_MAX_BECAUSE] if isinstance(because, str) and because else f"{control.policy} says {said}.",
        fix="" if said in _NO_FIX else control.fix,
        queries=(),
        evidence=group_of(row for found in rows.counted.values() for row in found).ids,
        facts=_facts(answer.get("facts")),
    )


def _facts(told: object) -> dict[str, Fact]:
    """The facts of an operator's rule, bounded; what is no object holds none."""
    if not isinstance(told, Mapping):
        return {}
    return {str(name): _fact(value) for name, value in islice(told.items(), _MAX_FACTS)}


def _fact(value: Any) -> Fact:  # noqa: ANN401  any JSON value an operator's rule may give
    """A JSON value as a fact: what is no scalar and no list of words is kept as JSON text."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"))[:_MAX_BECAUSE]


def _result(query: Query, told: Mapping[str, Any], rows: _Rows) -> tuple[QueryResult, Parted]:
    """One query's answer with the rows put back in the place of their numbers."""
    numbers = told["rows"]
    unknown = rows.group(query.kind, numbers["unknown"])
    parted = Parted(
        outcome=Outcome(told["outcome"]),
        population=int(numbers["tested"]) if query.population else len(rows.counted.get(query.kind, ())),
        tested=int(numbers["tested"]),
        matched=rows.group(query.kind, numbers["matched"]),
        failed=rows.group(query.kind, numbers["failed"]),
        unknown=unknown,
        stale=rows.group(query.kind, numbers["stale"]),
        withheld=rows.withheld.get(query.kind, Group()),
        unverified=rows.unverified.get(query.kind, Group()),
        absent=_absent(query, unknown.rows) if unknown.rows else (),
        lacking=tuple(told.get("lacking", ())),
    )
    return _shown(query, parted), parted


def _shown(query: Query, parted: Parted) -> QueryResult:
    return QueryResult(
        name=query.name,
        kind=query.kind,
        where=query.source,
        outcome=parted.outcome,
        population=parted.population,
        tested=parted.tested,
        matched=parted.matched.ids,
        failed=parted.failed.ids,
        unknown=parted.unknown.ids,
        stale=parted.stale.ids,
        withheld=parted.withheld.ids,
        unverified=parted.unverified.ids,
        absent=parted.absent,
        lacking=parted.lacking,
        because=query_sentence(query, parted),
        met=len(parted.matched.rows),
    )


def _absent(query: Query, unknown: Sequence[Row]) -> tuple[str, ...]:
    """The paths of the conditions that some unknown row does not say."""
    asked = (*(paths(query.population) if query.population else ()), *paths(query.where))
    return tuple(path for path in dict.fromkeys(asked) if any(_is_absent(row, path) for row in unknown))


def _is_absent(row: Row, path: str) -> bool:
    common = {"signer": row.signer, "predicate_type": row.predicate_type, "verified": "verified"}
    return row.withheld or (path not in row.facts and not common.get(path))


def _used(parts: Iterable[Parted]) -> tuple[str, ...]:
    """The evidence a verdict rests on, each once, in order."""
    found: dict[str, None] = {}
    for parted in parts:
        for group in (parted.matched, parted.failed, parted.unknown, parted.stale, parted.withheld):
            found.update(dict.fromkeys(group.ids))
    return tuple(found)
