"""Simulation: trust predicts what comes. Seeds are fixed.

The calibration set is 40 ledgers (20 arms, each for two bands of risk) whose true rates of success lie evenly over the
whole of 0 to 1, so that no easy arm flatters the score: whoever knows the rates themselves scores 0.167. Each ledger
learns from 30 outcomes first; then it predicts each of 200 more before it comes.
"""

from collections.abc import Sequence

import numpy as np
import pytest

from evidence_api.domain.decisions.constrained_policy import ConstrainedPolicy
from evidence_api.domain.decisions.trust_ledger import TrustLedger
from evidence_api.domain.decisions.trust_update import Beta, brier, reliability

ARMS, BANDS, WARM_UP, PREDICTED = 20, ("low", "high"), 30, 200
TARGET = 0.18

Predictions = Sequence[tuple[float, bool]]


@pytest.fixture(scope="module")
def simulated() -> tuple[Predictions, Predictions]:
    """What the ledgers predicted beside what came, and what knowing the rates would have predicted."""
    rng = np.random.default_rng(20261101)
    rates = (np.arange(ARMS * len(BANDS)) + 0.5) / (ARMS * len(BANDS))
    ledger, predicted, known = TrustLedger(), [], []
    for place, rate in enumerate(rng.permutation(rates).tolist()):
        arm, context = f"arm{place % ARMS}", {"riskBand": BANDS[place // ARMS]}
        # Success takes both halves of an outcome, each of which fails by itself.
        halves = rng.random((WARM_UP + PREDICTED, 2)) < np.sqrt(rate)
        for step, (met, clean) in enumerate(halves.tolist()):
            if step >= WARM_UP:
                predicted.append((ledger.trust(arm, context).mean, met and clean))
                known.append((rate, met and clean))
            ledger.update(arm, context, contract_met=met, speclive="clean" if clean else "breached")
    return predicted, known


def test_trust_predicts_whether_an_arm_succeeds(simulated: tuple[Predictions, Predictions]) -> None:
    predicted, known = simulated
    score, best = brier(predicted), brier(known)
    assert score is not None
    assert best is not None
    assert score <= TARGET
    assert score - best < 0.008  # p(1 - p) / n of learning, no more
    assert score < 0.8 * np.var([came for _, came in predicted])  # what knowing the mean rate alone would score


def test_of_what_is_said_to_happen_in_seven_of_ten_cases_seven_happen(
    simulated: tuple[Predictions, Predictions],
) -> None:
    table = reliability(simulated[0])
    assert sum(row.count for row in table) == ARMS * len(BANDS) * PREDICTED
    for row in table:
        assert row.count > 300
        assert row.predicted is not None
        assert row.observed is not None
        assert row.low <= row.predicted < row.low + 0.1
        assert abs(row.predicted - row.observed) < 0.05, row


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("outcomes", [5, 100])
def test_intervals_hold_the_rate_as_often_as_they_say(level: float, outcomes: int) -> None:
    rng = np.random.default_rng(7)
    rates = rng.random(4000)
    successes = rng.binomial(outcomes, rates)
    held = 0
    for rate, count in zip(rates.tolist(), successes.tolist(), strict=True):
        low, high = Beta(1 + count, 1 + outcomes - count).interval(level)
        held += low <= rate <= high
    assert held / len(rates) == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.95])
def test_intervals_cover_each_rate_too(rate: float) -> None:
    rng = np.random.default_rng(8)
    held = [
        low <= rate <= high
        for count in rng.binomial(200, rate, 2000).tolist()
        for low, high in [Beta(1 + count, 201 - count).interval(0.9)]
    ]
    assert np.mean(held) > 0.87


def test_an_arm_of_low_trust_is_chosen_less() -> None:
    ledger = TrustLedger()
    for step in range(40):
        ledger.update("steady", {}, contract_met=step % 10 != 0)
        ledger.update("erratic", {}, contract_met=step % 3 == 0)
    trust = [ledger.trust(arm, {}).mean for arm in ("erratic", "steady")]
    arms = [{"id": arm, "priceUSD": 0.1, "eval": 0.9, "uncertainty": 0.02} for arm in ("erratic", "steady")]
    policy = ConstrainedPolicy([[0.3], [0.0]], arms, trust_weight=1.0)
    alone, with_trust = policy.pick("t", [1.0]), policy.pick("t", [1.0], trust=trust)
    assert (alone.chosen, with_trust.chosen) == ("erratic", "steady")
