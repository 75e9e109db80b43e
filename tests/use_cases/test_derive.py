"""Deriving drift: what is appended when, by whom it is signed, and that deriving again appends nothing."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import NotFound
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.verification import KeySigner, Verified
from evidence_api.formats.drift_predicate import SBOM_DRIFT
from evidence_api.formats.stored import stored_statement
from evidence_api.store import assessments, baselines, due, evidence, read_log, releases, trust
from evidence_api.use_cases import derive
from evidence_api.use_cases.derive import Deriver
from evidence_api.use_cases.own_evidence import KEY_NAME
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door

OLD, NEW = digest_of(b"widget-1"), digest_of(b"widget-2")
LEFT_PAD, RIGHT_PAD = "pkg:npm/left-pad@{}", "pkg:npm/right-pad@{}"


def sbom(digest: str, *purls: str, **more: Any) -> statements.Statement:  # noqa: ANN401  members of the document
    """A CycloneDX BOM of these components, that knows of no vulnerability."""
    made = statements.sbom(digest, components=0, criticals=None)
    made["predicate"] |= {
        "components": [
            {
                "type": "library",
                "bom-ref": purl,
                "purl": purl,
                "name": name,
                "version": version,
                "hashes": [{"alg": "SHA-256", "content": digest_of(purl.encode()).partition(":")[2]}],
                "licenses": [{"license": {"id": "MIT"}}],
            }
            for purl in purls
            for name, _, version in (purl.removeprefix("pkg:npm/").partition("@"),)
        ],
        "dependencies": [{"ref": purl} for purl in purls],
        "vulnerabilities": [],
        **more,
    }
    return made


def vex(digest: str, vulnerability: str, purl: str) -> statements.Statement:
    return statements.statement(
        "https://openvex.dev/ns/v0.2.0",
        digest,
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "https://vex.test/1",
            "author": "security@example.test",
            "timestamp": statements.WHEN,
            "version": 1,
            "statements": [
                {
                    "vulnerability": {"name": vulnerability},
                    "products": [
                        {
                            "@id": "https://example.test/widget",
                            "hashes": {"sha-256": digest.partition(":")[2]},
                            "subcomponents": [{"@id": purl}],
                        }
                    ],
                    "status": "not_affected",
                    "justification": "vulnerable_code_not_in_execute_path",
                }
            ],
        },
    )


def advisory(path: Path, **more: object) -> Path:
    record = {
        "schema_version": "1.7.0",
        "id": "GHSA-aaaa-bbbb-cccc",
        "aliases": ["CVE-2026-1234"],
        "modified": "2026-01-02T00:00:00Z",
        "summary": "Pads too far.",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": "left-pad"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}],
            }
        ],
        **more,
    }
    path.write_text(json.dumps(record))
    return path


async def release_of(door: Door, reference: str) -> Release:
    async with door.application.database.reading(door.scope) as connection:
        return await releases.find(connection, door.scope, reference)


async def derived(door: Door, reference: str, kind: str) -> list[Evidence]:
    """All evidence of a kind about a release, oldest first."""
    release = await release_of(door, reference)
    async with door.application.database.reading(door.scope) as connection:
        size = (await read_log.head(connection, door.scope)).tree_size
        owned = await evidence.owned(connection, door.scope, release.id, size)
    return [one for one in owned if one.kind == kind]


async def settled(door: Door) -> int:
    """Assess all that is due: what was appended, then the background."""
    return await door.application.reassessor.sweep() + await door.application.backlog.sweep()


async def drifts(door: Door, reference: str) -> list[tuple[Evidence, dict[str, Any]]]:
    """All drift statements about a release, oldest first, with their predicates."""
    release = await release_of(door, reference)
    async with door.application.database.reading(door.scope) as connection:
        size = (await read_log.head(connection, door.scope)).tree_size
        owned = await evidence.owned(connection, door.scope, release.id, size)
        found = [one for one in owned if one.predicate_type == SBOM_DRIFT]
        bodies = await evidence.bodies(connection, door.scope, [one.body_digest for one in found])
    return [(one, dict(stored_statement(bodies[one.body_digest]).predicate)) for one in found]


async def tree_size(door: Door) -> int:
    async with door.application.database.reading(door.scope) as connection:
        return (await read_log.head(connection, door.scope)).tree_size


async def publish(door: Door, version: str, digest: str, purls: Sequence[str]) -> None:
    for one in (statements.release(digest, version=version), sbom(digest, *purls)):
        answer = await door.upload(one)
        assert answer.status_code == 201, answer.text
    await settled(door)


async def test_the_first_release_has_no_baseline_and_its_drift_is_evidence_like_any(door: Door) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    ((one, predicate),) = await drifts(door, "widget@1")
    assert predicate["status"] == "no_baseline"
    assert isinstance(one.verification, Verified)
    assert isinstance(one.verification.signer, KeySigner)
    assert one.verification.signer.name == KEY_NAME
    assert one.facts["status"] == "no_baseline"
    receipt = await door.http.get(f"/v1/evidence/{one.id}/receipt")
    assert receipt.json()["leafIndex"] == one.leaf_index
    async with door.application.database.reading(door.scope) as connection:
        assert KEY_NAME in {key.name for key in await trust.active_keys(connection, door.scope)}


async def test_a_release_is_compared_with_the_last_green_one(door: Door) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    await publish(door, "2", NEW, [LEFT_PAD.format("1.1.0"), RIGHT_PAD.format("1.0.0")])
    ((one, predicate),) = await drifts(door, "widget@2")
    assert predicate["status"] == "drift"
    assert predicate["upgraded"] == [{"package": "pkg:npm/left-pad", "before": "1.0.0", "after": "1.1.0"}]
    assert [added["package"] for added in predicate["added"]] == ["pkg:npm/right-pad"]
    assert one.facts["added"] == 1
    shown = await door.application.deriver.show(door.scope, "widget")
    assert (shown.release, shown.baseline) == ("widget@2", "widget@1")
    with pytest.raises(NotFound):
        await door.application.deriver.show(door.scope, "gadget")


async def test_deriving_again_appends_nothing(door: Door) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    await publish(door, "2", NEW, [LEFT_PAD.format("1.1.0")])
    before = await tree_size(door)
    assert await settled(door) == 0
    after_a_restart = Deriver(door.application.database, door.application.deriver._own)
    assert await after_a_restart.derive(door.scope, await release_of(door, "widget@2")) == 0
    await door.application.reassessor.assess_now(door.scope, "widget@1")
    assert await tree_size(door) == before


async def test_a_crash_between_deriving_and_settling_loses_and_doubles_nothing(
    door: Door, clock: SteppingClock
) -> None:
    await door.upload(statements.release(OLD, version="1"))
    await door.upload(sbom(OLD, LEFT_PAD.format("1.0.0")))
    reassessor = door.application.reassessor
    assert await reassessor._claim(door.scope) is not None
    assert await door.application.deriver.derive(door.scope, await release_of(door, "widget")) == 2  # drift, debt
    # Here the process dies. What it had derived makes its own kind due, for anybody to take.
    door.application.deriver._settled.clear()
    await reassessor.sweep()
    clock.advance(due.LEASE + timedelta(seconds=1))
    assert await reassessor.sweep() == 1
    assert len(await drifts(door, "widget")) == 1
    assert await reassessor.sweep() == 0


async def test_advisories_are_matched_when_they_come_and_vex_rules_them_out(door: Door, tmp_path: Path) -> None:
    purl = LEFT_PAD.format("1.0.0")
    await publish(door, "1", OLD, [purl])
    await publish(door, "2", NEW, [purl])
    await door.application.advisories.import_feed([advisory(tmp_path / "a.json")])
    assert await settled(door) == 1  # the current release; the old one is let be
    latest, predicate = (await drifts(door, "widget@2"))[-1]
    assert latest.facts["criticals"] == latest.facts["new_criticals"] == 1
    ((found),) = predicate["new"]
    assert (found["id"], found["change"]) == ("CVE-2026-1234", "unchanged")
    assert len(await drifts(door, "widget@1")) == 1
    await door.upload(vex(NEW, "CVE-2026-1234", purl))
    await settled(door)
    latest, predicate = (await drifts(door, "widget@2"))[-1]
    assert (latest.facts["criticals"], latest.facts["suppressed"]) == (0, 1)
    assert await settled(door) == 0


async def test_a_blocked_bump_is_told_with_the_nearest_unaffected_version(door: Door, tmp_path: Path) -> None:
    await publish(door, "1", OLD, [RIGHT_PAD.format("1.0.0")])
    await door.application.advisories.import_feed([advisory(tmp_path / "a.json")])
    await publish(door, "2", NEW, [RIGHT_PAD.format("1.0.0"), LEFT_PAD.format("1.2.0")])
    latest, predicate = (await drifts(door, "widget@2"))[-1]
    assert (latest.facts["status"], latest.facts["risky_added"]) == ("risky", 1)
    assert [(one["package"], one["unaffected"]) for one in predicate["risky"]] == [("pkg:npm/left-pad", "1.3.0")]


async def test_a_result_that_comes_back_is_a_later_statement(door: Door, tmp_path: Path) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    feed = door.application.advisories
    other = [{"package": {"ecosystem": "npm", "name": "left-pad"}, "versions": ["1.0.0"]}]
    changes: list[dict[str, object]] = [
        {},
        {"modified": "2026-01-03T00:00:00Z", "affected": other},
        {"modified": "2026-01-04T00:00:00Z"},
    ]
    for number, changed in enumerate(changes):
        await feed.import_feed([advisory(tmp_path / f"{number}.json", **changed)])
        await settled(door)
    found = await drifts(door, "widget")
    assert len(found) == 4  # without advisories, and after each import: every one names the one before
    assert [predicate.get("supersedes") for _, predicate in found] == [None, *(one.id for one, _ in found[:-1])]
    assert len({one.id for one, _ in found}) == 4


async def test_an_import_that_touches_no_package_of_the_release_appends_once(door: Door, tmp_path: Path) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    elsewhere: dict[str, object] = {
        "affected": [{"package": {"ecosystem": "npm", "name": "elsewhere"}, "versions": ["1"]}]
    }
    await door.application.advisories.import_feed([advisory(tmp_path / "a.json", **elsewhere)])
    await settled(door)
    assert len(await drifts(door, "widget")) == 2  # now advisories were asked, which was not said before
    await door.application.advisories.import_feed(
        [advisory(tmp_path / "b.json", **elsewhere, modified="2026-01-05T00:00:00Z")]
    )
    assert await settled(door) == 1
    assert len(await drifts(door, "widget")) == 2


async def test_a_release_that_turns_green_becomes_the_baseline_of_the_next(door: Door) -> None:
    """Both are there before the first is assessed."""
    for one in (
        statements.release(OLD, version="1"),
        sbom(OLD, LEFT_PAD.format("1.0.0")),
        statements.release(NEW, version="2"),
        sbom(NEW, LEFT_PAD.format("1.1.0")),
    ):
        await door.upload(one)
    await settled(door)
    assert [predicate["status"] for _, predicate in await drifts(door, "widget@2")][-1] == "drift"
    await door.upload(statements.sbom(OLD, criticals=3, tool="other"))  # now the first has criticals
    await settled(door)
    async with door.application.database.reading(door.scope) as connection:
        latest = await assessments.latest(connection, door.scope, (await release_of(door, "widget@1")).id)
    assert latest is not None
    assert not baselines.is_green(latest[1].counts)
    assert [predicate["status"] for _, predicate in await drifts(door, "widget@2")][-1] == "no_baseline"


async def test_the_same_artifact_under_another_version_is_compared_with_what_was_before(door: Door) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    await publish(door, "2-rc", NEW, [LEFT_PAD.format("1.1.0")])
    before = await drifts(door, "widget@2-rc")
    await door.upload(statements.release(NEW, version="2"))
    await settled(door)
    assert [one.id for one, _ in await drifts(door, "widget@2")] == [one.id for one, _ in before]


async def test_a_tenant_that_revokes_the_servers_key_gets_nothing_derived(door: Door, clock: SteppingClock) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    key = door.application.deriver._own._signer.public_key.key_id
    async with door.application.database.tenant(door.scope) as connection:
        await trust.revoke_key(connection, door.scope, key, clock.now())
    door.application.deriver._own._trusted.forget(door.scope)
    await publish(door, "2", NEW, [LEFT_PAD.format("1.1.0")])
    assert await drifts(door, "widget@2") == []
    async with door.application.database.reading(door.scope) as connection:
        assert await assessments.latest(connection, door.scope, (await release_of(door, "widget@2")).id) is not None
        keys = await trust.every_key(connection, door.scope)
    assert next(one for one in keys if one.key_id == key).revoked is not None


async def test_debt_and_reproduction_are_derived_the_same_way(door: Door) -> None:
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0"), RIGHT_PAD.format("1.0.0")])
    ((debt),) = await derived(door, "widget", "dependency_debt")
    assert debt.facts["components"] == 2
    await door.upload(statements.provenance(OLD))
    await settled(door)
    assert await derived(door, "widget", "reproducible_build") == []
    await door.upload(statements.provenance(OLD, builder="https://builder.test/other"))
    await settled(door)
    (reproduced,) = await derived(door, "widget", "reproducible_build")
    assert (reproduced.facts["status"], reproduced.facts["builders"]) == ("reproduced", 2)
    assert isinstance(reproduced.verification, Verified)
    assert await settled(door) == 0
    assert len(await derived(door, "widget", "dependency_debt")) == 1


async def test_a_fault_in_deriving_stops_no_assessment(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(*_: object, **__: object) -> float:
        return 1 / 0

    monkeypatch.setattr(derive, "derive_drift", divide)
    await publish(door, "1", OLD, [LEFT_PAD.format("1.0.0")])
    assert await drifts(door, "widget") == []
    async with door.application.database.reading(door.scope) as connection:
        assert await assessments.latest(connection, door.scope, (await release_of(door, "widget")).id) is not None
    assert await settled(door) == 0
    monkeypatch.undo()
    await door.application.reassessor.assess_now(door.scope, "widget")
    assert len(await drifts(door, "widget")) == 1


async def test_unsigned_sboms_are_not_derived_from(door: Door) -> None:
    await door.upload(statements.release(OLD, version="1"))
    answer = await door.http.post(
        "/v1/evidence", content=statements.statement_bytes(sbom(OLD, LEFT_PAD.format("1.0.0")))
    )
    assert answer.status_code == 201, answer.text
    await settled(door)
    assert await drifts(door, "widget") == []
