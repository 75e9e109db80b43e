"""Auditors over GraphQL: what lies outside their grant looks as if it were not there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from evidence_api.domain.assessment import CriterionResult, Outcome
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.formats.catalog import load_catalog
from evidence_api.graphql.ids import encode_id
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store import assessments, catalogs
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.reads import Reads
from tests.support.checked import ADMITTED, checked, release
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import SIGNED_AT, SOURCES, Seeded, example_assessment, seed

CATALOG = load_catalog(
    {
        **SOURCES,
        "frameworks/iso.yaml": "framework: iso\ntitle: ISO\nedition: '2022'\nlicence: ids-only\ncriteria:\n"
        "  - {ref: A.8, title: Technology}\n",
        "mappings/iso.yaml": "external: ISO-A8\nframework: {id: iso, ref: A.8}\nmaps_to: [IG-AUT-1]\n"
        "narrative: Tests run.\n",
        "waivers/w.yaml": "waivers:\n  - {id: W-1, control: IG-SC-5, reason: r, owner: o, approver: a,"
        " from: 2026-01-01, until: 2026-02-01}\n",
    }
)
NODE = "query ($id: ID!) {node(id: $id) {id}}"
Guest = Callable[..., GraphQLClient]


@pytest.fixture
async def told(database: Database, appender: Appender, scope: TenantScope) -> Seeded:
    """The seed, its assessment of both frameworks again at six leaves, and a release of another name."""
    seeded = await seed(database, appender, scope)
    await appender.append(scope, release("other", "blob"), ADMITTED)
    await appender.append(scope, checked("other tests", subjects=("blob",)), ADMITTED)
    made = example_assessment(CATALOG, seeded.receipts, tree_size=6)
    of_iso = CriterionResult("iso", "A.8", Outcome.PASS, ("IG-AUT-1",))
    async with database.tenant(scope) as connection:
        await catalogs.keep_catalog(connection, CATALOG.digest, CATALOG.sources, "package evidence.catalog", SIGNED_AT)
        identity = await assessments.save(connection, scope, replace(made, criteria=(*made.criteria, of_iso)))
    return replace(seeded, assessment=identity, catalog=CATALOG)


@pytest.fixture
def guest(database: Database, scope: TenantScope) -> Guest:
    endpoint = GraphQLEndpoint(build_schema(), Reads(database, CATALOG))

    def made(**limits: Any) -> GraphQLClient:  # noqa: ANN401  of a grant
        return GraphQLClient(endpoint, scope, ReadGrant(UUID(int=1), **limits))

    return made


VERDICTS = """{ release(name: "app", version: "1.0") { assessment { notes counts { outcome count }
  findings(first: 5) { edges { node { controlRef outcome control { ref } } } }
  last: findings(last: 1) { edges { node { controlRef } } pageInfo { hasPreviousPage } }
  criteria(first: 5) { edges { node { frameworkRef ref outcome } } } } }
  frameworks { ref criteria(first: 5) { edges { node { ref } } } } controls(first: 5) { edges { node { ref } } }
  none: control(id: "IG-SC-5") { ref } gone: framework(id: "aicpa-tsc") { ref } }"""


@pytest.mark.usefixtures("told")
async def test_a_grant_of_a_framework_shows_its_verdicts_alone(guest: Guest) -> None:
    data = await guest(frameworks=frozenset({"iso"})).data(VERDICTS)
    assessment = data["release"]["assessment"]
    assert [one for one in assessment["counts"] if one["count"]] == [{"outcome": "PASS", "count": 1}]
    assert assessment["notes"] == []
    assert [edge["node"] for edge in assessment["findings"]["edges"]] == [
        {"controlRef": "IG-AUT-1", "outcome": "PASS", "control": {"ref": "IG-AUT-1"}}
    ]
    assert assessment["last"] == {
        "edges": [{"node": {"controlRef": "IG-AUT-1"}}],
        "pageInfo": {"hasPreviousPage": False},
    }
    assert [edge["node"] for edge in assessment["criteria"]["edges"]] == [
        {"frameworkRef": "iso", "ref": "A.8", "outcome": "PASS"}
    ]
    assert data["frameworks"] == [{"ref": "iso", "criteria": {"edges": [{"node": {"ref": "A.8"}}]}}]
    assert [edge["node"]["ref"] for edge in data["controls"]["edges"]] == ["IG-AUT-1"]
    assert (data["none"], data["gone"]) == (None, None)


@pytest.mark.usefixtures("told")
async def test_a_grant_of_all_frameworks_shows_what_there_is(guest: Guest) -> None:
    data = await guest().data(VERDICTS)
    assert len(data["release"]["assessment"]["findings"]["edges"]) == 2
    assert data["release"]["assessment"]["notes"] == ["waiver W-1 is over"]
    assert (data["none"], data["gone"]) == ({"ref": "IG-SC-5"}, {"ref": "aicpa-tsc"})


async def test_ids_outside_the_grant_are_like_absent_ones(guest: Guest, told: Seeded) -> None:
    everything, narrow = guest(), guest(frameworks=frozenset({"iso"}), releases=frozenset({"other"}))
    finding = f"{told.assessment}/IG-SC-5"
    absent = (await narrow.post(NODE, {"id": encode_id("Evidence", "sha256:" + "0" * 64)})).content
    for type_name, key in (
        ("Evidence", told.evidence_id("tests")),
        ("Release", told.evidence_id("release")),
        ("Assessment", str(told.assessment)),
        ("Finding", finding),
        ("Control", f"{CATALOG.digest}/IG-SC-5"),
        ("Framework", f"{CATALOG.digest}/aicpa-tsc"),
        ("Criterion", f"{CATALOG.digest}/aicpa-tsc/CC7.1"),
    ):
        one = encode_id(type_name, key)
        assert (await everything.data(NODE, id=one))["node"] == {"id": one}, type_name
        assert (await narrow.post(NODE, {"id": one})).content == absent, type_name
    hidden = encode_id("Finding", finding)
    assert (await guest(frameworks=frozenset({"iso"})).data(NODE, id=hidden))["node"] is None


@pytest.mark.usefixtures("told")
async def test_lists_and_counts_are_of_what_was_granted(guest: Guest) -> None:
    query = """{ evidence(first: 50, filter: {status: []}) { totalCount { value } edges { node { leafIndex } } }
      releases(first: 5) { edges { node { name } } } checkpoint { treeSize }
      seen: inclusionProof(leafIndex: 8) { leafIndex } hidden: inclusionProof(leafIndex: 1) { leafIndex } }"""
    data = await guest(releases=frozenset({"other"})).data(query)
    assert data["evidence"]["totalCount"] == {"value": 2}
    assert [edge["node"]["leafIndex"] for edge in data["evidence"]["edges"]] == [7, 8]
    assert [edge["node"]["name"] for edge in data["releases"]["edges"]] == ["other"]
    assert data["checkpoint"] == {"treeSize": 9}
    assert (data["seen"], data["hidden"]) == ({"leafIndex": 8}, None)


@pytest.mark.usefixtures("told")
async def test_what_is_the_tenants_as_a_whole_is_empty(guest: Guest) -> None:
    narrow = guest(releases=frozenset({"app"}), frameworks=frozenset({"iso"}))
    data = await narrow.data(
        "{ trustLedger(first: 5) { edges { cursor } } budgets(first: 5) { edges { cursor } } "
        "modelBuckets(first: 5) { edges { cursor } } }"
    )
    assert [one["edges"] for one in data.values()] == [[], [], []]


ROOTS = """decisions(first: 5) {edges {cursor}}|rollouts(first: 5) {edges {cursor}}|viewer {kind}
trustLedger(first: 5) {edges {cursor}}|rateLimit {limit}|controls(first: 5) {edges {cursor}}
budgets(first: 5) {edges {cursor}}|modelBuckets(first: 5) {edges {cursor}}|products(first: 5) {edges {cursor}}
affected(vulnerability: "CVE-2026-1", first: 5) {edges {cursor}}|waivers(first: 5) {edges {cursor}}
gaps(framework: "iso") {gaps(first: 5) {edges {cursor}}}|log {leaves(first: 5) {edges {cursor}}}
components(first: 5, name: "left-pad") {edges {cursor}}|evidence(first: 5) {edges {cursor}}
releases(first: 5) {edges {cursor}}|frameworks {ref}|checkpoint {treeSize}"""


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("limits", [{}, {"releases": frozenset({"app"})}, {"frameworks": frozenset({"iso"})}])
async def test_every_list_is_answered(guest: Guest, limits: dict[str, Any]) -> None:
    """Each alone: a refusal of one would end the others."""
    client = guest(**limits)
    for field in ROOTS.replace("\n", "|").split("|"):
        await client.data(f"{{{field}}}")
