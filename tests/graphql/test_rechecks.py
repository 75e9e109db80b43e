"""Later checks beside a record: newest first, bounded, and the recorded verification untouched."""

from datetime import UTC, datetime, timedelta

from evidence_api.domain.principal import TenantScope
from evidence_api.domain.recheck import Grounds, Recheck
from evidence_api.graphql.ids import encode_id
from evidence_api.store import rechecks
from evidence_api.store.session import Database
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import Seeded

FIRST = datetime(2026, 2, 1, tzinfo=UTC)
TRUST = "sha256:" + "7" * 64
FIELDS = "checkedAt status trustRoot trust signer code message"


def root(number: int) -> str:
    return f"sha256:{number:064x}"


async def check_again(database: Database, scope: TenantScope, leaf: int, number: int, *, good: bool = True) -> None:
    at, grounds = FIRST + timedelta(days=number), Grounds(root(number), TRUST)
    found = (
        Recheck(leaf, at, grounds, "verified", signer="somebody")
        if good
        else Recheck(leaf, at, grounds, "failed", "log_key_expired", "the log was not trusted")
    )
    async with database.tenant(scope) as connection:
        await rechecks.record(connection, scope, [found])


async def test_a_record_shows_later_checks_and_what_was_recorded(
    client: GraphQLClient, seeded: Seeded, database: Database, scope: TenantScope
) -> None:
    query = f"""query ($id: ID!) {{ evidenceRecord(id: $id) {{
      status received verification {{ status trustRoot signedAt verifiedAt }} rechecks {{ {FIELDS} }} }} }}"""
    before = (await client.data(query, id=seeded.evidence_id("sbom")))["evidenceRecord"]
    assert before["rechecks"] == []
    await check_again(database, scope, 2, 1)
    await check_again(database, scope, 2, 2, good=False)
    after = (await client.data(query, id=seeded.evidence_id("sbom")))["evidenceRecord"]
    later, earlier = after["rechecks"]
    assert later == {
        "checkedAt": "2026-02-03T00:00:00Z",
        "status": "FAILED",
        "trustRoot": root(2),
        "trust": TRUST,
        "signer": None,
        "code": "log_key_expired",
        "message": "the log was not trusted",
    }
    assert (earlier["status"], earlier["signer"], earlier["code"]) == ("VERIFIED", "somebody", None)
    assert {**after, "rechecks": []} == before
    assert after["verification"]["verifiedAt"] == after["received"]


async def test_they_are_bounded_and_of_a_whole_list_read_together(
    client: GraphQLClient, rival: GraphQLClient, seeded: Seeded, database: Database, scope: TenantScope
) -> None:
    for number in range(12):
        await check_again(database, scope, 2, number)
    await check_again(database, scope, 1, 0)
    query = "{ evidence(first: 20) { edges { node { leafIndex rechecks { trustRoot } } } } }"
    nodes = {edge["node"]["leafIndex"]: edge["node"] for edge in (await client.data(query))["evidence"]["edges"]}
    assert [one["trustRoot"] for one in nodes[2]["rechecks"]] == [root(number) for number in range(11, 1, -1)]
    assert len(nodes[1]["rechecks"]) == 1
    assert nodes[0]["rechecks"] == []
    of = encode_id("Evidence", seeded.evidence_id("sbom"))
    one = "query ($id: ID!, $first: Int!) { node(id: $id) { ... on Evidence { rechecks(first: $first) { status } } } }"
    assert len((await client.data(one, id=of, first=3))["node"]["rechecks"]) == 3
    assert await client.code(one, id=of, first=101) == "page_size"
    assert (await rival.data(one, id=of, first=3))["node"] is None


async def test_a_signers_claims_are_shown(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($id: ID!) { evidenceRecord(id: $id) { verification { signer {
      ... on CertificateSigner { claims } } } } }"""
    shown = (await client.data(query, id=seeded.evidence_id("sbom")))["evidenceRecord"]
    assert shown["verification"]["signer"]["claims"] == {"source_ref": "refs/heads/main"}
