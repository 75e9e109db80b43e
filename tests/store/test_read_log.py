"""Proofs from tiles: at sizes around the tile width, against the tree computed from all leaves."""

import pytest

from evidence_api.domain.merkle import Frontier, verify_inclusion
from evidence_api.domain.principal import TenantScope
from evidence_api.store import read_log
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import checked
from tests.support.seed import append_concurrently

LEAVES = 600


async def test_proofs_at_sizes_around_complete_tiles(
    database: Database, appender: Appender, scope: TenantScope, other_scope: TenantScope
) -> None:
    await append_concurrently(appender, scope, *(checked(f"evidence {number}") for number in range(LEAVES)))
    async with database.reading(scope) as connection:
        rows = await connection.fetch("SELECT leaf_hash FROM evidence ORDER BY leaf_index")
        hashes = [row["leaf_hash"] for row in rows]
        assert len(hashes) == LEAVES
        for size in (1, 2, 255, 256, 257, 300, 511, 512, 513, LEAVES):
            root = Frontier().append(hashes[:size]).root()
            asked = sorted({0, 1, size // 2, size - 1, 255, 256, 511, 512} & set(range(size)))
            found = await read_log.proofs(connection, scope, [*asked, size, LEAVES + 5], size)
            assert sorted(found) == asked
            for leaf, row in found.items():
                assert (row.leaf_hash, row.root, row.tree_size) == (hashes[leaf], root, size)
                verify_inclusion(row.leaf_hash, leaf, size, row.proof, root)
    async with database.reading(other_scope) as connection:
        assert await read_log.proofs(connection, other_scope, [0, 1], LEAVES) == {}
        assert await read_log.proofs(connection, scope, [0, 1], LEAVES) == {}, "row-level security is a second wall"


async def test_the_head_of_an_empty_log(database: Database, scope: TenantScope) -> None:
    async with database.reading(scope) as connection:
        head = await read_log.head(connection, scope)
        assert (head.origin, head.tree_size, head.root) == ("log.test/acme", 0, Frontier().root())
        assert await read_log.proofs(connection, scope, [0], 0) == {}


@pytest.mark.parametrize(("level", "index"), [(0, 700), (8, 2)])
def test_a_node_is_found_in_its_tile(level: int, index: int) -> None:
    assert read_log._tile_of(read_log._span(level, index)) == (level // 8, (index << level % 8) >> 8)
