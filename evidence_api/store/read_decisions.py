"""Reading decisions: which of them came out in which way, and what the server's own statements say of some.

What only the server can tell of a decision is in its `reperformance` evidence, whose series is the decision's id. Read
at a tree size, the newest statement below that size counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evidence_api.domain.decisions.reading import DECISION_KINDS, PENDING
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.trust_update import LedgerKey
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import EvidenceFilter
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_DISAGREES = (Status.DISAGREES.value.lower(),)
# Found by an index: what disagrees by itself, or by any of the server's statements about it.
_DISAGREEING = """
SELECT d.leaf_index FROM evidence d WHERE d.tenant_id = $1 AND d.facts->>'reperformance' = 'disagrees'
UNION ALL SELECT d.leaf_index FROM evidence s
  JOIN evidence d ON d.tenant_id = $1 AND d.id = decode(substr(s.series, 8), 'hex')
  WHERE s.tenant_id = $1 AND s.kind = 'reperformance' AND s.facts->>'reperformance' = 'disagrees'
"""
_STANDING = """
SELECT DISTINCT ON (s.series) s.series, s.id, s.body_digest FROM evidence s
WHERE s.tenant_id = $1 AND s.kind = 'reperformance' AND s.status = 'verified' AND s.series = ANY ($2::text[])
  AND s.leaf_index < $3
ORDER BY s.series, s.leaf_index DESC
"""


@dataclass(frozen=True, slots=True)
class StandingStatement:
    """The server's statement in force about a decision: its evidence id and the digest of its bytes."""

    id: str
    body_digest: str


def conditions(put: Callable[[object], str], chosen: EvidenceFilter) -> list[str]:
    """What a list of evidence is narrowed to by what came of decisions; `put` adds an argument and gives its place."""
    where = []
    if chosen.reperformance or chosen.differing is not None:
        where.append(f"e.kind = ANY ({put(sorted(DECISION_KINDS))}::text[])")
    if chosen.differing is not None or chosen.reperformance == _DISAGREES:
        where.append(f"e.leaf_index = ANY (ARRAY({_DISAGREEING}))")
    if chosen.reperformance:
        told = f"{_told('reperformance')} #>> '{{}}'"
        status = f"coalesce(e.facts->>'reperformance', {told}, {put(PENDING.lower())}::text)"
        where.append(f"{status} = ANY ({put(list(chosen.reperformance))}::text[])")
    if chosen.differing is not None:
        where.append(f"coalesce(e.facts->'differing', {_told('differing')}) ? {put(chosen.differing)}::text")
    if chosen.rollout is not None:
        where.append(f"e.facts->>'rollout' = {put(chosen.rollout)}")
    return where


def _told(fact: str) -> str:
    """A fact of the statement in force about the decision `e`, unless its bytes are erased; the tenant is argument 1,
    the tree size argument 2."""
    return (
        f"(SELECT CASE WHEN b.content IS NOT NULL THEN s.facts->'{fact}' END FROM evidence s "  # noqa: S608  constant facts
        "JOIN body b ON b.tenant_id = s.tenant_id AND b.digest = s.body_digest "
        "WHERE s.tenant_id = $1 AND s.kind = 'reperformance' "
        "AND s.status = 'verified' AND s.series = 'sha256:' || encode(e.id, 'hex') AND s.leaf_index < $2 "
        "ORDER BY s.leaf_index DESC LIMIT 1)"
    )


async def ledger_at(connection: Connection, scope: TenantScope, position: str) -> LedgerKey | None:
    """Arm and context of the ledger that goes by it; None where there is none."""
    row = await connection.fetchrow(
        "SELECT arm, context FROM trust_ledger WHERE tenant_id = $1 AND key = $2", scope.id, _bytes(position)
    )
    return None if row is None else (row["arm"], row["context"])


async def standing(
    connection: Connection, scope: TenantScope, decisions: Sequence[str], size: int
) -> dict[str, StandingStatement]:
    """The statement in force about each of these decisions (evidence ids) in the tree of `size` leaves."""
    rows = await connection.fetch(_STANDING, *(scope.id, list(decisions), size))
    return {row["series"]: StandingStatement(id_text(row["id"]), id_text(row["body_digest"])) for row in rows}


def _bytes(position: str) -> bytes:
    """The digest in a position; for anything else bytes that no ledger has."""
    try:
        return bytes.fromhex(position)
    except ValueError:
        return b""
