"""The log's one writer: insert a batch with its leaves, tiles, links and what becomes due, under the head's lock.

`append_at` is all of it in one round trip, for who knows the head. `lock` and `append` are the way round for
everybody else: two round trips in the caller's transaction, and more for every 256th leaf.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence_api.domain.errors import NotFound
from evidence_api.domain.merkle import HASH_SIZE, Frontier, Growth
from evidence_api.domain.principal import TenantScope
from evidence_api.store.batch import Record
from evidence_api.store.session import Connection

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_ARGUMENTS = 10  # of append_batch
_APPEND = f"SELECT append_batch({', '.join(f'${number + 1}' for number in range(_ARGUMENTS))})"
_APPEND_AT = f"SELECT append_at({', '.join(f'${number + 1}' for number in range(2 + _ARGUMENTS))})"


@dataclass(frozen=True, slots=True)
class LockedLog:
    """A log whose head this transaction holds: nobody else appends before it ends. `known` maps evidence ids (32
    bytes) of the batch that are in the log already to their leaf indexes."""

    origin: str
    frontier: Frontier
    known: Mapping[bytes, int]


async def lock(connection: Connection, scope: TenantScope, ids: Sequence[bytes]) -> LockedLog:
    """Take the tenant's log for this transaction. Raises NotFound when the tenant has none."""
    row = await connection.fetchrow(
        "SELECT origin, tree_size, frontier, known_ids, known_leaves FROM lock_log($1)", ids
    )
    if row is None or row["origin"] is None:
        raise NotFound(f"tenant {scope.name} has no log")
    packed = row["frontier"]
    hashes = tuple(packed[at : at + HASH_SIZE] for at in range(0, len(packed), HASH_SIZE))
    return LockedLog(
        origin=row["origin"],
        frontier=Frontier(row["tree_size"], hashes),
        known=dict(zip(row["known_ids"] or (), row["known_leaves"] or (), strict=True)),
    )


async def append(  # noqa: PLR0913, PLR0917  what one transaction of the log is made of
    connection: Connection, scope: TenantScope, first: int, records: Sequence[Record], growth: Growth, checkpoint: str
) -> None:
    """Insert the records as leaves `first`, `first` + 1, … and move the head to `growth`, signed as `checkpoint`.

    `growth` begins at the locked frontier and holds these leaves alone.
    """
    tiles = list(full_tiles(first, growth))
    if tiles:
        await connection.execute(
            "INSERT INTO tile (tenant_id, level, index, hashes, root) "
            "SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[], $5::bytea[])",
            *(scope.id, *await _tile_columns(connection, scope, tiles, growth)),
        )
    await connection.execute(_APPEND, *_arguments(first, records, growth, checkpoint))


async def append_at(  # noqa: PLR0913, PLR0917  what one transaction of the log is made of
    connection: Connection, scope: TenantScope, first: int, records: Sequence[Record], growth: Growth, checkpoint: str
) -> bool:
    """The same in one statement that is its own transaction, if the tree still has `first` leaves and none of the ids;
    otherwise False, and nothing is written. The growth must complete no tile.

    Commit point: the statement's end, in PostgreSQL. Who hears no answer does not know, and asks again by id.
    """
    done: bool = await connection.fetchval(_APPEND_AT, scope.id, first, *_arguments(first, records, growth, checkpoint))
    return done


def _arguments(first: int, records: Sequence[Record], growth: Growth, checkpoint: str) -> tuple[Any, ...]:
    frontier = growth.frontier
    return (
        *(frontier.size, frontier.root(), b"".join(frontier.hashes), checkpoint, first),
        [record.row for record in records],
        *_satellites(first, records),
    )


def full_tiles(first: int, growth: Growth) -> Iterator[tuple[int, int]]:
    """(tile level, index) of the tiles that these leaves completed, lowest level first."""
    level, begin, end = 0, first >> TILE_HEIGHT, growth.frontier.size >> TILE_HEIGHT
    while begin < end:
        yield from ((level, index) for index in range(begin, end))
        level, begin, end = level + 1, begin >> TILE_HEIGHT, end >> TILE_HEIGHT


async def _tile_columns(
    connection: Connection, scope: TenantScope, tiles: Sequence[tuple[int, int]], growth: Growth
) -> tuple[list[int], list[int], list[bytes], list[bytes]]:
    """Columns of the tile rows. Hashes from before this batch are read where they stand: leaf hashes in `evidence`,
    roots of lower tiles in `tile`."""
    known = {
        (node_level // TILE_HEIGHT, index): value
        for (node_level, index), value in growth.nodes.items()
        if node_level % TILE_HEIGHT == 0
    }
    absent = [
        (level, place)
        for level, index in tiles
        for place in range(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
        if (level, place) not in known
    ]
    known.update(await _older_hashes(connection, scope, absent))
    hashes = [
        b"".join(known[level, place] for place in range(index * TILE_WIDTH, (index + 1) * TILE_WIDTH))
        for level, index in tiles
    ]
    roots = [growth.node(TILE_HEIGHT * (level + 1), index) for level, index in tiles]
    return [level for level, _ in tiles], [index for _, index in tiles], hashes, roots


async def _older_hashes(
    connection: Connection, scope: TenantScope, absent: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    found: dict[tuple[int, int], bytes] = {}
    for level in sorted({level for level, _ in absent}):
        places = [place for at, place in absent if at == level]
        rows = await connection.fetch(
            "SELECT leaf_index AS place, leaf_hash AS hash FROM evidence "
            "WHERE tenant_id = $1 AND leaf_index BETWEEN $2 AND $3 AND $4 = 0 UNION ALL "
            "SELECT index, root FROM tile WHERE tenant_id = $1 AND index BETWEEN $2 AND $3 AND level = $4 - 1",
            *(scope.id, min(places), max(places), level),
        )
        found.update({(level, row["place"]): row["hash"] for row in rows})
    return found


def _satellites(first: int, records: Sequence[Record]) -> tuple[Sequence[Any], ...]:
    """The arguments of append_batch from `subjects` on: rows of the tables that hang on the evidence."""
    numbered = list(enumerate(records, first))
    subjects = [(leaf, *subject) for leaf, record in numbered for subject in record.subjects]
    links = [(*link, leaf) for leaf, record in numbered for link in record.links]
    releases = [(record.id, leaf, *record.release) for leaf, record in numbered if record.release]
    owned = [(digest, record.id) for record in records if record.release for _, digest, _ in record.subjects]
    return subjects, links, releases, owned
