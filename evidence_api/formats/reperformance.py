"""Reperformance, last step: what the server found of a decision, as the predicate of a statement it signs.

No clock is read: `decidedAt` is when the decision was received, so that the same result is the same statement.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from evidence_api.domain.decisions.reperforming import Difference, Reperformance
from evidence_api.domain.digest import canonical
from evidence_api.domain.evidence import Evidence, Fact
from evidence_api.domain.rfc3339 import format_rfc3339

REPERFORMANCE_TYPE = "urn:evidence-api:reperformance:v1"
PRODUCER = "evidence-api/reperformance"
VERSION = "1"  # of what is stated here; the next number where the same result is told otherwise
MAX_DIFFERENCES = 1_000
MAX_VALUE = 1_000  # bytes of a value as canonical JSON; a longer one is told by its beginning
MAX_REASON = 4_000  # characters
_EXACT = 2**53 - 1


def reperformance_predicate(
    decision: Evidence, result: Reperformance, grounds: Mapping[str, Any], *, supersedes: str = ""
) -> dict[str, Any]:
    """The predicate. `grounds` are what was used besides the decision itself: {policyBundle?, artifact?, ledger?};
    `supersedes` is the evidence id of the statement it takes the place of ("" if there is none)."""
    predicate: dict[str, Any] = {
        "producer": {"id": PRODUCER, "version": VERSION},
        "decidedAt": format_rfc3339(decision.received),
        "of": decision.id,
        "kind": decision.kind,
        "status": result.status.value,
        "reason": result.reason[:MAX_REASON],
        "explanation": result.explanation[:MAX_REASON],
        "differences": [_difference(one) for one in result.differences[:MAX_DIFFERENCES]],
        "facts": {path: _fact(fact) for path, fact in sorted(result.facts.items())},
        "grounds": dict(grounds),
    }
    return predicate | ({"supersedes": supersedes} if supersedes else {})


def _difference(one: Difference) -> dict[str, Any]:
    return {"path": one.path, "claimed": bounded(one.claimed), "recomputed": bounded(one.recomputed)}


def _fact(fact: Fact) -> Any:  # noqa: ANN401  JSON
    return list(fact[:MAX_DIFFERENCES]) if isinstance(fact, tuple) else fact


def bounded(value: Any) -> Any:  # noqa: ANN401  JSON
    """A claimed or recomputed value as it is told: decimals and integers past 2^53 as text, and of a long value its
    beginning and its length."""
    told = _plain(value)
    text = canonical(told)
    if len(text) <= MAX_VALUE:
        return told
    return f"{text[: MAX_VALUE - 100].decode(errors='ignore')}... ({len(text)} bytes)"


def _plain(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    large = isinstance(value, int) and abs(value) > _EXACT
    return str(value) if large or isinstance(value, Decimal) else value
