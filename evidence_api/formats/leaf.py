"""The leaf of the log: canonical JSON of what is promised for ever about one piece of evidence, and no more.

{"evidence": "sha256:…", "kind": "…", "received": "2026-01-31T12:00:00.000000Z"} in RFC 8785 form, DESIGN section 4.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from evidence_api.domain.digest import canonical, parse_digest
from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.rfc3339 import parse_rfc3339

MAX_BYTES = 4096
_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]*\Z")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf, read. `received` is our clock when the evidence was accepted for append."""

    evidence_id: str
    kind: str
    received: datetime


def leaf_bytes(evidence_id: str, received: datetime, kind: str) -> bytes:
    """The leaf's bytes, always with microseconds. `received` must be aware."""
    moment = received.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if _PLAIN.match(kind) and _PLAIN.match(evidence_id):
        # Already canonical: sorted keys, nothing to escape. This runs once per envelope of an upload.
        return f'{{"evidence":"{evidence_id}","kind":"{kind}","received":"{moment}"}}'.encode("ascii")
    return canonical({"evidence": evidence_id, "kind": kind, "received": moment})


def parse_leaf(leaf: bytes) -> Leaf:
    """Read a leaf; only the exact canonical form is one. Raises Malformed, TooLarge."""
    if len(leaf) > MAX_BYTES:
        raise TooLarge("the leaf is too long", limit=MAX_BYTES, value=len(leaf))
    try:
        value = orjson.loads(leaf)
    except orjson.JSONDecodeError as fault:
        raise Malformed(f"the leaf is not JSON: {fault.msg}", path="leaf") from fault
    match value:
        case {"evidence": str(evidence_id), "kind": str(kind), "received": str(received), **rest} if not rest:
            parsed = Leaf(parse_digest(evidence_id), kind, parse_rfc3339(received, path="leaf.received"))
        case _:
            raise Malformed("a leaf is {evidence, kind, received}", path="leaf")
    if leaf_bytes(parsed.evidence_id, parsed.received, parsed.kind) != leaf:
        raise Malformed("the leaf is not in canonical form", path="leaf")
    return parsed
