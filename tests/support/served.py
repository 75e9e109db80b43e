"""An application served over a real socket on loopback, under a public URL that is where it listens."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from evidence_api.bootstrap import Application, asgi_application
from tests.support.place import Place


@asynccontextmanager
async def served(place: Place) -> AsyncIterator[Application]:
    """Listens while the block runs; `settings.public_url` says where."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with place.application(public_url=url, federation_loopback=True) as application:
            config = uvicorn.Config(asgi_application(application), log_config=None, lifespan="off", loop="none")
            server = uvicorn.Server(config)
            running = asyncio.create_task(server.serve([listening]))
            try:
                yield application
            finally:
                server.should_exit = True
                await running
