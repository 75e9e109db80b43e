"""Random catalogs over random rows: the compiled Rego and the reference evaluators give the same answers.

A catalog holds many controls, so that one question to the engine tries many cases.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from evidence_api.domain import kinds, population
from evidence_api.domain.control import Catalog, Combine, Control, Fresh, Per, Query, Sample
from evidence_api.domain.facts import Row
from evidence_api.domain.where import Expression, write
from evidence_api.formats import catalog_rego
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.where import parse_where
from evidence_api.formats.where_format import format_where
from tests.support import opa
from tests.support import where as support
from tests.support.catalogs import AT, DIGESTS, RELEASE, decide, row
from tests.support.counting import control_outcome, facts_of, query_outcome

_NUMBERS = count()  # catalogs are kept by digest
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _kinds_of_every_type(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {**kinds.KINDS, **support.KINDS}
    monkeypatch.setattr(population, "KINDS", table)
    monkeypatch.setattr(catalog_rego, "KINDS", table)


def read(tree: Expression, kind: str) -> Expression:
    """The condition as a catalog has it: written, formatted, and parsed again."""
    return parse_where(format_where(write(tree)), kind, file="f", line=1, column=1, kinds=support.KINDS)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """A query with any of the keys it may have."""
    kind = draw(st.sampled_from(sorted(support.KINDS)))
    tree = read(draw(support.expressions(common=True)), kind)
    query = Query(kind, tree, write(tree), per=draw(st.sampled_from(Per)), at_least=draw(st.sampled_from((1, 1, 2, 3))))
    if draw(st.booleans()):
        clock = draw(st.sampled_from(("effective", "collected", "received")))
        query = replace(query, fresh=Fresh(draw(st.sampled_from((DAY, 30 * DAY))), clock))
    if draw(st.integers(0, 3)) == 0:
        query = replace(query, on_empty="not_applicable", on_empty_reason="none is needed")
    match draw(st.integers(0, 3)):
        case 0:
            size, seed = draw(st.integers(1, 5)), draw(st.sampled_from(("release", "other")))
            query = replace(query, sample=Sample(size, seed))
        case 1:
            about = read(draw(support.expressions()), kind)
            query = replace(query, population=about, population_source=write(about))
    return query


def moments(draw: st.DrawFn) -> datetime | None:
    """A moment of a row: not said, of today, on the very edge of an age, old, or ahead of us."""
    ages = (0 * DAY, DAY, DAY + timedelta(microseconds=1), 30 * DAY, 31 * DAY, timedelta(minutes=-5), -DAY)
    age = draw(st.sampled_from((None, *ages)))
    return None if age is None else AT - age


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Rows of the two kinds, some unverified, now and then one withheld."""
    found: list[Row] = []
    for number in range(draw(st.integers(0, 7))):
        verified = draw(st.integers(0, 5)) > 0
        found.append(
            row(
                draw(st.sampled_from(sorted(support.KINDS))),
                draw(support.facts()),
                number=number,
                verified=verified,
                withheld=draw(st.integers(0, 40)) == 0,
                signer=draw(st.sampled_from((*support.SIGNERS, ""))),
                subjects=draw(st.sampled_from((DIGESTS, DIGESTS[:1], DIGESTS[1:], ()))),
                effective=moments(draw),
                collected=moments(draw),
                received=moments(draw) or AT,
            )
        )
    return found


def catalog_from(made: list[Control]) -> Catalog:
    return Catalog(f"sha256:random-{next(_NUMBERS)}", tuple(made), (), (), (), {})


@st.composite
def controls(draw: st.DrawFn) -> list[Control]:
    """A dozen controls of one to three queries each."""
    states = st.sampled_from(("active", "active", "active", "deprecated", "draft", "retired"))
    return [
        Control(
            f"C-{number}",
            tuple(draw(st.lists(queries(), min_size=1, max_size=3))),
            combine=draw(st.sampled_from(Combine)),
            state=draw(states),
        )
        for number in range(12)
    ]


@settings(max_examples=25, deadline=None)
@given(controls(), rows(), st.sampled_from((DIGESTS, DIGESTS[:1], ())))
def test_outcomes_are_those_of_the_reference(
    made: list[Control], given_rows: list[Row], digests: tuple[str, ...]
) -> None:
    release = replace(RELEASE, digests=digests)
    answer = decide(catalog_from(made), given_rows, release)
    for control in made:
        told = answer[control.id]
        assert told["outcome"] == control_outcome(control, given_rows, release, AT), control
        for query, found in zip(control.queries, told["queries"], strict=False):
            assert found["outcome"] == query_outcome(query, given_rows, release, AT), query


@settings(max_examples=40, deadline=None)
@given(st.lists(support.expressions(common=True), min_size=24, max_size=24), rows())
def test_rows_are_classified_as_the_reference_does(trees: list[Expression], given_rows: list[Row]) -> None:
    kind = support.EVERY_TYPE.name
    asked = [Query(kind, read(tree, kind), write(tree)) for tree in trees]
    made = [Control(f"C-{number}", (query,)) for number, query in enumerate(asked)]
    answer = decide(catalog_from(made), given_rows)
    counted = [one for one in given_rows if one.kind == kind and one.verified]
    truth: Callable[[Expression, Row], bool | None] = _truth
    for control, tree in zip(made, trees, strict=True):
        found = answer[control.id]["queries"][0]["rows"]
        expected = list(map(partial(truth, tree), counted))
        for name, value in (("matched", True), ("failed", False), ("unknown", None)):
            assert found[name] == [at for at, one in enumerate(expected) if one is value], (name, write(tree))


@opa.needs_opa
@settings(max_examples=12, deadline=None, phases=(Phase.generate,))
@given(controls(), rows())
def test_the_reference_engine_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, made: list[Control], given_rows: list[Row]
) -> None:
    catalog, folder = catalog_from(made), tmp_path_factory.mktemp("opa")
    modules = {"catalog.rego": compile_catalog(catalog)}
    asked = orjson.dumps(population.assessment_input(catalog, RELEASE, given_rows, AT))
    found = opa.evaluated(folder, modules, "data.evidence.catalog.verdicts", asked)
    assert found == decide(catalog, given_rows)


def _truth(tree: Expression, one: Row) -> bool | None:
    """Of a withheld row only that it was verified is still known."""
    return support.reference(tree, {"verified": True} if one.withheld else facts_of(one))
