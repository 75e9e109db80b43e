"""What is missing for a framework, and how long lists are, over a seeded tenant."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store import assessments
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.read_session import ReadSession
from tests.support.checked import checked, release
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import SIGNED_AT, Seeded, append_all, example_assessment

GAPS = """query ($framework: ID!, $release: ID, $after: String, $size: Int, $reason: [GapReason!]) {
  gaps(framework: $framework, release: $release, afterProduct: $after, asOf: $size) {
    framework { ref } criteria criteriaWithGaps nextProduct releases { value relation }
    summary { reason count }
    gaps(first: 10, reason: $reason) { totalCount { value relation } edges { cursor node { reason outcome
      criterion { ref } control { ref owner severity fix } release { name version }
      finding { because fix waivedBy { until } }
      lacking { kind reason query { rows(first: 5) { edges { node { kind leafIndex } } } } } } } } } }"""

LEVELS = """query ($first: Int) { releases(first: $first) { edges { node { statement { kind } previous { version }
      next { version } product { releases(last: 2) { totalCount { value } edges { node { version } } } }
      components(first: 2) { edges { node { name } } } drift { status }
      vulnerabilities(first: 2) { edges { node { id } } }
      dependencyDebt { total } reproducibleBuilds { status }
      evidence(first: 3) { totalCount { value } edges { node { supersededBy { id } releases(first: 2) { edges { node {
        version } } } } } }
      assessment { findings(first: 2) { edges { node { queries { rows(first: 2) { edges { node { kind } } } } } } } }
      } } } }"""


def told(report: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  JSON
    return [
        (
            node["reason"],
            (node["criterion"] or {}).get("ref"),
            (node["control"] or {}).get("ref"),
            (node["release"] or {}).get("version"),
        )
        for node in (edge["node"] for edge in report["gaps"]["edges"])
    ]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the store's reads, as they are run."""
    run: list[str] = []
    plain = ReadSession._read

    async def noted(self: ReadSession, read: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  passes on
        run.append(read.__name__)
        return await plain(self, read, *arguments, **options)

    monkeypatch.setattr(ReadSession, "_read", noted)
    return run


async def test_gaps_of_one_release(client: GraphQLClient, seeded: Seeded) -> None:
    report = (await client.data(GAPS, framework="aicpa-tsc", release=seeded.evidence_id("release")))["gaps"]
    assert told(report) == [("FAILING", "CC7.2", "IG-SC-5", "1.0"), ("UNMAPPED", "CC7.1", None, None)]
    assert (report["criteria"], report["criteriaWithGaps"], report["nextProduct"]) == (2, 2, None)
    assert report["releases"] == {"value": 1, "relation": "EXACT"}
    assert {one["reason"]: one["count"] for one in report["summary"]} == {
        **dict.fromkeys(("NOT_ASSESSED", "UNDECIDED", "ABSENT", "STALE", "NEEDS_REVIEW", "NOT_RUN", "WAIVED"), 0),
        "FAILING": 1,
        "UNMAPPED": 1,
    }
    failing = report["gaps"]["edges"][0]["node"]
    assert failing["finding"] == {"because": "1 of 1 rows of sbom", "fix": "Upgrade the components.", "waivedBy": None}
    assert failing["lacking"] == [
        {
            "kind": "sbom",
            "reason": "FAILING",
            "query": {"rows": {"edges": [{"node": {"kind": "sbom", "leafIndex": 2}}]}},
        }
    ]
    only = await client.data(GAPS, framework="aicpa-tsc", release=seeded.evidence_id("release"), reason="UNMAPPED")
    assert told(only["gaps"]) == [("UNMAPPED", "CC7.1", None, None)]
    assert only["gaps"]["gaps"]["totalCount"] == {"value": 1, "relation": "EXACT"}


async def test_gaps_of_what_is_not_there(client: GraphQLClient, rival: GraphQLClient, seeded: Seeded) -> None:
    second, first = seeded.evidence_id("release-2"), seeded.evidence_id("release")
    report = (await client.data(GAPS, framework="aicpa-tsc", release=second))["gaps"]
    assert told(report) == [("NOT_ASSESSED", None, None, "2.0"), ("UNMAPPED", "CC7.1", None, None)]
    before = (await client.data(GAPS, framework="aicpa-tsc", release=first, size=4))["gaps"]
    assert told(before) == [("NOT_ASSESSED", None, None, "1.0"), ("UNMAPPED", "CC7.1", None, None)]
    for framework, of in (("aicpa-tsc", "sha256:" + "0" * 64), ("nobody", first), ("nobody", None)):
        assert await client.data(GAPS, framework=framework, release=of) == {"gaps": None}
    assert await rival.data(GAPS, framework="aicpa-tsc", release=first) == {"gaps": None}
    nothing = (await rival.data(GAPS, framework="aicpa-tsc"))["gaps"]
    assert told(nothing) == [("UNMAPPED", "CC7.1", None, None)]


async def test_gaps_over_products_take_the_newest_assessed_release_of_each(
    client: GraphQLClient, seeded: Seeded, database: Database, appender: Appender, scope: TenantScope
) -> None:
    pinned = (await client.post(GAPS, {"framework": "aicpa-tsc", "size": seeded.tree_size})).content
    (late,) = await append_all(appender, scope, release("zeta", "zeta"))
    fine = example_assessment(seeded.catalog, seeded.receipts, tree_size=8, at=SIGNED_AT + timedelta(days=1))
    stale = replace(
        fine,
        release=late.evidence_id,
        findings=tuple(replace(one, outcome=Outcome.STALE, raw=Outcome.STALE) for one in fine.findings),
    )
    async with database.tenant(scope) as connection:
        await assessments.save(connection, scope, stale)
    framework = (await client.data('{framework(id: "aicpa-tsc") {id}}'))["framework"]["id"]
    report = (await client.data(GAPS, framework=framework))["gaps"]
    assert told(report) == [
        ("FAILING", "CC7.2", "IG-SC-5", "1.0"),
        ("STALE", "CC7.2", "IG-AUT-1", "1.0"),
        ("STALE", "CC7.2", "IG-SC-5", "1.0"),
        ("UNMAPPED", "CC7.1", None, None),
    ]
    assert [edge["node"]["release"]["name"] for edge in report["gaps"]["edges"][:3]] == ["app", "zeta", "zeta"]
    rest = (await client.data(GAPS, framework="aicpa-tsc", after="app"))["gaps"]
    assert [one[:3] for one in told(rest)] == [
        ("STALE", "CC7.2", "IG-AUT-1"),
        ("STALE", "CC7.2", "IG-SC-5"),
        ("UNMAPPED", "CC7.1", None),
    ]
    again = (await client.post(GAPS, {"framework": "aicpa-tsc", "size": seeded.tree_size})).content
    assert again == pinned


async def test_lists_say_how_long_they_are(
    client: GraphQLClient, seeded: Seeded, appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = "{totalCount {value relation}}"
    query = f"""query ($size: Int) {{ evidence(first: 1, asOf: $size) {count}
      every: evidence(first: 1, filter: {{status: []}}, asOf: $size) {count}
      releases(first: 2, asOf: $size) {{ totalCount {{value relation}} edges {{ node {{
        evidence(first: 1) {count} assessments(first: 1) {count}
        assessment {{ findings(first: 1, outcome: [FAIL]) {count} criteria(first: 1) {count} }} }} }} }}
      controls(first: 1) {count} components(name: "x", first: 1) {count} trustLedger(first: 1) {count} }}"""

    def exactly(value: int) -> dict[str, Any]:
        return {"totalCount": {"value": value, "relation": "EXACT"}}

    data = await client.data(query, size=seeded.tree_size)
    assert data["evidence"] == exactly(5)
    assert data["every"] == exactly(7)
    assert data["releases"]["totalCount"] == {"value": 2, "relation": "EXACT"}
    first, second = (edge["node"] for edge in data["releases"]["edges"])
    assert first == {
        "evidence": exactly(3),
        "assessments": exactly(1),
        "assessment": {"findings": exactly(1), "criteria": exactly(2)},
    }
    assert second == {"evidence": exactly(1), "assessments": exactly(0), "assessment": None}
    assert data["controls"] == exactly(2)
    assert data["components"] == exactly(0)
    assert data["trustLedger"] == {"totalCount": None}
    await append_all(appender, scope, checked("later"))
    assert await client.data(query, size=seeded.tree_size) == data
    monkeypatch.setattr("evidence_api.store.counts._LIMIT", 3)
    monkeypatch.setattr("evidence_api.domain.page.MAX_COUNTED", 2)
    bounded = await client.data(f"{{evidence(first: 1) {count}}}")
    assert bounded == {"evidence": {"totalCount": {"value": 2, "relation": "AT_LEAST"}}}


async def test_every_level_is_one_statement_however_many_there_are(
    client: GraphQLClient, seeded: Seeded, reads: list[str]
) -> None:
    await client.data(LEVELS, first=1)
    one = sorted(reads)
    reads.clear()
    await client.data(LEVELS, first=2)
    assert sorted(reads) == one
    assert len(one) == len(set(one)) + 3  # a page and its count, both neighbours, SBOMs and what is derived
    reads.clear()
    await client.data(GAPS, framework="aicpa-tsc", release=seeded.evidence_id("release"))
    assert reads[:4] == ["head", "releases_by_ids", "assessments_in_force", "outcomes"]
    assert sorted(reads[4:]) == ["evidence_among", "findings_of_controls"]


async def test_guests_read_all_of_it_within_their_grant(
    endpoint: GraphQLEndpoint, scope: TenantScope, seeded: Seeded
) -> None:
    for grant in (ReadGrant(UUID(int=1)), ReadGrant(UUID(int=1), frameworks=frozenset({"aicpa-tsc"}))):
        guest = GraphQLClient(endpoint, scope, grant)
        assert [edge["node"]["statement"] for edge in (await guest.data(LEVELS, first=2))["releases"]["edges"]] == [
            {"kind": "release"},
            {"kind": "release"},
        ]
        report = (await guest.data(GAPS, framework="aicpa-tsc", release=seeded.evidence_id("release")))["gaps"]
        assert told(report)[0] == ("FAILING", "CC7.2", "IG-SC-5", "1.0")
    nothing = GraphQLClient(endpoint, scope, ReadGrant(UUID(int=1), frameworks=frozenset({"iso"})))
    assert await nothing.data(GAPS, framework="aicpa-tsc") == {"gaps": None}
