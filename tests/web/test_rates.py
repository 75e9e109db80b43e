"""Rates at both edges: what a caller is told, what is refused and how, and that a dry run runs nothing."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.rates import ENFORCE, MEASURE, REQUEST_COSTS
from evidence_api.use_cases.lanes import Lanes, LaneSize
from tests.support import statements
from tests.support.place import Place
from tests.web.conftest import Door

PAGE = "query ($n: Int!) { controls(first: $n) { edges { node { id } } } }"

DEAR = "releases(first: 100) { edges { node { evidence(first: 100) { edges { node { id } } } } } }"


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(max_body=2**20, rate_patience=30) as opened:
        yield opened


async def ask(door: Door, query: str, **variables: object) -> httpx.Response:
    return await door.http.post("/graphql", json={"query": query, "variables": variables})


async def limit(door: Door, capacity: int, restore: int = 1, mode: str = ENFORCE) -> None:
    await door.application.query_side.limits.put(door.scope, capacity, restore, mode)


def figures(header: str) -> dict[str, Any]:
    """The parameters of a RateLimit header."""
    assert header.startswith('"cost";'), header
    return dict(re.findall(r'([a-z-]+)="?([^;"]+)', header.removeprefix('"cost"')))


async def test_an_answer_says_what_it_cost_and_what_is_left(door: Door) -> None:
    answer = await ask(door, PAGE, n=40)
    told = answer.json()["extensions"]
    returned = len(answer.json()["data"]["controls"]["edges"])
    assert told["cost"] == {"requested": 40, "actual": returned}
    assert told["rateLimit"]["limit"] == 50_000
    assert told["rateLimit"]["remaining"] == 50_000 - max(returned, 4)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["rateLimit"]["resetAt"])
    assert figures(answer.headers["ratelimit-policy"]) == {"q": "50000", "w": "10", "evidence-unit": "cost"}
    assert figures(answer.headers["ratelimit"])["r"] == str(50_000 - max(returned, 4))

    asked = (await ask(door, "{ rateLimit { cost maximum limit remaining restoreRate resetAt } }")).json()
    rate = asked["data"]["rateLimit"]
    assert (rate["cost"], rate["maximum"], rate["limit"], rate["restoreRate"]) == (0, 10_000, 50_000, 5000.0)
    assert asked["extensions"]["cost"] == {"requested": 0, "actual": 0}

    empty = (await ask(door, "{ evidence(first: 100) { edges { node { id } } } }")).json()["extensions"]["cost"]
    assert empty == {"requested": 100, "actual": 0}


async def test_a_dry_run_runs_nothing_and_costs_nothing(door: Door) -> None:
    await limit(door, 60)
    query = (
        "query ($n: Int!) { rateLimit(dryRun: true) { cost remaining } controls(first: $n) { edges { node { id } } } }"
    )
    for _ in range(5):
        answer = await ask(door, query, n=50)
        assert answer.json()["data"] == {"rateLimit": {"cost": 50, "remaining": 60}}
    dear = f"{{ rateLimit(dryRun: true) {{ cost }} {DEAR} }}"
    assert (await ask(door, dear)).json()["data"] == {"rateLimit": {"cost": 10_100}}


async def test_what_costs_too_much_is_400_and_what_is_over_the_rate_429(door: Door) -> None:
    await limit(door, 60)
    dear = f"{{ {DEAR} }}"
    refused = await ask(door, dear)
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["extensions"]["code"]) == (400, "cost_limit_exceeded")
    assert (error["extensions"]["limit"], error["extensions"]["value"]) == (10_000, 10_100)

    assert (await ask(door, "{ evidence(first: 90) { edges { node { decision { kind } } } } }")).status_code == 200
    limited = await ask(door, "{ viewer { kind } }")
    assert limited.status_code == 429
    body = limited.json()
    assert "data" not in body
    wait = body["errors"][0]["extensions"]["retry_after"]
    assert body["errors"][0]["extensions"]["code"] == "rate_limited"
    assert int(limited.headers["retry-after"]) >= wait > 0
    assert figures(limited.headers["ratelimit"]) == {"r": "0", "t": limited.headers["retry-after"]}
    assert figures(limited.headers["ratelimit-policy"])["q"] == "60"

    uploaded = await door.upload(statements.test_result("sha256:" + "1" * 64, passed=["a"]))
    problem = uploaded.json()
    assert (uploaded.status_code, problem["code"], problem["status"]) == (429, "rate_limited", 429)
    assert problem["type"].endswith("#quota-exceeded")
    assert uploaded.headers["content-type"] == "application/problem+json"
    assert int(uploaded.headers["retry-after"]) >= 1
    assert (await door.http.get("/v1/packs")).status_code == 429
    assert (await ask(door, "{ rateLimit { remaining } }")).json()["data"]["rateLimit"]["remaining"] == 0


async def test_documents_that_do_not_run_cost_five(door: Door) -> None:
    await limit(door, 100)
    for query in ("{", "{ nothing }", "{ a: " + "b { " * 40 + "c" + " }" * 41):
        assert (await ask(door, query)).status_code in {200, 400}
    left = (await ask(door, "{ rateLimit { remaining } }")).json()["data"]["rateLimit"]["remaining"]
    assert left in {85, 86, 87}


async def test_measuring_refuses_nobody(door: Door) -> None:
    await limit(door, 10, mode=MEASURE)
    for _ in range(6):
        assert (await ask(door, PAGE, n=9)).status_code == 200
    assert (await door.upload(statements.test_result("sha256:" + "2" * 64, passed=["a"]))).status_code == 201


async def test_requests_cost_tenants_with_a_limit_of_their_own_alone(door: Door, rival: Door) -> None:
    await limit(door, 1000)
    uploaded = await door.upload(statements.test_result("sha256:" + "3" * 64, passed=["a"]))
    assert uploaded.status_code == 201
    assert figures(uploaded.headers["ratelimit"])["r"] == str(1000 - REQUEST_COSTS["evidence:write"])
    listed = await door.http.get("/v1/packs")
    assert int(figures(listed.headers["ratelimit"])["r"]) in {985, 986}
    batch = b"\n".join(
        door.envelope(statements.test_result(f"sha256:{number:064x}", passed=["a"])) for number in range(20)
    )
    several = await door.http.post("/v1/evidence", content=batch, headers={"content-type": "application/x-ndjson"})
    assert several.status_code == 200
    assert int(figures(several.headers["ratelimit"])["r"]) <= 786
    free = await rival.upload(statements.test_result("sha256:" + "4" * 64, passed=["a"]))
    assert (free.status_code, "ratelimit" in free.headers) == (201, False)


@pytest.mark.parametrize("path", ["/graphql", "/v1/evidence"])
async def test_a_full_lane_is_503_and_says_when_to_come_again(door: Door, path: str) -> None:
    lanes: Any = door.application.query_side.lanes
    full = Lanes({name: LaneSize(1, 1, queue=0, queue_of_one=0) for name in ("queries", "uploads")})
    lanes._lanes.update(full._lanes)
    async with full.enter("queries", door.scope), full.enter("uploads", door.scope):
        if path == "/graphql":
            answer = await ask(door, PAGE, n=40)
            code = answer.json()["errors"][0]["extensions"]["code"]
        else:
            answer = await door.upload(statements.test_result("sha256:" + "5" * 64, passed=["a"]))
            code = answer.json()["code"]
    assert (answer.status_code, code, answer.headers["retry-after"]) == (503, "lane_full", "1")
    if path == "/graphql":  # it never ran, so all but a tenth goes back
        assert (await ask(door, "{ rateLimit { remaining } }")).json()["data"]["rateLimit"]["remaining"] >= 50_000 - 4
