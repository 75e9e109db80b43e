"""Command line, the server: one application behind one socket, until a signal or the caller ends it.

The two sweeps of assessments, the index of components, the readers of decisions, the sweep of blobs, the counts of
what policies say and the audit of access in the log run beside it; whichever ends first ends all.
"""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.routing import BaseRoute

from evidence_api.bootstrap import Application, asgi_application
from evidence_api.domain.errors import StoreUnavailable

_BACKLOG = 2048
_BLOB_SWEEP = 3600  # seconds
_GRACE = 10  # seconds for requests that are under way when it stops
# Requests free what they make by reference counts; the collector would look at everything they hold, a fifth of the
# time of an upload. So it never comes to what was made at the start, and only where more is held than uploads need.
_YOUNG_OBJECTS = 50_000


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers at `url`."""

    url: str
    tasks: tuple[asyncio.Task[None], ...]

    async def ended(self) -> None:
        """Wait until a signal has stopped it. Raises what ended it, if that was a fault."""
        done, _ = await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


@asynccontextmanager
async def serving(application: Application, more_routes: Sequence[BaseRoute] = ()) -> AsyncIterator[Serving]:
    """Serve an application on the host and port of its settings; port 0 takes a free one."""
    settings = application.settings
    with _listen(settings.host, settings.port) as listener, _quiet_signals(), _rare_collections():
        server = uvicorn.Server(
            uvicorn.Config(
                asgi_application(application, more_routes),
                access_log=False,
                loop="none",  # the caller's is running already
                http="httptools",
                ws="none",
                log_level="warning",
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        beside = _beside(application, lambda: server.should_exit)
        tasks = tuple(map(asyncio.create_task, (server.serve([listener]), *beside)))
        application.ingest.warm_up()
        try:  # the socket already listens: whoever connects before uvicorn is ready waits in its queue
            yield Serving(_url(settings.host, listener), tasks)
        finally:
            server.should_exit = True
            for background in tasks[1:]:
                background.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _beside(application: Application, stopping: Callable[[], bool]) -> Sequence[Coroutine[Any, Any, None]]:
    """What runs beside the answers, until it is cancelled."""
    interval = application.settings.assess_interval
    return (
        application.reassessor.run(interval),
        application.backlog.run(interval),
        application.budgets.run(interval),
        application.quota.run(),
        application.query_side.rates.run(),
        application.webhooks.run(interval),
        application.indexer.run(interval),
        application.following.run(interval),
        application.waiting_decisions.run(interval),
        application.artifacts.run(_BLOB_SWEEP),
        application.hits.run(),
        application.access_batches.run(),
        application.writes.run(interval),
        application.writes.packs.run(interval),
        application.events.run(stopping),
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises StoreUnavailable `address_in_use` when the port is taken."""
    try:
        return socket.create_server((host, port), backlog=_BACKLOG, family=_family(host))
    except OSError as fault:
        raise StoreUnavailable(
            f"cannot listen on {host}:{port}: {fault.strerror or fault}", code="address_in_use", value=port
        ) from fault


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Uvicorn stops on SIGINT and SIGTERM, then raises them again; this takes them, so that the database is
    closed in order instead of the process dying half-way."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            with contextlib.suppress(ValueError, TypeError):
                signal.signal(number, handler)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the garbage collector run less often while the server serves."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
