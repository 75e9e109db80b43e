"""What the engine said once is said again only where it would say the same."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain import kinds, population, projection
from evidence_api.domain.assessment import assessment_input
from evidence_api.domain.control import Catalog, Combine, Control, Fresh, Per, Query, Sample
from evidence_api.domain.evidence import Fact
from evidence_api.domain.facts import Row
from evidence_api.domain.projection import EngineAnswers, Projection
from evidence_api.domain.where import Compare, Expression, write
from evidence_api.formats import catalog_rego
from tests.support import where as support
from tests.support.catalogs import AT, DIGESTS, RELEASE, decide, row, shipped_catalog


@pytest.fixture(autouse=True)
def _a_kind_of_every_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of the support module, known to input, compiler and projection for the time of a test."""
    table = {**kinds.KINDS, **support.KINDS}
    for module in (population, catalog_rego, projection):
        monkeypatch.setattr(module, "KINDS", table)


def query_of(where: Expression, **more: Any) -> Query:  # noqa: ANN401  fields of Query
    return Query("every_type", where, write(where), **more)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    fresh = st.builds(Fresh, st.sampled_from((timedelta(minutes=30), timedelta(days=30))), st.just("effective"))
    return query_of(
        draw(support.expressions()),
        at_least=draw(st.integers(1, 2)),
        per=draw(st.sampled_from(Per)),
        fresh=draw(st.none() | fresh),
        on_empty=draw(st.sampled_from(("missing", "not_applicable"))),
        population=draw(st.none() | support.expressions()),
        sample=draw(st.sampled_from((Sample(), Sample(1, "release")))),
    )


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    controls = tuple(
        Control(
            f"C-{number}",
            tuple(draw(st.lists(queries(), min_size=1, max_size=2))),
            combine=draw(st.sampled_from(Combine)),
            state=draw(st.sampled_from(("active", "active", "active", "draft"))),
        )
        for number in range(2)
    )
    return Catalog(f"sha256:{draw(st.uuids())}", controls, (), (), (), {})


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    near = st.sampled_from((2**53, 2**53 + 1, 2**53 + 2, 2.5000000000000004, 0.1 + 0.2, 10**12, -1.5))
    found = []
    for number in range(draw(st.integers(0, 3))):
        facts: dict[str, Fact] = draw(support.facts())
        if draw(st.booleans()):
            facts["count"] = draw(near)
        found.append(
            row(
                "every_type",
                facts,
                number=number,
                age=draw(st.sampled_from((None, timedelta(minutes=1), timedelta(hours=1), timedelta(days=31)))),
                subjects=tuple(draw(st.sets(st.sampled_from(DIGESTS)))),
                withheld=draw(st.integers(0, 9)) == 0,
                signer=draw(st.sampled_from(("key ci", ""))),
            )
        )
    return found


@settings(max_examples=40, deadline=None)
@given(catalogs(), st.lists(rows(), min_size=2, max_size=6))
def test_what_is_remembered_is_what_the_engine_says(catalog: Catalog, releases: list[list[Row]]) -> None:
    reads, answers = Projection(catalog), EngineAnswers()
    for number, listed in enumerate(releases):
        # Another release each time: its artifacts have other digests, and nothing of the last one may show.
        digests = tuple(f"sha256:{number:02x}{digest[9:]}" for digest in DIGESTS)
        release = replace(RELEASE, digests=digests, id=f"sha256:{number:064x}")
        moved = [
            replace(one, subjects=tuple(digests[DIGESTS.index(digest)] for digest in one.subjects)) for one in listed
        ]
        keys = reads.keys(assessment_input(catalog, release, moved, AT), [control.id for control in catalog.controls])
        said = decide(catalog, moved, release)
        for control, known in answers.known(keys, digests).items():
            assert known == said[control]
        answers.learn(keys, said, digests)
        assert answers.known(keys, digests) == said


@pytest.mark.parametrize("beside", [2**53 + 1, 3.0000000000000004, 1e300, 1.5])
def test_a_value_that_is_hard_to_place_is_told_apart_from_its_neighbours(beside: float) -> None:
    catalog = Catalog("sha256:n", (Control("C-0", (query_of(Compare("count", "<=", 3)),)),), (), (), (), {})
    reads = Projection(catalog)

    def key(value: float) -> object:
        return reads.keys(assessment_input(catalog, RELEASE, [row("every_type", {"count": value})], AT), ["C-0"])

    assert key(4) == key(5) == key(2**40)
    assert key(3) != key(4)
    assert key(3) != key(2)
    assert (key(beside) == key(2)) == (beside == 1.5)
    assert key(beside) != key(3)


def test_values_no_comparison_tells_apart_are_one() -> None:
    where = Compare("word", "in", ("a", "b"))
    catalog = Catalog("sha256:w", (Control("C-0", (query_of(where),)),), (), (), (), {})
    reads = Projection(catalog)

    def key(facts: dict[str, Fact], **more: Any) -> object:  # noqa: ANN401  fields of a row
        given_rows = [row("every_type", facts, **more)]
        return reads.keys(assessment_input(catalog, RELEASE, given_rows, AT), ["C-0"])["C-0"]

    assert key({"word": "x"}) == key({"word": "y", "count": 7}, number=9, signer="key other", age=timedelta(days=900))
    assert (
        len({key({"word": "a"}), key({"word": "b"}), key({"word": "x"}), key({}), key({"word": "a"}, withheld=True)})
        == 5
    )


def test_what_a_query_reads_is_all_that_a_query_says() -> None:
    """A new field of a query may change what the engine sees of a release: then it belongs into the projection."""
    shown = {"kind", "where", "population", "per", "fresh", "sample"}
    constant = {"source", "name", "at_least", "on_empty", "on_empty_reason", "population_source"}
    assert {field.name for field in fields(Query)} == shown | constant


def test_a_rule_of_the_operators_own_is_never_remembered() -> None:
    catalog = Catalog("sha256:p", (Control("C-0", (), policy="data.own.decision"),), (), (), (), {})
    keys = Projection(catalog).keys(assessment_input(catalog, RELEASE, [], AT), ["C-0"])
    assert keys == {}


def test_what_the_engine_could_not_decide_is_not_kept() -> None:
    catalog = Catalog("sha256:e", (Control("C-0", (query_of(Compare("count", "==", 1)),)),), (), (), (), {})
    keys = Projection(catalog).keys(assessment_input(catalog, RELEASE, [], AT), ["C-0"])
    answers = EngineAnswers()
    answers.learn(keys, {"C-0": {"outcome": "error", "code": "engine_timeout", "because": "slow"}}, DIGESTS)
    answers.learn(keys, {}, DIGESTS)
    assert answers.known(keys, DIGESTS) == {}


def test_it_is_bounded() -> None:
    catalog = Catalog("sha256:b", (Control("C-0", (query_of(Compare("count", "<=", 10**9)),)),), (), (), (), {})
    reads, answers = Projection(catalog), EngineAnswers(limit=3)
    for count in range(8):
        listed = [row("every_type", {"count": 0}, number=number) for number in range(count)]
        keys = reads.keys(assessment_input(catalog, RELEASE, listed, AT), ["C-0"])
        answers.learn(keys, decide(catalog, listed), DIGESTS)
        assert answers.known(keys, DIGESTS)
    assert len(answers._queries) <= 3


def test_the_shipped_catalog_has_a_projection_of_every_control() -> None:
    catalog = shipped_catalog()
    ids = [control.id for control in catalog.controls if not control.policy]
    keys = Projection(catalog).keys(assessment_input(catalog, RELEASE, [], AT), ids)
    answers, said = EngineAnswers(), decide(catalog, [])
    answers.learn(keys, said, DIGESTS)
    assert answers.known(keys, DIGESTS) == {one: said[one] for one in ids}
