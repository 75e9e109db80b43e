"""What a grant lets be seen: the policies of `evidence_auditor`, on every table, whatever a statement asks for."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.merkle import verify_inclusion
from evidence_api.domain.principal import Principal, ReadGrant, TenantScope
from evidence_api.store import artifacts, assessments, packs, read_log
from evidence_api.store.artifacts import StoredArtifact
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.append import Appender
from tests.store.test_assessments import assessment, keep_catalog
from tests.support.checked import ADMITTED, SteppingClock, checked, release

WHOLE = ReadGrant(UUID(int=1))
# The right of the role -> what narrows it. Heads, hashes and what is the operator's are seen as they are.
UNNARROWED = {
    *("log_head", "tile"),
    *("catalog_version", "policy_version", "advisory", "advisory_package", "advisory_import"),
}
SECRET = {"api_token", "upload_token", "webhook", "webhook_delivery", "tenant", "refusal", "due"}
_TABLES = """
SELECT c.relname AS name, has_table_privilege('evidence_auditor', c.oid, 'SELECT') AS seen,
    has_table_privilege('evidence_auditor', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS changed,
    EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'granted_rows' AND p.polcmd = 'r'
        AND NOT p.polpermissive AND p.polroles = ARRAY['evidence_auditor'::regrole::oid]) AS narrowed
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' WHERE c.relkind IN ('r', 'p')
"""


@dataclass(frozen=True)
class Told:
    """Leaves: 0 app, 1 its tests, 2 provenance from a commit, 3 a scan of the commit, 4 other, 5 its tests; then an
    hour later 6 late tests of app, and 7 app 2.0."""

    scope: TenantScope
    early: datetime
    late: datetime

    def narrowed(self, **limits: object) -> TenantScope:
        return replace(self.scope, grant=replace(WHOLE, **limits))  # type: ignore[arg-type]


@pytest.fixture
async def told(database: Database, appender: Appender, scope: TenantScope, clock: SteppingClock) -> Told:
    early = clock.now()
    given = (
        release("app", "binary"),
        checked("app tests", subjects=("binary",)),
        checked("built", kind="provenance", subjects=("binary",), sources=("commit",)),
        checked("scan", kind="vulns", subjects=("commit",)),
        release("other", "blob"),
        checked("other tests", subjects=("blob",)),
    )
    ids = [(await appender.append(scope, one, ADMITTED)).evidence_id for one in given]
    at = clock.now()
    await keep_catalog(database, scope, clock)
    async with database.tenant(scope) as connection:
        for place, about in ((0, "app"), (4, "other")):
            made = replace(assessment(ids[place], clock), evaluated_at=at)
            identity = await assessments.save(connection, scope, made)
            await packs.keep(
                *(connection, scope, about.encode()),
                release=ids[place],
                assessment_id=identity,
                media_type="x/y",
                at=at,
            )
        for name in ("binary", "blob"):
            kept = StoredArtifact(digest_of(name.encode()), len(name), "", name.encode())
            await artifacts.add(connection, scope, kept, at=at, token_id=None)
    clock.advance(timedelta(hours=1))
    late = clock.now()
    await appender.append(scope, checked("late", subjects=("binary",)), ADMITTED)
    await appender.append(scope, release("app", "binary 2", version="2.0"), ADMITTED)
    return Told(scope, early, late)


async def leaves(connection: Connection) -> list[int]:
    return [row[0] for row in await connection.fetch("SELECT leaf_index FROM evidence ORDER BY leaf_index")]


async def seen_leaves(database: Database, scope: TenantScope) -> list[int]:
    """The same in a transaction and on a bound connection."""
    async with database.reading(scope) as connection:
        seen = await leaves(connection)
    async with database.bound(scope) as connection:
        assert await leaves(connection) == seen
    return seen


async def test_every_table_is_narrowed_or_out_of_reach(database: Database) -> None:
    async with database.anonymous() as connection:
        tables = {row["name"]: row for row in await connection.fetch(_TABLES)}
    assert {"evidence", *UNNARROWED, *SECRET} <= set(tables)
    assert not any(row["changed"] for row in tables.values())
    assert {name for name, row in tables.items() if row["seen"] and not row["narrowed"]} == UNNARROWED
    assert not any(tables[name]["seen"] for name in SECRET)


async def test_a_release_is_seen_with_what_it_owns_and_nothing_else(database: Database, told: Told) -> None:
    assert await seen_leaves(database, told.narrowed(releases=frozenset({"app"}))) == [0, 1, 2, 3, 6, 7]
    assert await seen_leaves(database, told.narrowed(releases=frozenset({"other", "none"}))) == [4, 5]
    assert await seen_leaves(database, told.narrowed(releases=frozenset({"none"}))) == []
    assert await seen_leaves(database, told.narrowed()) == list(range(8))
    assert await seen_leaves(database, told.scope) == list(range(8))


async def test_a_period_bounds_what_was_received(database: Database, told: Told) -> None:
    app = frozenset({"app"})
    assert await seen_leaves(database, told.narrowed(until=told.late)) == list(range(6))
    assert await seen_leaves(database, told.narrowed(since=told.late)) == [6, 7]
    assert await seen_leaves(database, told.narrowed(releases=app, until=told.late)) == [0, 1, 2, 3]
    # The release that owns what is new was stated before the period, and is there to look at it from.
    late = told.narrowed(releases=app, since=told.late)
    assert await seen_leaves(database, late) == [6, 7]
    async with database.reading(late) as connection:
        named = await connection.fetch("SELECT name, version FROM release ORDER BY leaf_index")
        assert [tuple(row) for row in named] == [("app", "1.0"), ("app", "2.0")]
    assert await seen_leaves(database, told.narrowed(until=told.early)) == []


async def test_everything_about_it_is_narrowed_alike(database: Database, told: Told) -> None:
    counts = {
        "evidence_subject": (4, 8),
        "source_link": (1, 1),
        "body": (4, 8),
        "decision": (1, 1),
        "release": (1, 3),
        "release_subject": (1, 3),
        "assessment": (1, 2),
        "pack": (1, 2),
        "artifact": (1, 2),
    }
    narrow = told.narrowed(releases=frozenset({"app"}), until=told.late)
    for table, (within, without) in counts.items():
        count = f"SELECT count(*) FROM {table}"  # noqa: S608  names from above
        async with database.reading(narrow) as connection:
            assert await connection.fetchval(count) == within, table
        async with database.reading(told.narrowed()) as connection:
            assert await connection.fetchval(count) == without, table
        async with database.reading(told.narrowed(releases=frozenset({"none"}))) as connection:
            assert await connection.fetchval(count) == 0, table


async def test_a_pack_holds_every_framework(database: Database, told: Told) -> None:
    async with database.reading(told.narrowed(frameworks=frozenset({"aicpa-tsc"}))) as connection:
        assert await connection.fetchval("SELECT count(*) FROM pack") == 0
        assert await connection.fetchval("SELECT count(*) FROM assessment") == 2


async def test_what_is_the_tenants_as_a_whole_needs_the_whole(
    database: Database, told: Told, clock: SteppingClock
) -> None:
    async with database.tenant(told.scope) as connection:
        await connection.execute(
            "INSERT INTO policy_hit VALUES ($1, $2, 'admission', '', true, 1)", told.scope.id, clock.now()
        )
    for limits, seen in (
        ({}, 1),
        ({"releases": frozenset({"app"})}, 0),
        ({"frameworks": frozenset({"aicpa-tsc"})}, 0),
        ({"since": told.early}, 0),
        ({"until": told.late}, 0),
    ):
        async with database.reading(told.narrowed(**limits)) as connection:
            assert await connection.fetchval("SELECT count(*) FROM policy_hit") == seen, limits


async def test_what_is_seen_can_be_proved(database: Database, told: Told) -> None:
    narrow = told.narrowed(releases=frozenset({"other"}))
    async with database.reading(narrow) as connection:
        head = await read_log.head(connection, narrow)
        proofs = await read_log.proofs(connection, narrow, list(range(8)), head.tree_size)
    assert sorted(proofs) == [4, 5]
    for leaf, found in proofs.items():
        verify_inclusion(found.leaf_hash, leaf, 8, found.proof, head.root)


async def test_the_role_without_a_grant_sees_nothing(database: Database, told: Told) -> None:
    async with database.tenant(told.scope) as connection:
        await connection.execute("SET LOCAL ROLE evidence_auditor")
        tables = [row["name"] for row in await connection.fetch(_TABLES) if row["narrowed"]]
        assert len(tables) > 20
        for table in tables:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608  names from pg_class


async def test_another_tenant_is_as_far_away_with_a_grant(
    database: Database, told: Told, other_scope: TenantScope
) -> None:
    rival = replace(other_scope, grant=replace(WHOLE, releases=frozenset({"app"})))
    assert await seen_leaves(database, rival) == []
    async with database.reading(rival) as connection:
        assert await connection.fetch("SELECT * FROM leaf_hashes(ARRAY[0, 1])") == []
        assert await connection.fetch("SELECT * FROM granted_leaves()") == []
    assert await seen_leaves(database, told.scope) == list(range(8))


async def test_a_bound_connection_goes_from_hand_to_hand(database: Database, told: Told) -> None:
    narrow = told.narrowed(releases=frozenset({"other"}))
    for _ in range(2):
        for scope, seen in ((told.scope, 8), (narrow, 2), (told.narrowed(until=told.early), 0)):
            async with database.bound(scope) as connection:
                assert len(await leaves(connection)) == seen


@pytest.mark.parametrize("statement", ["SELECT * FROM api_token", "SELECT * FROM webhook", "DELETE FROM evidence"])
async def test_what_is_not_granted_is_refused(database: Database, told: Told, statement: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        async with database.reading(told.narrowed()) as connection:
            await connection.execute(statement)
    assert isinstance(refused.value.__cause__, asyncpg.InsufficientPrivilegeError | asyncpg.ReadOnlySQLTransactionError)


async def test_names_cannot_leave_the_setting(database: Database, told: Told) -> None:
    hostile = frozenset({"app'; RESET ROLE; --", "\\", "$$", 'app"}', "ä'"})
    assert await seen_leaves(database, told.narrowed(releases=hostile)) == []


def test_whoever_has_a_grant_has_it_in_their_tenant(told: Told) -> None:
    someone = Principal("auditor", "a", told.scope, frozenset(), grant=WHOLE)
    assert (someone.tenant.grant, someone.tenant) == (WHOLE, told.scope)
    assert replace(someone, grant=None).tenant.grant is None
