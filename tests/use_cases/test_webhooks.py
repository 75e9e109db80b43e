"""Webhooks: what is to be told is told, at least once, and in the end even when the receiver was away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.errors import Malformed
from evidence_api.engines.webhook import signature
from evidence_api.store import webhooks
from evidence_api.store.webhooks import Delivery
from evidence_api.use_cases import webhooks as webhooks_module
from tests.support.checked import SteppingClock
from tests.support.place import Place
from tests.support.receiver import Receiver
from tests.use_cases.test_budgets import event, said, upload
from tests.web.conftest import Door

SIGNED_BY = "sixteen characters or more"


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(webhook_loopback=True) as opened:
        yield opened


async def waiting(door: Door) -> list[Delivery]:
    return (await door.application.webhooks.get(door.scope))[1]


async def tell(door: Door, body: str = "{}") -> UUID:
    """Put a message into the outbox."""
    name = uuid4()
    async with door.application.database.tenant(door.scope) as connection:
        await webhooks.tell(connection, door.scope, name, body, door.application.clock.now())
    return name


def later(door: Door, by: timedelta) -> None:
    clock = door.application.clock
    assert isinstance(clock, SteppingClock)
    clock.advance(by)


async def test_an_alert_reaches_a_receiver_that_was_down_at_first(door: Door) -> None:
    hooks = door.application.webhooks
    async with Receiver() as receiver:
        port = receiver.port
    await hooks.put(door.scope, receiver.url, SIGNED_BY)
    await upload(door, ("e0", "8.5"))
    assert await hooks.sweep() == 0
    (message,) = await waiting(door)
    assert (message.attempts, message.delivered) == (1, None)
    assert message.outcome
    async with Receiver([500], port=port) as receiver:
        assert await hooks.sweep() == 0  # not due yet
        later(door, timedelta(seconds=2))
        assert await hooks.sweep() == 0  # 500
        later(door, timedelta(seconds=4))
        assert await hooks.sweep() == 1
        later(door, timedelta(days=1))
        assert await hooks.sweep() == 0
    ((record, _),) = await said(door)
    got = receiver.received[-1]
    told = orjson.loads(got.body)
    assert told == {
        "id": got.headers["evidence-delivery"],
        "type": "budget.alert",
        "tenant": "acme",
        "evidence": record.id,
        "period": "2026-11",
        "scope": None,
        "level": "warn80",
        "spentUSD": "8.5",
        "limitUSD": "10",
        "crossedAt": told["crossedAt"],
    }
    seconds = int(got.headers["evidence-signature"].partition(",")[0].removeprefix("t="))
    assert got.headers["evidence-signature"] == signature(SIGNED_BY, seconds, got.body)
    assert len({one.headers["evidence-delivery"] for one in receiver.received}) == 1
    (message,) = await waiting(door)
    assert (message.attempts, message.outcome, message.due) == (3, "204", None)


async def test_without_a_webhook_nothing_is_kept_to_be_told(door: Door) -> None:
    await upload(door, ("e0", "9"))
    assert await waiting(door) == []


async def test_several_servers_tell_once(door: Door) -> None:
    hooks = door.application.webhooks
    async with Receiver() as receiver:
        await hooks.put(door.scope, receiver.url)
        for _ in range(5):
            await tell(door)
        done = await asyncio.gather(*(hooks.sweep() for _ in range(4)))
    assert (sum(done), len(receiver.received)) == (5, 5)


async def test_what_a_dead_process_had_taken_is_told_again(door: Door) -> None:
    hooks = door.application.webhooks
    async with Receiver() as receiver:
        await hooks.put(door.scope, receiver.url)
        await tell(door)
        async with door.application.database.tenant(door.scope) as connection:
            now = door.application.clock.now()
            assert await webhooks.claim(connection, door.scope, now, now + webhooks_module._LEASE, limit=20)
        assert await hooks.sweep() == 0
        later(door, webhooks_module._LEASE)
        assert await hooks.sweep() == 1


async def test_it_gives_up_after_days(door: Door) -> None:
    hooks = door.application.webhooks
    async with Receiver([500] * 100) as receiver:
        await hooks.put(door.scope, receiver.url)
        await tell(door)
        waits = []
        while (message := (await waiting(door))[0]).due is not None:
            waits.append(message.due - door.application.clock.now())
            later(door, max(timedelta(0), waits[-1]))
            await hooks.sweep()
    assert message.delivered is None
    assert message.outcome == "500"
    assert 3 * 24 < len(waits) < 3 * 24 + 20
    assert max(waits) <= timedelta(hours=1)


async def test_one_receiver_that_does_not_answer_holds_up_no_other(
    door: Door, rival: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence_api.engines.webhook._SECONDS", 0.5)
    hooks = door.application.webhooks
    async with Receiver(slow=True) as slow, Receiver() as quick:
        await hooks.put(door.scope, slow.url)
        await hooks.put(rival.scope, quick.url)
        await tell(door)
        await tell(rival)
        assert await hooks.sweep() == 1
    assert (len(quick.received), (await waiting(door))[0].delivered) == (1, None)


async def test_many_messages_wait_for_a_silent_receiver_no_longer_than_one(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the lease of the last would run out before its turn, and another server would send it too."""
    monkeypatch.setattr("evidence_api.engines.webhook._SECONDS", 0.5)
    hooks = door.application.webhooks
    async with Receiver(slow=True) as slow:
        await hooks.put(door.scope, slow.url)
        for _ in range(10):
            await tell(door)
        assert await hooks.sweep() == 0
    tried = [one.attempts for one in await waiting(door)]
    assert sorted(tried) == [0] * 6 + [1] * 4


async def test_another_url_gets_what_waits_and_none_drops_it(door: Door) -> None:
    hooks = door.application.webhooks
    async with Receiver([500]) as first, Receiver() as second:
        made = await hooks.put(door.scope, first.url)
        assert len(made.secret) > 40
        await tell(door)
        await hooks.sweep()
        await hooks.put(door.scope, second.url, SIGNED_BY)
        later(door, timedelta(minutes=1))
        assert await hooks.sweep() == 1
        await tell(door)
        assert await hooks.remove(door.scope) is True
        assert await hooks.remove(door.scope) is False
        later(door, timedelta(days=1))
        assert await hooks.sweep() == 0
    assert (len(first.received), len(second.received)) == (1, 1)
    assert [one.outcome for one in await waiting(door)] == ["the webhook was removed", "204"]
    assert (await hooks.get(door.scope))[0] is None


async def test_what_is_no_webhook_is_refused(door: Door) -> None:
    good = "https://example.org/"
    for url, secret, path in (
        ("http://example.org/", SIGNED_BY, "url"),
        (good, "short", "secret"),
        (good, "x" * 1025, "secret"),
        (good, "with a line\nbreak in it", "secret"),
    ):
        with pytest.raises(Malformed) as refused:
            await door.application.webhooks.put(door.scope, url, secret)
        assert refused.value.fields["path"] == path
        assert secret not in refused.value.message


async def test_all_loops_together_tell_of_evidence_as_it_comes(door: Door) -> None:
    """Far longer intervals than anybody waits: each step wakes the next."""
    app = door.application
    async with Receiver() as receiver:
        await app.webhooks.put(door.scope, receiver.url)
        loops = [asyncio.create_task(one.run(60)) for one in (app.following, app.budgets, app.webhooks)]
        try:
            await door.upload(event(("e0", "12")))
            async with asyncio.timeout(20):
                while not receiver.received:  # noqa: ASYNC110  another side of a socket
                    await asyncio.sleep(0.01)
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
    assert orjson.loads(receiver.received[0].body)["level"] == "exceeded100"
