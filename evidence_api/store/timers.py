"""When time alone can change what was found of a release: kept with its newest assessment, and rung when it comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_api.domain.principal import TenantScope
from evidence_api.store.due import TIME
from evidence_api.store.rows import id_bytes
from evidence_api.store.session import Connection

_RUNG_AT_ONCE = 1000

# An assessment at an older tree that is saved late must not put back an older moment.
_SET = """
INSERT INTO timer (tenant_id, release_id, tree_size, moves_at)
  SELECT $1, release_id, tree_size, moves_at
  FROM unnest($2::bytea[], $3::bigint[], $4::timestamptz[]) AS given (release_id, tree_size, moves_at)
  ORDER BY release_id
  ON CONFLICT (tenant_id, release_id) DO UPDATE SET tree_size = excluded.tree_size, moves_at = excluded.moves_at
    WHERE timer.tree_size <= excluded.tree_size
"""
# Before everything else in the background, so that a waiver that ended is not kept open by a changed catalog.
_RING = f"""
WITH rung AS (
  SELECT release_id, moves_at FROM timer WHERE tenant_id = $1 AND moves_at <= $2
  ORDER BY moves_at, release_id LIMIT {_RUNG_AT_ONCE} FOR UPDATE SKIP LOCKED
), silenced AS (
  UPDATE timer SET moves_at = NULL FROM rung WHERE timer.tenant_id = $1 AND timer.release_id = rung.release_id
)
INSERT INTO due (tenant_id, release_id, kind, leaf_index, background)
  SELECT $1, release_id, '{TIME}@' || (extract(epoch FROM moves_at) * 1000000)::bigint, -1, true FROM rung
  ORDER BY release_id
  ON CONFLICT DO NOTHING
"""  # noqa: S608  constant texts


@dataclass(frozen=True, slots=True)
class Timer:
    """The release (evidence id) assessed at a tree of `tree_size` leaves is to be assessed again at `moves_at`, or
    (None) not before evidence arrives."""

    release: str
    tree_size: int
    moves_at: datetime | None


async def keep(connection: Connection, scope: TenantScope, timers: Sequence[Timer]) -> None:
    """Set the timers of releases, in the transaction that saves their assessments."""
    columns = (
        [id_bytes(one.release) for one in timers],
        [one.tree_size for one in timers],
        [one.moves_at for one in timers],
    )
    await connection.execute(_SET, scope.id, *columns)


async def ring(connection: Connection, scope: TenantScope, at: datetime) -> int:
    """Make those releases due whose moment has come; the number of them, at most a thousand.

    Commit point: timer and due row together; a crash before it leaves the timer to ring the next time.
    """
    done: str = await connection.execute(_RING, scope.id, at)
    return int(done.rpartition(" ")[2])
