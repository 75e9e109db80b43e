"""Test selections: three methods in one kind, and refusals with their path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.test_selection import KIND, bayes_statement, graph_statement, hypergraph_statement
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import signed

REALS = st.floats(-1e30, 1e30)
IDS = st.text("abcdef/.:", min_size=1, max_size=6)
EDGE = {"id": "e1", "kind": "module", "nodes": ["file:a", "test:1"]}
BAYES = bayes_statement([1.0, 0.5], -2.0, {"a": [1.0, 2.0], "b": [0.0, 0.0], "c": [-1.0, 0.5]}, 0.1)
GRAPH = graph_statement(["x.py", "new.py"], {"t/a": ["x.py"], "t/b": ["y.py"]})
HYPERGRAPH = hypergraph_statement([EDGE], ["file:a"], 1)


def paths(fields: dict[str, Any], **claimed: Any) -> list[str]:  # noqa: ANN401  any JSON
    return [one.path for one in KIND.reperform(signed({**fields, **claimed})).differences]


@given(
    st.integers(0, 4).flatmap(
        lambda width: st.tuples(
            st.lists(REALS, min_size=width, max_size=width),
            st.dictionaries(IDS, st.lists(REALS, min_size=width, max_size=width), max_size=6),
        )
    ),
    REALS,
    st.floats(0, 1),
)
def test_what_risk_states_agrees(model: tuple[list[float], dict[str, list[float]]], bias: float, target: float) -> None:
    found = KIND.reperform(signed(bayes_statement(model[0], bias, model[1], target)))
    assert found.status is Status.AGREES
    assert 0 <= found.derived["residualRisk"] <= target * (1 + 1e-9)


@given(st.lists(IDS, max_size=5), st.dictionaries(IDS, st.lists(IDS, max_size=4), max_size=5))
def test_what_coverage_states_agrees(changed: list[str], coverage: dict[str, list[str]]) -> None:
    assert KIND.reperform(signed(graph_statement(changed, coverage))).status is Status.AGREES


@given(
    st.lists(st.lists(IDS.map("test:".__add__), max_size=4), max_size=5), st.lists(IDS, max_size=3), st.integers(0, 5)
)
def test_what_hops_state_agrees(edges: list[list[str]], changed: list[str], hops: int) -> None:
    named = [{"id": f"e{index}", "kind": "k", "nodes": nodes} for index, nodes in enumerate(edges)]
    assert KIND.reperform(signed(hypergraph_statement(named, changed, hops))).status is Status.AGREES


@pytest.mark.parametrize(
    ("fields", "claimed", "differing"),
    [
        (BAYES, {"selected": ["b"]}, ["selected"]),
        (BAYES, {"selected": ["a", "b", "c"]}, ["selected"]),
        (BAYES, {"residualRisk": 0.0}, ["residualRisk"]),
        (BAYES, {"targetRisk": 0.99}, ["residualRisk", "selected"]),
        (GRAPH, {"selected": []}, ["selected"]),
        (GRAPH, {"uncovered": []}, ["uncovered"]),
        (GRAPH, {"changed": ["y.py"]}, ["selected", "uncovered"]),
        (HYPERGRAPH, {"selected": []}, ["selected"]),
        (HYPERGRAPH, {"maxHops": 0}, ["selected"]),
    ],
)
def test_each_false_claim_shows(fields: dict[str, Any], claimed: dict[str, Any], differing: list[str]) -> None:
    assert paths(fields) == []
    assert paths(fields, **claimed) == differing


def test_the_order_of_what_is_selected_counts() -> None:
    assert BAYES["selected"] == ["a", "b"]
    assert paths(BAYES, selected=["b", "a"]) == ["selected"]


@pytest.mark.parametrize(
    ("fields", "changed", "path"),
    [
        (BAYES, {"weights": [1.0]}, "tests.0.features"),
        (BAYES, {"tests": [{"id": "a", "features": [1, 2]}, {"id": "b", "features": [1]}]}, "tests.1.features"),
        (BAYES, {"tests": [{"id": "a", "features": [1, 2]}] * 2}, "tests.1.id"),
        (BAYES, {"tests": [{"id": "a", "features": [1, float("nan")]}]}, "tests.0.features.1"),
        (BAYES, {"tests": [{"id": "a", "features": [1, "2"]}]}, "tests.0.features.1"),
        (BAYES, {"tests": [{"id": "", "features": [1, 2]}]}, "tests.0.id"),
        (BAYES, {"tests": [{"id": "a", "features": []}] * 10_001}, "tests"),
        (BAYES, {"weights": [1.0] * 65}, "weights"),
        (BAYES, {"bias": 1e308}, "bias"),
        (BAYES, {"bias": float("inf")}, "bias"),
        (BAYES, {"targetRisk": 1.5}, "targetRisk"),
        (BAYES, {"targetRisk": -0.1}, "targetRisk"),
        (BAYES, {"residualRisk": None}, "residualRisk"),
        (BAYES, {"method": "luck"}, "method"),
        (BAYES, {"method": ["bayes"]}, "method"),
        (BAYES, {"method": "graph"}, "changed"),
        (GRAPH, {"coverage": [{"test": "a", "files": "x.py"}]}, "coverage.0.files"),
        (GRAPH, {"changed": ["x.py", 3]}, "changed.1"),
        (HYPERGRAPH, {"maxHops": -1}, "maxHops"),
        (HYPERGRAPH, {"maxHops": 2**53}, "maxHops"),
        (HYPERGRAPH, {"maxHops": 1.5}, "maxHops"),
        (HYPERGRAPH, {"edges": [{**EDGE, "nodes": ["a"] * 10_001}]}, "edges.0.nodes"),
        (HYPERGRAPH, {"edges": [{"id": "e", "nodes": []}]}, "edges.0.kind"),
    ],
)
def test_inputs_out_of_domain_are_refused_with_their_path(
    fields: dict[str, Any], changed: dict[str, Any], path: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        KIND.reperform(signed({**fields, **changed}))
    assert refusal.value.fields["path"] == path


def test_facts_are_counts_and_risks_of_the_method() -> None:
    told = KIND.reperform(signed({**BAYES, "selected": []})).facts
    assert {name: told[name] for name in ("method", "tests", "selected", "target_risk", "disagreements")} == {
        "method": "bayes",
        "tests": 3,
        "selected": 2,
        "target_risk": 0.1,
        "disagreements": 1,
    }
    assert "uncovered" not in told
    covered = KIND.reperform(signed(GRAPH)).facts
    assert (covered["tests"], covered["selected"], covered["uncovered"]) == (2, 1, 1)
    assert "residual_risk" not in covered
    assert KIND.reperform(signed(HYPERGRAPH)).facts["tests"] == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (BAYES, "2 of 3 tests selected; one of the others fails with probability 0.06009, and at most 0.1 was asked"),
        (GRAPH, "1 of 2 tests selected for 2 changed files; 1 covered by none, new.py first"),
        (graph_statement(["x"], {"t": ["x"]}), "1 of 1 test selected for 1 changed file; none is left uncovered"),
        (HYPERGRAPH, "1 of 1 test selected: those within 1 hop of 1 changed node"),
    ],
)
def test_the_explanation_has_the_numbers(fields: dict[str, Any], sentence: str) -> None:
    assert KIND.reperform(signed(fields)).reason == sentence


def test_the_schema_is_one_of_the_three() -> None:
    schema = KIND.model.model_json_schema()
    assert [one["properties"]["method"]["const"] for one in schema["oneOf"]] == ["bayes", "graph", "hypergraph"]
    assert "targetRisk" in schema["oneOf"][0]["required"]
