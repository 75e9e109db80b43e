"""Placements: only healthy, near and allowed regions, the lowest score, a reason where there is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.placement import KIND, statement
from evidence_api.domain.decisions.reperforming import Given, Reperformance, RuleNeed, Status
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import signed

NEED = {"maxP95Ms": 250, "preferLowCarbon": False, "country": "DE"}


def region(name: str, cost: float, p95: float = 100, carbon: float = 0, *, healthy: bool = True) -> dict[str, Any]:
    return {"id": name, "p95Ms": p95, "carbon": carbon, "healthy": healthy, "costUSDPerK": cost}


REGIONS = [region("us-east", 0.3, 120, 4e5), region("eu-west", 0.42, 180, 9e4), region("ap-south", 0.1, healthy=False)]


def eu(_: str, name: str) -> bool:
    return name.startswith("eu-")


def everywhere(_: str, __: str) -> bool:
    return True


MADE = statement(REGIONS, NEED, eu)


def judged(fields: dict[str, Any], **allowed: bool) -> Reperformance:
    answers = {name.replace("_", "-"): answer for name, answer in allowed.items()}
    return KIND.reperform(signed(fields), Given(allowed=answers))


def test_the_lowest_score_of_those_allowed() -> None:
    assert (MADE["chosen"], MADE["score"]) == ("eu-west", pytest.approx(0.456))
    found = judged(MADE, us_east=False, eu_west=True)
    assert (found.status, found.facts["placed"], found.facts["chosen"]) == (Status.AGREES, True, "eu-west")
    among = "among 2 healthy regions within 250 ms"
    assert found.reason == f"eu-west has the lowest score, 0.456, of those that may hold DE data {among}"


def test_carbon_counts_when_it_is_asked() -> None:
    assert statement(REGIONS, NEED, everywhere)["chosen"] == "us-east"
    made = statement(REGIONS, {**NEED, "preferLowCarbon": True}, everywhere)
    assert (made["chosen"], made["score"]) == ("eu-west", pytest.approx(0.42 + 0.09 + 0.036))
    assert judged(made, us_east=True, eu_west=True).reason.endswith(", carbon counted")


def test_the_limit_itself_is_near_enough() -> None:
    assert statement([region("a", 1, 250)], NEED, everywhere)["chosen"] == "a"
    assert statement([region("a", 1, 250.001)], NEED, everywhere)["chosen"] is None


@pytest.mark.parametrize("costs", [(0.3, 0.3), (0.1 + 0.2, 0.3), (0.3, 0.1 + 0.2)])
def test_of_equals_the_one_listed_first(costs: tuple[float, float]) -> None:
    assert statement([region("b", costs[0]), region("a", costs[1])], NEED, everywhere)["chosen"] == "b"


def test_the_rule_is_asked_for_regions_that_would_do_and_no_others() -> None:
    read = KIND.read(signed({**MADE, "regions": [*REGIONS, region("far", 0.1, 999)]}))
    questions = {name: {"country": "DE", "region": name} for name in ("us-east", "eu-west")}
    assert KIND.need(read) == RuleNeed("residency", questions)
    assert KIND.deferred(read)


def test_without_the_rule_nothing_is_said() -> None:
    found = KIND.reperform(signed(MADE))
    assert found.status is Status.NOT_REPERFORMABLE
    assert found.facts.keys() == {"producer", "country", "regions", "reperformance"}


def test_no_answer_is_a_no() -> None:
    found = judged(MADE)
    assert [one.path for one in found.differences] == ["chosen", "score"]
    assert found.facts["placed"] is False
    assert not {"chosen", "score"} & found.facts.keys()


@pytest.mark.parametrize(
    ("regions", "need", "why"),
    [
        ([], NEED, "no region: none was offered"),
        ([region("a", 1, healthy=False)], NEED, "no region: none is healthy"),
        ([region("a", 1)], {**NEED, "maxP95Ms": 99.5}, "no region: none that is healthy is within 99.5 ms"),
        ([region("a", 1)], NEED, "no region: a may not hold DE data"),
        ([region("a", 1), region("b", 1)], NEED, "no region: a and b may not hold DE data"),
        ([region(name, 1) for name in "abc"], NEED, "no region: a, b, c may not hold DE data"),
        ([region(name, 1) for name in "abcde"], NEED, "no region: a, b, c, d, e may not hold DE data"),
        (
            [region(name, 1) for name in "abcdefg"],
            NEED,
            "no region: a, b, c, d, e and 2 more may not hold DE data",
        ),
    ],
)
def test_none_at_all_needs_a_reason(regions: list[dict[str, Any]], need: dict[str, Any], why: str) -> None:
    made = statement(regions, need, lambda _, __: False)
    assert (made["chosen"], made["score"], made["reason"]) == (None, None, why)
    assert judged(made).status is Status.AGREES
    for silent in ({**made, "reason": " "}, {**made, "reason": None}, {k: v for k, v in made.items() if k != "reason"}):
        (difference,) = judged(silent).differences
        assert (difference.path, difference.recomputed) == ("reason", why)
    assert judged({**made, "reason": "we wait for the new region"}).status is Status.AGREES


def test_a_region_that_is_ill_is_no_last_resort() -> None:
    claimed = {**statement([region("a", 1, healthy=False)], NEED, everywhere), "chosen": "a"}
    assert [one.path for one in judged(claimed, a=True).differences] == ["chosen"]


@pytest.mark.parametrize(
    ("claimed", "differing"),
    [
        ({"chosen": "ap-south"}, ["chosen"]),
        ({"chosen": None}, ["chosen"]),
        ({"score": 0.42}, ["score"]),
        ({"score": None}, ["score"]),
        ({"reason": None}, []),
    ],
)
def test_each_false_claim_shows(claimed: dict[str, Any], differing: list[str]) -> None:
    found = judged({**MADE, **claimed}, us_east=False, eu_west=True)
    assert [one.path for one in found.differences] == differing


REGION = st.tuples(st.floats(0, 10), st.floats(0, 500), st.floats(0, 1e6), st.booleans(), st.booleans())


@given(st.lists(REGION, max_size=6), st.booleans())
def test_what_is_stated_agrees(measured: list[tuple[float, float, float, bool, bool]], low_carbon: bool) -> None:  # noqa: FBT001  drawn
    regions = [
        region(f"r{index}", cost, p95, carbon, healthy=healthy)
        for index, (cost, p95, carbon, healthy, _) in enumerate(measured)
    ]
    answers = {f"r{index}": one[4] for index, one in enumerate(measured)}
    made = statement(regions, {**NEED, "preferLowCarbon": low_carbon}, lambda _, name: answers[name])
    assert KIND.reperform(signed(made), Given(allowed=answers)).status is Status.AGREES
    scores = {
        f"r{index}": cost + (carbon * 1e-6 if low_carbon else 0) + p95 / 5000
        for index, (cost, p95, carbon, healthy, allowed) in enumerate(measured)
        if healthy and allowed and p95 <= 250
    }
    assert made["score"] == pytest.approx(min(scores.values()), abs=1e-9) if scores else made["score"] is None


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"regions": [region("a", 1), region("a", 2)]}, "regions.1.id"),
        ({"regions": [region("a", -1)]}, "regions.0.costUSDPerK"),
        ({"regions": [region("a", 1, float("nan"))]}, "regions.0.p95Ms"),
        ({"regions": [region("a", 1, 1, 1e308)]}, "regions.0.carbon"),
        ({"regions": [{**region("a", 1), "healthy": "yes"}]}, "regions.0.healthy"),
        ({"regions": [region("a", 1)] * 1001}, "regions"),
        ({"need": {**NEED, "maxP95Ms": float("inf")}}, "need.maxP95Ms"),
        ({"need": {**NEED, "country": ""}}, "need.country"),
        ({"need": {"maxP95Ms": 1, "country": "DE"}}, "need.preferLowCarbon"),
    ],
)
def test_inputs_out_of_domain_are_refused_with_their_path(changed: dict[str, Any], path: str) -> None:
    given = {"regions": REGIONS, "need": NEED, **changed}
    for refuse in (lambda: statement(given["regions"], given["need"], eu), lambda: judged({**MADE, **changed})):
        with pytest.raises(Malformed) as refusal:
            refuse()
        assert refusal.value.fields["path"] == path
