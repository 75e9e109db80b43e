"""The pages of tests/bench/graphql.py as each side is asked for them: 50 evidence nodes with eight fields and page
info, and the same with the subjects of each."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from evidence_api.graphql.cursors import encode_cursor
from evidence_api.graphql.evidence import chosen_by, evidence_hash

FIELDS = ("evidenceId", "leafIndex", "kind", "predicateType", "mediaType", "status", "received", "series")
_PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
_OURS = """query Page($after: String) { evidence(first: 50, after: $after) {
  edges { node { %s } } %s } }"""
_THEIRS = """query Page($tenant: UUID!, $after: Cursor) { allEvidences(first: 50, after: $after,
  orderBy: [PRIMARY_KEY_ASC], condition: {tenantId: $tenant}) { edges { node { %s } } %s } }"""

OURS = {
    "flat": _OURS % (" ".join(FIELDS), _PAGE_INFO),
    "nested": _OURS % (" ".join((*FIELDS, "subjects { name digests }")), _PAGE_INFO),
}
_COLUMNS = ("rowId", *FIELDS[1:])
THEIRS = {
    "flat": _THEIRS % (" ".join(_COLUMNS), _PAGE_INFO),
    "nested": _THEIRS
    % (" ".join((*_COLUMNS, "subjects(orderBy: [POSITION_ASC]) { nodes { name digest } }")), _PAGE_INFO),
}


def ours(which: str, leaf: int) -> bytes:
    """The body of a request for the page after a leaf."""
    hashed = evidence_hash("evidence", chosen_by(None))
    return _body(OURS[which], {"after": encode_cursor(str(leaf), hashed)})


def raw(leaf: int) -> bytes:
    """The same for the raw endpoint."""
    return json.dumps({"after": leaf}).encode()


def theirs(which: str, tenant: str, first_cursor: str) -> Callable[[int], bytes]:
    """The same for PostGraphile, whose cursors are like that of its first row of this tenant."""
    *head, _ = json.loads(base64.b64decode(first_cursor))

    def body(leaf: int) -> bytes:
        cursor = base64.b64encode(json.dumps([*head, str(leaf)], separators=(",", ":")).encode()).decode()
        return _body(THEIRS[which], {"tenant": tenant, "after": cursor})

    return body


def first_of(tenant: str) -> bytes:
    """The body that asks PostGraphile for the cursor of the first row."""
    text = """query ($tenant: UUID!) { allEvidences(first: 1, orderBy: [PRIMARY_KEY_ASC],
      condition: {tenantId: $tenant}) { edges { cursor } } }"""
    return _body(text, {"tenant": tenant})


def _body(text: str, variables: Mapping[str, Any]) -> bytes:
    return json.dumps({"query": text, "variables": variables}).encode()
