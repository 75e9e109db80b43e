"""Statements of decisions, made by the producers' own functions; what a test wants wrong, it claims instead."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from evidence_api.domain.decisions import drift_watch, rollout_gate, trust_update
from evidence_api.domain.decisions.reperforming import Reperformance
from evidence_api.domain.decisions.sequential import Tally, Wald
from evidence_api.domain.decisions.signing import predicate
from evidence_api.domain.decisions.trust_update import Beta
from evidence_api.domain.evidence import Evidence
from evidence_api.formats.reperformance import REPERFORMANCE_TYPE, reperformance_predicate
from tests.support import statements
from tests.support.statements import Statement

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def decision(
    name: str,
    fields: Mapping[str, Any],
    subjects: str | Sequence[str] = statements.ARTIFACT,
    **claims: Any,  # noqa: ANN401  JSON
) -> Statement:
    """Any decision; `claims` replace what was derived."""
    made = predicate(fields, producer_id="maestro", version="1.6.0", decided_at=AT)
    return statements.statement(f"urn:evidence-api:{name}:v1", subjects, {**made, **claims})


def drift(feature: str = "prompt_tokens", **claims: Any) -> Statement:  # noqa: ANN401  JSON
    """No drift."""
    return decision("drift-watch", drift_watch.statement(feature, [10, 20, 30], [12, 25, 23]), **claims)


def rollout(successes: int = 3000, *, stage: float = 0.1, **claims: Any) -> Statement:  # noqa: ANN401  JSON
    """A canary of 3,005 calls by Wald's test."""
    test = Wald(p0=0.99, p1=0.995, alpha=0.05, beta=0.1)
    fields = rollout_gate.statement(test, Tally(successes, 3005), Tally(99, 100), stage=stage)
    return decision("rollout-gate", fields, **claims)


def trust(arm: str = "impl@small", prior: Beta | None = None, **claims: Any) -> Statement:  # noqa: ANN401  JSON
    """A success of an arm: only the server can tell whether it begins where the ledger stood."""
    fields = trust_update.statement(arm, {"riskBand": "low"}, prior or Beta(1, 1), contract_met=True, speclive="clean")
    return decision("trust-update", fields, **claims)


def found_by_the_server(
    about: Evidence, result: Reperformance, subjects: str | Sequence[str] = statements.ARTIFACT
) -> Statement:
    """The server's own statement about a decision."""
    return statements.statement(REPERFORMANCE_TYPE, subjects, reperformance_predicate(about, result, {}))
