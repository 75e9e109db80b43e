"""A decision in a file, computed again offline, in the form GraphQL gives one."""

from typing import Any

from evidence_api.domain.decisions.reading import PENDING, DecisionReading, Reperformed, reperformed
from evidence_api.formats.reperformance import bounded


def decision_json(read: DecisionReading) -> dict[str, Any]:
    """A decision recomputed here, in the form GraphQL gives it."""
    told = reperformed(read, None)
    return {
        "kind": read.kind,
        "method": read.method or None,
        "explanation": told.explanation or None,
        "reperformance": {
            "status": told.status,
            "sentence": _offline(told),
            "differences": [
                {"path": one.path, "claimed": bounded(one.claimed), "recomputed": bounded(one.recomputed)}
                for one in read.result.differences
            ],
            "checkedBy": None,
        },
    }


def _offline(told: Reperformed) -> str:
    if told.status != PENDING:
        return told.sentence
    said = told.reason.rstrip(".")
    return f"Only a server can tell whether it holds (it keeps the ledger, has the rule or the artifact): {said}."
