"""Sequential tests: by hand, at their bounds, where nothing varies, and with the largest counts there may be."""

from collections.abc import Callable
from math import exp, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.sequential import Msprt, Tally, Wald
from evidence_api.domain.errors import Malformed

WALD = Wald(p0=0.99, p1=0.995, alpha=0.05, beta=0.1)
MSPRT = Msprt(tau2=1e-4, alpha=0.05)
MOST = 2**53 - 1
TALLIES = st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(lambda pair: Tally(min(pair), max(pair)))
SMALL = st.tuples(st.integers(50, 90), st.integers(100, 120)).map(lambda pair: Tally(*pair))


def mixture(canary: Tally, control: Tally, tau2: float) -> float:
    """The definition as it stands, where nothing in it overflows."""
    n = min(canary.trials, control.trials)
    a, b = (arm.successes / arm.trials for arm in (canary, control))
    v = a * (1 - a) + b * (1 - b)
    return sqrt(v / (v + n * tau2)) * exp(n**2 * tau2 * (a - b) ** 2 / (2 * v * (v + n * tau2)))


def test_wald_by_hand() -> None:
    assert WALD.log_likelihood_ratio(Tally(3, 4)) == pytest.approx(3 * log(0.995 / 0.99) + log(0.005 / 0.01))
    assert WALD.bounds == pytest.approx((log(0.1 / 0.95), log(0.9 / 0.05)))
    assert WALD.log_likelihood_ratio(Tally()) == 0
    assert WALD.verdict(Tally()) == "continue"


def test_wald_takes_its_bounds_for_decided() -> None:
    even = Wald(p0=0.25, p1=0.75, alpha=0.25, beta=0.25)  # one success is ln 3, and so is the bound
    assert [even.verdict(Tally(s, 1)) for s in (1, 0)] == ["accept", "reject"]
    assert even.verdict(Tally(1, 2)) == "continue"


def test_control_has_no_part_in_wald() -> None:
    assert WALD.verdict(Tally(960, 1000), Tally(0, 1000)) == WALD.verdict(Tally(960, 1000)) == "reject"


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Wald(0.99, 0.99, 0.05, 0.1), "design.p1"),
        (lambda: Wald(0.99, 0.95, 0.05, 0.1), "design.p1"),
        (lambda: Wald(0.9, 0.95, 0.5, 0.5), "design.beta"),
        (lambda: Wald(0.9, 0.95, 0.9, 0.5), "design.beta"),
    ],
)
def test_a_test_that_cannot_be(make: Callable[[], Wald], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        make()
    assert (refused.value.code, refused.value.fields["path"]) == ("out_of_domain", path)


@given(SMALL, SMALL, st.floats(1e-6, 1e-2))
def test_the_mixture_is_the_definition(canary: Tally, control: Tally, tau2: float) -> None:
    test = Msprt(tau2, 0.05)
    ratio = mixture(canary, control, tau2)
    assert test.log_likelihood_ratio(canary, control) == pytest.approx(log(ratio), rel=1e-9, abs=1e-12)
    assert test.p_value(canary, control) == pytest.approx(min(1, 1 / ratio), rel=1e-9)


def test_significant_either_way() -> None:
    better, worse = Tally(4990, 5000), Tally(4960, 5000)
    assert (MSPRT.verdict(better, worse), MSPRT.verdict(worse, better)) == ("accept", "reject")
    assert MSPRT.verdict(better, better) == "continue"
    p = MSPRT.p_value(better, worse)
    assert Msprt(1e-4, p).verdict(better, worse) == "accept"  # p = alpha decides
    assert Msprt(1e-4, p * 0.999999).verdict(better, worse) == "continue"


@pytest.mark.parametrize("arms", [(Tally(), Tally()), (Tally(5, 10), Tally()), (Tally(), Tally(5, 10))])
def test_nothing_tried_says_nothing(arms: tuple[Tally, Tally]) -> None:
    assert (MSPRT.log_likelihood_ratio(*arms), MSPRT.p_value(*arms), MSPRT.verdict(*arms)) == (0, 1, "continue")


@pytest.mark.parametrize("arms", [(Tally(9, 9), Tally(5, 5)), (Tally(0, 9), Tally(0, 5)), (Tally(MOST, MOST),) * 2])
def test_equal_arms_that_never_vary_say_nothing(arms: tuple[Tally, Tally]) -> None:
    assert (MSPRT.log_likelihood_ratio(*arms), MSPRT.p_value(*arms), MSPRT.verdict(*arms)) == (0, 1, "continue")


def test_opposite_arms_that_never_vary_decide_after_some_trials() -> None:
    found = [MSPRT.verdict(Tally(0, n), Tally(n, n)) for n in range(1, 60)]
    first = found.index("reject")
    assert found == ["continue"] * first + ["reject"] * (59 - first)
    assert first + 1 == 16
    v = 2 * 10.5 * 0.5 / 11**2  # ten trials each, and half a trial on either side
    expected = log(sqrt(v / (v + 10e-4)) * exp(100e-4 / (2 * v * (v + 10e-4))))
    assert MSPRT.log_likelihood_ratio(Tally(10, 10), Tally(0, 10)) == pytest.approx(expected)


@given(TALLIES, TALLIES, st.sampled_from([5e-324, 1e-4, 1e6]), st.floats(1e-300, 0.5))
def test_no_count_overflows(canary: Tally, control: Tally, tau2: float, alpha: float) -> None:
    test = Msprt(tau2, alpha)
    assert abs(test.log_likelihood_ratio(canary, control)) < 1e40
    assert 0 <= test.p_value(canary, control) <= 1
    wald = Wald(5e-324, 1 - 2**-53, alpha, 0.4)
    assert abs(wald.log_likelihood_ratio(canary)) < 1e40
    assert abs(wald.bounds[1]) < 1e4
