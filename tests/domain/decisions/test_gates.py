"""Gates: they count, stop where they have decided, and state what is agreed with."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.gates import MsprtGate, SprtGate
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.rollout_gate import KIND
from evidence_api.domain.decisions.sequential import Tally
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
BATCHES = st.lists(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 500)).map(lambda two: (min(two), max(two))),
        min_size=2,
        max_size=2,
    ),
    max_size=20,
)


def wald() -> SprtGate:
    return SprtGate(p0=0.99, p1=0.995, alpha=0.05, beta=0.1, stage=0.1, rollout="checkout")


def mixture() -> MsprtGate:
    return MsprtGate(tau2=1e-4, alpha=0.05, stage=0.3)


@pytest.mark.parametrize("make", [wald, mixture])
@given(batches=BATCHES, worse=st.booleans())
def test_what_a_gate_states_agrees(
    make: Callable[[], SprtGate | MsprtGate],
    batches: list[list[tuple[int, int]]],
    worse: bool,  # noqa: FBT001  a parameter of hypothesis
) -> None:
    gate = make()
    for canary, control in batches:
        gate.observe(canary, control)
    metric = {"metric": "p95_ms", "canary": 201 + worse, "control": 200, "maxDelta": 1, "better": "lower"}
    found = KIND.reperform({**SAID, **gate.statement([metric])})
    assert found.status is Status.AGREES
    assert found.derived["verdict"] == gate.verdict
    assert found.derived["breached"] == ["p95_ms"] * worse


def test_a_gate_counts_until_it_has_decided() -> None:
    gate = wald()
    assert gate.observe(canary=(500, 500)) == "continue"
    assert gate.observe(canary=(500, 500), control=(99, 100)) == "accept"
    assert gate.observe(canary=(0, 500)) == "accept"
    assert (gate.canary, gate.control) == (Tally(1000, 1000), Tally(99, 100))
    made = gate.statement()
    assert (made["stage"], made["rollout"], made["action"]) == (0.1, "checkout", "promote")
    assert made["design"] == {"type": "wald", "p0": 0.99, "p1": 0.995, "alpha": 0.05, "beta": 0.1}


def test_a_canary_that_always_fails_is_rolled_back() -> None:
    gate = mixture()
    verdicts = [gate.observe(canary=(0, 1), control=(1, 1)) for _ in range(20)]
    assert verdicts[-1] == "reject"
    assert gate.statement()["action"] == "rollback"
    assert "rollout" not in gate.statement()


@pytest.mark.parametrize(
    ("seen", "path"),
    [
        ({"canary": (2, 1)}, "canary.successes"),
        ({"canary": (-1, 1)}, "canary.successes"),
        ({"control": (0, -1)}, "control.successes"),
        ({"control": (0, 2**53)}, "control.trials"),
    ],
)
def test_what_cannot_be_counted_is_refused(seen: dict[str, tuple[int, int]], path: str) -> None:
    gate = wald()
    with pytest.raises(Malformed) as refused:
        gate.observe(**seen)
    assert refused.value.fields["path"] == path
    assert (gate.canary, gate.control) == (Tally(), Tally())
