"""Before the rules run: what of a release's rows can change a control's outcome, and nothing else of them.

The generated Rego of a control reads of each row only whether it is withheld, whether it is too old or of no known age,
and how the facts its conditions name compare with the values written there; of the release only which rows are about
which artifact, and of samples which rows were drawn. Two releases that agree in all this have the same raw outcome, so
the engine need be asked only once. The projection is never coarser than what the engine sees: where a comparison could
be told apart by anything but the place of a value among those written (numbers past 2^53, fractions next to a value, an
operator not known here), the value itself is in it.

A control with a rule of the operator's own has no projection: such a rule reads what it likes.
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from evidence_api.domain.control import Catalog, Per, Query
from evidence_api.domain.kinds import COMMON, KINDS, FactType
from evidence_api.domain.where import Compare, comparisons

Json: TypeAlias = Mapping[str, Any]
Classify: TypeAlias = Callable[[Any], Hashable]
Key: TypeAlias = tuple[Hashable, ...]  # what each query of a control sees, in order

_EXACT = 2**53
_NEAR = 1e-9  # of a written number, in relation to it: there the engine's own arithmetic decides
_EQUALITY = frozenset({"==", "!=", "in"})
_ORDERED = _EQUALITY | {"<", "<=", ">", ">="}
_LISTED = _EQUALITY | {"contains"}
_ASLEEP = frozenset({"draft", "retired"})
_NOTHING: Json = {}
_OTHER = 0  # a word that is none of those written
_CELLS = 20  # of what the average query sees; a release of ten thousand rows counts for as much as it takes up


@dataclass(frozen=True, slots=True)
class _Column:
    """One fact a query's conditions name: where it stands in a row, and which of its values are alike."""

    path: str
    in_facts: bool
    classify: Classify

    def of(self, row: Json) -> Hashable:
        """The class of the row's value; None where the row does not say it."""
        value = row["facts"].get(self.path) if self.in_facts else row.get(self.path)
        return None if value is None else self.classify(value)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one query reads."""

    kind: str
    columns: tuple[_Column, ...]
    clock: str
    seconds: int
    by_subject: bool
    sampled: bool


class Projection:
    """What each control of a catalog reads, worked out once."""

    def __init__(self, catalog: Catalog) -> None:
        self._plans = {
            control.id: () if control.state in _ASLEEP else tuple(_plan(query) for query in control.queries)
            for control in catalog.controls
            if not control.policy
        }

    def keys(self, given: Json, wanted: Iterable[str]) -> dict[str, Key]:
        """What an assessment's input (domain/population.py) shows to each query of these controls; controls with a rule
        of the operator's own are left out."""
        digests: Sequence[str] = given["release"]["digests"]
        kinds, samples = given["rows"], given["samples"]
        keys: dict[str, Key] = {}
        for control in wanted:
            plans = self._plans.get(control)
            if plans is not None:
                drawn = samples.get(control, _NOTHING)
                keys[control] = tuple(
                    [
                        _read(plan, kinds.get(plan.kind, ()), digests, drawn.get(str(number), ()))
                        for number, plan in enumerate(plans, 1)
                    ]
                )
        return keys


class EngineAnswers:
    """What the engine said, to be said again where it would see the same.

    Kept by query: what it said of one depends on what that one reads. What it made of a control's queries depends on
    their outcomes alone (formats/rego_counting.py, combine_all and combine_any), so that is kept by them. At most
    `limit` of each, and of queries no more than that many see on average; then it begins anew.
    """

    def __init__(self, limit: int = 200_000) -> None:
        self._queries: dict[tuple[str, int, Hashable], Json] = {}
        self._controls: dict[tuple[str, tuple[str, ...]], str] = {}
        self._limit = limit
        self._cells = 0  # of all keys

    def known(self, keys: Mapping[str, Key], digests: Sequence[str]) -> dict[str, Json]:
        """Control id to raw answer, of those that are known."""
        found: dict[str, Json] = {}
        for control, key in keys.items():
            told = [self._queries.get((control, number, seen)) for number, seen in enumerate(key)]
            queries = [one for one in told if one is not None]
            outcome = self._controls.get((control, tuple([one["outcome"] for one in queries])))
            if outcome is not None and len(queries) == len(key):
                found[control] = {"outcome": outcome, "queries": [_named(one, digests) for one in queries]}
        return found

    def learn(self, keys: Mapping[str, Key], answers: Json, digests: Sequence[str]) -> None:
        """Remember answers of the engine. What it could not decide is not kept."""
        places = {digest: place for place, digest in enumerate(digests)}
        for control, key in keys.items():
            answer = answers.get(control)
            if not isinstance(answer, Mapping) or "code" in answer:
                continue
            queries = answer.get("queries")
            if not isinstance(queries, list) or len(queries) != len(key):
                continue
            if any(one not in places for query in queries for one in query.get("lacking", ())):
                continue
            cells = sum(map(_cells, key))
            if cells > self._limit * _CELLS:
                continue
            if max(len(self._queries), len(self._controls), (self._cells + cells) / _CELLS) >= self._limit:
                self._queries.clear()
                self._controls.clear()
                self._cells = 0
            self._cells += cells
            for number, (seen, query) in enumerate(zip(key, queries, strict=True)):
                self._queries[control, number, seen] = _lacking(query, places)
            self._controls[control, tuple(query["outcome"] for query in queries)] = answer["outcome"]


def _named(query: Json, digests: Sequence[str]) -> Json:
    """A remembered answer, with the digests of this release's artifacts in their places."""
    return _lacking(query, digests) if query.get("lacking") else query


def _lacking(query: Json, names: Any) -> Json:  # noqa: ANN401  digest to place, or place to digest
    return {**query, "lacking": [names[one] for one in query["lacking"]]} if query.get("lacking") else query


def _cells(seen: Hashable) -> int:
    """How many values what a query sees is made of; long words count for more."""
    if isinstance(seen, tuple | frozenset):
        return 1 + sum(map(_cells, seen))
    return 1 + len(seen) // 64 if isinstance(seen, str) else 1


def _plan(query: Query) -> _Plan:
    compared: dict[str, list[Compare]] = {}
    for condition in (query.population, query.where):
        for one in comparisons(condition) if condition is not None else ():
            compared.setdefault(one.path, []).append(one)
    return _Plan(
        kind=query.kind,
        columns=tuple(_column(query.kind, path, found) for path, found in compared.items()),
        clock=query.fresh.clock if query.fresh else "",
        seconds=int(query.fresh.max_age.total_seconds()) if query.fresh else 0,
        by_subject=query.per is Per.SUBJECT,
        sampled=query.sample.size is not None,
    )


def _read(plan: _Plan, rows: Sequence[Json], digests: Sequence[str], drawn: Sequence[int]) -> Hashable:
    """What the rows say of one query; `drawn` are the numbers of those in its sample."""
    columns, clock, seconds = plan.columns, plan.clock, plan.seconds
    read: list[Hashable] = []
    for row in rows:
        old: bool | None = False
        if clock:
            age = row["age"].get(clock)
            old = None if age is None else age > seconds
        seen: tuple[Hashable, ...] = (row["withheld"], old, *[column.of(row) for column in columns])
        if plan.by_subject:
            about = frozenset(row["subjects"])
            seen += (tuple([place for place, digest in enumerate(digests) if digest in about]),)
        read.append(seen)
    if plan.by_subject:
        read.append(len(digests))
    if plan.sampled:
        read.append(tuple(drawn))
    return tuple(read)


def _column(kind: str, path: str, compared: Sequence[Compare]) -> _Column:
    published = KINDS[kind].facts
    fact = published.get(path) or COMMON[path]
    return _Column(path, path in published, _classes(fact, compared))


def _classes(fact: FactType, compared: Sequence[Compare]) -> Classify:
    """Which values of a fact no comparison made with it can tell apart."""
    operators = {one.operator for one in compared if one.value is not None}
    written = {_plain(item) for one in compared for item in _items(one.value)}
    match fact:
        case FactType.NUMBER | FactType.DURATION if operators <= _ORDERED and _all_numbers(written):
            return _by_place_of_number(sorted(written))
        case FactType.TIME if operators <= _ORDERED:
            return _by_place(sorted(map(str, written)))
        case FactType.WORD if operators <= _EQUALITY:
            return _by_word(frozenset(written))
        case FactType.WORDS if operators <= _LISTED:
            return _by_words(frozenset(written))
        case _:
            return _itself


def _items(value: object) -> tuple[Any, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _plain(value: object) -> Any:  # noqa: ANN401  a literal, as the generated Rego has it
    return value.days * 86_400 + value.seconds if isinstance(value, timedelta) else value


def _all_numbers(written: Iterable[object]) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) and abs(one) <= _EXACT for one in written)


def _by_place_of_number(written: Sequence[float]) -> Classify:
    def classify(value: Any) -> Hashable:  # noqa: ANN401  a fact
        place = bisect_left(written, value)
        if type(value) is int and abs(value) <= _EXACT:
            # An exact number: either it is the one written there, or it lies before it.
            if place < len(written) and written[place] == value:
                return (place,)
            if all(type(one) is int for one in written[max(0, place - 1) : place + 1]):
                return place
        near = any(abs(value - one) <= _NEAR * max(1.0, abs(one)) for one in written[max(0, place - 1) : place + 1])
        return repr(value) if near or abs(value) > _EXACT else place

    return classify


def _by_place(written: Sequence[str]) -> Classify:
    def classify(value: Any) -> Hashable:  # noqa: ANN401  a fact
        place = bisect_left(written, value)
        return (place,) if place < len(written) and written[place] == value else place

    return classify


def _by_word(written: frozenset[str]) -> Classify:
    def classify(value: Any) -> Hashable:  # noqa: ANN401  a fact
        return value if value in written else _OTHER

    return classify


def _by_words(written: frozenset[str]) -> Classify:
    def classify(value: Any) -> Hashable:  # noqa: ANN401  a fact
        said = frozenset(value)
        return (said & written, bool(said - written))

    return classify


def _itself(value: Any) -> Hashable:  # noqa: ANN401  a fact
    return (type(value).__name__, tuple(value) if isinstance(value, list) else value)
