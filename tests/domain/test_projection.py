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
from tests.support.catalogs import AT, DIGESTS, RELEASE, decide, evidence_id, row, shipped_catalog


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
        draw(st.one_of(support.comparisons(), support.comparisons(), support.expressions())),
        at_least=draw(st.integers(1, 2)),
        per=draw(st.sampled_from(Per)),
        fresh=draw(st.none() | fresh),
        on_empty=draw(st.sampled_from(("missing", "not_applicable"))),
        population=draw(st.one_of(st.none(), st.none(), support.comparisons(), support.expressions())),
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


_AGES = (None, timedelta(minutes=1), timedelta(hours=1), timedelta(days=31))
_EDGES = (2**53, 2**53 + 1, 2**53 + 2, 2.5000000000000004, 0.30000000000000004, 10**12, -1.5, 0, 1, 2.5)


@st.composite
def rows(draw: st.DrawFn, number: int = 0) -> Row:
    return row(
        "every_type",
        draw(support.facts()),
        number=number,
        age=draw(st.sampled_from(_AGES)),
        subjects=tuple(sorted(draw(st.sets(st.sampled_from(DIGESTS))))),
        withheld=draw(st.integers(0, 9)) == 0,
        signer=draw(st.sampled_from(("key ci", ""))),
    )


@st.composite
def changed(draw: st.DrawFn, listed: list[Row]) -> list[Row]:
    """The same rows but for one thing of one of them: what tells the two apart must be seen, whatever it is."""
    place = draw(st.integers(0, len(listed) - 1))
    one, other = listed[place], draw(rows(place))
    path = draw(st.sampled_from(sorted(support.EVERY_TYPE.facts)))
    facts = {name: value for name, value in one.facts.items() if name != path}
    facts |= {path: other.facts[path]} if path in other.facts else {}
    edit: dict[str, Any] = draw(
        st.sampled_from(
            (
                {"facts": facts},
                {"facts": facts},
                {"facts": facts | {"count": draw(st.sampled_from(_EDGES))}},
                {"withheld": not one.withheld},
                {"effective": other.effective},
                {"subjects": other.subjects},
                {"evidence": other.evidence if other.evidence != one.evidence else (evidence_id(90 + place),)},
            )
        )
    )
    return [replace(one, **edit) if at == place else kept for at, kept in enumerate(listed)]


@st.composite
def neighbours(draw: st.DrawFn) -> list[list[Row]]:
    """Rows of releases of which each differs from another in little."""
    found = [[draw(rows(number)) for number in range(draw(st.integers(1, 3)))]]
    for _ in range(draw(st.integers(3, 8))):
        found.append(draw(changed(draw(st.sampled_from(found)))))
    return found


@settings(max_examples=60, deadline=None)
@given(catalogs(), neighbours(), st.integers(1, 2))
def test_what_is_remembered_is_what_the_engine_says(catalog: Catalog, releases: list[list[Row]], named_of: int) -> None:
    reads, answers = Projection(catalog), EngineAnswers()
    for number, listed in enumerate(releases):
        # Another release each time: its artifacts have other digests, and nothing of the last one may show.
        digests = tuple(f"sha256:{number:02x}{digest[9:]}" for digest in DIGESTS)
        moved = [replace(one, subjects=tuple(digests[DIGESTS.index(one)] for one in one.subjects)) for one in listed]
        named = digests[: named_of if number % 2 else 2]
        release = replace(RELEASE, digests=named, id=f"sha256:{number:064x}")
        keys = reads.keys(assessment_input(catalog, release, moved, AT), [control.id for control in catalog.controls])
        said = decide(catalog, moved, release)
        for control, known in answers.known(keys, named).items():
            assert known == said[control]
        answers.learn(keys, said, named)
        assert answers.known(keys, named) == said


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


_VALUES: dict[str, tuple[Fact, ...]] = {
    "flag": (True, False),
    "count": (*_EDGES, *support.NUMBERS, 1 + 1e-12, 2**40 - 1),
    "word": (*support.WORDS, "never written"),
    "closed": ("yes", "no", "perhaps"),
    "time": ("2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z", "2025-01-01T00:00:00Z"),
    "lasted": (0, 1, 2, 300, 299.5, 2_592_000, 2_592_001),
    "names": ((), ("pass",), ("pass", "other"), ("pass", "fail"), ("fail", "pass", "fail"), ("other",)),
}
_WRITTEN: dict[str, tuple[Any, ...]] = {
    "flag": (True, False),
    "count": support.NUMBERS,
    "word": ("pass", "fail", ""),
    "closed": ("yes",),
    "time": support.TIMES,
    "lasted": support.DURATIONS,
    "names": (("pass",), ("pass", "fail")),
}


def _comparisons(path: str) -> list[Compare]:
    ordered = ("<", "<=", ">", ">=") if path in {"count", "time", "lasted"} else ()
    found = [Compare(path, sign, value) for sign in ("==", "!=", *ordered) for value in _WRITTEN[path]]
    if path == "names":
        found += [Compare(path, "in", value) for value in _WRITTEN[path]]
        return found + [Compare(path, "contains", word) for word in ("pass", "fail")]
    return [*found, Compare(path, "in", _WRITTEN[path][:2])]


@pytest.mark.parametrize("path", sorted(_VALUES))
def test_no_comparison_tells_two_values_of_a_class_apart(path: str) -> None:
    """Every comparison with every value, as the engine answers it, against what the projection takes for alike."""
    compared = _comparisons(path)
    controls = tuple(Control(f"C-{number}", (query_of(one),)) for number, one in enumerate(compared))
    catalog = Catalog(f"sha256:{path}", controls, (), (), (), {})
    listed = [row("every_type", {path: value}, number=number) for number, value in enumerate(_VALUES[path])]
    said, reads = decide(catalog, listed), Projection(catalog)
    keys = [reads.keys(assessment_input(catalog, RELEASE, [one], AT), [c.id for c in controls]) for one in listed]
    for control, compare in zip(controls, compared, strict=True):
        truths: dict[object, set[str]] = {}
        for number in range(len(listed)):
            told = said[control.id]["queries"][0]["rows"]
            truth = next(name for name in ("matched", "failed", "unknown") if number in told[name])
            truths.setdefault(keys[number][control.id], set()).add(truth)
        assert max(map(len, truths.values())) == 1, (write(compare), truths)


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


def test_what_many_rows_say_counts_for_as_much_as_it_takes_up() -> None:
    catalog = Catalog("sha256:b", (Control("C-0", (query_of(Compare("count", "<=", 10**9)),)),), (), (), (), {})
    reads, answers = Projection(catalog), EngineAnswers(limit=100)
    for count in range(150, 170):
        listed = [row("every_type", {"count": 0}, number=number) for number in range(count)]
        keys = reads.keys(assessment_input(catalog, RELEASE, listed, AT), ["C-0"])
        answers.learn(keys, decide(catalog, listed), DIGESTS)
        assert answers.known(keys, DIGESTS)
    assert len(answers._queries) <= 4
