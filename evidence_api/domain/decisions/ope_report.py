"""`ope-report` -> kind `ope`: a policy is estimated from another's log before it is deployed.

With w = pTarget / pBehavior and r the eval or cost of an episode: IPS = mean(w r), SNIPS = sum(w r) / sum(w), effective
sample size = (sum w)^2 / sum(w^2). Deploy when SNIPS eval >= baseline + minEvalGain, SNIPS cost <= maxCostRatio times
the baseline's and the effective sample size is enough. Up to 1,000 episodes stand in the predicate; more are an
artifact, JSON Lines or Parquet, named by its digest and read by whoever has it. Without it nothing can be computed.
Where every weight is zero SNIPS is 0/0, so the report is out of domain.
Source: Swaminathan & Joachims (2015).
"""

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator
from pydantic.config import JsonDict
from pydantic_core.core_schema import ValidationInfo

from evidence_api.domain.decisions.off_policy import DeployGate, Episodes, Estimates, estimate, may_deploy
from evidence_api.domain.decisions.reperforming import (
    ArtifactNeed,
    DecisionKind,
    Derived,
    Fact,
    Given,
    Json,
    Need,
    NotReperformable,
    out_of_domain,
)
from evidence_api.domain.decisions.shape import Claim, Part, Predicate, Probability, Real, Several, Unsigned
from evidence_api.domain.fact_type import FactType

MAX_INLINE = 1_000
_ARTIFACT = "episodesArtifact"

Likely = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Episode(Part):
    """One logged episode, and how likely each policy was to take the arm that was taken."""

    eval: Real = Field(description="What was reached")
    cost_usd: Unsigned = Field(description="What it cost, in US dollars")
    p_behavior: Likely = Field(description="How likely the logging policy was to take the arm")
    p_target: Probability = Field(description="How likely the policy under test is to")


class EpisodesArtifact(Part):
    """The uploaded file they are in; its bytes say which format it has, whatever is said of it here."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="Digest of the file, hex")


class Baseline(Part):
    """What is there today, an episode."""

    eval: Real = Field(description="Mean eval of today")
    cost_usd: Unsigned = Field(description="Mean cost of today, in US dollars")


class Gate(Part):
    """What the estimates must reach."""

    min_eval_gain: Real = Field(description="How much eval must be gained")
    max_cost_ratio: Unsigned = Field(description="What cost may be, of the cost of today")
    min_effective_sample_size: Unsigned = Field(description="How many independent episodes it must rest on")


class EstimateClaim(Part):
    """Both estimates of one quantity, as claimed."""

    ips: Claim = Field(description="Derived: mean of weight * value")
    snips: Claim = Field(description="Derived: sum of weight * value over the sum of weights")


class EstimatesClaim(Part):
    """The estimates, as claimed."""

    eval: EstimateClaim
    cost_usd: EstimateClaim
    effective_sample_size: Claim = Field(description="Derived: (sum of weights)^2 / sum of squared weights")


_ONE_OF_THE_TWO: JsonDict = {
    "oneOf": [
        {"required": [one], "properties": {one: {"not": {"type": "null"}}, other: {"type": "null"}}}
        for one, other in (("episodes", "episodesArtifact"), ("episodesArtifact", "episodes"))
    ]
}


class OpeReport(Predicate):
    """The predicate."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF_THE_TWO)

    episodes_artifact: EpisodesArtifact | None = Field(default=None, description="Where the episodes are, if not here")
    episodes: Annotated[Several[Episode], Field(min_length=1, max_length=MAX_INLINE)] | None = Field(
        default=None, validate_default=True, description="What another policy did, 1,000 episodes at most"
    )
    baseline: Baseline
    gate: Gate
    estimates: EstimatesClaim
    deploy: bool = Field(description="Derived: whether eval, cost and sample size reach the gate")

    @field_validator("episodes")
    @classmethod
    def _one_of_the_two(cls, value: object, given: ValidationInfo) -> object:
        if "episodes_artifact" in given.data and (value is None) == (given.data["episodes_artifact"] is None):
            raise ValueError("exactly one of `episodes` and `episodesArtifact` is needed")
        return value


def statement(
    episodes: Episodes,
    gate: DeployGate,
    *,
    baseline_eval: float,
    baseline_cost_usd: float,
    artifact: str = "",
) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`. `artifact` is the SHA-256 (hex)
    of the uploaded file that holds these very episodes; without one they stand in the predicate, 1,000 at most.
    Raises Malformed `out_of_domain`.

    >>> logged = Episodes.of(eval=[0.9, 0.6], cost=[0.3, 0.1], behaviour=[0.5, 0.5], target=[0.8, 0.2])
    >>> report = statement(logged, DeployGate(0.02, 0.9, 1), baseline_eval=0.8, baseline_cost_usd=0.3)
    >>> report["deploy"], round(report["estimates"]["eval"]["snips"], 4)
    (True, 0.84)
    """
    if not artifact and len(episodes) > MAX_INLINE:
        said = f"{len(episodes)} rows, of which {MAX_INLINE} may stand in the predicate; upload them as an artifact"
        raise out_of_domain("episodes", said, limit=MAX_INLINE, value=len(episodes))
    found = estimate(episodes)
    inputs: dict[str, Any] = {_ARTIFACT: {"sha256": artifact}} if artifact else {"episodes": _rows(episodes)}
    return {
        **inputs,
        "baseline": {"eval": baseline_eval, "costUSD": baseline_cost_usd},
        "gate": {
            "minEvalGain": gate.min_eval_gain,
            "maxCostRatio": gate.max_cost_ratio,
            "minEffectiveSampleSize": gate.min_effective_sample_size,
        },
        "estimates": _estimates(found),
        "deploy": may_deploy(found, gate, baseline_eval, baseline_cost_usd),
    }


def _rows(episodes: Episodes) -> list[dict[str, float]]:
    columns = (column.tolist() for column in (episodes.eval, episodes.cost, episodes.behaviour, episodes.target))
    names = ("eval", "costUSD", "pBehavior", "pTarget")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _estimates(found: Estimates) -> dict[str, Any]:
    return {
        "eval": {"ips": found.eval.ips, "snips": found.eval.snips},
        "costUSD": {"ips": found.cost_usd.ips, "snips": found.cost_usd.snips},
        "effectiveSampleSize": found.effective_sample_size,
    }


def _need(predicate: OpeReport) -> Need | None:
    artifact = predicate.episodes_artifact
    return None if artifact is None else ArtifactNeed(f"sha256:{artifact.sha256}")


def _episodes(rows: Sequence[Episode]) -> Episodes:
    return Episodes.of(
        [row.eval for row in rows],
        [row.cost_usd for row in rows],
        [row.p_behavior for row in rows],
        [row.p_target for row in rows],
    )


def _derive(predicate: OpeReport, given: Given) -> Derived:
    if predicate.episodes is not None:
        episodes, at = _episodes(predicate.episodes), "episodes"
    elif isinstance(given.artifact, Episodes):
        episodes, at = given.artifact, _ARTIFACT
    else:
        digest = predicate.episodes_artifact.sha256 if predicate.episodes_artifact else ""
        raise NotReperformable(f"the episodes are in artifact sha256:{digest}, which was never uploaded")
    found = estimate(episodes, at)
    gate = DeployGate(
        predicate.gate.min_eval_gain, predicate.gate.max_cost_ratio, predicate.gate.min_effective_sample_size
    )
    deploy = may_deploy(found, gate, predicate.baseline.eval, predicate.baseline.cost_usd)
    return Derived({"estimates": _estimates(found), "deploy": deploy, "episodesCount": len(episodes)})


def _facts(predicate: OpeReport, derived: Json) -> Mapping[str, Fact | None]:
    if not derived:
        return {"artifact": predicate.episodes_artifact is not None}
    found, baseline = derived["estimates"], predicate.baseline
    cost = found["costUSD"]["snips"]
    ratio = cost / baseline.cost_usd if baseline.cost_usd > 0 else inf
    return {
        "artifact": predicate.episodes_artifact is not None,
        "deploy": derived["deploy"],
        "episodes": derived["episodesCount"],
        "eval_ips": found["eval"]["ips"],
        "eval_snips": found["eval"]["snips"],
        "eval_gain": found["eval"]["snips"] - baseline.eval,
        "cost_ips": found["costUSD"]["ips"],
        "cost_snips": cost,
        "cost_ratio": ratio if isfinite(ratio) else None,
        "effective_sample_size": found["effectiveSampleSize"],
    }


def _explain(predicate: OpeReport, derived: Json) -> str:
    found, baseline, gate = derived["estimates"], predicate.baseline, predicate.gate
    least, most = baseline.eval + gate.min_eval_gain, gate.max_cost_ratio * baseline.cost_usd
    return (
        f"{'deploy' if derived['deploy'] else 'do not deploy'}: over {derived['episodesCount']} logged episodes, worth "
        f"{found['effectiveSampleSize']:.1f} of the policy's own (at least {gate.min_effective_sample_size:g} needed), "
        f"its eval is estimated at {found['eval']['snips']:.4f} (at least {least:.4f} needed) "
        f"and its cost at ${found['costUSD']['snips']:.4f} (at most ${most:.4f})"
    )


KIND = DecisionKind(
    name="ope-report",
    kind="ope",
    title="Off-policy estimate of a policy before it is deployed",
    model=OpeReport,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    claims=("estimates", "deploy"),
    need=_need,
    deferred=lambda predicate: predicate.episodes_artifact is not None,
    facts={
        "artifact": FactType.BOOLEAN,
        "deploy": FactType.BOOLEAN,
        "episodes": FactType.NUMBER,
        "eval_ips": FactType.NUMBER,
        "eval_snips": FactType.NUMBER,
        "eval_gain": FactType.NUMBER,
        "cost_ips": FactType.NUMBER,
        "cost_snips": FactType.NUMBER,
        "cost_ratio": FactType.NUMBER,
        "effective_sample_size": FactType.NUMBER,
    },
)
