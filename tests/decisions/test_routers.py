"""Simulations: routers learn what they are said to learn, within the bounds they are said to keep. Seeds are fixed."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from evidence_api.domain.decisions.constrained_policy import ConstrainedPolicy
from evidence_api.domain.decisions.linucb import is_safe
from evidence_api.domain.decisions.linucb_router import LinUCB
from evidence_api.domain.decisions.thompson import Thompson

Floats = NDArray[np.float64]

FEATURES, ROUNDS, WARM_UP, RUNS = 4, 3000, 40, 4
NOISE, CAP, FLOOR = 0.1, 0.5, 0.55
PRICES = {"small": 0.05, "chain": 0.2, "large": 0.45, "poor": 0.01, "costly": 0.9}
# What an arm's eval is for a task: its weights times the task's features, which add up to one.
WEIGHTS = {
    "small": [0.9, 0.6, 0.7, 0.65],
    "chain": [0.7, 0.9, 0.6, 0.75],
    "large": [0.75, 0.7, 0.95, 0.8],
    "poor": [0.45, 0.4, 0.5, 0.3],  # under the floor whatever the task
    "costly": [1.0, 1.0, 1.0, 1.0],  # over the cap
}


@dataclass(frozen=True)
class Run:
    """What one simulated router did after its warm-up: regret a round, and which rounds were what."""

    regret: Floats
    explored: NDArray[np.bool_]
    violations: int
    fallbacks: int


def run(seed: int) -> Run:
    """A warm-up from logged runs of every arm, then picks: regret is measured against the best safe arm."""
    rng = np.random.default_rng(seed)
    router = LinUCB(PRICES, dimensions=FEATURES, max_usd=CAP, min_eval=FLOOR, alpha=0.4, ridge=0.5)
    names = list(PRICES)
    weights = np.array([WEIGHTS[name] for name in names])
    allowed = np.array([price <= CAP for price in PRICES.values()])
    tasks = rng.dirichlet(np.ones(FEATURES), ROUNDS + WARM_UP)
    noise = NOISE * rng.normal(size=(ROUNDS + WARM_UP, len(names)))
    for index in range(WARM_UP):
        for at, name in enumerate(names):
            router.update(name, tasks[index], float(weights[at] @ tasks[index] + noise[index, at]))
    regret, explored = np.zeros(ROUNDS), np.zeros(ROUNDS, dtype=np.bool_)
    violations = fallbacks = 0
    for index in range(ROUNDS):
        x, expected = tasks[WARM_UP + index], weights @ tasks[WARM_UP + index]
        choice = router.pick(x)
        at = choice.arm if choice.arm is not None else 0
        violations += not choice.fell_back and not (allowed[at] and expected[at] >= FLOOR)
        fallbacks += choice.fell_back
        regret[index] = expected[allowed].max() - expected[at]
        explored[index] = at != greedy(router, x)
        router.update(names[at], x, float(expected[at] + noise[WARM_UP + index, at]))
    return Run(regret, explored, violations, fallbacks)


def greedy(router: LinUCB, x: Floats) -> int:
    """The safe arm of the highest mean: what would be picked if nothing were to be learnt."""
    _, found = router._decide(x)
    safe = is_safe(router._prices, found.mean - found.width, router._safety)
    return int(np.argmax(np.where(safe, found.mean, -np.inf)))


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return [run(seed) for seed in range(1, 1 + RUNS)]


def test_linucb_s_regret_grows_slower_than_the_tasks(runs: list[Run]) -> None:
    """The exponent of cumulative regret over rounds, fitted on both logarithms; that of guessing is 1."""
    regret = np.mean([np.cumsum(one.regret) for one in runs], axis=0)
    late = np.arange(ROUNDS // 20, ROUNDS)
    exponent = np.polyfit(np.log(late + 1), np.log(regret[late]), 1)[0]
    assert exponent < 0.75
    first, last = regret[ROUNDS // 10], regret[-1] - regret[-ROUNDS // 10]
    assert last < first / 3


def test_linucb_explores_little_after_its_warm_up(runs: list[Run]) -> None:
    for one in runs:
        assert 0 < one.explored.mean() <= 0.15


def test_linucb_never_takes_an_unsafe_arm_unsaid(runs: list[Run]) -> None:
    assert [one.violations for one in runs] == [0] * RUNS
    assert sum(one.fallbacks for one in runs) < RUNS * ROUNDS / 1000  # nor by falling back all the time


def test_linucb_without_anything_learnt_falls_back_instead_of_trying_its_luck() -> None:
    router = LinUCB(PRICES, dimensions=FEATURES, max_usd=CAP, min_eval=FLOOR)
    choice = router.pick([0.25] * FEATURES)
    assert (choice.chosen, choice.fell_back) == ("poor", True)


def test_thompson_learns_the_cheaper_of_two_equal_arms() -> None:
    rng = np.random.default_rng(7)
    router = Thompson({"dear": 0.4, "cheap": 0.1}, seed="2026-11", cost_weight=0.5)
    chosen = []
    for task in range(1200):
        choice = router.pick(f"pr-{task}")
        router.update(choice.chosen or "", float(np.clip(rng.normal(0.85, 0.1), 0, 1)), choice.predicted_cost or 0.0)
        chosen.append(choice.chosen == "cheap")
    assert np.mean(chosen[-400:]) >= 0.95
    assert np.mean(chosen[:100]) < 0.95  # it did try the other
    seen = {arm["id"]: arm["n"] for arm in router.state()["arms"]}
    assert seen["cheap"] > 5 * seen["dear"] > 0


def test_a_seeded_policy_draws_each_arm_as_often_as_it_says() -> None:
    arms = [{"id": f"m{index}", "priceUSD": 0.1, "eval": 0.9, "uncertainty": 0.02} for index in range(4)]
    policy = ConstrainedPolicy([[0.0], [0.5], [1.0], [9.0]], arms, seed="2026-11")
    drawn = [policy.pick(f"pr-{task}", [1.0], allowed=[True, True, True, False]) for task in range(2000)]
    for index in range(3):
        of_it = [one.probability or 0.0 for one in drawn if one.arm == index]
        assert abs(len(of_it) / len(drawn) - of_it[0]) < 0.03
    assert all(one.arm != 3 for one in drawn)
