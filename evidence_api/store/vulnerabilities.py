"""The index of vulnerabilities: rows are written as the log is followed, and read by name over all releases.

A row tells what one drift statement says. Of a release the newest of its drift statements stands, if its bytes are
still there; so rows of older ones, and of statements erased since, are passed over when they are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evidence_api.domain.drift_view import IndexedVulnerability, Standing
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import ReleaseView
from evidence_api.store.compression import decoded
from evidence_api.store.read_releases import RELEASE_COLUMNS, release_view
from evidence_api.store.reads import Arguments, leaf_position, storable
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_ADD = """
INSERT INTO vulnerability (tenant_id, name, leaf_index, id, standing, severity, packages)
  SELECT $1, name, $2, id, standing, severity, string_to_array(packages, E'\\x1f')
  FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    AS given (name, id, standing, severity, packages)
  ORDER BY name ON CONFLICT DO NOTHING
"""
# A drift statement is about exactly the digests of its release; found by one of them. Releases are taken in order and
# looked at one by one, so that no more of them than the page needs are.
_AFFECTED = """
WITH telling AS MATERIALIZED (
  SELECT v.leaf_index, v.id, v.standing, v.severity, v.packages FROM vulnerability v
  WHERE v.tenant_id = $1 AND v.name = {name} AND v.leaf_index < {size}
), told AS MATERIALIZED (
  SELECT DISTINCT r.leaf_index, r.id FROM telling
    CROSS JOIN LATERAL (SELECT s.digest FROM evidence_subject s
      WHERE s.tenant_id = $1 AND s.leaf_index = telling.leaf_index ORDER BY s.position LIMIT 1) AS subject
    JOIN release_subject o ON o.tenant_id = $1 AND o.digest = subject.digest
    JOIN release r ON r.tenant_id = $1 AND r.id = o.release_id AND r.leaf_index < {size}{range}
  ORDER BY r.leaf_index {order}
)
SELECT {columns}, found.vulnerability, found.standing, found.severity, found.packages, found.statement
FROM told CROSS JOIN LATERAL (
    SELECT telling.id AS vulnerability, telling.standing, telling.severity, telling.packages, standing.id AS statement
    FROM (
      SELECT d.leaf_index, d.id FROM evidence_subject s CROSS JOIN LATERAL (
          SELECT e.leaf_index, e.id, e.body_digest FROM evidence e
          WHERE e.tenant_id = $1 AND e.leaf_index = s.leaf_index AND e.kind = 'sbom_drift' AND e.status = 'verified'
          OFFSET 0) AS d
      WHERE s.tenant_id = $1 AND s.leaf_index < {size}
        AND s.digest = (SELECT min(o.digest) FROM release_subject o WHERE o.tenant_id = $1 AND o.release_id = told.id)
        AND ARRAY(SELECT DISTINCT a.digest FROM evidence_subject a
            WHERE a.tenant_id = $1 AND a.leaf_index = d.leaf_index ORDER BY a.digest)
          = ARRAY(SELECT o.digest FROM release_subject o
            WHERE o.tenant_id = $1 AND o.release_id = told.id ORDER BY o.digest)
        AND EXISTS (SELECT FROM body b
            WHERE b.tenant_id = $1 AND b.digest = d.body_digest AND b.content IS NOT NULL)
      ORDER BY s.leaf_index DESC LIMIT 1) AS standing
    JOIN telling ON telling.leaf_index = standing.leaf_index
    WHERE {standings} OFFSET 0) AS found
  JOIN release r ON r.tenant_id = $1 AND r.id = told.id
ORDER BY told.leaf_index {order} LIMIT {limit}
"""


@dataclass(frozen=True, slots=True)
class AffectedRelease:
    """A release, and what the drift statement in force (an evidence id) says of the vulnerability asked for."""

    release: ReleaseView
    statement: str
    vulnerability: IndexedVulnerability


async def add(
    connection: Connection, scope: TenantScope, leaf_index: int, found: Sequence[IndexedVulnerability]
) -> None:
    """Write what one statement tells; doing it again changes nothing."""
    await connection.execute(
        _ADD,
        *(scope.id, leaf_index, [one.name for one in found], [one.id for one in found]),
        *([one.standing.value for one in found], [one.severity for one in found]),
        ["\x1f".join(one.replace("\x1f", "") for one in told.packages) for told in found],
    )


async def affected(  # noqa: PLR0913, PLR0917  what is asked, a window and a size
    connection: Connection, scope: TenantScope, name: str, standings: Sequence[str], window: Window, size: int
) -> Page[AffectedRelease]:
    """One page of the releases whose drift statement in force tells of it, in log order. No `standings` means all."""
    arguments = Arguments(scope)
    within = ""
    if window.after is not None:
        within += f" AND r.leaf_index > {arguments.put(leaf_position(window.after, 'after'))}"
    if window.before is not None:
        within += f" AND r.leaf_index < {arguments.put(leaf_position(window.before, 'before'))}"
    statement = _AFFECTED.format(
        name=arguments.put(name),
        size=arguments.put(size),
        range=within,
        columns=RELEASE_COLUMNS,
        standings=f"telling.standing = ANY ({arguments.put(list(standings))}::text[])" if standings else "true",
        order="DESC" if window.backward else "ASC",
        limit=arguments.put(window.size + 1),
    )
    rows = await connection.fetch(statement, *arguments)
    return cut(
        [
            AffectedRelease(
                release_view(row),
                id_text(row["statement"]),
                IndexedVulnerability(
                    name, row["vulnerability"], Standing(row["standing"]), row["severity"], tuple(row["packages"])
                ),
            )
            for row in rows
        ],
        window,
    )


async def advisories(connection: Connection, _scope: TenantScope, ids: Sequence[str]) -> dict[str, bytes]:
    """The records of these ids in the operator's register, as it is now: canonical JSON by id. Raises
    VerificationFailed "stored_bytes"."""
    rows = await connection.fetch(
        "SELECT id, digest, size, encoding, content FROM advisory WHERE current AND id = ANY ($1::text[])",
        [storable(one) for one in ids],
    )
    return {row["id"]: decoded(row["encoding"], row["content"], row["size"], row["digest"]) for row in rows}
