"""Budgets: kept from the log by the server's own sums, and said aloud once a level, whoever crashes in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.budget import BudgetState, current_periods
from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.rfc3339 import parse_rfc3339
from evidence_api.engines.files import shipped
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.formats.stored import stored_statement
from evidence_api.store import budgets, evidence
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.use_cases import budgets as budgets_module
from evidence_api.use_cases.budgets import PRODUCER, alert_predicate
from evidence_api.use_cases.registry import Registry
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.support.place import Place
from tests.support.shared_place import shared_place
from tests.web.conftest import Door, door_of

BUDGET = "urn:evidence-api:budget-event:v1"
PERIOD = "2026-11"
NOTE = {"reason": "small models until the period ends"}


@pytest.fixture(scope="module")
async def application(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> AsyncIterator[Application]:
    """One for all tests here."""
    home = tmp_path_factory.mktemp("home")
    async with shared_place(postgres, template, home, nursery) as place, place.application() as opened:
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


@pytest.fixture
async def rival(application: Application) -> AsyncIterator[Door]:
    made = await door_of(application, f"rival-{uuid4().hex[:8]}")
    async with made.http:
        yield made


def event(*entries: tuple[str, str], limit: str = "10", period: str = PERIOD, **more: Any) -> dict[str, Any]:  # noqa: ANN401  any member
    """A producer's statement; its own claims are left out, for the ledger believes none of them anyway."""
    listed = [{"id": one, "usd": usd} for one, usd in entries]
    predicate = {
        "producer": {"id": "maestro", "version": "1.6.0"},
        "decidedAt": "2026-11-01T10:00:00Z",
        "period": period,
        "limitUSD": limit,
        "entries": listed,
        "spentUSD": "0",
        "level": "ok",
        **more,
    }
    return statements.statement(BUDGET, statements.ARTIFACT, predicate)


async def settle(application: Application) -> int:
    """Whatever is to be read and said now; the number of alerts."""
    said = 0
    while await application.following.sweep():
        said += await application.budgets.sweep()
    return said + await application.budgets.sweep()


async def upload(door: Door, *entries: tuple[str, str], **more: Any) -> int:  # noqa: ANN401  any member
    """Send an event, and let everything follow; the number of alerts."""
    answer = await door.upload(event(*entries, **more))
    assert answer.status_code == 201, answer.text
    return await settle(door.application)


async def states(door: Door, **chosen: Any) -> list[BudgetState]:  # noqa: ANN401  any choice
    async with door.application.database.reading(door.scope) as connection:
        return await budgets.budgets(connection, door.scope, **chosen)


async def said(door: Door) -> list[tuple[Evidence, dict[str, Any]]]:
    """The server's own budget events in the log, in order."""
    async with door.application.database.reading(door.scope) as connection:
        ids = await connection.fetch("SELECT id FROM evidence WHERE kind = 'budget' ORDER BY leaf_index")
        records = [await evidence.get(connection, door.scope, f"sha256:{row['id'].hex()}") for row in ids]
        bodies = await evidence.bodies(connection, door.scope, [one.body_digest for one in records])
    read = [(one, dict(stored_statement(bodies[one.body_digest]).predicate)) for one in records]
    return [(one, predicate) for one, predicate in read if predicate["producer"]["id"] == PRODUCER]


async def test_the_ledger_sums_each_entry_once(door: Door) -> None:
    await upload(door, ("e0", "0.1"), ("e1", "0.2"))
    await upload(door, ("e1", "0.20"), ("e2", "4"))
    (state,) = await states(door)
    assert (state.period, state.scope, state.spent, state.entries) == (PERIOD, "", Decimal("4.3"), 3)
    assert (state.level, state.last_alert) == ("ok", None)


async def test_an_entry_counts_with_the_most_that_was_said_of_it(door: Door) -> None:
    for amount in ("3", "5", "1"):
        await upload(door, ("e0", amount))
    (state,) = await states(door)
    assert (state.spent, state.entries) == (Decimal(5), 1)


async def test_alerts_at_80_and_100_percent_are_signed_statements_that_agree(door: Door) -> None:
    assert await upload(door, ("e0", "7.99")) == 0
    assert await upload(door, ("e1", "0.01")) == 1
    assert await upload(door, ("e2", "1")) == 0
    assert await upload(door, ("e3", "1"), ("e4", "0.5")) == 1
    assert await upload(door, ("e5", "20")) == 0
    (warned, first), (exceeded, second) = await said(door)
    assert (first["level"], first["spentUSD"], first["downshift"]) == ("warn80", "8", None)
    assert (second["level"], second["spentUSD"], second["limitUSD"]) == ("exceeded100", "10.5", "10")
    assert second["downshift"]["reason"] == "the budget of 2026-11 is spent: $10.5 of $10"
    assert [one["id"] for one in second["entries"]] == ["e0", "e1", "e2", "e3", "e4"]
    for record, predicate in ((warned, first), (exceeded, second)):
        assert DECISIONS[BUDGET].reperform(predicate).status is Status.AGREES
        assert record.verification.status == "verified"
        assert [digest for one in record.subjects for digest in one.digests] == [statements.ARTIFACT]
    (state,) = await states(door)
    assert state.last_alert is not None
    assert (state.level, state.spent, state.last_alert.evidence) == ("exceeded100", Decimal("30.5"), exceeded.id)


async def test_one_event_that_crosses_both_is_one_alert(door: Door) -> None:
    assert await upload(door, ("e0", "11")) == 1
    assert [predicate["level"] for _, predicate in await said(door)] == ["exceeded100"]


async def test_a_new_limit_may_be_reached_anew(door: Door) -> None:
    await upload(door, ("e0", "10"))
    assert await upload(door, ("e1", "5"), limit="100") == 1  # what was said of the old one is taken back
    assert (await states(door))[0].level == "ok"
    assert await upload(door, ("e1", "5"), limit="100") == 0
    assert await upload(door, ("e2", "70"), limit="100.0") == 1
    assert await upload(door, limit="10") == 1  # alerted before, but what was said last is another level
    assert await upload(door, limit="10") == 0
    assert await upload(door, limit="80") == 1
    assert await upload(door, limit="1000") == 1
    assert await upload(door, limit="80") == 1  # back to what it was: nobody is left with an old ok
    told = [(predicate["limitUSD"], predicate["level"]) for _, predicate in await said(door)]
    assert told == [
        ("10", "exceeded100"),
        ("100", "ok"),
        ("100", "warn80"),
        ("10", "exceeded100"),
        ("80", "exceeded100"),
        ("1000", "ok"),
        ("80", "exceeded100"),
    ]
    (state,) = await states(door)
    assert state.last_alert is not None
    assert (state.last_alert.limit, state.last_alert.level) == (Decimal(80), "exceeded100")
    assert state.last_alert.evidence == (await said(door))[-1][0].id
    assert len({one.series for one, _ in await said(door)}) == 1  # so the newest is what counts for controls


async def test_periods_and_scopes_are_budgets_of_their_own(door: Door) -> None:
    await upload(door, ("e0", "9"))
    await upload(door, ("e0", "3"), scope="team:search")
    await upload(door, ("e0", "1"), period="2026-12")
    assert [(one.period, one.scope, one.spent) for one in await states(door)] == [
        (PERIOD, "", Decimal(9)),
        (PERIOD, "team:search", Decimal(3)),
        ("2026-12", "", Decimal(1)),
    ]
    assert [one.scope for one in await states(door, period=PERIOD, of="team:search")] == ["team:search"]
    assert [one.period for one in await states(door, after=(PERIOD, ""), limit=1)] == [PERIOD]
    assert (await states(door, after=("2026-12", ""))) == []


async def test_what_nobody_verified_does_not_count(door: Door) -> None:
    await door.http.post("/v1/evidence", content=statements.statement_bytes(event(("e0", "100"))))
    assert await settle(door.application) == 0
    assert await states(door) == []


async def test_tenants_do_not_share_a_ledger(door: Door, rival: Door) -> None:
    await upload(door, ("e0", "9"))
    await upload(rival, ("e0", "2"))
    assert [[one.spent for one in await states(who)] for who in (door, rival)] == [[Decimal(9)], [Decimal(2)]]
    assert (len(await said(door)), len(await said(rival))) == (1, 0)


async def test_the_server_does_not_read_what_it_said_itself(door: Door) -> None:
    """Its event of the old limit comes after the new limit, and changes nothing."""
    await door.upload(event(("e0", "9")))
    await door.application.following.sweep()
    await door.upload(event(("e1", "1"), limit="50"))
    await settle(door.application)
    (state,) = await states(door)
    assert (state.limit, state.spent, state.entries) == (Decimal(50), Decimal(10), 2)
    before = len(await said(door))
    assert await settle(door.application) == 0
    assert len(await said(door)) == before


async def test_after_a_crash_the_same_alert_is_the_same_evidence(
    door: Door, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Appended, and not noted: it is appended again, which adds nothing to the log, and then it is noted."""
    recorded = budgets.record_alert

    async def lost(*_: object) -> bool:
        raise StoreUnavailable("the connection is gone")

    monkeypatch.setattr(budgets, "record_alert", lost)
    assert await upload(door, ("e0", "9")) == 0
    ((first, _),) = await said(door)
    monkeypatch.setattr(budgets, "record_alert", recorded)
    assert await door.application.budgets.sweep() == 0  # not at once again
    clock.advance(budgets_module._LONGEST)
    assert await settle(door.application) == 1
    ((second, _),) = await said(door)
    assert first.id == second.id
    (state,) = await states(door)
    assert state.last_alert is not None
    assert state.last_alert.evidence == first.id


async def test_reading_the_same_events_again_changes_nothing(door: Door) -> None:
    await upload(door, ("e0", "4"), limit="20")
    await upload(door, ("e1", "5"))
    before = await states(door)
    async with door.application.database.tenant(door.scope) as connection:
        await connection.execute("UPDATE log_follower SET next_leaf = 0 WHERE name = 'budgets'")
    assert await settle(door.application) == 0
    assert await states(door) == before
    assert len(await said(door)) == 1


async def test_two_servers_alert_once(door: Door) -> None:
    await door.upload(event(("e0", "9")))
    app = door.application
    await asyncio.gather(*(app.following.sweep() for _ in range(4)))
    await app.following.sweep()
    await asyncio.gather(*(app.budgets.sweep() for _ in range(4)))
    assert len(await said(door)) == 1
    assert (await states(door))[0].spent == Decimal(9)


async def test_what_cannot_be_said_is_said_later_and_holds_up_nobody(door: Door, rival: Door) -> None:
    await upload(door, ("e0", "9"))
    registry = Registry(door.application.database, door.application.clock)
    (key,) = [key for key in await registry.keys(door.scope) if key.name == "evidence server"]
    await registry.revoke_key(door.scope, key.key_id)
    door.application.budgets._own._registered.clear()
    await door.upload(event(("e1", "9")))
    await rival.upload(event(("e0", "9")))
    assert await settle(door.application) == 1
    assert (len(await said(door)), len(await said(rival))) == (1, 1)
    (state,) = await states(door)
    assert state.last_alert is not None
    assert (state.spent, state.last_alert.level, state.last_alert.evidence) == (Decimal(18), "exceeded100", None)


async def test_evidence_that_crosses_is_followed_by_the_alert_well_within_half_a_minute(door: Door) -> None:
    app = door.application
    loops = [
        asyncio.create_task(app.following.run(app.settings.assess_interval)),
        asyncio.create_task(app.budgets.run(app.settings.assess_interval)),
    ]
    try:
        await door.upload(event(("e0", "1")))
        begun = time.monotonic()
        await door.upload(event(("e1", "9")))
        async with asyncio.timeout(20):
            while not await said(door):  # noqa: ASYNC110  what is waited for is in the database
                await asyncio.sleep(0.01)
        assert time.monotonic() - begun < 10
    finally:
        for task in loops:
            task.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


def test_a_long_ledger_is_stated_with_its_beginning_as_one_entry() -> None:
    at = parse_rfc3339("2026-11-03T10:00:00Z")
    state = BudgetState(PERIOD, "team", Decimal(10), Decimal("12.5"), 6, at)
    stated = alert_predicate(state, [("e3", Decimal(1)), ("2 earlier entries", Decimal(2)), ("e5", Decimal("0.25"))])
    assert stated["entries"][0] == {"id": "4 earlier entries", "usd": "10.25"}
    assert DECISIONS[BUDGET].reperform(stated).status is Status.AGREES
    taken = alert_predicate(state, [("e1", Decimal(1)), ("5 earlier entries", Decimal(2))])
    assert taken["entries"][0]["id"] == "5 earlier entries."
    assert (taken["decidedAt"], taken["scope"]) == ("2026-11-03T10:00:00Z", "team")


@pytest.fixture
async def limited(place: Place) -> AsyncIterator[Door]:
    """Where the operator sets the limits."""
    data = (shipped("policy") / "data.yaml").read_text()
    text = data.replace("  budget_limits: {}", f'  budget_limits: {{"{PERIOD}": "5", "*": "100"}}')
    assert text != data
    async with place.application(policy=place.policy({"data.yaml": text})) as opened:
        made = await door_of(opened, "acme")
        async with made.http:
            yield made


async def test_the_operators_limit_takes_the_place_of_every_other(limited: Door) -> None:
    assert await upload(limited, ("e0", "4.5"), limit="1000") == 1
    assert await upload(limited, ("e0", "4.5"), period="2026-12", limit="1") == 0
    assert await upload(limited, ("e0", "4.5"), scope="team", limit="4") == 1
    assert [(one.scope, one.limit) for one in await states(limited)] == [
        ("", Decimal(5)),
        ("team", Decimal(4)),
        ("", Decimal(100)),
    ]


@pytest.mark.parametrize(
    ("at", "names"),
    [
        ("2026-01-01T00:00:00Z", ("2026", "2026-Q1", "2026-01", "2026-W01", "2026-01-01")),
        ("2027-01-02T23:59:59Z", ("2027", "2027-Q1", "2027-01", "2026-W53", "2027-01-02")),
        ("2026-06-30T12:00:00Z", ("2026", "2026-Q2", "2026-06", "2026-W27", "2026-06-30")),
    ],
)
def test_the_periods_of_a_moment(at: str, names: tuple[str, ...]) -> None:
    assert current_periods(parse_rfc3339(at)) == names


async def test_statements_hold_no_clock_of_ours(door: Door) -> None:
    """What is to be said is kept as it will be signed: at the time of the evidence that crossed the level."""
    answer = await door.upload(event(("e0", "9")))
    await door.application.following.sweep()
    async with door.application.database.reading(door.scope) as connection:
        kept = orjson.loads(await connection.fetchval("SELECT statement FROM budget_alert"))
        crossed = await evidence.get(connection, door.scope, answer.json()["evidenceId"])
    assert parse_rfc3339(kept["predicate"]["decidedAt"]) == crossed.received
    assert await settle(door.application) == 1
