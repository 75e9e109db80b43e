"""The webhook's sender: what it sends can be checked, where it may send is bounded, what goes wrong is said."""

import doctest
import hmac
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.engines import webhook
from evidence_api.engines.webhook import WebhookSender
from tests.support.checked import SteppingClock
from tests.support.receiver import Receiver

SIGNED_BY = "a secret of the operator's"
BODY = b'{"level": "warn80"}'


def sender(*, loopback: bool = True) -> WebhookSender:
    return WebhookSender(SteppingClock(datetime(2026, 11, 3, 10, tzinfo=UTC)), loopback=loopback)


async def test_a_message_is_signed_over_its_time_and_its_bytes() -> None:
    async with Receiver() as receiver:
        attempt = await sender().send(receiver.url, SIGNED_BY, "id-1", BODY)
    (got,) = receiver.received
    assert (attempt.delivered, attempt.outcome, got.path, got.body) == (True, "204", "/alerts", BODY)
    assert (got.headers["evidence-delivery"], got.headers["content-type"]) == ("id-1", "application/json")
    seconds, _, claimed = got.headers["evidence-signature"].partition(",v1=")
    assert seconds == f"t={int(datetime(2026, 11, 3, 10, tzinfo=UTC).timestamp())}"
    assert claimed == hmac.new(SIGNED_BY.encode(), seconds[2:].encode() + b"." + BODY, sha256).hexdigest()


@pytest.mark.parametrize(("status", "delivered"), [(200, True), (299, True), (302, False), (404, False), (503, False)])
async def test_only_a_status_of_200_to_299_is_delivered(status: int, *, delivered: bool) -> None:
    async with Receiver([status]) as receiver:
        attempt = await sender().send(receiver.url, SIGNED_BY, "id-1", BODY)
    assert (attempt.delivered, attempt.outcome, len(receiver.received)) == (delivered, str(status), 1)


async def test_nobody_there_and_a_broken_answer_are_outcomes() -> None:
    async with Receiver([None]) as receiver:
        assert not (await sender().send(receiver.url, SIGNED_BY, "id-1", BODY)).delivered
    attempt = await sender().send(receiver.url, SIGNED_BY, "id-1", BODY)
    assert not attempt.delivered
    assert attempt.outcome


async def test_an_answer_that_does_not_come_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_SECONDS", 0.05)
    async with Receiver(slow=True) as receiver:
        attempt = await sender().send(receiver.url, SIGNED_BY, "id-1", BODY)
    assert not attempt.delivered
    assert attempt.outcome


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "http://127.0.0.1.example.org/",
        "ftp://example.org/",
        "https://",
        "https://user:pass@example.org/",
        "https://example.org/#part",
        "https://exa mple.org/",
        "https://example.org/\n",
        "https://example.org:port/",
        "https://[::1/",
        "https://example.org/" + "x" * 2000,
        "",
    ],
)
def test_where_it_does_not_send(url: str) -> None:
    with pytest.raises(Malformed) as refused:
        sender().check(url)
    assert (refused.value.code, refused.value.fields["path"]) == ("webhook_url", "url")


async def test_loopback_is_for_tests() -> None:
    sender(loopback=False).check("https://example.org/alerts?team=search")
    async with Receiver() as receiver:
        with pytest.raises(Malformed):
            sender(loopback=False).check(receiver.url)
        attempt = await sender(loopback=False).send(receiver.url, SIGNED_BY, "id-1", BODY)
    assert (attempt.delivered, receiver.received) == (False, [])


def test_the_example_holds() -> None:
    assert doctest.testmod(webhook).failed == 0
