import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from evidence_api.domain.assessment import Assessment, CriterionResult, Finding, Outcome, QueryResult
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Conflict, Malformed, NotFound, Refused, VerificationFailed
from evidence_api.domain.principal import TenantScope
from evidence_api.store import assessments, catalogs, decisions, due, packs, refusals, releases
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import ADMITTED, SteppingClock, checked, release

CATALOG, POLICY = digest_of(b"catalog"), digest_of(b"policy")


def assessment(release_id: str, clock: SteppingClock, tree_size: int = 1) -> Assessment:
    query = QueryResult("", "test_result", "true", Outcome.PASS, 1, 1, (digest_of(b"e"),), (), (), ())
    return Assessment(
        release=release_id,
        tree_size=tree_size,
        evaluated_at=clock.now(),
        catalog_digest=CATALOG,
        policy_digest=POLICY,
        findings=(
            Finding("Z-1", Outcome.PASS, Outcome.PASS, "because", "", (query,), (digest_of(b"e"),)),
            Finding("A-1", Outcome.ERROR, Outcome.ERROR, "no", "fix", (), (), code="engine_timeout", facts={"n": 1}),
        ),
        criteria=(CriterionResult("aicpa-tsc", "CC7.2", Outcome.PASS, ("Z-1",)),),
        counts={Outcome.PASS: 1, Outcome.ERROR: 1},
        notes=("a waiver is over",),
    )


async def keep_catalog(database: Database, scope: TenantScope, clock: SteppingClock) -> None:
    async with database.tenant(scope) as connection:
        await catalogs.keep_catalog(connection, CATALOG, {"a.yaml": "id: A-1"}, "package evidence.catalog", clock.now())


async def test_an_assessment_comes_back_whole_and_once(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    await keep_catalog(database, scope, clock)
    old, new = (assessment(digest_of(b"r"), clock, size) for size in (1, 5))
    async with database.tenant(scope) as connection:
        first = await assessments.save(connection, scope, old)
        assert await assessments.save(connection, scope, old) == first == assessments.identity(old)
        second = await assessments.save(connection, scope, new)
        assert await assessments.latest(connection, scope, digest_of(b"r")) == (second, new)
        assert await assessments.latest(connection, scope, digest_of(b"r"), 4) == (first, old)
        assert await assessments.latest(connection, scope, digest_of(b"r"), 0) is None
        assert [one for one, _ in await assessments.every(connection, scope, digest_of(b"r"))] == [second, first]


async def test_an_assessment_needs_its_catalog_on_record(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    with pytest.raises(Conflict):
        async with database.tenant(scope) as connection:
            await assessments.save(connection, scope, assessment(digest_of(b"r"), clock))


async def test_what_is_owed_is_taken_by_one_worker_and_comes_back_if_it_dies(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    await appender.append(scope, release("app", "artifact"), ADMITTED)
    await appender.append(scope, checked("tests"), ADMITTED)
    async with database.tenant(scope) as connection:
        owed = await due.claim(connection, scope, clock.now())
        assert owed is not None
        assert (owed.kinds, owed.tree_size) == (("*", "test_result"), 2)
        assert (await releases.get(connection, scope, owed.release)).name == "app"
    async with database.tenant(scope) as connection:
        assert await due.claim(connection, scope, clock.now()) is None
        clock.advance(due.LEASE + timedelta(seconds=1))
        assert await due.claim(connection, scope, clock.now()) == owed


async def test_settling_leaves_what_arrived_since(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    await appender.append(scope, release("app", "artifact"), ADMITTED)
    await appender.append(scope, checked("first"), ADMITTED)
    async with database.tenant(scope) as connection:
        owed = await due.claim(connection, scope, clock.now())
    assert owed is not None
    await appender.append(scope, checked("second"), ADMITTED)
    async with database.tenant(scope) as connection:
        await due.settle(connection, scope, owed, owed.tree_size)
        left = await due.claim(connection, scope, clock.now())
        assert left is not None
        assert (left.kinds, left.tree_size) == (("test_result",), 3)
        await due.settle(connection, scope, left, left.tree_size)
        assert await due.claim(connection, scope, clock.now()) is None
        assert await connection.fetchval("SELECT count(*) FROM due") == 0


async def test_workers_and_appends_do_not_wait_for_each_other_for_ever(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    """Many releases over one artifact, appends and workers at once: no deadlock, nothing owed is lost."""
    for number in range(20):
        await appender.append(scope, release(f"app{number}", "artifact"), ADMITTED)
    settled: set[str] = set()

    async def work() -> None:
        while True:
            async with database.tenant(scope) as connection:
                owed = await due.claim(connection, scope, clock.now())
            if owed is None:
                return
            async with database.tenant(scope) as connection:
                await due.settle(connection, scope, owed, owed.tree_size)
            settled.add(owed.release)

    async def upload(sender: int) -> None:
        for number in range(10):
            await appender.append(scope, checked(f"{sender}-{number}", kind=f"kind{number % 3}"), ADMITTED)

    await asyncio.gather(*(upload(sender) for sender in range(8)), *(work() for _ in range(4)))
    await work()
    async with database.tenant(scope) as connection:
        assert await connection.fetchval("SELECT count(*) FROM due") == 0
    assert len(settled) == 20


async def test_catalogs_and_policies_by_content(database: Database, scope: TenantScope, clock: SteppingClock) -> None:
    await keep_catalog(database, scope, clock)
    await keep_catalog(database, scope, clock)
    async with database.tenant(scope) as connection:
        await catalogs.keep_policy(connection, POLICY, {"a.rego": "package a"}, b'{"limit": 3}', clock.now())
        assert await catalogs.catalog_sources(connection, CATALOG) == (
            {"a.yaml": "id: A-1"},
            "package evidence.catalog",
        )
        assert await catalogs.policy_modules(connection, POLICY) == ({"a.rego": "package a"}, b'{"limit": 3}')
        with pytest.raises(NotFound):
            await catalogs.catalog_sources(connection, digest_of(b"none"))
        with pytest.raises(NotFound):
            await catalogs.policy_modules(connection, digest_of(b"none"))


async def test_packs_by_digest(database: Database, scope: TenantScope, clock: SteppingClock) -> None:
    made = uuid4()
    async with database.tenant(scope) as connection:
        for content in (b"%PDF one", b"%PDF two", b"%PDF one"):
            await packs.keep(
                connection,
                scope,
                content,
                release=digest_of(b"r"),
                assessment_id=made,
                media_type="application/pdf",
                at=clock.now(),
            )
        stored = await packs.get(connection, scope, digest_of(b"%PDF one"))
        assert (stored.content, stored.release, stored.assessment_id) == (b"%PDF one", digest_of(b"r"), made)
        assert await packs.of_release(connection, scope, digest_of(b"r")) == (
            digest_of(b"%PDF two"),
            digest_of(b"%PDF one"),
        )
        assert await packs.of_assessment(connection, scope, made, "application/pdf") == digest_of(b"%PDF two")
        assert await packs.of_assessment(connection, scope, made, "text/csv") is None
        with pytest.raises(NotFound):
            await packs.get(connection, scope, digest_of(b"none"))


async def test_a_pack_whose_bytes_changed_is_not_served(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    async with database.tenant(scope) as connection:
        digest = await packs.keep(
            connection,
            scope,
            b"%PDF",
            release=digest_of(b"r"),
            assessment_id=uuid4(),
            media_type="application/pdf",
            at=clock.now(),
        )
    async with database.operator(scope) as owner:
        await owner.execute("UPDATE pack SET content = 'other'")
    with pytest.raises(VerificationFailed) as refused:
        async with database.reading(scope) as connection:
            await packs.get(connection, scope, digest)
    assert refused.value.code == "stored_bytes"


async def test_refusals_are_on_record(database: Database, scope: TenantScope, clock: SteppingClock) -> None:
    for token_id in (str(uuid4()), "operator", None):
        refused = Refused("no\0 " + "x" * 5000, code="bad_signature")
        line = refusals.line(clock.now(), token_id, b"the body", refused)
        await refusals.record(database, scope, [replace(line, body_size=2**40)])
    async with database.reading(scope) as connection:
        operator, _, token = await refusals.newest(connection, scope)
    assert (operator.token_id, token.token_id is None) == (None, False)
    assert (token.code, token.body_digest, len(token.message)) == ("bad_signature", digest_of(b"the body"), 2000)


async def test_decisions_are_kept_once(database: Database, scope: TenantScope, clock: SteppingClock) -> None:
    async with database.tenant(scope) as connection:
        await decisions.keep(connection, scope, [ADMITTED, ADMITTED], clock.now())
        kept = await decisions.get(connection, scope, ADMITTED.id)
        assert (kept.id, kept.allow, kept.policy_digest) == (ADMITTED.id, True, ADMITTED.policy_digest)
        with pytest.raises(NotFound):
            await decisions.get(connection, scope, "sha256:none")
        with pytest.raises(Malformed):
            await releases.get(connection, scope, "not a digest")
