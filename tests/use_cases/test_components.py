"""The index of components: everything uploaded gets in, once, whoever is at work on it and whenever it dies."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.sbom import Sbom
from evidence_api.formats.component_index import MAX_TEXT, indexed
from evidence_api.formats.sboms import read_sbom
from evidence_api.formats.stored import stored_statement
from evidence_api.store import components
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.components import ComponentIndexer
from tests.support import statements
from tests.support.checked import ADMITTED, SteppingClock, checked, sha256_of

UPLOADS, CLIENTS, SHARED = 128, 64, 120


def sbom_body(name: str, *, first: int = 0, count: int = 3) -> bytes:
    """A statement of a BOM with these parts: part<first>, part<first + 1>, …"""
    document = statements.sbom(f"sha256:{sha256_of(name)}", components=first + count, criticals=None)
    document["predicate"]["components"] = document["predicate"]["components"][first:]
    document["predicate"]["dependencies"] = []
    return statements.statement_bytes(document)


@pytest.fixture
def indexer(database: Database, clock: SteppingClock) -> ComponentIndexer:
    return ComponentIndexer(database, clock)


async def append(appender: Appender, scope: TenantScope, name: str, body: bytes) -> int:
    made = checked(name, kind="sbom", subjects=(name,), body=body)
    return (await appender.append(scope, made, ADMITTED)).leaf_index


async def counts(database: Database, scope: TenantScope) -> tuple[int, int, int]:
    """(components, links, SBOMs waiting)"""
    async with database.reading(scope) as connection:
        return (
            await connection.fetchval("SELECT count(*) FROM component"),
            await connection.fetchval("SELECT count(*) FROM sbom_component"),
            await components.waiting(connection, scope),
        )


async def test_components_of_many_sboms_are_kept_once(
    database: Database, appender: Appender, scope: TenantScope, indexer: ComponentIndexer
) -> None:
    await append(appender, scope, "a", sbom_body("a", count=3))
    await append(appender, scope, "b", sbom_body("b", first=1, count=3))
    assert (await counts(database, scope))[2] == 2
    assert await indexer.sweep() == 2
    assert await counts(database, scope) == (4, 6, 0)
    assert await indexer.sweep() == 0


async def test_each_tenant_has_its_own(
    database: Database, appender: Appender, scope: TenantScope, other_scope: TenantScope, indexer: ComponentIndexer
) -> None:
    await append(appender, scope, "a", sbom_body("a"))
    await append(appender, other_scope, "b", sbom_body("b", count=2))
    assert await indexer.sweep() == 2
    assert await counts(database, scope) == (3, 3, 0)
    assert await counts(database, other_scope) == (2, 2, 0)


async def test_what_a_dead_worker_had_taken_is_done_after_the_lease(
    database: Database, appender: Appender, scope: TenantScope, indexer: ComponentIndexer, clock: SteppingClock
) -> None:
    leaf = await append(appender, scope, "a", sbom_body("a"))
    async with database.tenant(scope) as connection:
        taken = await components.claim(connection, scope, clock.now())
    assert taken is not None
    assert taken.leaf_index == leaf
    rows = indexed(read_sbom(taken.predicate_type.replace("urn:example:sbom", "https://cyclonedx.org/bom"), bom("a")))
    await components.add(database, scope, rows)  # here it dies, its components are in and nothing refers to them
    assert await indexer.sweep() == 0
    assert await counts(database, scope) == (3, 0, 1)
    clock.advance(components.LEASE + timedelta(seconds=1))
    assert await indexer.sweep() == 1
    assert await counts(database, scope) == (3, 3, 0)


def bom(name: str) -> bytes:
    return statements.statement_bytes(dict(stored_statement(sbom_body(name)).predicate))


async def test_what_is_erased_or_unreadable_holds_up_nothing(
    database: Database, appender: Appender, scope: TenantScope, indexer: ComponentIndexer
) -> None:
    erased = await append(appender, scope, "erased", sbom_body("erased"))
    unreadable = await append(appender, scope, "unreadable", b'{"no": "sbom"}')
    await append(appender, scope, "good", sbom_body("good"))
    async with database.tenant(scope) as connection:
        await connection.execute(
            "UPDATE body SET content = NULL WHERE digest = (SELECT body_digest FROM evidence WHERE leaf_index = $1)",
            erased,
        )
    assert await indexer.sweep() == 3
    assert await counts(database, scope) == (3, 3, 0)
    async with database.reading(scope) as connection:
        codes = await connection.fetch("SELECT leaf_index, code FROM sbom_index WHERE code <> '' ORDER BY leaf_index")
    assert [tuple(row) for row in codes] == [(erased, "erased"), (unreadable, "malformed")]


async def test_a_fault_in_reading_holds_up_nothing(
    database: Database,
    appender: Appender,
    scope: TenantScope,
    indexer: ComponentIndexer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await append(appender, scope, "hostile", sbom_body("hostile", count=5))
    await append(appender, scope, "good", sbom_body("good"))

    def picky(sbom: Sbom) -> list[IndexedComponent]:
        if len(sbom.components) > 3:
            raise RecursionError
        return indexed(sbom)

    monkeypatch.setattr("evidence_api.use_cases.components.indexed", picky)
    assert await indexer.sweep() == 2
    assert await counts(database, scope) == (3, 3, 0)


async def test_clients_and_workers_at_once_lose_and_double_nothing(
    database: Database, appender: Appender, scope: TenantScope, clock: SteppingClock
) -> None:
    """Heavily overlapping components, 64 uploads under way at a time, four workers beside them."""
    waiting = iter(range(UPLOADS))
    bodies = [sbom_body("x", first=number % 7, count=SHARED - number % 7) for number in range(7)]
    uploaded = asyncio.Event()

    async def client() -> None:
        for number in waiting:
            await append(appender, scope, f"sbom {number}", bodies[number % 7])

    async def worker() -> int:
        own, done = ComponentIndexer(database, clock), 0
        while not uploaded.is_set():
            done += await own.sweep()
            await asyncio.sleep(0)
        return done + await own.sweep()

    workers = [asyncio.create_task(worker()) for _ in range(4)]
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    uploaded.set()
    assert sum(await asyncio.gather(*workers)) == UPLOADS
    links = sum(SHARED - number % 7 for number in range(UPLOADS))
    assert await counts(database, scope) == (SHARED, links, 0)


async def test_writers_in_opposite_order_do_not_surface_deadlocks(database: Database, scope: TenantScope) -> None:
    """Even rows that are not in the order writers agree on: PostgreSQL ends one, and it tries again."""
    rows = [IndexedComponent(UUID(int=number), "pkg:npm/x", "1", f"x{number}", "", "", "", ()) for number in range(2)]
    both_hold_one = asyncio.Barrier(2)

    async def write(order: list[IndexedComponent]) -> int:
        attempts = 0

        async def work() -> None:
            nonlocal attempts
            attempts += 1
            async with database.tenant(scope) as connection:
                await connection.execute(components._ADD, scope.id, *components._columns(order[:1]))
                if attempts == 1:
                    await both_hold_one.wait()
                await connection.execute(components._ADD, scope.id, *components._columns(order[1:]))

        await components.contended(work)
        return attempts

    assert sorted(await asyncio.gather(write(rows), write(rows[::-1]))) == [1, 2]
    assert (await counts(database, scope))[0] == 2


def test_a_row_is_named_by_all_it_says_and_fits_an_index() -> None:
    document = dict(stored_statement(sbom_body("a", count=2)).predicate)
    first, second = document["components"]
    second |= {
        "name": "n" * 5000 + "\0",
        "purl": "pkg:PyPI/Some_Thing@1.0?a=b#c",
        "hashes": [{"alg": "SHA-256", "content": "cd" * 32}],
    }
    rows = indexed(read_sbom("https://cyclonedx.org/bom", document))
    assert len(rows) == 2
    named = {row.package: row for row in rows}
    assert set(named) == {"pkg:pypi/part0", "pkg:pypi/some-thing"}
    assert len(named["pkg:pypi/some-thing"].name) == MAX_TEXT
    other = indexed(read_sbom("https://cyclonedx.org/bom", {**document, "components": [first | {"version": "2.0"}]}))
    assert other[0].id not in {row.id for row in rows}
