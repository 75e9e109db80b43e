"""The logistic model, as decisions use it: a weighted sum, its probability and that of the opposite, for any sum.

Nothing overflows and nothing is lost near certainty: exponents are never positive, and the probability that something
does not happen is kept as its logarithm.
"""

from collections.abc import Sequence
from math import exp, fsum, log1p
from operator import mul


def weighted(bias: float, weights: Sequence[float], features: Sequence[float]) -> float:
    """The sum bias + w·f, rounded once: the order of the features does not show.

    >>> weighted(-1.0, [2.0, 0.5], [1.0, 3.0])
    2.5
    """
    return fsum((bias, *map(mul, weights, features)))


def sigmoid(score: float) -> float:
    """1 / (1 + e^-score), within [0, 1].

    >>> sigmoid(0.0), sigmoid(-1e30), sigmoid(1e30)
    (0.5, 0.0, 1.0)
    """
    small = exp(-abs(score))
    return (1.0 if score >= 0 else small) / (1.0 + small)


def log_complement(score: float) -> float:
    """ln(1 - sigmoid(score)), 0 or less, and finite where the probability itself has become 1.

    >>> log_complement(1000.0)
    -1000.0
    """
    return -(max(score, 0.0) + log1p(exp(-abs(score))))
