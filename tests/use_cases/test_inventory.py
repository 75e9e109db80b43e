"""What is in releases, asked over HTTP of a whole application: components, drift, vulnerabilities, history, waivers."""

from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.drift_view import Standing
from evidence_api.formats.drift_reading import indexed_vulnerabilities, read_drift
from tests.support import statements
from tests.use_cases.test_derive import LEFT_PAD, NEW, OLD, RIGHT_PAD, advisory, publish, settled, vex
from tests.use_cases.test_why_changed import ask
from tests.web.conftest import Door, door_of

INVENTORY = """query ($size: Int) { release(name: "widget", version: "2", asOf: $size) {
  components(first: 5) { edges { node { name version releases(first: 5) { edges { node { version } } } } } }
  named: components(first: 5, name: "left-pad") { edges { node { version } } }
  drift { status analysed counts evidence { kind releases(first: 3) { edges { node { version } } } }
    sboms { kind } baselineSboms { leafIndex }
    changes(first: 5) { totalCount { value } edges { node { kind package before after } } }
    added: changes(first: 5, kind: ADDED) { edges { node { package } } }
    risky(first: 5) { edges { node { package unaffected vulnerabilities } } } }
  vulnerabilities(first: 5) { totalCount { value } edges { node { id names standing severity package version isNew
    nearestUnaffected fixedIn advisories ruling { status evidence { kind } } sources { kind } } } }
  critical: vulnerabilities(first: 5, severity: [CRITICAL], standing: [AFFECTED]) { edges { node { id } } }
  dependencyDebt { analysed count evidence { kind } components(first: 5) { edges { node { package score } } } }
  reproducibleBuilds { status }
  previous { version next { version } } next { version }
  product { name releases(last: 1) { edges { node { version } } } }
  statement { kind supersededBy { id } }
  evidence(first: 20, filter: {kind: "sbom_drift"}) { edges { node { leafIndex supersededBy { leafIndex } } } } } }"""
AFFECTED = """query ($name: String!, $standing: [VulnerabilityStanding!], $size: Int) {
  affected(vulnerability: $name, standing: $standing, first: 5, asOf: $size) { edges { node {
    id standing severity packages release { version } evidence { kind } } } } }"""


async def size_of(door: Door) -> int:
    return int((await ask(door, "{checkpoint {treeSize}}"))["checkpoint"]["treeSize"])


def nodes(connection: Any) -> list[Any]:  # noqa: ANN401  JSON
    return [edge["node"] for edge in connection["edges"]]


async def affected(door: Door, name: str, **more: object) -> list[tuple[str, str, str]]:
    found = nodes((await ask(door, AFFECTED, name=name, **more))["affected"])
    return [(one["release"]["version"], one["standing"], one["severity"]) for one in found]


async def test_what_is_in_a_release_and_where_a_vulnerability_is(door: Door, tmp_path: Path) -> None:
    purl = LEFT_PAD.format("1.2.0")
    await publish(door, "1", OLD, [RIGHT_PAD.format("1.0.0")])
    await door.application.advisories.import_feed([advisory(tmp_path / "a.json")])
    await publish(door, "2", NEW, [RIGHT_PAD.format("1.0.0"), purl])
    await door.application.indexer.sweep()
    await door.application.following.sweep()
    before = await size_of(door)

    # 1. components, drift, vulnerabilities and debt of a release
    found = (await ask(door, INVENTORY))["release"]
    held = {one["name"]: [edge["version"] for edge in nodes(one["releases"])] for one in nodes(found["components"])}
    assert held["left-pad"] == ["2"]
    assert held["right-pad"] == ["1", "2"]
    assert nodes(found["named"]) == [{"version": "1.2.0"}]
    drift = found["drift"]
    assert (drift["status"], drift["analysed"], drift["evidence"]["kind"]) == ("risky", True, "sbom_drift")
    assert nodes(drift["evidence"]["releases"]) == [{"version": "2"}]
    assert (drift["counts"]["added"], drift["sboms"], len(drift["baselineSboms"])) == (1, [{"kind": "sbom"}], 1)
    assert nodes(drift["changes"]) == [
        {"kind": "ADDED", "package": "pkg:npm/left-pad", "before": [], "after": ["1.2.0"]}
    ]
    assert nodes(drift["risky"])[0]["unaffected"] == "1.3.0"
    (one,) = nodes(found["vulnerabilities"])
    assert one == {
        "id": "CVE-2026-1234",
        "names": ["CVE-2026-1234", "GHSA-aaaa-bbbb-cccc"],
        "standing": "AFFECTED",
        "severity": "CRITICAL",
        "package": "pkg:npm/left-pad",
        "version": "1.2.0",
        "isNew": True,
        "nearestUnaffected": "1.3.0",
        "fixedIn": ["1.3.0"],
        "advisories": ["GHSA-aaaa-bbbb-cccc"],
        "ruling": None,
        "sources": [],
    }
    assert nodes(found["critical"]) == [{"id": "CVE-2026-1234"}]
    assert found["dependencyDebt"]["evidence"] == {"kind": "dependency_debt"}
    assert nodes(found["dependencyDebt"]["components"])[0]["package"] == "pkg:npm/left-pad"
    assert found["reproducibleBuilds"] == []

    # 2. its history
    assert found["previous"] == {"version": "1", "next": {"version": "2"}}
    assert (found["next"], found["statement"]) == (None, {"kind": "release", "supersededBy": None})
    assert found["product"] == {"name": "widget", "releases": {"edges": [{"node": {"version": "2"}}]}}
    products = await ask(door, "{products(first: 5) {edges {node {name releases(first: 1) {edges {node {version}}}}}}}")
    assert nodes(products["products"]) == [{"name": "widget", "releases": {"edges": [{"node": {"version": "1"}}]}}]

    # 3. by name, in capitals or not, and by alias; then VEX rules it out
    assert await affected(door, "CVE-2026-1234") == [("2", "AFFECTED", "CRITICAL")]
    assert await affected(door, " ghsa-aaaa-bbbb-cccc") == [("2", "AFFECTED", "CRITICAL")]
    assert await affected(door, "CVE-2026-0000") == []
    pinned = await ask(door, INVENTORY, size=before)
    await door.upload(vex(NEW, "CVE-2026-1234", purl))
    await settled(door)
    await door.application.following.sweep()
    found = (await ask(door, INVENTORY))["release"]
    (one,) = nodes(found["vulnerabilities"])
    assert (one["standing"], one["ruling"]) == ("RULED_OUT", {"status": "not_affected", "evidence": {"kind": "vex"}})
    assert nodes(found["critical"]) == []
    old, new = nodes(found["evidence"])
    assert (old["supersededBy"], new["supersededBy"]) == ({"leafIndex": new["leafIndex"]}, None)
    assert [each[:2] for each in await affected(door, "CVE-2026-1234")] == [("2", "RULED_OUT")]
    assert await affected(door, "CVE-2026-1234", standing=["AFFECTED"]) == []
    assert await affected(door, "CVE-2026-1234", size=before) == [("2", "AFFECTED", "CRITICAL")]
    assert await ask(door, INVENTORY, size=before) == pinned

    # 4. nobody else's business
    stranger = await door_of(door.application, "stranger")
    async with stranger.http:
        assert await affected(stranger, "CVE-2026-1234") == []
        assert (await ask(stranger, INVENTORY))["release"] is None


async def test_waivers_of_all_releases_and_the_history_of_a_control(door: Door) -> None:
    query = """query ($standing: [WaiverStanding!], $control: String, $at: DateTime) {
      waivers(first: 5, standing: $standing, control: $control, at: $at) { totalCount { value relation }
        edges { node { control approver standing daysLeft evidence { kind } } } } }"""
    for one in (statements.release(), statements.provenance(), statements.sbom(criticals=1)):
        assert (await door.upload(one)).status_code == 201
    await settled(door)
    signed = statements.override(control="IG-SC-5", approver="ci", until="2026-02-20T00:00:00Z")
    assert (await door.upload(signed)).status_code == 201
    await settled(door)

    async def listed(at: str, **more: object) -> list[tuple[str, int]]:
        found = nodes((await ask(door, query, at=at, **more))["waivers"])
        assert all((one["control"], one["evidence"]["kind"]) == ("IG-SC-5", "override") for one in found)
        return [(one["standing"], one["daysLeft"]) for one in found]

    assert await listed("2026-02-01T00:00:00Z") == [("ENDS_SOON", 19)]
    assert await listed("2026-01-10T00:00:00Z", standing=["IN_FORCE"], control="IG-SC-5") == [("IN_FORCE", 41)]
    assert await listed("2026-03-01T00:00:00Z") == [("OVER", 0)]
    assert await listed("2025-03-01T00:00:00Z", standing=["NOT_YET"]) == [("NOT_YET", 356)]
    assert await listed("2026-02-01T00:00:00Z", control="IG-SC-6") == []
    told = await ask(
        door,
        """{ release(name: "widget") { id } control(id: "IG-SC-5") { ref } }""",
    )
    history = await ask(
        door,
        """query ($release: ID!) { control(id: "IG-SC-5") { history(release: $release, first: 10) { edges { node {
          finding { outcome } assessment { treeSize } } } pageInfo { hasNextPage } } } }""",
        release=told["release"]["id"],
    )
    outcomes = [one["finding"]["outcome"] for one in nodes(history["control"]["history"])]
    assert outcomes[-1] == "WAIVED"
    sizes = [one["assessment"]["treeSize"] for one in nodes(history["control"]["history"])]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("predicate", [{}, {"inputs": 1, "counts": [], "added": {}, "risky": [1], "new": "x"}])
def test_a_drift_statement_of_another_shape_says_nothing(predicate: dict[str, Any]) -> None:
    read = read_drift(predicate)
    assert (read.status, read.baseline, read.changes, read.vulnerabilities, dict(read.counts)) == ("", None, (), (), {})


def test_the_index_takes_the_weightiest_of_what_is_said_of_a_name() -> None:
    found = indexed_vulnerabilities(
        read_drift(
            {
                "vulnerabilities": [
                    {"id": "cve-1", "names": ["GHSA-1", "cve-1"], "severity": "low", "package": "a", "version": "1"}
                ],
                "suppressed": [{"id": "cve-1", "status": "fixed", "statement": "x#0", "package": "b", "version": "2"}],
                "undecided": [{"advisory": "GHSA-2", "package": "c", "version": "3", "severity": "high"}],
                "fixed": [{"package": "d", "names": ["CVE-9"], "severity": None}],
            }
        )
    )
    assert [(one.name, one.standing, one.severity, one.packages) for one in found] == [
        ("CVE-1", Standing.AFFECTED, "low", ("a@1", "b@2")),
        ("GHSA-1", Standing.AFFECTED, "low", ("a@1",)),
        ("GHSA-2", Standing.UNDECIDED, "high", ("c@3",)),
    ]
