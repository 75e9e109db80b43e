"""Simulation: selection by risk lets no more failures escape than was asked, though the model had to be learnt.

Every test of a change fails by itself, with a probability the selection does not know: it has weights fitted by
logistic regression to what was seen of earlier changes. A change escapes when a test fails that was not selected.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from evidence_api.domain.decisions.bayes_selection import failure_probability, select_by_risk

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CHANGES, TESTS, WIDTH = 2000, 25, 3
WEIGHTS, BIAS = np.array([1.4, 0.9, -0.7]), -5.0
NAMES = [f"t{index:02d}" for index in range(TESTS)]


def seen(seed: int) -> tuple[Floats, Flags]:
    """Features (change, test, feature), and which tests fail (change, test)."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(CHANGES, TESTS, WIDTH))
    return features, random.random((CHANGES, TESTS)) < 1 / (1 + np.exp(-(features @ WEIGHTS + BIAS)))


def learnt(seed: int) -> tuple[list[float], float]:
    """Logistic regression by Newton's steps: weights and bias."""
    features, failed = seen(seed)
    x = np.column_stack([features.reshape(-1, WIDTH), np.ones(CHANGES * TESTS)])
    w = np.zeros(WIDTH + 1)
    for _ in range(10):
        p = 1 / (1 + np.exp(-(x @ w)))
        w += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (failed.ravel() - p))
    return w[:WIDTH].tolist(), float(w[WIDTH])


def escape_rate(failed: Flags, selections: list[list[str]]) -> float:
    """The share of changes of which a test fails that was not selected."""
    missed = failed.copy()
    for change, names in enumerate(selections):
        missed[change, [int(name[1:]) for name in names]] = False
    return float(missed.any(axis=1).mean())


@pytest.mark.parametrize("target", [0.02, 0.05, 0.2])
def test_realised_escapes_stay_under_the_target_and_most_tests_are_not_run(target: float) -> None:
    weights, bias = learnt(seed=1)
    features, failed = seen(seed=2)
    found = [
        select_by_risk(weights, bias, dict(zip(NAMES, change, strict=True)), target) for change in features.tolist()
    ]
    realised = escape_rate(failed, [list(one.selected) for one in found])
    promised = float(np.mean([one.residual_risk for one in found]))
    assert realised <= target
    assert abs(realised - promised) < 3 * np.sqrt(promised / CHANGES)  # three standard deviations
    assert sum(len(one.selected) for one in found) < 0.65 * CHANGES * TESTS


def test_stopping_at_the_risk_of_what_is_selected_would_let_failures_escape() -> None:
    """Another rule, which is wrong: run tests until those that run hold the target."""
    weights, bias = learnt(seed=1)
    features, failed = seen(seed=2)
    selections = []
    for change in features.tolist():
        chance = {name: failure_probability(weights, bias, one) for name, one in zip(NAMES, change, strict=True)}
        ordered = sorted(chance, key=lambda name: -chance[name])
        held = 1 - np.cumprod([1 - chance[name] for name in ordered])
        selections.append(ordered[: int(np.argmax(held >= 0.05)) + 1])
    assert escape_rate(failed, selections) > 2 * 0.05
