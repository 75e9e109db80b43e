"""`rollout-gate` -> kind `rollout`: whether a canary goes on, by a sequential test that may be looked at at any time.

Design `wald` holds the canary against two fixed rates: LLR = s ln(p1 / p0) + (n - s) ln((1 - p1) / (1 - p0)), accepted
from ln((1 - beta) / alpha) on, rejected from ln(beta / (1 - alpha)) down. Design `msprt` holds it against control: with
n = the fewer trials, d the difference of the rates, V = pA (1 - pA) + pB (1 - pB) and S = V + n tau2, the mixture ratio
is sqrt(V / S) exp(n^2 tau2 d^2 / (2 V S)), p = min(1, 1 / ratio), and p <= alpha decides for the better side.
A shadow metric is breached when the canary's is worse than control's by more than `maxDelta`. A reject or a breach
rolls back, an accept promotes, anything else holds. `breached` lists the metrics in the order in which `shadow` has
them. Source: Wald (1945); Johari, Koomen, Pekelis and Walsh (2017).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field

from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.sequential import Msprt, Tally, Verdict, Wald
from evidence_api.domain.decisions.shape import (
    Claim,
    Count,
    Inside,
    Part,
    Predicate,
    Probability,
    Real,
    Rows,
    Unsigned,
    Word,
    WordClaim,
)
from evidence_api.domain.fact_type import FactType
from evidence_api.domain.typed_json import read_typed

Action: TypeAlias = Literal["promote", "hold", "rollback"]
_MAX_TAU2 = 1e6  # variance of the difference between two rates: 1 is vast already
_NEEDED: Mapping[str, tuple[str, ...]] = {"wald": ("p0", "p1", "alpha", "beta"), "msprt": ("tau2", "alpha")}


class Design(Part):
    """The test agreed on beforehand: `wald` has p0, p1, alpha and beta; `msprt` has tau2 and alpha."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"type": {"const": kind}}, "required": ["type", *needed]}
                for kind, needed in _NEEDED.items()
            ]
        }
    )

    type: Literal["wald", "msprt"]
    alpha: Inside = Field(
        description="The most a bad canary is promoted (wald), or an equal one called different (msprt)"
    )
    beta: Inside | None = Field(default=None, description="wald: the most a good canary is rejected")
    p0: Inside | None = Field(default=None, description="wald: rate of successes that is too low")
    p1: Inside | None = Field(default=None, description="wald: rate of successes that is good enough")
    tau2: Annotated[float, Field(gt=0, le=_MAX_TAU2, allow_inf_nan=False)] | None = Field(
        default=None, description="msprt: variance of the differences expected"
    )


class Trials(Part):
    """What one side did so far."""

    successes: Count
    trials: Count


class ShadowMetric(Part):
    """A figure of mirrored traffic, on both sides."""

    metric: Word
    canary: Real
    control: Real
    max_delta: Unsigned = Field(description="How much worse the canary may be")
    better: Literal["lower", "higher"] = Field(description="Which direction is good")


class RolloutGate(Predicate):
    """The predicate. `rollout` names what is rolled out, where a release has several; `stage` its share of traffic."""

    rollout: Word | None = Field(default=None, description="What is rolled out")
    stage: Probability | None = Field(default=None, description="Share of traffic the canary has, 0 to 1")
    design: Design
    canary: Trials
    control: Trials
    shadow: Rows[ShadowMetric] = Field(description="Figures of mirrored traffic, none or more")
    log_likelihood_ratio: Claim = Field(description="Derived: wald: LLR of the canary; msprt: ln of the mixture ratio")
    verdict: WordClaim = Field(description="Derived: what the test says, accept, reject or continue")
    breached: Rows[Word] = Field(
        description="Derived: shadow metrics worse than the control by more than their maxDelta"
    )
    action: WordClaim = Field(description="Derived: rollback on reject or a breach, promote on accept, else hold")


def breached(shadow: Sequence[ShadowMetric]) -> list[str]:
    """The metrics on which the canary is worse than control by more than their `max_delta`."""
    worse = {"lower": 1, "higher": -1}
    return [
        one.metric
        for one in shadow
        if worse[one.better] * (exact(one.canary) - exact(one.control)) > exact(one.max_delta)
    ]


def action_of(verdict: Verdict, breaches: Sequence[str]) -> Action:
    """What follows.

    >>> action_of("accept", []), action_of("accept", ["p95_ms"]), action_of("continue", [])
    ('promote', 'rollback', 'hold')
    """
    if verdict == "reject" or breaches:
        return "rollback"
    return "promote" if verdict == "accept" else "hold"


def sequential_test(design: Design) -> Wald | Msprt:
    """The test a design describes. Raises Malformed `out_of_domain` with the path of what is missing or impossible."""
    values: dict[str, float] = {}
    for name in _NEEDED[design.type]:
        values[name] = getattr(design, name)
        if values[name] is None:
            raise out_of_domain(f"design.{name}", f"a `{design.type}` design needs it")
    return Wald(**values) if design.type == "wald" else Msprt(**values)


def statement(
    test: Wald | Msprt,
    canary: Tally,
    control: Tally,
    shadow: Sequence[Json] = (),
    **about: str | float | None,
) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`; `shadow` as in the predicate,
    `about` is `stage` and `rollout`. Raises Malformed for shadow metrics that are none.

    >>> slower = {"metric": "p95_ms", "canary": 231, "control": 200, "maxDelta": 20, "better": "lower"}
    >>> test = Wald(p0=0.99, p1=0.995, alpha=0.05, beta=0.1)
    >>> made = statement(test, Tally(3000, 3005), Tally(99, 100), [slower], stage=0.1)
    >>> made["verdict"], made["breached"], made["action"]
    ('accept', ['p95_ms'], 'rollback')
    """
    metrics = [read_typed(ShadowMetric, one, at=f"shadow.{index}") for index, one in enumerate(shadow)]
    return {
        **{name: value for name, value in about.items() if value is not None},
        "design": {"type": test.type, **{name: getattr(test, name) for name in _NEEDED[test.type]}},
        "canary": dict(canary._asdict()),
        "control": dict(control._asdict()),
        "shadow": [dict(one) for one in shadow],
        **_decided(test, canary, control, metrics),
    }


def _decided(test: Wald | Msprt, canary: Tally, control: Tally, shadow: Sequence[ShadowMetric]) -> dict[str, Any]:
    verdict = test.verdict(canary, control)
    breaches = breached(shadow)
    return {
        "logLikelihoodRatio": test.log_likelihood_ratio(canary, control),
        "verdict": verdict,
        "breached": breaches,
        "action": action_of(verdict, breaches),
    }


def _tally(at: str, arm: Trials) -> Tally:
    if arm.successes > arm.trials:
        said = f"{arm.successes} successes in {arm.trials} trials"
        raise out_of_domain(f"{at}.successes", said, limit=arm.trials, value=arm.successes)
    return Tally(arm.successes, arm.trials)


def _derive(predicate: RolloutGate, _: Given) -> Derived:
    canary, control = _tally("canary", predicate.canary), _tally("control", predicate.control)
    return Derived(_decided(sequential_test(predicate.design), canary, control, predicate.shadow))


def _facts(predicate: RolloutGate, derived: Json) -> Mapping[str, Fact | None]:
    breaches = derived.get("breached")
    return {
        "rollout": predicate.rollout,
        "stage": predicate.stage,
        "design": predicate.design.type,
        "alpha": predicate.design.alpha,
        "trials": predicate.canary.trials,
        "shadow_metrics": len(predicate.shadow),
        "log_likelihood_ratio": derived.get("logLikelihoodRatio"),
        "verdict": derived.get("verdict"),
        "breaches": None if breaches is None else len(breaches),
        "breached": tuple(breaches) if breaches else None,
        "action": derived.get("action"),
    }


def _explain(predicate: RolloutGate, derived: Json) -> str:
    canary, control, breaches = predicate.canary, predicate.control, derived["breached"]
    against = f" against {control.successes} of {control.trials}" if predicate.design.type == "msprt" else ""
    worse = f", worse than control on {', '.join(breaches[:5])}" if breaches else ""
    more = f" and {len(breaches) - 5} more" if len(breaches) > 5 else ""  # noqa: PLR2004  as many as a sentence bears
    return (
        f"{predicate.rollout or 'the canary'} succeeded in {canary.successes} of {canary.trials} trials{against}, "
        f"log-likelihood ratio {derived['logLikelihoodRatio']:.4g}: {derived['verdict']}{worse}{more}, so "
        f"{'roll back' if derived['action'] == 'rollback' else derived['action']}"
    )


def _series(predicate: RolloutGate) -> str:
    """A later stage, or a design changed on the way, must not supersede what was decided before."""
    return f"{predicate.rollout or ''}/{predicate.stage}/{predicate.design.type}"


KIND = DecisionKind(
    name="rollout-gate",
    kind="rollout",
    title="Gate of a rollout (sequential test and shadow metrics)",
    model=RolloutGate,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "rollout": FactType.WORD,
        "stage": FactType.NUMBER,
        "design": FactType.WORD,
        "alpha": FactType.NUMBER,
        "trials": FactType.NUMBER,
        "shadow_metrics": FactType.NUMBER,
        "log_likelihood_ratio": FactType.NUMBER,
        "verdict": FactType.WORD,
        "breaches": FactType.NUMBER,
        "breached": FactType.WORDS,
        "action": FactType.WORD,
    },
    words={
        "design": ("wald", "msprt"),
        "verdict": ("accept", "reject", "continue"),
        "action": ("promote", "hold", "rollback"),
    },
    series=_series,
)
