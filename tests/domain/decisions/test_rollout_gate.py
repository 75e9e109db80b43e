"""Rollout gates: both designs, shadow metrics at their limits, what follows, and refusals with their path."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.rollout_gate import KIND, RolloutGate, action_of, statement
from evidence_api.domain.decisions.sequential import Msprt, Tally, Verdict, Wald
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
WALD = Wald(p0=0.99, p1=0.995, alpha=0.05, beta=0.1)
MSPRT = Msprt(tau2=1e-4, alpha=0.05)
TALLIES = st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1)).map(lambda two: Tally(min(two), max(two)))
PROBABILITIES = st.floats(min_value=1e-9, max_value=1 - 1e-9)


def metric(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"metric": "p95_ms", "canary": 210, "control": 200, "maxDelta": 20, "better": "lower", **changed}


def predicate(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    made = statement(WALD, Tally(3000, 3005), Tally(99, 100), [metric()], stage=0.1, rollout="checkout")
    return {**SAID, **made, **changed}


def mixture(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {**SAID, **statement(MSPRT, Tally(9900, 10_000), Tally(9700, 10_000)), **changed}


def design(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    plain = {"type": "wald", "p0": 0.99, "p1": 0.995, "alpha": 0.05, "beta": 0.1, **changed}
    return {name: value for name, value in plain.items() if value != "absent"}


def breaches(*shadow: dict[str, Any]) -> list[str]:
    listed: list[str] = statement(WALD, Tally(), Tally(), shadow)["breached"]
    return listed


@given(PROBABILITIES, PROBABILITIES, st.floats(1e-9, 0.5), st.floats(1e-9, 0.49), TALLIES)
def test_what_a_wald_design_states_agrees(a: float, b: float, alpha: float, beta: float, canary: Tally) -> None:
    low, high = sorted((a, b))
    test = Wald(low, high if high > low else low + 1e-10, alpha, beta)
    assert KIND.reperform({**SAID, **statement(test, canary, Tally())}).status is Status.AGREES


@given(st.floats(1e-12, 1e6), PROBABILITIES, TALLIES, TALLIES)
def test_what_a_mixture_states_agrees(tau2: float, alpha: float, canary: Tally, control: Tally) -> None:
    assert KIND.reperform({**SAID, **statement(Msprt(tau2, alpha), canary, control)}).status is Status.AGREES


@pytest.mark.parametrize(
    ("changed", "breached"),
    [
        ({}, False),
        ({"canary": 220}, False),  # worse by exactly what is allowed
        ({"canary": 220.01}, True),
        ({"canary": 150}, False),
        ({"better": "higher", "canary": 180}, False),
        ({"better": "higher", "canary": 179}, True),
        ({"better": "higher", "canary": 300}, False),
        ({"canary": 0.8, "control": 0.5, "maxDelta": 0.3}, False),  # 0.30000000000000004 in doubles
        ({"canary": -0.5, "control": -0.8, "maxDelta": 0.3}, False),
        ({"better": "higher", "canary": 0.5, "control": 0.8, "maxDelta": 0.3}, False),
        ({"canary": 200.5, "maxDelta": 0}, True),
        ({"canary": 200, "maxDelta": 0}, False),
        ({"canary": 1e30, "control": -1e30, "maxDelta": 1e30}, True),
    ],
)
def test_breached_means_worse_by_more_than_is_allowed(changed: dict[str, Any], breached: bool) -> None:  # noqa: FBT001  a parameter of pytest
    assert breaches(metric(**changed)) == ["p95_ms"] * breached


def test_breaches_are_listed_in_the_order_of_the_metrics() -> None:
    worse = [metric(metric=name, canary=300) for name in ("z", "a", "m")]
    assert breaches(worse[0], metric(), worse[1], worse[2], worse[1]) == ["z", "a", "m", "a"]


@pytest.mark.parametrize(
    ("verdict", "breached", "action"),
    [
        ("accept", [], "promote"),
        ("accept", ["m"], "rollback"),
        ("continue", [], "hold"),
        ("continue", ["m"], "rollback"),
        ("reject", [], "rollback"),
        ("reject", ["m"], "rollback"),
    ],
)
def test_what_follows(verdict: Verdict, breached: list[str], action: str) -> None:
    assert action_of(verdict, breached) == action


def test_one_altered_claim_is_one_difference() -> None:
    for changed in (
        {"verdict": "continue"},
        {"logLikelihoodRatio": 11.7},
        {"breached": ["p95_ms"]},
        {"action": "hold"},
        {"verdict": "promote"},
        {"action": "continue"},
    ):
        assert [one.path for one in KIND.reperform(predicate(**changed)).differences] == list(changed)
    both = predicate(shadow=[metric(canary=300)])
    assert [one.path for one in KIND.reperform(both).differences] == ["action", "breached"]
    assert [one.path for one in KIND.reperform(mixture(verdict="reject", action="rollback")).differences] == [
        "action",
        "verdict",
    ]


def test_untried_arms_continue() -> None:
    nothing = {"successes": 0, "trials": 0}
    for made in (predicate, mixture):
        found = KIND.reperform(made(canary=nothing, control=nothing))
        assert (found.derived["verdict"], found.derived["logLikelihoodRatio"]) == ("continue", 0)


def test_facts_and_sentence() -> None:
    found = KIND.reperform(predicate(shadow=[metric(), metric(metric="error_rate", canary=300)]))
    assert (found.facts["rollout"], found.facts["stage"], found.facts["design"]) == ("checkout", 0.1, "wald")
    assert (found.facts["verdict"], found.facts["action"], found.facts["trials"]) == ("accept", "rollback", 3005)
    assert (found.facts["breaches"], found.facts["breached"]) == (1, ("error_rate",))
    assert (found.facts["alpha"], found.facts["shadow_metrics"]) == (0.05, 2)
    assert found.facts["log_likelihood_ratio"] == pytest.approx(11.6476, abs=1e-4)
    assert found.reason.endswith(
        "checkout succeeded in 3000 of 3005 trials, log-likelihood ratio 11.65: accept, "
        "worse than control on error_rate, so roll back"
    )
    plain = KIND.reperform(mixture())
    assert (plain.facts["breaches"], plain.facts.get("breached"), plain.facts.get("stage")) == (0, None, None)
    assert plain.reason == (
        "the canary succeeded in 9900 of 10000 trials against 9700 of 10000, log-likelihood ratio 47.72: accept, "
        "so promote"
    )
    many = KIND.reperform(predicate(shadow=[metric(metric=f"m{n}", canary=300) for n in range(7)]))
    assert "worse than control on m0, m1, m2, m3, m4 and 2 more, so roll back" in many.reason


def test_what_was_decided_before_is_not_superseded() -> None:
    made = [predicate(), predicate(stage=0.3), predicate(rollout="search"), mixture(stage=0.1, rollout="checkout")]
    assert len({KIND.series(KIND.read(one)) for one in made}) == len(made)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"canary": {"successes": 2, "trials": 1}}, "canary.successes"),
        ({"control": {"successes": 2, "trials": 1}}, "control.successes"),
        ({"canary": {"successes": -1, "trials": 1}}, "canary.successes"),
        ({"canary": {"successes": 1, "trials": 2**53}}, "canary.trials"),
        ({"canary": {"successes": 1, "trials": 1e308}}, "canary.trials"),
        ({"control": None}, "control"),
        ({"design": design(type="bayes")}, "design.type"),
        ({"design": design(p0="absent")}, "design.p0"),
        ({"design": design(p1=None)}, "design.p1"),
        ({"design": design(beta="absent")}, "design.beta"),
        ({"design": design(alpha="absent")}, "design.alpha"),
        ({"design": design(alpha=0)}, "design.alpha"),
        ({"design": design(alpha=1.0)}, "design.alpha"),
        ({"design": design(alpha=float("nan"))}, "design.alpha"),
        ({"design": design(p0=0.995)}, "design.p1"),
        ({"design": design(p0=0.999)}, "design.p1"),
        ({"design": design(p1=1.0)}, "design.p1"),
        ({"design": design(alpha=0.9)}, "design.beta"),
        ({"design": design(type="msprt")}, "design.tau2"),
        ({"design": design(type="msprt", tau2=0)}, "design.tau2"),
        ({"design": design(type="msprt", tau2=1e308)}, "design.tau2"),
        ({"shadow": [metric(), metric(better="more")]}, "shadow.1.better"),
        ({"shadow": [metric(maxDelta=-1)]}, "shadow.0.maxDelta"),
        ({"shadow": [metric(canary=float("inf"))]}, "shadow.0.canary"),
        ({"shadow": [metric()] * 10_001}, "shadow"),
        ({"shadow": None}, "shadow"),
        ({"stage": 1.5}, "stage"),
        ({"verdict": True}, "verdict"),
        ({"action": ""}, "action"),
        ({"logLikelihoodRatio": float("nan")}, "logLikelihoodRatio"),
    ],
)
def test_refused_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        KIND.reperform(predicate(**changed))
    assert refused.value.fields["path"] == path


def test_the_schema_asks_of_each_design_what_it_needs() -> None:
    schema = jsonschema_rs.validator_for(RolloutGate.model_json_schema(by_alias=True))
    assert schema.is_valid(predicate())
    assert schema.is_valid(mixture())
    assert not schema.is_valid(predicate(design=design(p0="absent")))
    assert not schema.is_valid(predicate(design=design(type="msprt")))


def test_a_producer_is_told_which_metric_is_none() -> None:
    with pytest.raises(Malformed) as refused:
        breaches(metric(), metric(maxDelta="20"))
    assert refused.value.fields["path"] == "shadow.1.maxDelta"
