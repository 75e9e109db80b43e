"""The trust ledger as a pure fold: what moves it, what does not, and its scores."""

import doctest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain import reperformed, trust_state
from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.trust_update import Beta, brier, reliability
from evidence_api.domain.trust_state import TrustState, continued, step
from tests.support import decisions

KIND = DECISIONS["urn:evidence-api:trust-update:v1"]
NEW = TrustState("impl@small", '{"riskBand":"low"}')
UPDATES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans()), max_size=30)


def update(prior: tuple[float, float], **more: Any) -> dict[str, Any]:  # noqa: ANN401  what a test may vary
    predicate: dict[str, Any] = decisions.trust_update(prior, **more)["predicate"]
    return predicate


@pytest.mark.parametrize("module", [trust_state, reperformed])
def test_examples(module: Any) -> None:  # noqa: ANN401  a module
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)


@settings(deadline=None, max_examples=60)
@given(UPDATES)
def test_a_ledger_moves_by_one_for_each_continuous_update_and_by_no_other(
    drawn: list[tuple[int, int, bool, bool]],
) -> None:
    """Priors a little off where the ledger stands, some of them right."""
    state, pairs = NEW, []
    for a, b, success, genesis in drawn:
        before = state
        prior = (before.a + max(0, a - 1), before.b + max(0, b - 1))
        state, made = step(state, decisions.read_trust(update(prior, success=success, genesis=genesis)))
        right = (genesis and not before.updates) or (not genesis and prior == (before.a, before.b))
        assert made.continuous == right
        if right:
            pairs.append((prior[0] / sum(prior), success))
            assert (state.a, state.b) == (prior[0] + success, prior[1] + (not success))
            assert made.difference is None
        else:
            assert (state.beta, state.discontinuities) == (before.beta, before.discontinuities + 1)
            assert made.difference is not None
            assert made.difference.recomputed == {"a": before.beta.a, "b": before.beta.b}
    assert (state.updates, state.updates + state.discontinuities) == (len(pairs), len(drawn))
    assert state.brier == (pytest.approx(brier(pairs)) if pairs else None)
    assert [one.count for one in state.reliability] == [one.count for one in reliability(pairs)]


def test_fractions_agree_within_the_tolerance_of_floats() -> None:
    state, _ = step(NEW, decisions.read_trust(update((0.1 + 0.2, 1.5), genesis=True)))
    _, made = step(state, decisions.read_trust(update((1.3, 1.5))))
    assert made.continuous


def test_what_the_ledger_says_joins_what_the_update_says_itself() -> None:
    predicate = update((5, 1), mean=0.1)
    result = KIND.reperform(predicate)
    _, made = step(NEW, decisions.read_trust(predicate))
    found = continued(result, made)
    assert (found.status, [one.path for one in found.differences]) == (Status.DISAGREES, ["mean", "prior"])
    assert (found.facts["disagreements"], found.facts["differing"]) == (2, ("mean", "prior"))
    assert (found.facts["reperformance"], found.facts["continuous"]) == ("disagrees", False)
    assert found.reason.startswith("the ledger stands at a=1, b=1, and the update begins at a=5, b=1; ")
    assert found.facts["mean"] == result.facts["mean"]


def test_an_update_that_goes_on_only_says_so() -> None:
    predicate = update((1, 1))
    _, made = step(NEW, decisions.read_trust(predicate))
    found = continued(KIND.reperform(predicate), made)
    assert (found.status, found.facts["disagreements"], found.facts["continuous"]) == (Status.AGREES, 0, True)
    assert made.after == Beta(2, 1)
