"""Quotas of models at the door: no tenant gets more calls than its bucket holds, and none out of a spent budget."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.budget import current_periods
from evidence_api.domain.model_quota import BucketState
from evidence_api.engines.files import shipped
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.store import decisions, model_buckets
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.use_cases.policy_bundles import _own
from evidence_api.use_cases.registry import Registry
from tests.support.checked import SteppingClock
from tests.support.shared_place import shared_place
from tests.use_cases.test_budgets import upload
from tests.web.conftest import Door, door_of

BURST, REFILL = 8, 6
BUCKETS = f"""  buckets:
    large-2: {{burst: {BURST}, refill_per_minute: {REFILL}}}
"""
TENANTS = """  tenants:
    rival: {buckets: {"*": {burst: 1, refill_per_minute: 1}}, enforce_budgets: false}
"""


@pytest.fixture(scope="module")
async def application(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> AsyncIterator[Application]:
    """Where calls of one model are limited, and all of one tenant's."""
    home = tmp_path_factory.mktemp("home")
    async with shared_place(postgres, template, home, nursery) as place:
        text = (shipped("policy") / "data.yaml").read_text().replace("  buckets: {}\n", BUCKETS)
        before, area, after = text.partition("model_call:")
        text = before + area + after.replace("  tenants: {}\n", TENANTS, 1)
        async with place.application(policy=place.policy({"data.yaml": text})) as opened:
            yield opened


@pytest.fixture
def clock(application: Application) -> SteppingClock:
    """The application's: it goes on from test to test."""
    assert isinstance(application.clock, SteppingClock)
    return application.clock


@pytest.fixture
async def door(application: Application) -> AsyncIterator[Door]:
    made = await door_of(application, f"acme-{uuid4().hex[:8]}")
    async with made.http:
        yield made


@pytest.fixture(scope="module")
async def strict_door(application: Application) -> AsyncIterator[Door]:
    made = await door_of(application, "rival")
    async with made.http:
        yield made


async def ask(door: Door, model: str | None = "large-2", **more: Any) -> dict[str, Any]:  # noqa: ANN401  any member
    call = {} if model is None else {"model": model, "tokens": 10}
    asked = {"kind": "model_call", "spends": [1], "budget": 2, **call, **more}
    answer = await door.http.post("/v1/decide/model_call", json=asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def given(door: Door, told: dict[str, Any]) -> dict[str, Any]:
    """The input of the decision as it is on record."""
    async with door.application.database.reading(door.scope) as connection:
        kept: dict[str, Any] = orjson.loads((await decisions.get(connection, door.scope, told["decision"])).input)
    return kept


async def states(door: Door) -> list[BucketState]:
    async with door.application.database.reading(door.scope) as connection:
        return await model_buckets.buckets(connection, door.scope, door.application.clock.now())


async def test_of_many_calls_at_once_as_many_as_the_bucket_holds_are_allowed(door: Door) -> None:
    told = await asyncio.gather(*(ask(door) for _ in range(4 * BURST)))
    assert sum(one["allow"] for one in told) == BURST
    refused = [one for one in told if not one["allow"]]
    assert {rule for one in refused for rule in one["rules"]} == {"model_call.rate"}
    for one in refused:
        assert 9.9 < one["retry_after_seconds"] <= 10
        assert one["reasons"] == [f"too many calls of this model; try again in {one['retry_after_seconds']:g} seconds"]
    assert all("retry_after_seconds" not in one for one in told if one["allow"])


async def test_who_comes_when_told_comes_through(door: Door, clock: SteppingClock) -> None:
    await asyncio.gather(*(ask(door) for _ in range(BURST)))
    wait = (await ask(door))["retry_after_seconds"]
    clock.advance(timedelta(seconds=wait))
    assert (await ask(door))["allow"]
    assert not (await ask(door))["allow"]


async def test_what_the_bucket_said_is_on_record(door: Door) -> None:
    told = await ask(door)
    kept = await given(door, told)
    assert kept["bucket"] == {"granted": True, "remaining": BURST - 1, "retry_after_seconds": 0.0}
    assert (kept["tenant"], "budget_state" in kept) == (door.scope.name, False)


async def test_a_call_that_is_denied_takes_nothing(door: Door) -> None:
    for _ in range(2 * BURST):
        told = await ask(door, spends=[3])
        assert told["rules"] == ["model_call.exceeded"]
        assert "retry_after_seconds" not in told
    assert sum([(await ask(door))["allow"] for _ in range(BURST + 1)]) == BURST


async def test_an_answer_that_cannot_be_recorded_takes_nothing(door: Door) -> None:
    await ask(door, model="small-1")
    registry = Registry(door.application.database, door.application.clock)
    (key,) = [key for key in await registry.keys(door.scope) if key.name == "evidence server"]
    await registry.revoke_key(door.scope, key.key_id)
    door.application.asking._own._registered.clear()
    asked = {"kind": "model_call", "spends": [], "budget": 2, "model": "large-2", "tokens": 1}
    assert (await door.http.post("/v1/decide/model_call", json=asked)).status_code == 422
    (state,) = await states(door)
    assert state.level == BURST


async def test_models_and_tenants_have_buckets_of_their_own(door: Door, strict_door: Door) -> None:
    await asyncio.gather(*(ask(door) for _ in range(BURST)))
    assert not (await ask(door))["allow"]
    assert "bucket" not in await given(door, await ask(door, model="small-1"))
    for model in ("large-2", "small-1"):
        first, second = await ask(strict_door, model=model), await ask(strict_door, model=model)
        assert (first["allow"], second["allow"], second["rules"]) == (True, False, ["model_call.rate"])
    assert [one.model for one in await states(strict_door)] == ["large-2", "small-1"]


async def test_a_call_must_name_its_model_where_calls_are_counted(door: Door) -> None:
    assert (await ask(door, model=None))["rules"] == ["model_call.model_not_named"]


async def test_what_the_server_fills_may_not_be_sent(door: Door) -> None:
    for member in ("bucket", "budget_state"):
        asked = {"kind": "model_call", "spends": [], "budget": 2, member: {}}
        answer = await door.http.post("/v1/decide/model_call", json=asked)
        assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "server_fills", member)


async def test_a_spent_budget_of_now_ends_calls(door: Door, clock: SteppingClock) -> None:
    """Other periods and other scopes do not matter."""
    now = current_periods(clock.now())[2]
    for period, scope in (("2025-12", None), ("2031-02", None), (now, "team:search"), (now, "model:other")):
        await upload(door, ("e0", "100"), period=period, **({} if scope is None else {"scope": scope}))
    assert (await ask(door))["allow"]
    await upload(door, ("e0", "9"), period=now)
    told = await ask(door)
    assert told["allow"]
    state = {"period": now, "level": "warn80", "spent": "9", "limit": "10"}
    assert (await given(door, told))["budget_state"] == state
    await upload(door, ("e1", "1.5"), period=now)
    told = await ask(door)
    assert (told["rules"], told["reasons"]) == (
        ["model_call.budget_exceeded"],
        [f"the budget of {now} is spent: $10.5 of $10"],
    )
    clock.advance(timedelta(days=32))
    assert (await ask(door))["allow"]


async def test_a_models_own_budget_ends_calls_of_it_alone(door: Door, clock: SteppingClock) -> None:
    await upload(door, ("e0", "100"), period=current_periods(clock.now())[3], scope="model:large-2")
    assert (await ask(door))["rules"] == ["model_call.budget_exceeded"]
    assert (await ask(door, model="small-1"))["allow"]


async def test_budgets_may_be_left_unenforced(strict_door: Door, clock: SteppingClock) -> None:
    clock.advance(timedelta(minutes=2))
    await upload(strict_door, ("e0", "100"), period=current_periods(clock.now())[0])
    told = await ask(strict_door)
    assert (told["allow"], (await given(strict_door, told))["budget_state"]["level"]) == (True, "exceeded100")


def test_bundles_for_agents_tell_nobody_what_others_may() -> None:
    data = {"model_call": {"buckets": {}, "tenants": {"acme": {"buckets": {"a": 1}}, "rival": {"budget_limits": {}}}}}
    assert _own(data, "acme") == {"model_call": {"buckets": {}, "tenants": {"acme": {"buckets": {"a": 1}}}}}


async def test_full_buckets_are_forgotten_in_the_background(door: Door, clock: SteppingClock) -> None:
    await ask(door)
    clock.advance(timedelta(minutes=1))
    loop = asyncio.create_task(door.application.quota.run())
    try:
        async with asyncio.timeout(20):
            while await states(door):  # noqa: ASYNC110  what is waited for is in the database
                await asyncio.sleep(0.01)
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
