"""The register of advisories: the operator's, the same for every tenant; and which tenant was matched with what.

Written with the owner's connection alone. Commit point of an import: its transaction. A crash inside leaves the
register as it was; readers see the old register or the new one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from evidence_api.domain.principal import TenantScope
from evidence_api.formats.osv_feed import FeedRecord
from evidence_api.store.compression import decoded, encoded
from evidence_api.store.session import Connection

_ONE_AT_A_TIME = 0x61647669  # advisory lock key: "advi"
_PAGE = 50_000  # rows of one step over the whole register

_INSERT = """
INSERT INTO advisory (digest, id, modified, withdrawn, size, encoding, content, current, imported_at)
  SELECT digest, id, modified, withdrawn, size, encoding, content, true, $8
  FROM unnest($1::bytea[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::integer[], $6::text[], $7::bytea[])
    AS given (digest, id, modified, withdrawn, size, encoding, content)
  ON CONFLICT (digest) DO UPDATE SET current = true
"""
_ABOUT = """
SELECT a.digest, a.size, a.encoding, a.content FROM advisory a WHERE a.current AND a.digest IN (
  SELECT p.digest FROM unnest($1::text[], $2::text[]) AS wanted (ecosystem, name)
    JOIN advisory_package p ON p.ecosystem = wanted.ecosystem AND p.name = wanted.name)
ORDER BY a.id
"""
_LAST = "SELECT id, feed_digest, records, added, changed, withdrawn, imported_at FROM advisory_import"


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the records of an import: `withdrawn` are those of the added and changed ones that say so now;
    `older` ones came after a newer version of themselves and were left out."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    older: int = 0

    def __add__(self, other: "Merged") -> "Merged":
        return Merged(
            self.added + other.added,
            self.changed + other.changed,
            self.withdrawn + other.withdrawn,
            self.unchanged + other.unchanged,
            self.older + other.older,
        )


@dataclass(frozen=True, slots=True)
class FeedImport:
    """An import that changed something, and the register after it: `records` current ones, named by `feed_digest`."""

    id: int
    feed_digest: str
    records: int
    added: int
    changed: int
    withdrawn: int
    imported_at: datetime


async def lock(connection: Connection) -> None:
    """Keep other imports out until this transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)


async def merge(connection: Connection, records: Iterable[FeedRecord], at: datetime) -> Merged:
    """Take these records in; of several with one id the newest counts."""
    given: dict[str, FeedRecord] = {}
    older = 0
    for record in records:
        before = given.get(record.id)
        older += before is not None
        if before is None or record.modified >= before.modified:
            given[record.id] = record
    rows = await connection.fetch(
        "SELECT id, digest, modified FROM advisory WHERE current AND id = ANY ($1::text[])", list(given)
    )
    known = {row["id"]: row for row in rows}
    same = {one for one, row in known.items() if row["digest"] == given[one].digest}
    behind = {one for one, row in known.items() if one not in same and given[one].modified < row["modified"]}
    news = [record for one, record in sorted(given.items()) if one not in same and one not in behind]
    superseded = [known[one.id]["digest"] for one in news if one.id in known]
    await _replace(connection, news, superseded, at)
    return Merged(
        added=len(news) - len(superseded),
        changed=len(superseded),
        withdrawn=sum(one.withdrawn is not None for one in news),
        unchanged=len(same),
        older=older + len(behind),
    )


async def close_import(connection: Connection, merged: Merged, at: datetime) -> FeedImport | None:
    """Put the import on record, last in its transaction; None when it changed nothing."""
    if not merged.added and not merged.changed:
        return None
    feed_digest, records = await _digest(connection)
    row = await connection.fetchrow(
        "INSERT INTO advisory_import (feed_digest, records, added, changed, withdrawn, imported_at) "
        "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        *(feed_digest, records, merged.added, merged.changed, merged.withdrawn, at),
    )
    made: int = row["id"] if row else 0
    return FeedImport(made, feed_digest, records, merged.added, merged.changed, merged.withdrawn, at)


async def last_import(connection: Connection) -> FeedImport | None:
    """The newest import, or None while there is no register."""
    row = await connection.fetchrow(f"{_LAST} ORDER BY id DESC LIMIT 1")
    return None if row is None else FeedImport(**dict(row))


async def about(connection: Connection, packages: Sequence[tuple[str, str]]) -> list[bytes]:
    """The current records about any of these (ecosystem, name) pairs, by id, as canonical JSON.

    Raises VerificationFailed "stored_bytes".
    """
    rows = await connection.fetch(_ABOUT, [ecosystem for ecosystem, _ in packages], [name for _, name in packages])
    return [decoded(row["encoding"], row["content"], row["size"], row["digest"]) for row in rows]


async def matched_with(connection: Connection, scope: TenantScope) -> int:
    """The id of the import the tenant's releases were last matched with; 0: none."""
    found: int | None = await connection.fetchval("SELECT import_id FROM advisory_match WHERE tenant_id = $1", scope.id)
    return found or 0


async def keep_match(connection: Connection, scope: TenantScope, import_id: int) -> bool:
    """From now on the tenant's releases are matched, or due to be, with that import; False if they were already.

    Others who try wait for this transaction.
    """
    kept = await connection.fetchval(
        "INSERT INTO advisory_match (tenant_id, import_id) VALUES ($1, $2) ON CONFLICT (tenant_id) "
        "DO UPDATE SET import_id = excluded.import_id WHERE advisory_match.import_id < excluded.import_id RETURNING 1",
        *(scope.id, import_id),
    )
    return kept is not None


async def _replace(
    connection: Connection, news: Sequence[FeedRecord], superseded: Sequence[bytes], at: datetime
) -> None:
    await connection.execute("DELETE FROM advisory_package WHERE digest = ANY ($1::bytea[])", superseded)
    await connection.execute("UPDATE advisory SET current = false WHERE digest = ANY ($1::bytea[])", superseded)
    packed = [encoded(one.content) for one in news]
    await connection.execute(
        _INSERT,
        [one.digest for one in news],
        [one.id for one in news],
        [one.modified for one in news],
        [one.withdrawn for one in news],
        [len(one.content) for one in news],
        [encoding for encoding, _ in packed],
        [content for _, content in packed],
        at,
    )
    named = [(*package, one.digest) for one in news for package in one.packages]
    await connection.execute(
        "INSERT INTO advisory_package (ecosystem, name, digest) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING",
        [ecosystem for ecosystem, _, _ in named],
        [name for _, name, _ in named],
        [digest for _, _, digest in named],
    )


async def _digest(connection: Connection) -> tuple[str, int]:
    """(digest over a line "<id> <digest in hex>" for each current record, by id in code point order; their number)."""
    whole, records, after = sha256(), 0, ""
    while rows := await connection.fetch(
        "SELECT id, digest FROM advisory WHERE current AND id > $1 ORDER BY id LIMIT $2",
        *(after, _PAGE),
    ):
        for row in rows:
            whole.update(b"%b %b\n" % (row["id"].encode(), row["digest"].hex().encode()))
        records, after = records + len(rows), rows[-1]["id"]
    return f"sha256:{whole.hexdigest()}", records
