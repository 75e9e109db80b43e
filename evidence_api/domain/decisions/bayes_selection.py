"""Selecting tests by risk: which to run so that what is left out fails with at most the risk that was asked.

Each test fails with probability p = sigmoid(bias + w·f), whatever the others do. The tests most likely to fail are run;
as few as will do, so that the rest, the tests nobody runs, has 1 - product(1 - p) <= targetRisk.
What counts is the risk of the tests left out, not of those run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import expm1

from evidence_api.domain.decisions.logistic import log_complement, sigmoid, weighted

_ROUNDING = 1e-12  # relative: a risk that is the target but for rounding is the target


@dataclass(frozen=True, slots=True)
class RiskSelection:
    """Which tests to run, likeliest failure first, and the risk that any other fails, 0 to 1."""

    selected: tuple[str, ...]
    residual_risk: float


def failure_probability(weights: Sequence[float], bias: float, features: Sequence[float]) -> float:
    """How likely a test is to fail.

    >>> failure_probability([1.0, 2.0], -1.0, [1.0, 0.0])
    0.5
    """
    return sigmoid(weighted(bias, weights, features))


def select_by_risk(
    weights: Sequence[float], bias: float, tests: Mapping[str, Sequence[float]], target_risk: float
) -> RiskSelection:
    """The shortest prefix, by probability down and then by id, whose rest is within `target_risk`.

    >>> found = select_by_risk([1.0], -3.0, {"a": [0.0], "b": [4.0], "c": [2.0]}, target_risk=0.05)
    >>> found.selected, round(found.residual_risk, 4)
    (('b', 'c'), 0.0474)
    """
    scores = {name: weighted(bias, weights, features) for name, features in tests.items()}
    order = sorted(scores, key=lambda name: (-sigmoid(scores[name]), name))
    passing = accumulate((log_complement(scores[name]) for name in reversed(order)), initial=0.0)
    residual = [0.0 - expm1(log) for log in passing]  # of the last 0, 1, 2 ... tests: it never falls
    most = target_risk * (1 + _ROUNDING)
    left_out = max(count for count, risk in enumerate(residual) if risk <= most)
    return RiskSelection(tuple(order[: len(order) - left_out]), residual[left_out])
