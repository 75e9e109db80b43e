"""The trust ledger: one row a ledger, one a step; whoever moves a ledger holds its row until the transaction ends.

A step is made once: asked again about the same leaf, it is told as it was, and nothing moves. Steps come in the order
of the log (use_cases/follow_log.py), so a ledger is a fold over its updates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from evidence_api.domain.decisions.trust_update import Beta, LedgerKey, TrustUpdate, ledger_key, whole
from evidence_api.domain.digest import canonical, sha256_hex
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.trust_state import UNTRIED, TrustState, TrustStep, step
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

_STATE = "arm, context, a, b, updates, discontinuities, squared, bins"
_STEP = (
    "leaf_index, evidence_id, continuous, success, claimed_a, claimed_b, before_a, before_b, after_a, after_b "
    "FROM trust_step WHERE tenant_id = $1"
)
_BEGIN = """
INSERT INTO trust_ledger (tenant_id, key, arm, context, a, b, updates, discontinuities, squared, bins, leaf_index)
VALUES ($1, $2, $3, $4, 1, 1, 0, 0, 0, $5, $6) ON CONFLICT DO NOTHING
"""
_MOVE = """
UPDATE trust_ledger SET a = $3, b = $4, updates = $5, discontinuities = $6, squared = $7, bins = $8, leaf_index = $9
WHERE tenant_id = $1 AND key = $2
"""
_KEEP = """
INSERT INTO trust_step (tenant_id, leaf_index, evidence_id, key, continuous, success, claimed_a, claimed_b,
  before_a, before_b, after_a, after_b)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_LEDGERS = f"""
SELECT {_STATE} FROM trust_ledger
WHERE tenant_id = $1 AND ($2::text IS NULL OR arm = $2)
  AND ($3::text IS NULL OR (arm COLLATE "C", context COLLATE "C") > ($3, $4))
ORDER BY arm COLLATE "C", context COLLATE "C" LIMIT $5
"""  # noqa: S608  constant columns


@dataclass(frozen=True, slots=True)
class KeptStep:
    """One step of a ledger's history: which evidence, at which leaf."""

    leaf_index: int
    evidence_id: str
    step: TrustStep


async def move(
    connection: Connection, scope: TenantScope, leaf_index: int, evidence_id: str, update: TrustUpdate
) -> TrustStep:
    """Take the step of the update at that leaf; the same step where it was taken before."""
    known = await connection.fetchrow(f"SELECT {_STEP} AND leaf_index = $2", scope.id, leaf_index)
    if known is not None:
        return _step(known)
    arm, context = ledger_key(update.arm, update.context)
    key = _key(arm, context)
    await connection.execute(_BEGIN, *(scope.id, key, arm, context, list(UNTRIED), leaf_index))
    row = await connection.fetchrow(
        f"SELECT {_STATE} FROM trust_ledger WHERE tenant_id = $1 AND key = $2 FOR UPDATE",  # noqa: S608  constant
        *(scope.id, key),
    )
    assert row is not None  # noqa: S101  it was begun above at the latest
    after, made = step(_state(row), update)
    await connection.execute(
        _MOVE,
        *(scope.id, key, after.a, after.b, after.updates, after.discontinuities),
        *(after.squared, list(after.bins), leaf_index),
    )
    numbers = (one for beta in (made.claimed, made.before, made.after) for one in (beta.a, beta.b))
    await connection.execute(
        _KEEP, *(scope.id, leaf_index, id_bytes(evidence_id), key, made.continuous, made.success, *numbers)
    )
    return made


async def ledgers(
    connection: Connection,
    scope: TenantScope,
    *,
    arm: str | None = None,
    after: LedgerKey | None = None,
    limit: int,
) -> list[TrustState]:
    """Ledgers by arm, then context, those of one arm or all; `after` is the (arm, context) of the last one seen."""
    rows = await connection.fetch(_LEDGERS, *(scope.id, arm, *(after or (None, None)), limit))
    return [_state(row) for row in rows]


async def history(
    connection: Connection, scope: TenantScope, ledger: LedgerKey, *, after: int = -1, limit: int
) -> Sequence[KeptStep]:
    """The steps of one ledger (arm, and context as canonical JSON), oldest first, from the leaf after `after` on."""
    rows = await connection.fetch(
        f"SELECT {_STEP} AND key = $2 AND leaf_index > $3 ORDER BY leaf_index LIMIT $4",
        *(scope.id, _key(*ledger), after, limit),
    )
    return [KeptStep(row["leaf_index"], id_text(row["evidence_id"]), _step(row)) for row in rows]


def _key(arm: str, context: str) -> bytes:
    """What a ledger goes by; arm and context may be longer than an index entry."""
    return bytes.fromhex(sha256_hex(canonical([arm, context])))


def _state(row: asyncpg.Record) -> TrustState:
    return TrustState(**{**row, "bins": tuple(row["bins"])})


def _step(row: asyncpg.Record) -> TrustStep:
    claimed, before, after = (
        Beta(whole(row[f"{name}_a"]), whole(row[f"{name}_b"])) for name in ("claimed", "before", "after")
    )
    return TrustStep(row["continuous"], row["success"], claimed, before, after)
