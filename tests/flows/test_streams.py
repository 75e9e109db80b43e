"""Streams of a served server: what another process adds comes too, and the end of the server ends them at once."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from evidence_api.bootstrap import Application
from evidence_api.cli.serving import serving
from tests.support import statements
from tests.support.place import Place
from tests.web.conftest import Door, door

__all__ = ["door"]

CONTROLS = """\
id: P-1
query: [{kind: provenance, where: verified==true}]
"""


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    catalog = place.catalog({"a.yaml": CONTROLS})
    async with place.application(max_body=2**20, catalog=catalog, port=0) as opened:
        yield opened


async def test_what_another_process_adds_comes_and_the_end_is_said(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    application = door.application
    # The appender of this process tells nobody: as if another one had appended. The look at the heads is left.
    monkeypatch.setattr(application.ingest._appender, "_tell", ())
    lines: asyncio.Queue[str] = asyncio.Queue()

    async def listen(url: str) -> None:
        headers = {"Authorization": door.http.headers["Authorization"], "Accept": "text/event-stream"}
        async with (
            httpx.AsyncClient(headers=headers, timeout=20) as client,
            client.stream("GET", f"{url}/v1/events?after=0") as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                await lines.put(line)
        await lines.put("closed")

    async with serving(application) as server:
        await door.upload(statements.release())
        listener = asyncio.ensure_future(listen(server.url))
        assert await asyncio.wait_for(lines.get(), 10) == "id: 1"
        await door.upload(statements.provenance())
        while await asyncio.wait_for(lines.get(), 10) != "id: 2":
            continue
    await asyncio.wait_for(listener, 10)
    rest = [lines.get_nowait() for _ in range(lines.qsize())]
    # Had it been cut off after the server's patience with what goes on, nothing would have been said.
    assert rest[-4:-1] == ["event: complete", "data: {}", ""]
    assert rest[-1] == "closed"
