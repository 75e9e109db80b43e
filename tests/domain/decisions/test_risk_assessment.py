"""Risk assessments: the linear model by hand, its drivers in order, and refusals with their path."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.risk_assessment import KIND, drivers, statement
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import signed

MADE = statement(list("abcdef"), [1, 1, 1, 1, 1, 1], [0.5, -3, 0.25, 2, 0.125, -1], -0.5)
REALS = st.floats(-1e30, 1e30)


def paths(**claimed: Any) -> list[str]:  # noqa: ANN401  any JSON
    return [one.path for one in KIND.reperform(signed({**MADE, **claimed})).differences]


def test_by_hand() -> None:
    assert MADE["score"] == -1.625
    assert MADE["probability"] == pytest.approx(1 / (1 + math.exp(1.625)))
    assert [(one["name"], one["contribution"]) for one in MADE["drivers"]] == [
        ("b", -3),
        ("d", 2),
        ("f", -1),
        ("a", 0.5),
        ("c", 0.25),
    ]


def test_of_equal_drivers_the_one_listed_first_whatever_its_sign() -> None:
    assert [name for name, _ in drivers("zyxwvut", [1, -1, 1, -1, 1, -1, 2], [1.0] * 7)] == list("tzyxw")


@given(st.lists(st.tuples(REALS, REALS), max_size=64), REALS)
def test_what_is_stated_agrees(pairs: list[tuple[float, float]], bias: float) -> None:
    names = [f"f{index}" for index in range(len(pairs))]
    made = statement(names, [w for w, _ in pairs], [x for _, x in pairs], bias)
    found = KIND.reperform(signed(made))
    assert found.status is Status.AGREES
    assert 0 <= found.derived["probability"] <= 1
    sizes = [abs(one["contribution"]) for one in made["drivers"]]
    assert sizes == sorted((abs(w * x) for w, x in pairs), reverse=True)[:5]


def test_a_model_of_its_bias_alone() -> None:
    found = KIND.reperform(signed(statement([], [], [], 0.0)))
    assert (found.status, found.facts["probability"], "driver" in found.facts) == (Status.AGREES, 0.5, False)
    assert found.reason == "risk 0.500 (score 0), by the bias alone"


def test_features_of_one_name_are_two_features() -> None:
    made = statement(["lines", "lines"], [2.0, 1.0], [1.0, 1.0], 0.0)
    result = KIND.reperform(signed(made))
    assert (result.status, result.facts["drivers"]) == (Status.AGREES, ("lines", "lines"))


def test_each_false_claim_shows() -> None:
    true = MADE["drivers"]
    assert paths() == []
    assert paths(score=-1.0) == ["score"]
    assert paths(probability=0.5) == ["probability"]
    assert paths(drivers=[{"name": "b", "contribution": 3}, *true[1:]]) == ["drivers.0.contribution"]
    assert paths(drivers=[true[1], true[0], *true[2:]]) == [
        "drivers.0.contribution",
        "drivers.0.name",
        "drivers.1.contribution",
        "drivers.1.name",
    ]
    assert paths(drivers=true[:4]) == ["drivers.4"]
    assert paths(drivers=[*true, {"name": "e", "contribution": 0.125}]) == ["drivers.5"]
    assert paths(drivers=[]) == ["drivers"]
    assert paths(bias=0.5) == ["probability", "score"]


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"weights": [1.0] * 5}, "weights"),
        ({"x": [1.0] * 7}, "x"),
        ({"names": list("abcde")}, "weights"),
        ({"x": [1, 1, 1, 1, 1, float("nan")]}, "x.5"),
        ({"weights": [1, 1, 1, 1e308, 1, 1]}, "weights.3"),
        ({"bias": float("-inf")}, "bias"),
        ({"bias": True}, "bias"),
        ({"weights": [1.0] * 65}, "weights"),
        ({"drivers": [{"name": "a"}]}, "drivers.0.contribution"),
        ({"probability": float("nan")}, "probability"),
    ],
)
def test_inputs_out_of_domain_are_refused_with_their_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refusal:
        paths(**changed)
    assert refusal.value.fields["path"] == path


def test_facts_are_recomputed_and_explained() -> None:
    found = KIND.reperform(signed({**MADE, "probability": 0.99}))
    assert (found.facts["driver"], found.facts["score"]) == ("b", -1.625)
    assert found.facts["drivers"] == ("b", "d", "f", "a", "c")
    assert found.facts["probability"] == pytest.approx(0.1645, abs=1e-4)
    assert found.reason.endswith("risk 0.165 (score -1.625), driven by b -3, d +2, f -1, a +0.5, c +0.25")
