"""Before the rules run: a release's rows as the input of the catalog's Rego.

Only verified rows are handed over; a withheld row keeps its place with no facts, so that it can be missed
but never help. Facts of the wrong type are left out (absent, so unknown). Ages are whole seconds, rounded
up, against the moment of evaluation: the rules have no clock of their own.
"""

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from evidence_api.domain.control import Catalog, Query
from evidence_api.domain.decisions import DEFERRABLE
from evidence_api.domain.evidence import Fact, Release
from evidence_api.domain.facts import Row
from evidence_api.domain.kinds import KINDS, FactType
from evidence_api.domain.where import sortable

CLOCKS = ("effective", "collected", "received")
CLOCK_SKEW = timedelta(minutes=5)  # how far ahead of us another clock may be before its time is disbelieved
_SECOND = timedelta(seconds=1)


def counted(rows: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    """The verified rows by kind, in the order given: the population of every query of that kind."""
    return _by_kind([row for row in rows if row.verified])


def unverified(rows: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    """The rows that are shown and never count, by kind."""
    return _by_kind([row for row in rows if not row.verified])


def _by_kind(rows: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    return {kind: tuple(found) for kind, found in kinds.items()}


def assessment_input(
    catalog: Catalog, release: Release, rows: Sequence[Row], at: datetime, only: Collection[str] | None = None
) -> dict[str, Any]:
    """The JSON input of package evidence.catalog.

    {at, release {id, name, version, digests}, rows {kind: [row]}, unverified {kind: [evidence ids]},
    samples {control: {query number: [row numbers]}}, only [control ids]}; `only` is absent when all are wanted.
    A row is {evidence, subjects, signer, predicate_type, facts {path: value}, age {clock: seconds}, verified,
    withheld}. Times are RFC 3339 with six digits of fraction.
    """
    kinds = counted(rows)
    return {
        **({} if only is None else {"only": sorted(only)}),
        "at": sortable(at),
        "release": {
            "id": release.id,
            "name": release.name,
            "version": release.version,
            "digests": list(release.digests),
        },
        "rows": {kind: [_row(row, at) for row in kinds.get(kind, ())] for kind in {**KINDS, **kinds}},
        "unverified": {kind: [list(row.evidence) for row in shown] for kind, shown in unverified(rows).items()},
        "samples": _samples(catalog, release, kinds),
    }


def _row(row: Row, at: datetime) -> dict[str, Any]:
    """One row; the words of COMMON are left out where they are empty."""
    document: dict[str, Any] = {
        "evidence": list(row.evidence),
        "subjects": list(row.subjects),
        "facts": {} if row.withheld else _facts(row),
        "age": ages(row, at),
        "verified": row.verified,
        "withheld": row.withheld,
    }
    if not row.withheld:
        common = (("signer", row.signer), ("predicate_type", row.predicate_type))
        document |= {name: value for name, value in common if value}
    return document


def _facts(row: Row) -> dict[str, Any]:
    """The facts that are of the type their kind publishes."""
    kind = KINDS.get(row.kind)
    if kind is None:
        return {}
    typed = ((path, _typed(row.facts[path], fact)) for path, fact in kind.facts.items() if path in row.facts)
    return {path: value for path, value in typed if value is not None}


def _typed(value: Fact, fact: FactType) -> bool | float | str | list[str] | None:
    """The value as the rules expect it, or None where its type is not the one published."""
    match fact:
        case FactType.BOOLEAN:
            return value if isinstance(value, bool) else None
        case FactType.NUMBER | FactType.DURATION:
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            return value if number and isinstance(value, int | float) else None
        case FactType.WORD:
            return value if isinstance(value, str) else None
        case FactType.TIME:
            return _moment(value) if isinstance(value, str) else None
        case FactType.WORDS:
            words = isinstance(value, tuple | list) and all(isinstance(word, str) for word in value)
            return list(value) if words and isinstance(value, tuple | list) else None


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
        return sortable(moment) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None  # not a time, or none that UTC has, so the fact is absent


def ages(row: Row, at: datetime) -> dict[str, int]:
    """Seconds from each clock of the row to `at`; a clock that was not set, or runs ahead of us, is absent."""
    moments = {"effective": row.effective, "collected": row.collected, "received": row.received}
    return {
        clock: max(0, math.ceil((at - moment) / _SECOND))
        for clock, moment in moments.items()
        if moment is not None and moment - at <= CLOCK_SKEW
    }


def _samples(
    catalog: Catalog, release: Release, kinds: Mapping[str, tuple[Row, ...]]
) -> dict[str, dict[str, list[int]]]:
    """For each query that tests a sample: which rows."""
    samples: dict[str, dict[str, list[int]]] = {}
    for control in catalog.controls:
        for number, query in enumerate(control.queries, 1):
            if query.sample.size is not None:
                picked = sample_of(query, kinds.get(query.kind, ()), release)
                samples.setdefault(control.id, {})[str(number)] = list(picked)
    return samples


def sample_of(query: Query, rows: Sequence[Row], release: Release) -> tuple[int, ...]:
    """The numbers of the rows a query tests; anyone can replay the pick.

    Rows are ordered by sha256("<seed>:<evidence id>") (of several ids: joined by commas), and the first
    `size` are taken. The seed `release` stands for the id of the release. Of a decision its own id alone counts: what
    the server finds of it comes later, and must not change what was drawn.
    """
    size = query.sample.size
    if size is None:
        return tuple(range(len(rows)))
    seed = release.id if query.sample.seed == "release" else query.sample.seed

    def draw(number: int) -> tuple[bytes, int]:
        ids = rows[number].evidence[: 1 if rows[number].kind in DEFERRABLE else None]
        return hashlib.sha256(f"{seed}:{','.join(ids)}".encode()).digest(), number

    return tuple(sorted(sorted(range(len(rows)), key=draw)[:size]))
