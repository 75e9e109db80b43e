"""Verifying stored evidence again: beside the record, once for each grounds, and never changing what is stored."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from evidence_api.domain.errors import Malformed, NotFound
from evidence_api.domain.evidence import Checked
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.recheck import Choice, Grounds, Recheck, RecheckReport
from evidence_api.domain.trust_rule import TrustRule
from evidence_api.domain.verification import Unsupported
from evidence_api.engines.sigstore import BundleVerifier, IdentityRule
from evidence_api.formats import dsse
from evidence_api.store import evidence, rechecks, trust, trust_rules
from evidence_api.store.session import Database
from evidence_api.use_cases import recheck
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.check import Trust, check_evidence
from evidence_api.use_cases.recheck import Rechecker, trust_digest
from tests.support.checked import ADMITTED, SteppingClock
from tests.support.keys import fresh_keys
from tests.support.sigstore_authorities import AT, IDENTITY, ISSUER, START
from tests.support.sigstore_entries import by_certificate, intoto_v2
from tests.support.sigstore_factory import STATEMENT, Sigstore

WORLD = Sigstore()
ROOT = WORLD.trusted_root()
KEY = fresh_keys()["ecdsa-p256"]
RULE = TrustRule(None, "release", ISSUER, IDENTITY)
THEN = Trust((KEY.public("ci"),), (IdentityRule(ISSUER, IDENTITY),), BundleVerifier(ROOT))


def another(colour: bytes) -> bytes:
    return STATEMENT.replace(b"green", colour)


def uploads() -> dict[str, Checked]:
    """By certificate, by key, unsigned, and recorded as unsupported when it could not be checked yet."""
    late = check_evidence(orjson.dumps(by_certificate(WORLD, intoto_v2)), THEN)
    return {
        "bundle": check_evidence(orjson.dumps(WORLD.of_statement(another(b"black"))), THEN),
        "envelope": check_evidence(dsse.encode_envelope(KEY.envelope(another(b"white"))), THEN),
        "statement": check_evidence(another(b"brown"), THEN),
        "late": replace(late, verification=Unsupported("log entry intoto 0.0.2"), collected=None),
    }


@pytest.fixture
async def stored(database: Database, appender: Appender, scope: TenantScope, clock: SteppingClock) -> dict[str, str]:
    """Evidence ids by name; the tenant trusts the key and the identity."""
    async with database.tenant(scope) as connection:
        await trust.add_key(connection, scope, KEY.public("ci"), at=clock.now())
        await trust_rules.add(connection, scope, RULE, at=clock.now())
    items = uploads()
    return {name: (await appender.append(scope, item, ADMITTED)).evidence_id for name, item in items.items()}


def rechecker(database: Database, clock: SteppingClock, root: bytes = ROOT) -> Rechecker:
    return Rechecker(database, BundleVerifier(root), clock)


async def checks_of(database: Database, scope: TenantScope, evidence_id: str) -> tuple[Recheck, ...]:
    async with database.reading(scope) as connection:
        leaf = await evidence.leaf_index(connection, scope, evidence_id)
        return (await rechecks.of_leaves(connection, scope, [leaf], 10)).get(leaf, ())


def counts(report: RecheckReport) -> tuple[int, ...]:
    return tuple(report.counts[status] for status in ("verified", "unsupported", "unsigned", "failed"))


async def test_everything_is_checked_and_recorded_beside_the_record(
    database: Database, scope: TenantScope, clock: SteppingClock, stored: dict[str, str]
) -> None:
    async with database.reading(scope) as connection:
        before = {name: await evidence.get(connection, scope, one) for name, one in stored.items()}
    told: list[tuple[int, int]] = []
    report = await rechecker(database, clock).run(scope, Choice(), lambda done, whole: told.append((done, whole)))
    assert counts(report) == (3, 0, 1, 0)
    assert told == [(0, 4), (4, 4)]
    assert report.grounds == Grounds(BundleVerifier(ROOT).digest, trust_digest(THEN))
    (change,) = report.changed
    assert (change.evidence_id, change.then, change.now) == (stored["late"], "unsupported", "verified")
    assert not report.lost
    (bundle,) = await checks_of(database, scope, stored["bundle"])
    assert (bundle.status, bundle.signer, bundle.code) == ("verified", IDENTITY, "")
    (statement,) = await checks_of(database, scope, stored["statement"])
    assert (statement.status, statement.code) == ("unsigned", "unsigned")
    async with database.reading(scope) as connection:
        assert {name: await evidence.get(connection, scope, one) for name, one in stored.items()} == before


async def test_the_same_grounds_are_checked_once_and_the_report_is_the_same(
    database: Database, scope: TenantScope, clock: SteppingClock, stored: dict[str, str]
) -> None:
    first = await rechecker(database, clock).run(scope, Choice())
    told: list[tuple[int, int]] = []
    clock.advance(timedelta(days=1))
    again = await rechecker(database, clock).run(scope, Choice(), lambda done, whole: told.append((done, whole)))
    assert (again, told) == (first, [(0, 0)])
    assert len(await checks_of(database, scope, stored["bundle"])) == 1


async def test_a_newer_root_or_another_trust_is_another_check_newest_first(
    database: Database, scope: TenantScope, clock: SteppingClock, stored: dict[str, str]
) -> None:
    await rechecker(database, clock).run(scope, Choice())
    ended = WORLD.trusted_root(log=(START, AT - timedelta(seconds=1)))
    report = await rechecker(database, clock, ended).run(scope, Choice())
    assert counts(report) == (1, 0, 1, 2)
    assert report.lost
    assert [(one.evidence_id, one.code) for one in report.changed] == [
        (stored["bundle"], "log_key_expired"),
        (stored["late"], "log_key_expired"),
    ]
    async with database.tenant(scope) as connection:
        await trust.revoke_key(connection, scope, KEY.public().key_id, clock.now())
    report = await rechecker(database, clock).run(scope, Choice())
    assert [(one.evidence_id, one.code) for one in report.changed if one.then == "verified"] == [
        (stored["envelope"], "unknown_key")
    ]
    statuses = [one.status for one in await checks_of(database, scope, stored["bundle"])]
    assert statuses == ["verified", "failed", "verified"]
    newest = [one.checked_at for one in await checks_of(database, scope, stored["bundle"])]
    assert newest == sorted(newest, reverse=True)


async def test_one_record_or_one_kind_can_be_chosen(
    database: Database, scope: TenantScope, clock: SteppingClock, stored: dict[str, str]
) -> None:
    report = await rechecker(database, clock).run(scope, Choice(evidence_id=stored["envelope"]))
    assert counts(report) == (1, 0, 0, 0)
    assert await checks_of(database, scope, stored["bundle"]) == ()
    assert counts(await rechecker(database, clock).run(scope, Choice(kind="release"))) == (0, 0, 0, 0)
    assert counts(await rechecker(database, clock).run(scope, Choice(kind="statement"))) == (3, 0, 1, 0)
    with pytest.raises(NotFound):
        await rechecker(database, clock).run(scope, Choice(evidence_id="sha256:" + "0" * 64))
    with pytest.raises(Malformed):
        await rechecker(database, clock).run(scope, Choice(evidence_id="0"))


async def test_batches_are_bounded_and_a_run_goes_on_after_those_that_are_done(
    database: Database,
    scope: TenantScope,
    clock: SteppingClock,
    stored: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recheck, "_BATCH_BYTES", 1)
    told: list[int] = []

    def stop(done: int, _whole: int) -> None:
        told.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rechecker(database, clock).run(scope, Choice(), stop)
    assert told == [0, 1, 2]
    assert [len(await checks_of(database, scope, one)) for one in stored.values()] == [1, 1, 0, 0]
    monkeypatch.setattr(recheck, "_BATCH", 1)
    report = await rechecker(database, clock).run(scope, Choice(), lambda done, whole: told.append(whole - done))
    assert told[3:] == [2, 1, 0]
    assert sum(counts(report)) == 4


async def test_erased_bodies_are_counted_and_another_tenants_are_not_seen(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock, stored: dict[str, str]
) -> None:
    async with database.tenant(scope) as connection:
        record = await evidence.get(connection, scope, stored["bundle"])
        await connection.execute(
            "UPDATE body SET content = NULL WHERE digest = $1", bytes.fromhex(record.body_digest.partition(":")[2])
        )
    report = await rechecker(database, clock).run(scope, Choice())
    assert (sum(counts(report)), report.erased) == (3, 1)
    elsewhere = await rechecker(database, clock).run(other_scope, Choice())
    assert (sum(counts(elsewhere)), elsewhere.erased) == (0, 0)


async def test_what_a_hostile_certificate_says_does_not_stop_a_run(
    database: Database, scope: TenantScope, clock: SteppingClock, stored: dict[str, str]
) -> None:
    async with database.tenant(scope) as connection:
        leaf = await evidence.leaf_index(connection, scope, stored["late"])
        found = Recheck(leaf, clock.now(), Grounds("sha256:r", "sha256:t"), "failed", "untrusted_identity", "no\0body")
        await rechecks.record(connection, scope, [found])
    (kept,) = await checks_of(database, scope, stored["late"])
    assert kept.message == "no\ufffdbody"


def test_what_a_result_depends_on_is_in_the_digest_and_names_are_not() -> None:
    assert trust_digest(THEN) == trust_digest(replace(THEN, keys=(KEY.public("renamed"),)))
    assert trust_digest(THEN) != trust_digest(replace(THEN, keys=()))
    assert trust_digest(THEN) != trust_digest(replace(THEN, identities=(IdentityRule(ISSUER, None),)))
