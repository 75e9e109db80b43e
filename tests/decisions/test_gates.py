"""What the statistics promise, simulated: Wald's gate and its saving, the mixture test under peeking, mined bounds.

The published design is a rollout in stages, 10 % -> 30 % -> 100 % of traffic, behind gates with p0 0.99, p1 0.995,
alpha 0.05 and beta 0.1. A false promotion is a canary no better than p0 that reaches all traffic: it has to pass the
gates of both stages. One gate alone errs by alpha / (1 - beta) at most, which is what Wald's bounds promise.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import betainc

from evidence_api.domain.decisions.gates import SprtGate
from evidence_api.domain.decisions.property_mined import tolerance_bound, tolerance_rank
from evidence_api.domain.decisions.sequential import Msprt, Tally, Wald

PUBLISHED = Wald(p0=0.99, p1=0.995, alpha=0.05, beta=0.1)
STRICT = Wald(p0=0.99, p1=0.995, alpha=0.009, beta=0.1)  # so that alpha / (1 - beta) is 0.01
RUNS = 20_000

Floats: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, int]], Floats]


class Runs(NamedTuple):
    """Of each simulated gate, whether it accepted, and after how many trials it decided."""

    accepted: NDArray[np.bool_]
    trials: NDArray[np.int64]


@cache
def simulate(test: Wald, rate: float, seed: int, runs: int = RUNS) -> Runs:
    """Gates that look after every single trial, drawn from failure to failure: between two failures the ratio only
    rises, so the trial at which it crosses the upper bound follows."""
    odd = np.random.default_rng(seed)
    success, failure = test.steps
    reject, accept = test.bounds
    accepted, ended = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=np.int64)
    active = np.arange(runs)
    good = np.zeros(runs, dtype=np.int64)
    failures = 0
    while active.size:
        gap = odd.geometric(1 - rate, size=active.size) - 1
        needed = np.ceil((accept - good * success - failures * failure) / success).astype(np.int64)
        up = gap >= needed
        accepted[active[up]] = True
        ended[active[up]] = (good + needed + failures)[up]
        active, good = active[~up], (good + gap)[~up]
        failures += 1
        down = good * success + failures * failure <= reject
        ended[active[down]] = (good + failures)[down]
        active, good = active[~down], good[~down]
    return Runs(accepted, ended)


def fixed_size(test: Wald, alpha: float, beta: float) -> int:
    """Trials of the smallest test of one fixed size with these errors: accept up to f failures."""

    def at_most(f: int, n: int, rate: float) -> float:
        return float(betainc(float(n - f), float(f + 1), rate))  # P(failures <= f)

    n = f = 0
    while True:
        while n <= f or at_most(f, n, test.p0) > alpha:
            n += 1
        if at_most(f, n, test.p1) >= 1 - beta:
            return n
        f += 1


@pytest.mark.parametrize("rate", [0.97, 0.99, 0.995, 0.999])
def test_the_simulation_is_the_gate(rate: float) -> None:
    """A gate told of each trial by itself, of the same draws."""
    for seed in range(10):
        gate, odd = SprtGate(p0=0.99, p1=0.995, alpha=0.05, beta=0.1), np.random.default_rng(seed)
        while gate.verdict == "continue":
            successes = int(odd.geometric(1 - rate, size=1)[0]) - 1
            for outcome in (*(1,) * successes, 0):
                gate.observe(canary=(outcome, 1))
        run = simulate(PUBLISHED, rate, seed, runs=1)
        assert gate.verdict == ("accept" if run.accepted[0] else "reject")
        assert gate.canary.trials == run.trials[0]


@pytest.mark.parametrize("test", [PUBLISHED, STRICT])
def test_one_gate_keeps_its_errors(test: Wald) -> None:
    assert simulate(test, test.p0, seed=11).accepted.mean() <= test.alpha / (1 - test.beta)
    assert simulate(test, test.p1, seed=12).accepted.mean() >= 1 - test.beta / (1 - test.alpha)


def test_false_promotions_at_the_published_design() -> None:
    tenth, third = (simulate(PUBLISHED, PUBLISHED.p0, seed=seed).accepted for seed in (21, 22))
    assert (tenth & third).mean() <= 0.01
    # One gate alone stops a canary that is clearly below p0, and a stricter one stops those at p0 as well.
    assert simulate(PUBLISHED, 0.985, seed=23).accepted.mean() <= 0.01
    assert simulate(STRICT, STRICT.p0, seed=24, runs=60_000).accepted.mean() <= 0.01


@pytest.mark.parametrize(("test", "most"), [(PUBLISHED, 0.6), (STRICT, 0.62)])
def test_a_gate_needs_fewer_samples_than_a_test_of_fixed_size(test: Wald, most: float) -> None:
    bad, good = simulate(test, test.p0, seed=11), simulate(test, test.p1, seed=12)
    both = (bad.trials.mean() + good.trials.mean()) / 2
    assert both <= 0.6 * fixed_size(test, test.alpha, test.beta)  # errors as designed: the gate's are smaller
    same = fixed_size(test, float(bad.accepted.mean()), float(1 - good.accepted.mean()))
    assert both <= 0.55 * same
    assert max(bad.trials.mean(), good.trials.mean()) <= most * same


def ratios(canary: NDArray[np.int64], control: NDArray[np.int64], test: Msprt) -> Floats:
    """ln of the mixture ratio after each trial of both arms, one run a row."""
    n = np.arange(1, canary.shape[1] + 1)
    variance = (canary * (n - canary) + control * (n - control)) / n**2
    spread = variance + n * test.tau2
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(variance / spread) / 2 + test.tau2 * (canary - control) ** 2 / (2 * variance * spread)
    return np.where(variance > 0, found, 0.0)


def peek(test: Msprt, rates: tuple[float, float], runs: int, seed: int) -> tuple[float, float, float]:
    """Shares of runs of 4,000 trials an arm that are ever accepted and ever rejected when looked at after every trial,
    and of those that 1.96 standard errors would ever have called different."""
    odd = np.random.default_rng(seed)
    verdicts, naive = [], 0
    for _ in range(runs // 250):
        canary, control = (np.cumsum(odd.random((250, 4000)) < rate, axis=1, dtype=np.int64) for rate in rates)
        at = np.argmax(ratios(canary, control, test), axis=1)  # if there is a look that decides, this is one
        rows = zip(canary[np.arange(250), at].tolist(), control[np.arange(250), at].tolist(), at.tolist(), strict=True)
        verdicts += [test.verdict(Tally(a, n + 1), Tally(b, n + 1)) for a, b, n in rows]
        n = np.arange(1, 4001)
        error = np.sqrt((canary * (n - canary) + control * (n - control)) / n)
        naive += int(((np.abs(canary - control) > 1.96 * error) & (n >= 500)).any(axis=1).sum())
    return verdicts.count("accept") / runs, verdicts.count("reject") / runs, naive / runs


@pytest.mark.parametrize("rate", [0.5, 0.97, 0.99])
def test_the_mixture_test_holds_its_alpha_however_often_one_looks(rate: float) -> None:
    test = Msprt(tau2=1e-4, alpha=0.05)
    accepted, rejected, naive = peek(test, (rate, rate), 1000, seed=31)
    assert accepted + rejected <= test.alpha
    assert naive > 2 * test.alpha  # what looking does to a test that was meant for one look


def test_the_mixture_test_finds_what_is_there() -> None:
    test = Msprt(tau2=1e-4, alpha=0.05)
    accepted, rejected, _ = peek(test, (0.99, 0.97), 250, seed=32)
    assert accepted >= 0.95
    assert rejected == 0


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [
        (lambda odd, shape: odd.exponential(size=shape), lambda x: 1 - np.exp(-x)),
        (lambda odd, shape: odd.random(shape), lambda x: x),
        (lambda odd, shape: odd.pareto(1.5, shape), lambda x: 1 - (1 + x) ** -1.5),
    ],
)
@pytest.mark.parametrize(("count", "quantile", "confidence"), [(300, 0.99, 0.95), (200, 0.9, 0.9), (50, 0.5, 0.99)])
def test_a_mined_bound_covers_at_its_confidence(
    draw: Draw, distribution: Callable[[Floats], Floats], count: int, quantile: float, confidence: float
) -> None:
    samples = draw(np.random.default_rng(41), (4000, count))
    rank = tolerance_rank(count, quantile, confidence)
    assert rank is not None
    ordered = np.sort(samples, axis=1)
    assert [tolerance_bound(row, quantile, confidence) for row in samples[:20].tolist()] == ordered[
        :20, rank - 1
    ].tolist()
    covered = (distribution(ordered[:, rank - 1]) >= quantile).mean()
    error = 3 * (confidence * (1 - confidence) / 4000) ** 0.5
    assert covered >= confidence - error
    below = (distribution(ordered[:, rank - 2]) >= quantile).mean()
    assert below < confidence + error  # no smaller sample would do
