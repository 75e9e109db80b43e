"""A read grant as JSON: how it is bound to a database session, whose policies read it, and how it is shown."""

import json
from datetime import datetime
from typing import Any

from evidence_api.domain.principal import ReadGrant
from evidence_api.domain.rfc3339 import format_rfc3339


def grant_record(grant: ReadGrant) -> dict[str, Any]:
    """What was granted: names in order, times in UTC as RFC 3339; an open side is an empty list or null."""
    return {
        "id": str(grant.id),
        "frameworks": sorted(grant.frameworks),
        "releases": sorted(grant.releases),
        "from": _time(grant.since),
        "until": _time(grant.until),
        "expires": _time(grant.not_after),
    }


def grant_to_json(grant: ReadGrant) -> str:
    """The record as one line of ASCII."""
    return json.dumps(grant_record(grant), separators=(",", ":"))


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_rfc3339(moment)
