"""Reading the log: its head, and inclusion proofs of many leaves at any tree size, made from tiles in three statements.

Only complete tiles are stored. The hashes of the incomplete last tile of a level are the leaf hashes (level 0) or
the roots of the complete tiles below it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from evidence_api.domain.log_reading import Consistency
from evidence_api.domain.merkle import EMPTY_ROOT, HASH_SIZE, Node, Prover, node_hash
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import Inclusion, LogHead
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_TILE_HEIGHT = 8
_TILE_WIDTH = 1 << _TILE_HEIGHT

# The hashes [first, first + count) of one tile level: what a complete node is the root of.
_Span: TypeAlias = tuple[int, int, int]


async def head(connection: Connection, scope: TenantScope) -> LogHead:
    """The head of the tenant's log; of a log nothing was ever written to, the empty tree."""
    row = await connection.fetchrow(
        "SELECT origin, tree_size, root, checkpoint, updated_at FROM log_head WHERE tenant_id = $1",
        scope.id,
    )
    if row is None:
        return LogHead("", 0, EMPTY_ROOT, "", None)
    return LogHead(row["origin"], row["tree_size"], row["root"], row["checkpoint"], row["updated_at"])


async def proofs(
    connection: Connection, scope: TenantScope, leaves: Sequence[int], tree_size: int
) -> dict[int, Inclusion]:
    """Inclusion proofs by leaf index; leaves that are not in the tree are left out."""
    rows = await connection.fetch(
        "SELECT leaf_index, id, leaf, leaf_hash FROM evidence "
        "WHERE tenant_id = $1 AND leaf_index < $2 AND leaf_index = ANY ($3::bigint[])",
        *(scope.id, tree_size, leaves),
    )
    if not rows:
        return {}
    hashes = await _hashes(connection, scope, _needed([row["leaf_index"] for row in rows], tree_size))
    prover = Prover(tree_size, lambda level, index: hashes[level, index])
    root = prover.root()
    return {
        row["leaf_index"]: Inclusion(
            evidence_id=id_text(row["id"]),
            leaf_index=row["leaf_index"],
            leaf=row["leaf"],
            leaf_hash=row["leaf_hash"],
            tree_size=tree_size,
            root=root,
            proof=prover.inclusion(row["leaf_index"]),
        )
        for row in rows
    }


async def consistency(connection: Connection, scope: TenantScope, old_size: int, new_size: int) -> Consistency:
    """What proves that the tree of `new_size` leaves begins with that of `old_size`, 0 < old_size <= new_size."""
    wanted = _needed((), new_size, old_size) | _needed((), old_size)
    hashes = await _hashes(connection, scope, wanted)
    new, old = (Prover(size, lambda level, index: hashes[level, index]) for size in (new_size, old_size))
    return Consistency(old_size, new_size, old.root(), new.root(), new.consistency(old_size))


def _needed(leaves: Iterable[int], tree_size: int, old_size: int | None = None) -> set[Node]:
    """The complete nodes those proofs are made of: a rehearsal, since which are asked for never depends on hashes."""
    asked: set[Node] = set()

    def record(level: int, index: int) -> bytes:
        asked.add((level, index))
        return bytes(HASH_SIZE)

    rehearsal = Prover(tree_size, record)
    for leaf in leaves:
        rehearsal.inclusion(leaf)
    if old_size is not None:
        rehearsal.consistency(old_size)
    return asked


async def _hashes(connection: Connection, scope: TenantScope, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """The hashes of complete nodes, from the tiles that hold them."""
    spans = {node: _span(*node) for node in nodes}
    tiles = await _tiles(connection, scope, {(level, first >> _TILE_HEIGHT) for level, first, _ in spans.values()})
    edge = await _edge(connection, scope, [span for span in spans.values() if _tile_of(span) not in tiles])
    return {node: _root(_read(span, tiles, edge)) for node, span in spans.items()}


def _span(level: int, index: int) -> _Span:
    tile_level, height = divmod(level, _TILE_HEIGHT)
    return tile_level, index << height, 1 << height


def _tile_of(span: _Span) -> Node:
    return span[0], span[1] >> _TILE_HEIGHT


async def _tiles(connection: Connection, scope: TenantScope, wanted: Iterable[Node]) -> dict[Node, bytes]:
    """Complete tiles among the wanted: 256 hashes each."""
    pairs = sorted(wanted)
    rows = await connection.fetch(
        "SELECT tile.level, tile.index, tile.hashes FROM unnest($2::smallint[], $3::bigint[]) AS given (level, index) "
        "JOIN tile ON tile.tenant_id = $1 AND tile.level = given.level AND tile.index = given.index",
        *(scope.id, [level for level, _ in pairs], [index for _, index in pairs]),
    )
    return {(row["level"], row["index"]): row["hashes"] for row in rows}


async def _edge(connection: Connection, scope: TenantScope, spans: Sequence[_Span]) -> dict[Node, bytes]:
    """Hashes of incomplete tiles by (tile level, index)."""
    if not spans:
        return {}
    rows = await connection.fetch(
        "WITH given AS (SELECT * FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS span (level, first, last)) "
        "SELECT 0 AS level, e.leaf_index AS index, e.leaf_hash AS hash FROM given JOIN evidence e "
        "ON e.tenant_id = $1 AND e.leaf_index BETWEEN given.first AND given.last WHERE given.level = 0 "
        "UNION SELECT given.level, tile.index, tile.root FROM given JOIN tile ON tile.tenant_id = $1 "
        "AND tile.level = given.level - 1 AND tile.index BETWEEN given.first AND given.last WHERE given.level > 0",
        *(scope.id, [level for level, _, _ in spans], [first for _, first, _ in spans]),
        [first + count - 1 for _, first, count in spans],
    )
    edge: dict[Node, bytes] = {(row["level"], row["index"]): row["hash"] for row in rows}
    unseen = [
        leaf
        for level, first, count in spans
        if not level
        for leaf in range(first, first + count)
        if (0, leaf) not in edge
    ]
    return edge | await _unseen(connection, unseen) if unseen else edge


async def _unseen(connection: Connection, leaves: Sequence[int]) -> dict[Node, bytes]:
    """The hashes of leaves that a grant does not let be seen: what is seen is proved with them."""
    rows = await connection.fetch("SELECT leaf, hash FROM leaf_hashes($1::bigint[])", leaves)
    return {(0, row["leaf"]): row["hash"] for row in rows}


def _read(span: _Span, tiles: Mapping[Node, bytes], edge: Mapping[Node, bytes]) -> list[bytes]:
    level, first, count = span
    tile = tiles.get(_tile_of(span))
    if tile is None:
        return [edge[level, index] for index in range(first, first + count)]
    start = first % _TILE_WIDTH
    return [tile[HASH_SIZE * place : HASH_SIZE * (place + 1)] for place in range(start, start + count)]


def _root(hashes: list[bytes]) -> bytes:
    """The root of a complete subtree over 2^n hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
