"""Decisions for tests: of every kind a few predicates that agree, made by the kind's own producers.

`example(name)` gives one, `examples(name)` one for each of its branches; a kind without an entry fails the tests that
go over all kinds.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from evidence_api.domain.decisions import DECISIONS, dp_dataset, drift_watch, flake_report, ownership, roi_estimate
from evidence_api.domain.decisions.reperforming import DecisionKind, Reperformance
from evidence_api.domain.decisions.signing import predicate
from evidence_api.domain.decisions.trust_update import Beta, Scalar
from evidence_api.domain.decisions.trust_update import statement as trust_update

Fields: TypeAlias = dict[str, Any]

DECIDED_AT = datetime(2026, 11, 1, 10, tzinfo=UTC)


def signed(fields: Mapping[str, Any]) -> Fields:
    """The fields with a producer and a time: a whole predicate."""
    return predicate(fields, producer_id="maestro", version="1.6.0", decided_at=DECIDED_AT)


def kind_named(name: str) -> DecisionKind[Any]:
    """The kind by its predicate's name, `rollout-gate`."""
    return DECISIONS[f"urn:evidence-api:{name}:v1"]


def reperformed(name: str, fields: Mapping[str, Any]) -> Reperformance:
    """What comes of a kind's own fields."""
    return kind_named(name).reperform(signed(fields))


def _drift_watch() -> Sequence[Fields]:
    return [drift_watch.statement("prompt_tokens", [10, 20, 30], [12, 25, 23])]


def _dp_dataset() -> Sequence[Fields]:
    return [dp_dataset.statement([("counts", "0.5"), ("means", "0.6")], "1.5", episodes=100_000, pii_findings=0)]


def _flake_report() -> Sequence[Fields]:
    return [flake_report.statement([("a", ["fail", "pass"]), ("b", ["pass"]), ("c", ["skip"])])]


def _ownership() -> Sequence[Fields]:
    return [ownership.statement("server/a.py", [("ada", 26, 48), ("bob", 5, 125), ("eve", 38, 275)])]


def _roi_estimate() -> Sequence[Fields]:
    return [roi_estimate.statement({"defectsAvoidedUSD": 100, "revenueUSD": 20}, {"llmUSD": 5, "reviewUSD": 12.5})]


def _trust_update() -> Sequence[Fields]:
    context: dict[str, Scalar] = {"riskBand": "low", "files": 3, "hot": True, "owner": None}
    return [
        trust_update("impl@small", context, Beta(1, 1), contract_met=True, speclive="clean"),
        trust_update("impl@small", context, Beta(2.5, 1), contract_met=True, speclive="breached", genesis=True),
    ]


EXAMPLES: Mapping[str, Callable[[], Sequence[Fields]]] = {
    "dp-dataset": _dp_dataset,
    "drift-watch": _drift_watch,
    "flake-report": _flake_report,
    "ownership": _ownership,
    "roi-estimate": _roi_estimate,
    "trust-update": _trust_update,
}


def examples(name: str) -> list[Fields]:
    """Whole predicates of a kind that agree with their inputs, one for each of its branches."""
    return [signed(fields) for fields in EXAMPLES[name]()]


def example(name: str) -> Fields:
    """The first of them."""
    return examples(name)[0]
