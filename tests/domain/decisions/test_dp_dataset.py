from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions import dp_dataset
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import example, reperformed

EPSILONS = st.decimals("0.000000000000000001", "999999999999999999", places=18).map(lambda one: f"{one:f}")


@given(st.lists(st.tuples(st.just("m"), EPSILONS), max_size=8), EPSILONS)
def test_our_own_statements_agree(mechanisms: list[tuple[str, str]], limit: str) -> None:
    made = dp_dataset.statement(mechanisms, limit)
    if Decimal(made["epsilonTotal"]) < 10**18:
        assert reperformed("dp-dataset", made).status == "AGREES"


@pytest.mark.parametrize(
    ("epsilons", "limit", "total", "within"),
    [
        ([], "0", "0", True),
        (["0", "0.000"], "0", "0.000", True),
        (["0.5", "0.5"], "1", "1.0", True),
        (["0.1"] * 10, "1", "1.0", True),
        (["0.1", "0.2"], "0.3", "0.3", True),
        (["1", "0.000000000000000001"], "1", "1.000000000000000001", False),
    ],
)
def test_by_hand(epsilons: list[str], limit: str, total: str, within: bool) -> None:  # noqa: FBT001  a case
    made = dp_dataset.statement([("m", epsilon) for epsilon in epsilons], limit)
    assert (made["epsilonTotal"], made["withinLimit"]) == (total, within)
    assert reperformed("dp-dataset", made).status == "AGREES"


def test_the_sum_of_the_largest_is_exact() -> None:
    largest = "999999999999999999.999999999999999999"
    assert dp_dataset.epsilon_total([largest] * 10_000) == Decimal("9999999999999999999999.999999999999990000")


@pytest.mark.parametrize("written", ["1", "1.0", "1.000"])
def test_a_total_is_compared_as_a_number(written: str) -> None:
    made = dp_dataset.statement([("a", "0.5"), ("b", "0.5")], "1.5")
    assert reperformed("dp-dataset", {**made, "epsilonTotal": written}).status == "AGREES"


def test_the_least_difference_is_one() -> None:
    made = dp_dataset.statement([("a", "0.5"), ("b", "0.5")], "1.5")
    result = reperformed("dp-dataset", {**made, "epsilonTotal": "1.000000000000000001"})
    assert [(one.path, one.recomputed) for one in result.differences] == [("epsilonTotal", Decimal(1))]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"mechanisms": [{"name": "m", "epsilon": "-1"}]}, "mechanisms.0.epsilon"),
        ({"mechanisms": [{"name": "m", "epsilon": "NaN"}]}, "mechanisms.0.epsilon"),
        ({"mechanisms": [{"name": "m", "epsilon": "1e3"}]}, "mechanisms.0.epsilon"),
        ({"mechanisms": [{"name": "m", "epsilon": 0.5}]}, "mechanisms.0.epsilon"),
        ({"mechanisms": [{"epsilon": "1"}]}, "mechanisms.0.name"),
        ({"mechanisms": [{"name": "m", "epsilon": "1"}] * 10_001}, "mechanisms"),
        ({"limit": "-1"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"episodes": -1}, "episodes"),
        ({"piiFindings": 0.5}, "piiFindings"),
        ({"epsilonTotal": "Infinity"}, "epsilonTotal"),
        ({"withinLimit": "true"}, "withinLimit"),
    ],
)
def test_what_is_out_of_domain(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        reperformed("dp-dataset", {**example("dp-dataset"), **change})
    assert refused.value.fields["path"] == path


def test_what_a_control_may_ask_and_what_is_told() -> None:
    made = dp_dataset.statement([("a", "0.5"), ("b", "1.1")], "1.5", episodes=100, pii_findings=2)
    result = reperformed("dp-dataset", made)
    asked = {name: fact for name, fact in result.facts.items() if name in dp_dataset.KIND.facts}
    assert asked == {
        "mechanisms": 2,
        "epsilon_total": 1.6,
        "limit": 1.5,
        "within_limit": False,
        "episodes": 100,
        "pii_findings": 2,
    }
    assert result.reason == "epsilon 1.6 is spent by 2 mechanisms, over the limit of 1.5"
