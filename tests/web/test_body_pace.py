"""Bodies that trickle are refused on every route, with a code of their own; those that come at a pace are not."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from evidence_api.bootstrap import asgi_application
from evidence_api.domain.errors import TooSlow
from evidence_api.web import app as web_app
from evidence_api.web.body_pace import BodyPace
from tests.support.listening import listening
from tests.web.conftest import Door

ROUTES = (
    ("POST", "/graphql", "application/json"),
    ("POST", "/v1/evidence", "application/json"),
    ("POST", "/v1/evidence", "application/x-ndjson"),
    ("PUT", "/v1/artifacts/sha256:" + "0" * 64, "application/octet-stream"),
    ("POST", "/v1/decision-logs", "application/json"),
    ("POST", "/v1/packs", "application/json"),
    ("POST", "/v1/token-exchange", "application/json"),
    ("POST", "/v1/decide/override", "application/json"),
)


async def trickle(port: int, token: str, method: str, path: str, kind: str) -> str:
    """Send one byte of a body of a hundred; what is answered until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nHost: here\r\nAuthorization: {token}\r\nContent-Type: {kind}\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode()


async def test_a_body_that_trickles_is_refused_on_every_route(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "BodyPace", lambda app: BodyPace(app, grace=0.2))
    token = door.http.headers["authorization"]
    async with listening(asgi_application(door.application)) as url:
        port = int(url.rpartition(":")[2])
        answers = await asyncio.gather(*(trickle(port, token, *route) for route in ROUTES))
    for route, answer in zip(ROUTES, answers, strict=True):
        assert answer.startswith("HTTP/1.1 408 "), (route, answer[:300])
        assert '"code":"body_too_slow"' in answer, route
        assert "connection: close" in answer.lower(), route


async def drain(_scope: Scope, receive: Receive, _send: Send) -> None:
    while (await receive()).get("more_body"):
        continue
    await receive()


async def _send(_message: Message) -> None:
    return None


@pytest.mark.parametrize(("size", "refused"), [(1, True), (500, False)])
async def test_time_is_earned_by_bytes_and_unlimited_after_the_body(size: int, refused: bool) -> None:  # noqa: FBT001  the expectation
    """0.02 s, and one more for each 10,000 bytes: twenty pieces 5 ms apart are late at 1 byte each, not at 500."""
    left = 20

    async def receive() -> Message:
        nonlocal left
        await asyncio.sleep(0.005 if left > 0 else 0.2)
        left -= 1
        if left < 0:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"x" * size, "more_body": left > 0}

    asked = BodyPace(drain, grace=0.05, rate=1000)({"type": "http"}, receive, _send)
    if refused:
        with pytest.raises(TooSlow) as refusal:
            await asked
        assert refusal.value.fields["limit"] is not None
        return
    await asked
