"""The waiver of a finding as an object: of the catalog it was assessed by, or a signed override."""

from dataclasses import replace

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.evidence import Fact
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.catalog import load_catalog
from evidence_api.store import assessments, catalogs
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import checked
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import SIGNED_AT, SOURCES, Seeded, append_all, example_assessment

WAIVER = """\
id: W-1
control: IG-SC-5
reason: Only in the test image.
owner: x
approver: y
from: 2026-01-15
until: 2026-02-15
"""
QUERY = """{ release(name: "app", version: "1.0") { assessment { findings(first: 10) { edges { node { controlRef waiver
  waivedBy { id control reason owner requester approver scope starts until daysLeft
    evidence { evidenceId kind facts } } } } } } } }"""
FACTS: dict[str, Fact] = {
    "control": "IG-SC-5",
    "scope": "app",
    "reason": "Only in the test image.",
    "owner": "o.wner",
    "requester": "r.equester",
    "approver": "a.pprover",
    "from": "2026-01-15T00:00:00Z",
    "until": "2026-02-15T08:00:00Z",
}


async def waive(database: Database, scope: TenantScope, seeded: Seeded, waiver: str) -> None:
    """A newer assessment, in which the second finding is waived."""
    catalog = load_catalog({**SOURCES, "waivers/w.yaml": WAIVER})
    made = example_assessment(catalog, seeded.receipts, tree_size=8)
    passed, failed = made.findings
    waived = replace(failed, outcome=Outcome.WAIVED, waiver=waiver)
    async with database.tenant(scope) as connection:
        await catalogs.keep_catalog(connection, catalog.digest, catalog.sources, "package x", SIGNED_AT)
        await assessments.save(connection, scope, replace(made, findings=(passed, waived)))


async def found(client: GraphQLClient) -> list[dict[str, object]]:
    edges = (await client.data(QUERY))["release"]["assessment"]["findings"]["edges"]
    return [edge["node"] for edge in edges]


async def test_a_waiver_of_the_catalog(
    client: GraphQLClient, seeded: Seeded, database: Database, appender: Appender, scope: TenantScope
) -> None:
    await append_all(appender, scope, checked("more"))
    await waive(database, scope, seeded, "W-1")
    passed, waived = await found(client)
    assert (passed["waiver"], passed["waivedBy"]) == ("", None)
    assert waived["waivedBy"] == {
        "id": "W-1",
        "control": "IG-SC-5",
        "reason": "Only in the test image.",
        "owner": "x",
        "requester": "",
        "approver": "y",
        "scope": "",
        "starts": "2026-01-15T00:00:00Z",
        "until": "2026-02-16T00:00:00Z",
        "daysLeft": 16,
        "evidence": None,
    }


async def test_a_signed_override(
    client: GraphQLClient, seeded: Seeded, database: Database, appender: Appender, scope: TenantScope
) -> None:
    (receipt,) = await append_all(appender, scope, checked("override", kind="override", facts=FACTS))
    await waive(database, scope, seeded, receipt.evidence_id)
    _, waived = await found(client)
    assert waived["waivedBy"] == {
        "id": receipt.evidence_id,
        "control": "IG-SC-5",
        "reason": "Only in the test image.",
        "owner": "o.wner",
        "requester": "r.equester",
        "approver": "a.pprover",
        "scope": "app",
        "starts": "2026-01-15T00:00:00Z",
        "until": "2026-02-15T08:00:00Z",
        "daysLeft": 15,
        "evidence": {"evidenceId": receipt.evidence_id, "kind": "override", "facts": FACTS},
    }


async def test_a_waiver_nobody_knows_any_more_is_null(
    client: GraphQLClient, seeded: Seeded, database: Database, appender: Appender, scope: TenantScope
) -> None:
    await append_all(appender, scope, checked("more"))
    await waive(database, scope, seeded, "sha256:" + "0" * 64)
    _, waived = await found(client)
    assert (waived["waiver"], waived["waivedBy"]) == ("sha256:" + "0" * 64, None)
