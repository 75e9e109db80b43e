"""`shadow-replay` -> kind `shadow`: a recorded trace run again in shadow, and whether its metrics stayed.

A metric differs when |shadow - baseline| > tolerance, in exact decimals of the numbers as they are written: 1.05 is
within 0.05 of 1, though their doubles are not. `diffs` are the names of those that do, in listed order (a producer may
say more of each, in an object with its name); any of them makes the verdict `diff`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.listed import counted
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json
from evidence_api.domain.decisions.shape import Part, Predicate, Real, Rows, Unsigned, Word, WordClaim
from evidence_api.domain.fact_type import FactType


class Trace(Part):
    """What was replayed."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="Digest of the trace, hex")


class Metric(Part):
    """One thing measured in both runs."""

    name: Word
    baseline: Real = Field(description="Its value in the recorded run")
    shadow: Real = Field(description="Its value in the replay")
    tolerance: Unsigned = Field(description="How far they may be apart")


class Differing(Part):
    """A metric that is said to differ."""

    name: Word


class BareName(Differing):
    """One of which no more is said than its name."""


def _named(value: object) -> object:
    return BareName.model_validate({"name": value}) if isinstance(value, str) else value


class ShadowReplay(Predicate):
    """The predicate."""

    trace: Trace
    metrics: Rows[Metric]
    diffs: Rows[Annotated[Differing, BeforeValidator(_named, json_schema_input_type=Word | Differing)]]
    verdict: WordClaim = Field(description="Derived: `match` where no metric differs, else `diff`")

    @property
    def moved(self) -> tuple[Metric, ...]:
        """The metrics beyond their tolerance, in listed order."""
        return tuple(one for one in self.metrics if differs(one.baseline, one.shadow, one.tolerance))


def differs(baseline: float, shadow: float, tolerance: float) -> bool:
    """Whether a metric moved by more than its tolerance.

    >>> differs(1, 1.05, 0.05), differs(1, 1.050001, 0.05)
    (False, True)
    """
    return abs(exact(shadow) - exact(baseline)) > exact(tolerance)


def statement(trace_sha256: str, metrics: Mapping[str, tuple[float, float, float]]) -> dict[str, Any]:
    """The predicate's own fields; a metric is (baseline, shadow, tolerance).

    >>> made = statement("ab" * 32, {"eval": (0.94, 0.95, 0.02), "cost_usd": (0.18, 0.31, 0.05)})
    >>> made["diffs"], made["verdict"]
    (['cost_usd'], 'diff')
    """
    diffs = [name for name, (baseline, shadow, tolerance) in metrics.items() if differs(baseline, shadow, tolerance)]
    return {
        "trace": {"sha256": trace_sha256},
        "metrics": [
            {"name": name, "baseline": baseline, "shadow": shadow, "tolerance": tolerance}
            for name, (baseline, shadow, tolerance) in metrics.items()
        ],
        "diffs": diffs,
        "verdict": _verdict(diffs),
    }


def _verdict(diffs: list[str]) -> Literal["match", "diff"]:
    return "diff" if diffs else "match"


def _derive(predicate: ShadowReplay, _: Given) -> Derived:
    diffs = [one.name for one in predicate.moved]
    bare = all(isinstance(one, BareName) for one in predicate.diffs)
    return Derived({"diffs": diffs if bare else [{"name": name} for name in diffs], "verdict": _verdict(diffs)})


def _names(derived: Json) -> tuple[str, ...]:
    return tuple(one["name"] if isinstance(one, Mapping) else one for one in derived["diffs"])


def _facts(predicate: ShadowReplay, derived: Json) -> Mapping[str, Fact | None]:
    facts: dict[str, Fact | None] = {"trace": f"sha256:{predicate.trace.sha256}", "metrics": len(predicate.metrics)}
    return facts | ({"verdict": derived["verdict"], "diffs": _names(derived)} if derived else {})


def _explain(predicate: ShadowReplay, derived: Json) -> str:
    far, metrics = _names(derived), len(predicate.metrics)
    if not far:
        return f"{counted(metrics, 'metric')} replayed, none beyond tolerance"
    first = predicate.moved[0]
    moved = f"{first.name} went from {first.baseline:.6g} to {first.shadow:.6g}, tolerance {first.tolerance:.6g}"
    more = f", and {len(far) - 1} more" if far[1:] else ""
    return f"{counted(metrics, 'metric')} replayed, {len(far)} beyond tolerance: {moved}{more}"


KIND = DecisionKind(
    name="shadow-replay",
    kind="shadow",
    title="Replay of a recorded trace in shadow, compared with the baseline",
    model=ShadowReplay,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "verdict": FactType.WORD,
        "diffs": FactType.WORDS,
        "metrics": FactType.NUMBER,
        "trace": FactType.WORD,
    },
    words={"verdict": ("match", "diff")},
    series=lambda predicate: predicate.trace.sha256,
)
