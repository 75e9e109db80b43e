"""Sequential tests of a canary: pure arithmetic on tallies, valid however often one looks.

`Wald` holds the canary against two fixed rates; `Msprt` holds it against control by mixing the likelihood ratio over
normally distributed differences of variance tau2, so that p = min(1, 1/ratio) is valid at every look. Both work in
logarithms: no count that a predicate may hold overflows them. Where neither arm varies, the mixture test has no
variance to go by: equal arms then say nothing (ratio 1), and opposite ones (all good, all bad) are given the variance
of half a trial more on either side, so that they decide after some trials and not at the first.
Source: Wald (1945); Johari, Koomen, Pekelis and Walsh (2017).
"""

from dataclasses import dataclass
from math import exp, log, log1p
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from evidence_api.domain.decisions.reperforming import out_of_domain

Verdict: TypeAlias = Literal["accept", "reject", "continue"]


class Tally(NamedTuple):
    """Trials of one arm, and how many of them succeeded."""

    successes: int = 0
    trials: int = 0


@dataclass(frozen=True, slots=True)
class Wald:
    """Sequential probability ratio test: p1 (good enough) against p0 (too bad), errors alpha and beta.

    >>> test = Wald(p0=0.99, p1=0.995, alpha=0.05, beta=0.1)
    >>> test.verdict(Tally(3000, 3005)), test.verdict(Tally(995, 1000)), test.verdict(Tally(960, 1000))
    ('accept', 'continue', 'reject')
    """

    type: ClassVar[Literal["wald"]] = "wald"
    p0: float
    p1: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        """Raises Malformed `out_of_domain`: where p1 is not the better rate, or the two bounds have crossed."""
        if self.p0 >= self.p1:
            raise out_of_domain("design.p1", f"{self.p1} is not above p0, {self.p0}", limit=self.p0, value=self.p1)
        if self.alpha + self.beta >= 1:
            raise out_of_domain("design.beta", "alpha and beta come to 1 or more", limit=1, value=self.beta)

    @property
    def steps(self) -> tuple[float, float]:
        """What one success and one failure add to the log-likelihood ratio."""
        return log(self.p1) - log(self.p0), log1p(-self.p1) - log1p(-self.p0)

    @property
    def bounds(self) -> tuple[float, float]:
        """Reject at or below the first, accept at or above the second."""
        return log(self.beta) - log1p(-self.alpha), log1p(-self.beta) - log(self.alpha)

    def log_likelihood_ratio(self, canary: Tally, _: Tally = Tally()) -> float:  # noqa: B008  a tuple: nobody alters it
        """Evidence for p1 over p0; control has no part in it."""
        success, failure = self.steps
        return canary.successes * success + (canary.trials - canary.successes) * failure

    def verdict(self, canary: Tally, _: Tally = Tally()) -> Verdict:  # noqa: B008  a tuple: nobody alters it
        """Where the evidence stands between the bounds."""
        ratio = self.log_likelihood_ratio(canary)
        reject, accept = self.bounds
        return "accept" if ratio >= accept else "reject" if ratio <= reject else "continue"


@dataclass(frozen=True, slots=True)
class Msprt:
    """Mixture sequential probability ratio test of the difference between canary and control.

    >>> test = Msprt(tau2=1e-4, alpha=0.05)
    >>> round(test.log_likelihood_ratio(Tally(4990, 5000), Tally(4960, 5000)), 4)
    6.9159
    >>> test.verdict(Tally(4960, 5000), Tally(4990, 5000))
    'reject'
    """

    type: ClassVar[Literal["msprt"]] = "msprt"
    tau2: float
    alpha: float

    def log_likelihood_ratio(self, canary: Tally, control: Tally) -> float:
        """Of the mixture (natural logarithm), after min(trials) of each; 0 before both have been tried."""
        n = min(canary.trials, control.trials)
        difference = _difference(canary, control)
        variance = _variance(canary) + _variance(control)
        if n == 0 or (variance == 0 and difference == 0):
            return 0.0
        if variance == 0:
            variance = sum(_variance(Tally(2 * arm.successes + 1, 2 * arm.trials + 2)) for arm in (canary, control))
        spread = variance + n * self.tau2
        return 0.5 * log(variance / spread) + n * n * self.tau2 * difference**2 / (2 * variance * spread)

    def p_value(self, canary: Tally, control: Tally) -> float:
        """Always valid: under no difference it falls to alpha or below, ever, with probability alpha at most."""
        return min(1.0, exp(-self.log_likelihood_ratio(canary, control)))

    def verdict(self, canary: Tally, control: Tally) -> Verdict:
        """Significant either way, or not yet."""
        if self.p_value(canary, control) > self.alpha:
            return "continue"
        return "accept" if _difference(canary, control) > 0 else "reject"


def _difference(canary: Tally, control: Tally) -> float:
    """Between the two rates, rounded once; 0 where one has none."""
    both = canary.trials * control.trials
    return (canary.successes * control.trials - control.successes * canary.trials) / both if both else 0.0


def _variance(arm: Tally) -> float:
    """p(1 - p), rounded once: next to 1 the rate itself has lost the digits that matter."""
    return arm.successes * (arm.trials - arm.successes) / arm.trials**2 if arm.trials else 0.0
