"""What is owed: assessments that are due, written by whoever makes them so, and taken for a while by a worker.

Due rows of an append come first; those in the background (a changed catalog, time that has passed) wait until none of
these is left, among them in the order of `leaf_index`. A crash between taking and striking off leaves the rows; they
are free again when the lease has run out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

EVERY_KIND = "*"
CATALOG, TIME = "catalog", "time"  # causes of their own, each "@" an occasion: every control is assessed
LEASE = timedelta(seconds=30)

# A release is taken by one at a time: an assessment of some kinds takes its other verdicts over from the newest one,
# so of two at once the second would lose what the first found. What assesses every control takes nothing over. Claims
# of a tenant are made one after the other, or two could each take a part of what is owed of a release.
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('due ' || $1::uuid, 0))"
# What is owed because of other rules than the claimant's is not its to settle: it would be struck off, and not done.
_MAY = f"($6 = '' OR d.kind = $6 OR split_part(d.kind, '@', 1) <> '{CATALOG}')"
_CLAIM = f"""
WITH chosen AS (
  SELECT d.release_id FROM due d
  WHERE d.tenant_id = $1 AND d.background = $4 AND (d.claimed_until IS NULL OR d.claimed_until <= $2) AND {_MAY}
    AND NOT EXISTS (
      SELECT 1 FROM due other
      WHERE other.tenant_id = $1 AND other.release_id = d.release_id AND other.claimed_until > $2
        AND split_part(other.kind, '@', 1) NOT IN ('{CATALOG}', '{TIME}'))
  ORDER BY d.leaf_index, d.release_id LIMIT $5 FOR UPDATE OF d SKIP LOCKED
), mine AS (
  SELECT d.release_id, d.kind FROM due d
  WHERE d.tenant_id = $1 AND d.release_id = ANY (ARRAY(SELECT release_id FROM chosen))
    AND (d.claimed_until IS NULL OR d.claimed_until <= $2) AND {_MAY}
  ORDER BY d.release_id, d.kind FOR UPDATE OF d SKIP LOCKED
)
UPDATE due SET claimed_until = $3 FROM mine
WHERE due.tenant_id = $1 AND due.release_id = mine.release_id AND due.kind = mine.kind
RETURNING due.release_id, due.kind, due.leaf_index, due.background
"""  # noqa: S608  constant words
# Never waits for a row: one that an append or a striking off holds is left to the next time.
_RENEW = """
WITH mine AS (
  SELECT d.release_id, d.kind
  FROM unnest($2::bytea[], $3::text[]) AS given (release_id, kind)
    JOIN due d ON d.tenant_id = $1 AND d.release_id = given.release_id AND d.kind = given.kind
  WHERE d.claimed_until > $4
  FOR UPDATE OF d SKIP LOCKED
)
UPDATE due SET claimed_until = $5 FROM mine
WHERE due.tenant_id = $1 AND due.release_id = mine.release_id AND due.kind = mine.kind
"""
_STRIKE = """
WITH mine AS (
  SELECT d.release_id, d.kind, d.leaf_index < given.tree_size AS settled
  FROM unnest($2::bytea[], $3::text[], $4::bigint[]) AS given (release_id, kind, tree_size)
    JOIN due d ON d.tenant_id = $1 AND d.release_id = given.release_id AND d.kind = given.kind
  ORDER BY d.release_id, d.kind FOR UPDATE OF d
), done AS (
  DELETE FROM due USING mine
  WHERE due.tenant_id = $1 AND due.release_id = mine.release_id AND due.kind = mine.kind AND mine.settled
)
UPDATE due SET claimed_until = NULL FROM mine
WHERE due.tenant_id = $1 AND due.release_id = mine.release_id AND due.kind = mine.kind AND NOT mine.settled
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """A release (evidence id) to assess, for these kinds of evidence ("*": every control); an assessment at a tree
    of at least `tree_size` leaves settles it. `background`: nobody who appended evidence waits for it."""

    release: str
    kinds: tuple[str, ...]
    tree_size: int
    background: bool = False

    @property
    def whole(self) -> bool:
        """Every control is to be assessed, whatever kinds they read."""
        return any(kind.partition("@")[0] in {EVERY_KIND, CATALOG, TIME} for kind in self.kinds)


async def claim(
    connection: Connection, scope: TenantScope, at: datetime, lease: timedelta = LEASE, *, rules: str = ""
) -> Owed | None:
    """Take the release that has waited longest for an append's assessment, for nobody else to take while the lease
    runs; None: nothing is due."""
    found = await claim_some(connection, scope, at, lease=lease, limit=1, rules=rules)
    return found[0] if found else None


async def claim_some(  # noqa: PLR0913  what a claim is made of
    connection: Connection,
    scope: TenantScope,
    at: datetime,
    *,
    limit: int,
    background: bool = False,
    lease: timedelta = LEASE,
    rules: str = "",
) -> tuple[Owed, ...]:
    """Take up to `limit` releases, with all that is owed of them, in the background or not. `rules` is the cause of the
    claimant's catalog and policy (store/reassessments.py); what other rules made due is left alone. "": nothing is."""
    await connection.execute(_ALONE, scope.id)
    rows = await connection.fetch(_CLAIM, *(scope.id, at, at + lease, background, limit, rules))
    releases: dict[bytes, list[tuple[str, int, bool]]] = {}
    for row in rows:
        releases.setdefault(row["release_id"], []).append((row["kind"], row["leaf_index"], row["background"]))
    return tuple(
        Owed(
            release=id_text(release),
            kinds=tuple(sorted(kind for kind, _, _ in owed)),
            tree_size=max(leaf for _, leaf, _ in owed) + 1,
            background=all(late for _, _, late in owed),
        )
        for release, owed in releases.items()
    )


async def renew(
    connection: Connection, scope: TenantScope, owed: Sequence[Owed], at: datetime, lease: timedelta = LEASE
) -> None:
    """Keep for another lease what was taken and has not been struck off. What has run out is not taken back."""
    rows = [(id_bytes(one.release), kind) for one in owed for kind in one.kinds]
    releases, kinds = [release for release, _ in rows], [kind for _, kind in rows]
    await connection.execute(_RENEW, scope.id, releases, kinds, at, at + lease)


async def kinds_since(connection: Connection, scope: TenantScope, release: str, tree_size: int) -> tuple[str, ...]:
    """The kinds owed of a release, taken by somebody or not, of which something arrived after `tree_size` leaves."""
    rows = await connection.fetch(
        "SELECT kind FROM due WHERE tenant_id = $1 AND release_id = $2 AND leaf_index >= $3 ORDER BY kind",
        *(scope.id, id_bytes(release), tree_size),
    )
    return tuple(row["kind"] for row in rows)


async def settle(connection: Connection, scope: TenantScope, owed: Owed, tree_size: int) -> None:
    """Strike off what an assessment at `tree_size` settled; what arrived since is free to be taken again.

    Do this last in the transaction that saved the assessment: appends wait for these rows.
    """
    await settle_all(connection, scope, [(owed, tree_size)])


async def settle_all(connection: Connection, scope: TenantScope, settled: Sequence[tuple[Owed, int]]) -> None:
    """The same of several releases."""
    rows = [(id_bytes(owed.release), kind, size) for owed, size in settled for kind in owed.kinds]
    columns = ([row[at] for row in rows] for at in range(3))
    await connection.execute(_STRIKE, scope.id, *columns)
