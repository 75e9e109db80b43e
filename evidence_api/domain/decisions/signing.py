"""Decisions, the producer's last step: the fields a `statement(...)` or `card(...)` made become a whole predicate.

Write it to a file as JSON, check it with `evidence-api reperform`, and sign it with
`evidence-api attest FILE --predicate-type TYPE --subject … --key …` (TYPE is the kind's `predicate_type`,
`urn:evidence-api:<kind>:v1`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evidence_api.domain.errors import Malformed
from evidence_api.domain.rfc3339 import format_rfc3339


def predicate(fields: Mapping[str, Any], *, producer_id: str, version: str, decided_at: datetime) -> dict[str, Any]:
    """A decision's own fields, with who decided and when: ready to be signed.

    >>> from datetime import UTC, datetime
    >>> from evidence_api.domain.decisions.drift_watch import statement
    >>> fields = statement("prompt_tokens", [10, 20, 30], [12, 25, 23])
    >>> at = datetime(2026, 11, 1, 10, tzinfo=UTC)
    >>> made = predicate(fields, producer_id="maestro", version="1.6.0", decided_at=at)
    >>> made["producer"], made["decidedAt"], made["level"]
    ({'id': 'maestro', 'version': '1.6.0'}, '2026-11-01T10:00:00Z', 'none')

    Raises Malformed where `decided_at` has no zone.
    """
    if decided_at.tzinfo is None:
        raise Malformed("decidedAt: a time without a zone is no moment", path="decidedAt", value=str(decided_at))
    return {
        **fields,
        "producer": {"id": producer_id, "version": version},
        "decidedAt": format_rfc3339(decided_at),
    }
