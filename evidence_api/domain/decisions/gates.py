"""Gates that a rollout holds on to while it runs: told of every trial, they say accept, reject or continue.

A sequential test ends where it first crosses a bound: what is observed after that is not counted, so the statement
shows the figures on which the gate decided. Not for several threads at once.
"""

from collections.abc import Sequence
from typing import Any

from evidence_api.domain.decisions.reperforming import Json, out_of_domain
from evidence_api.domain.decisions.rollout_gate import statement
from evidence_api.domain.decisions.sequential import Msprt, Tally, Verdict, Wald
from evidence_api.domain.decisions.shape import MAX_COUNT


class _Gate:
    """Two tallies and the test over them."""

    def __init__(self, test: Wald | Msprt, stage: float | None, rollout: str | None) -> None:
        self._test = test
        self._about = {"stage": stage, "rollout": rollout}
        self.canary = Tally()
        self.control = Tally()
        self.verdict: Verdict = "continue"

    def observe(self, canary: tuple[int, int] = (0, 0), control: tuple[int, int] = (0, 0)) -> Verdict:
        """Count (successes, trials) since the last time, and decide. Raises Malformed `out_of_domain`."""
        seen = _added("canary", self.canary, canary), _added("control", self.control, control)
        if self.verdict == "continue":
            self.canary, self.control = seen
            self.verdict = self._test.verdict(self.canary, self.control)
        return self.verdict

    def statement(self, shadow: Sequence[Json] = ()) -> dict[str, Any]:
        """The predicate's own fields, ready to be signed with `producer` and `decidedAt`."""
        return statement(self._test, self.canary, self.control, shadow, **self._about)


class SprtGate(_Gate):
    """Wald's test of the canary alone: is its rate of success p1, or only p0?

    >>> gate = SprtGate(p0=0.99, p1=0.995, alpha=0.05, beta=0.1, stage=0.1, rollout="checkout")
    >>> gate.observe(canary=(300, 300))
    'continue'
    >>> gate.observe(canary=(300, 300))
    'accept'
    >>> shadow = [{"metric": "error_rate", "canary": 0.004, "control": 0.003, "maxDelta": 0.002, "better": "lower"}]
    >>> made = gate.statement(shadow)
    >>> made["canary"], made["action"]
    ({'successes': 600, 'trials': 600}, 'promote')
    """

    def __init__(  # noqa: PLR0913  a design has that many numbers
        self, *, p0: float, p1: float, alpha: float, beta: float, stage: float | None = None, rollout: str | None = None
    ) -> None:
        super().__init__(Wald(p0, p1, alpha, beta), stage, rollout)


class MsprtGate(_Gate):
    """The mixture test of canary against control.

    >>> gate = MsprtGate(tau2=1e-4, alpha=0.05, stage=0.3)
    >>> verdicts = [gate.observe(canary=(96, 100), control=(99, 100)) for _ in range(30)]
    >>> verdicts.index("reject"), gate.statement()["action"]
    (6, 'rollback')
    """

    def __init__(self, *, tau2: float, alpha: float, stage: float | None = None, rollout: str | None = None) -> None:
        super().__init__(Msprt(tau2, alpha), stage, rollout)


def _added(at: str, before: Tally, seen: tuple[int, int]) -> Tally:
    successes, trials = seen
    if not 0 <= successes <= trials:
        raise out_of_domain(f"{at}.successes", f"{successes} of {trials}", limit=trials, value=successes)
    after = Tally(before.successes + successes, before.trials + trials)
    if after.trials > MAX_COUNT:
        raise out_of_domain(f"{at}.trials", "too many to count", limit=MAX_COUNT, value=after.trials)
    return after
