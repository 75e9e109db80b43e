"""The last step of a producer, for tests of choices: the fields of a statement become a whole predicate."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from evidence_api.domain.decisions.signing import predicate


def signed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with a producer and a time."""
    return predicate(fields, producer_id="maestro", version="1.6.0", decided_at=datetime(2026, 11, 1, 10, tzinfo=UTC))
