"""Plan selections: the Pareto front against an exhaustive search, pruning, scaling, ties, and refusals."""

import time
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.plan_selection import KIND, Goals, pareto_front, statement, utilities
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import signed

SMALL = st.integers(-2, 2).map(float)
GOALS = st.tuples(SMALL, SMALL, SMALL)
WEIGHTS = {"okr": 0.5, "savings": 0.3, "carbon": 0.2}
OK = {"rule": "residency", "ok": True, "reason": "EU data stays in eu-west"}
FAILED = {**OK, "ok": False}


def plan(name: str, goals: Goals, *constraints: dict[str, Any]) -> dict[str, Any]:
    gain, cost, carbon = goals
    return {"id": name, "okrGain": gain, "costUSD": cost, "carbonReduction": carbon, "constraints": list(constraints)}


TWO = statement([plan("a", (1.0, 10.0, 1.0), OK), plan("b", (2.0, 9.0, 2.0), OK, FAILED)], WEIGHTS)


def beats(one: Goals, other: Goals) -> bool:
    as_good = one[0] >= other[0] and one[1] <= other[1] and one[2] >= other[2]
    return as_good and one != other


@given(st.lists(GOALS, max_size=12))
def test_the_front_is_what_none_beats(goals: list[Goals]) -> None:
    assert pareto_front(goals) == [
        index for index, one in enumerate(goals) if not any(beats(other, one) for other in goals)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_the_front_of_crowded_plans_is_what_none_beats(seed: int) -> None:
    random = Random(seed)  # noqa: S311  a fixed sample
    goals = [(random.randrange(9) * 1.0, random.randrange(9) * 1.0, random.randrange(9) * 1.0) for _ in range(30)]
    assert pareto_front(goals) == [
        index for index, one in enumerate(goals) if not any(beats(other, one) for other in goals)
    ]


def test_the_front_of_ten_thousand_plans_is_found_in_a_moment() -> None:
    random = Random(5)  # noqa: S311  a fixed sample
    pairs = [(random.random(), random.random()) for _ in range(10_000)]
    bowl = [(gain, gain**2 + carbon**2, carbon) for gain, carbon in pairs]  # more of either always costs more
    started = time.process_time()
    assert len(pareto_front(bowl)) == 10_000
    assert time.process_time() - started < 1


def test_equals_are_both_on_the_front_and_the_first_is_chosen() -> None:
    twice = [plan(name, (1.0, 10.0, 1.0)) for name in ("b", "a")]
    made = statement(twice, WEIGHTS)
    assert (made["frontier"], made["chosen"], made["utility"]) == (["b", "a"], "b", 1.0)


def test_a_beaten_duplicate_is_beaten_both_times() -> None:
    made = statement(
        [plan("x", (0.0, 5.0, 1.0)), plan("y", (0.0, 5.0, 1.0)), plan("z", (0.0, 4.0, 1.0))],
        WEIGHTS,
    )
    assert (made["frontier"], made["pruned"]) == (["z"], [])


def test_goals_are_scaled_over_the_front_with_less_cost_better() -> None:
    front = [(4.0, 100.0, 7.0), (0.0, 0.0, 7.0), (1.0, 50.0, 7.0)]
    assert utilities(front, (0.5, 0.25, 0.125)) == [0.625, 0.375, 0.375]


def test_a_tie_but_for_rounding_goes_to_the_one_listed_first() -> None:
    tied = [plan("first", (1.0, 3.0, 0.0)), plan("second", (0.0, 0.0, 1.0))]
    made = statement(tied, {"okr": 0.3, "savings": 0.1, "carbon": 0.2})
    assert (made["chosen"], made["utility"]) == ("first", pytest.approx(0.3))


def test_no_plan_left_means_none_chosen_and_no_utility() -> None:
    made = statement([plan("a", (1.0, 1.0, 1.0), OK, FAILED), plan("b", (9.0, 0.0, 9.0), FAILED)], WEIGHTS)
    assert (made["pruned"], made["frontier"], made["chosen"], made["utility"]) == (["a", "b"], [], None, None)
    found = KIND.reperform(signed(made))
    assert (found.status, "chosen" in found.facts, found.facts["pruned"]) == (Status.AGREES, False, ("a", "b"))
    assert found.reason.startswith("no plan is left; pruned: a (residency: EU data stays in eu-west), b (")


def test_no_plans_at_all_are_the_same() -> None:
    made = statement([], WEIGHTS)
    assert (made["chosen"], made["utility"], made["frontier"], made["pruned"]) == (None, None, [], [])
    assert KIND.reperform(signed(made)).reason == "no plan is left; none was pruned"


@given(st.lists(st.tuples(GOALS, st.booleans()), max_size=8), SMALL, SMALL, SMALL)
def test_what_is_stated_agrees(plans: list[tuple[Goals, bool]], okr: float, savings: float, carbon: float) -> None:
    listed = [plan(f"p{index}", goals, OK if ok else FAILED) for index, (goals, ok) in enumerate(plans)]
    made = statement(listed, {"okr": okr, "savings": savings, "carbon": carbon})
    assert KIND.reperform(signed(made)).status is Status.AGREES


@pytest.mark.parametrize(
    ("claimed", "differing"),
    [
        ({"pruned": []}, ["pruned"]),
        ({"frontier": ["a", "b"]}, ["frontier"]),
        ({"utility": 0.5}, ["utility"]),
        ({"utility": None}, ["utility"]),
        ({"chosen": "b"}, ["chosen"]),
        ({"chosen": None}, ["chosen"]),
        ({"weights": {"okr": 1, "savings": 1, "carbon": 0}}, ["utility"]),
    ],
)
def test_each_false_claim_shows(claimed: dict[str, Any], differing: list[str]) -> None:
    assert [one.path for one in KIND.reperform(signed({**TWO, **claimed})).differences] == differing


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_constraint_that_fails_without_saying_why_is_a_difference(reason: str | None) -> None:
    broken = plan("b", (2.0, 9.0, 2.0), OK, {**FAILED, "reason": reason})
    found = KIND.reperform(signed({**TWO, "plans": [TWO["plans"][0], broken]}))
    difference = found.differences[0]
    assert (len(found.differences), difference.path) == (1, "plans.1.constraints.1.reason")
    assert (difference.claimed, difference.recomputed) == (reason, "why the plan breaks residency")


def test_many_pruned_plans_are_counted_and_three_are_named() -> None:
    pruned = [plan(f"p{index}", (1.0, 1.0, 1.0), FAILED) for index in range(5)]
    named = "p2 (residency: EU data stays in eu-west)"
    assert KIND.reperform(signed(statement(pruned, WEIGHTS))).reason.endswith(f"{named} and 2 more")
    assert KIND.reperform(signed(statement(pruned[:3], WEIGHTS))).reason.endswith(named)


@pytest.mark.parametrize(
    ("plans", "path"),
    [
        ([plan("a", (1.0, 1.0, 1.0))] * 2, "plans.1.id"),
        ([plan("a", (float("nan"), 1.0, 1.0))], "plans.0.okrGain"),
        ([plan("a", (1.0, 1e308, 1.0))], "plans.0.costUSD"),
        ([plan("a", (1.0, 1.0, float("-inf")))], "plans.0.carbonReduction"),
        ([plan("a", (1.0, 1.0, 1.0), {"rule": "r", "ok": 1})], "plans.0.constraints.0.ok"),
        ([{"id": "a"}], "plans.0.okrGain"),
        ([plan("a", (1.0, 1.0, 1.0))] * 10_001, "plans"),
    ],
)
def test_inputs_out_of_domain_are_refused_with_their_path(plans: list[dict[str, Any]], path: str) -> None:
    for refuse in (lambda: statement(plans, WEIGHTS), lambda: KIND.reperform(signed({**TWO, "plans": plans}))):
        with pytest.raises(Malformed) as refusal:
            refuse()
        assert refusal.value.fields["path"] == path


def test_facts_are_recomputed() -> None:
    told = KIND.reperform(signed({**TWO, "chosen": "b", "pruned": []})).facts
    assert (told["chosen"], told["utility"], told["plans"], told["frontier"]) == ("a", 1.0, 2, ("a",))
    assert (told["pruned"], told["differing"]) == (("b",), ("chosen", "pruned"))
