"""Statements of decisions about the sample artifact, for tests of what the server makes of them."""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.decisions.trust_update import Beta, TrustUpdate
from evidence_api.domain.decisions.trust_update import statement as trust_statement
from tests.support import statements

PRODUCER = {"id": "maestro", "version": "1.6.0"}
DECIDED = "2026-01-31T10:00:00Z"


def decision(name: str, fields: Mapping[str, Any], digest: str = statements.ARTIFACT) -> statements.Statement:
    """A decision of that kind about an artifact."""
    predicate = {"producer": PRODUCER, "decidedAt": DECIDED, **fields}
    return statements.statement(f"urn:evidence-api:{name}:v1", digest, predicate)


def trust_update(
    prior: tuple[float, float],
    *,
    success: bool = True,
    arm: str = "impl@small",
    genesis: bool = False,
    digest: str = statements.ARTIFACT,
    **altered: Any,  # noqa: ANN401  claims
) -> statements.Statement:
    """An update of trust in an arm, by the producer's own arithmetic; `altered` claims it otherwise."""
    made = trust_statement(
        arm, {"riskBand": "low"}, Beta(*prior), contract_met=success, speclive="clean", genesis=genesis
    )
    return decision("trust-update", {**made, **altered}, digest)


def placement(chosen: str | None = "eu-west-1", *, country: str = "DE", **altered: Any) -> statements.Statement:  # noqa: ANN401  claims
    """A region chosen for data of a country; policy lets EU data be in eu-west alone."""
    regions = [
        {"id": "us-east-1", "p95Ms": 100.0, "carbon": 10.0, "healthy": True, "costUSDPerK": 0.1},
        {"id": "eu-west-1", "p95Ms": 150.0, "carbon": 20.0, "healthy": True, "costUSDPerK": 0.2},
    ]
    need = {"maxP95Ms": 200.0, "preferLowCarbon": False, "country": country}
    score = {"us-east-1": 0.12, "eu-west-1": 0.23}.get(chosen or "")
    fields = {"regions": regions, "need": need, "chosen": chosen, "score": score, "reason": "lowest of those allowed"}
    return decision("placement", {**fields, **altered})


def ope_report(artifact: str, estimates: Mapping[str, Any], *, deploy: bool) -> statements.Statement:
    """An off-policy estimate over the episodes of an artifact (sha256:<hex>)."""
    return decision(
        "ope-report",
        {
            "episodesArtifact": {"sha256": artifact.removeprefix("sha256:")},
            "baseline": {"eval": 0.5, "costUSD": 0.2},
            "gate": {"minEvalGain": 0.0, "maxCostRatio": 2.0, "minEffectiveSampleSize": 1},
            "estimates": dict(estimates),
            "deploy": deploy,
        },
    )


def episodes(number: int = 4) -> tuple[bytes, dict[str, Any]]:
    """JSON Lines of episodes under two equal policies, and what is to be estimated from them."""
    line = b'{"eval": 0.75, "costUSD": 0.25, "pBehavior": 0.5, "pTarget": 0.5}\n'
    same = {"eval": {"ips": 0.75, "snips": 0.75}, "costUSD": {"ips": 0.25, "snips": 0.25}}
    return line * number, {**same, "effectiveSampleSize": float(number)}


def read_trust(predicate: Mapping[str, Any]) -> TrustUpdate:
    """An update as the server reads it."""
    return TrustUpdate.model_validate(dict(predicate))
