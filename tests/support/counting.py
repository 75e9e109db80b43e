"""What a query means a second time, step by step as controls/README.md has it: to judge the rules of counting by."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence_api.domain.control import Combine, Control, Per, Query
from evidence_api.domain.evidence import Fact, Release
from evidence_api.domain.facts import Row
from tests.support.where import reference

WORST_FIRST = ("error", "fail", "missing", "stale", "needs_review", "not_run", "pass")


@dataclass(frozen=True)
class _Seen:
    """A row a query looks at, what it says, and whether it is too old to count (None: nobody can tell)."""

    row: Row
    truth: bool | None
    old: bool | None


def control_outcome(control: Control, rows: Sequence[Row], release: Release, at: datetime) -> str:
    """The worst of its queries, or the best; not_applicable is neutral."""
    if control.state in {"draft", "retired"}:
        return "not_run"
    told = {query_outcome(query, rows, release, at) for query in control.queries} - {"not_applicable"}
    order = WORST_FIRST if control.combine is Combine.ALL else WORST_FIRST[::-1]
    return next((outcome for outcome in order if outcome in told), "not_applicable")


def query_outcome(query: Query, rows: Sequence[Row], release: Release, at: datetime) -> str:  # noqa: PLR0911  as the page
    """One query, in the order of the page."""
    of_kind = [row for row in rows if row.kind == query.kind and row.verified]
    if any(row.withheld for row in of_kind):  # 1
        return "missing"
    seen = _seen(query, of_kind, release, at)
    if not seen:  # 2
        return query.on_empty
    if any(one.truth is False and one.old is not True for one in seen):  # 3
        return "fail"
    if any(one.truth is None for one in seen):  # 4
        return "missing"
    if query.per is Per.OCCURRENCE:  # 5
        if len(seen) < query.at_least:
            return "missing"
        return "stale" if any(one.old is not False for one in seen) else "pass"
    groups = [seen]
    if query.per is Per.SUBJECT:
        groups = [[one for one in seen if digest in one.row.subjects] for digest in release.digests]
        if not groups:
            return "missing"
    if all(_true(group, fresh=True) >= query.at_least for group in groups):
        return "pass"
    return "stale" if all(_true(group, fresh=False) >= query.at_least for group in groups) else "missing"


def _true(group: Sequence[_Seen], *, fresh: bool) -> int:
    return sum(one.truth is True and not (fresh and one.old is not False) for one in group)


def _seen(query: Query, rows: Sequence[Row], release: Release, at: datetime) -> list[_Seen]:
    """The rows of the sample, of those the query is about."""
    drawn = [row for number, row in enumerate(rows) if number in _drawn(query, rows, release)]
    seen: list[_Seen] = []
    for row in drawn:
        facts = facts_of(row)
        belongs = True if query.population is None else reference(query.population, facts)
        if belongs is True:
            seen.append(_Seen(row, reference(query.where, facts), _old(query, row, at)))
        elif belongs is None and query.per is Per.OCCURRENCE:  # it may belong
            seen.append(_Seen(row, None, _old(query, row, at)))
    return seen


def facts_of(row: Row) -> Mapping[str, Fact]:
    """What a row says, with what every row says."""
    common: dict[str, Fact] = {"signer": row.signer, "predicate_type": row.predicate_type, "verified": row.verified}
    return {**row.facts, **{name: value for name, value in common.items() if value}}


def _drawn(query: Query, rows: Sequence[Row], release: Release) -> frozenset[int]:
    if query.sample.size is None:
        return frozenset(range(len(rows)))
    seed = release.id if query.sample.seed == "release" else query.sample.seed
    tickets = [hashlib.sha256(f"{seed}:{','.join(row.evidence)}".encode()).hexdigest() for row in rows]
    return frozenset(sorted(range(len(rows)), key=lambda number: (tickets[number], number))[: query.sample.size])


def _old(query: Query, row: Row, at: datetime) -> bool | None:
    if query.fresh is None:
        return False
    moment: datetime | None = getattr(row, query.fresh.clock)
    if moment is None or moment > at + timedelta(minutes=5):
        return None
    return math.ceil((at - moment).total_seconds()) > query.fresh.max_age.total_seconds()
