"""Trust ledgers, budgets and token buckets as readers see them: of their own tenant, page by page."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from evidence_api.domain.decisions.trust_update import TrustUpdate
from evidence_api.domain.digest import digest_of
from evidence_api.domain.model_quota import BucketSize
from evidence_api.domain.principal import TenantScope
from evidence_api.graphql.cursors import encode_cursor, filter_hash
from evidence_api.store import budgets, model_buckets, trust_ledger
from evidence_api.store.session import Database
from tests.support import decided
from tests.support.graphql_client import GraphQLClient

AT = datetime(2026, 2, 1, tzinfo=UTC)
LEDGERS = """query ($arm: String, $after: String) { trustLedger(arm: $arm, first: 2, after: $after) {
  edges { node { arm context a b mean updates discontinuities brier interval { low high }
    reliability { low count predicted observed } } } pageInfo { hasNextPage endCursor } } }"""
BUDGETS = """query ($period: String, $scope: String, $after: String) {
  budgets(period: $period, scope: $scope, first: 2, after: $after) {
    edges { node { period scope limitUSD spentUSD entries level changedAt
      lastAlert { level limitUSD spentUSD crossedAt evidence { kind } } } }
    pageInfo { hasNextPage endCursor } } }"""


async def update(database: Database, scope: TenantScope, leaf: int, arm: str, context: dict[str, Any]) -> None:
    predicate = {**decided.trust(arm)["predicate"], "context": context}
    async with database.tenant(scope) as connection:
        await trust_ledger.move(connection, scope, leaf, digest_of(b"%d" % leaf), TrustUpdate.model_validate(predicate))


async def test_ledgers_say_where_they_stand_and_how_they_predicted(
    client: GraphQLClient, rival: GraphQLClient, database: Database, scope: TenantScope
) -> None:
    long = {f"member{number}": "x" * 100 for number in range(30)}
    for leaf, (arm, context) in enumerate([("a", {"risk": "low"}), ("a", {"risk": "low"}), ("a", long), ("b", {})]):
        await update(database, scope, leaf, arm, context)
    page = (await client.data(LEDGERS))["trustLedger"]
    first, second = (edge["node"] for edge in page["edges"])
    assert (first["arm"], first["context"]) == ("a", long)
    expected = {"a": 2, "b": 1, "updates": 1, "discontinuities": 1, "brier": 0.25}  # the second began at 1, 1 again
    assert {name: second[name] for name in expected} == expected
    assert second["context"] == {"risk": "low"}
    assert second["mean"] == pytest.approx(2 / 3)
    assert 0 < second["interval"]["low"] < second["mean"] < second["interval"]["high"] < 1
    assert len(second["reliability"]) == 10
    assert second["reliability"][5] == {"low": 0.5, "count": 1, "predicted": 0.5, "observed": 1.0}
    rest = (await client.data(LEDGERS, after=page["pageInfo"]["endCursor"]))["trustLedger"]
    assert [edge["node"]["arm"] for edge in rest["edges"]] == ["b"]
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    only = (await client.data(LEDGERS, arm="b"))["trustLedger"]["edges"]
    assert [edge["node"]["arm"] for edge in only] == ["b"]
    assert (await rival.data(LEDGERS))["trustLedger"]["edges"] == []
    # a cursor of somebody else's ledger, or of none
    assert await rival.code(LEDGERS, after=page["pageInfo"]["endCursor"]) == "bad_cursor"
    forged = encode_cursor("not hex", filter_hash("trust-ledger", arm=None))
    assert await client.code(LEDGERS, after=forged) == "bad_cursor"
    assert await client.code(LEDGERS, arm="a\0") == "bad_text"


async def test_budgets_say_what_is_left_and_what_was_told(
    client: GraphQLClient, rival: GraphQLClient, database: Database, scope: TenantScope
) -> None:
    spent = [("2026-11", "", "8.30"), ("2026-11", "team/ä", "1"), ("2026-12", "", "0.5")]
    for leaf, (period, of, usd) in enumerate(spent):
        event = budgets.SpentEntries(period, of, Decimal(10), [("e1", Decimal(usd))], leaf, AT)
        async with database.tenant(scope) as connection:
            state = await budgets.add(connection, scope, event)
            if state.level != "ok":
                await budgets.keep_alert(connection, scope, state, "{}")
    page = (await client.data(BUDGETS))["budgets"]
    own, team = (edge["node"] for edge in page["edges"])
    assert own == {
        "period": "2026-11",
        "scope": "",
        "limitUSD": "10",
        "spentUSD": "8.3",
        "entries": 1,
        "level": "WARN80",
        "changedAt": "2026-02-01T00:00:00Z",
        "lastAlert": {
            "level": "WARN80",
            "limitUSD": "10",
            "spentUSD": "8.3",
            "crossedAt": "2026-02-01T00:00:00Z",
            "evidence": None,
        },
    }
    assert (team["scope"], team["level"], team["lastAlert"]) == ("team/ä", "OK", None)
    rest = (await client.data(BUDGETS, after=page["pageInfo"]["endCursor"]))["budgets"]
    assert [edge["node"]["period"] for edge in rest["edges"]] == ["2026-12"]
    assert len((await client.data(BUDGETS, period="2026-11"))["budgets"]["edges"]) == 2
    assert len((await client.data(BUDGETS, scope=""))["budgets"]["edges"]) == 2
    assert (await rival.data(BUDGETS))["budgets"]["edges"] == []
    hashed = filter_hash("budgets", period=None, scope=None)
    for asked in ({"period": "\0"}, {"scope": "a\0b"}, {"after": encode_cursor('["a", "\\u0000"]', hashed)}):
        assert await client.code(BUDGETS, **asked) == "bad_text"
    for position in ("x", "[1, 2]", '["a"]', "{}"):
        assert await client.code(BUDGETS, after=encode_cursor(position, hashed)) == "bad_cursor"


async def test_buckets_say_how_many_calls_are_left(
    client: GraphQLClient, rival: GraphQLClient, database: Database, scope: TenantScope
) -> None:
    async with database.tenant(scope) as connection:
        await model_buckets.move(connection, "large", BucketSize(20, 1), 5, datetime.now(UTC))
    query = "{ modelBuckets(first: 5) { edges { node { model level burst refillPerMinute } } } }"
    (edge,) = (await client.data(query))["modelBuckets"]["edges"]
    assert (edge["node"]["model"], edge["node"]["burst"], edge["node"]["refillPerMinute"]) == ("large", 20, 1)
    assert 15 <= edge["node"]["level"] <= 20
    assert (await rival.data(query))["modelBuckets"]["edges"] == []
    forged = encode_cursor("a\0b", filter_hash("model-buckets"))
    assert (
        await client.code(
            "query ($after: String) { modelBuckets(first: 1, after: $after) { edges { cursor } } }", after=forged
        )
        == "bad_text"
    )
