"""Start, outside things: the database, the policy engine's processes and the worker processes, opened and closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from evidence_api.engines.files import shipped
from evidence_api.engines.own_keys import OwnKeys
from evidence_api.engines.rego import RegoPool
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.settings import Settings
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.store.migrate import Login, migrate
from evidence_api.store.session import Database
from evidence_api.use_cases.worker import worker_nursery

_DATABASE = "evidence"


def own_keys(settings: Settings) -> OwnKeys:
    """The keys in the home folder."""
    return OwnKeys(settings.home / "keys")


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[tuple[Database, Login]]:
    """The database at the newest revision; embedded unless EVIDENCE_DATABASE_URL names one.

    Migrating is idempotent and one at a time, so every start may do it.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is None:
            embedded = EmbeddedPostgres(settings.home)
            await asyncio.to_thread(embedded.start)
            stack.push_async_callback(asyncio.to_thread, embedded.stop)
            await asyncio.to_thread(embedded.create_database, _DATABASE)
            login = await migrate(embedded.dsn(database=_DATABASE), shipped("migrations"))
        else:
            passwords = own_keys(settings).database_passwords()
            login = await migrate(
                settings.database_url.get_secret_value(),
                shipped("migrations"),
                owner_password=passwords["owner"],
                app_password=passwords["app"],
            )
        database = await Database.open(login.app_dsn, login.owner_dsn, pool_size=settings.pool_size)
        stack.push_async_callback(database.close)
        yield database, login


@asynccontextmanager
async def open_rego(settings: Settings, rego: RegoPool | None = None) -> AsyncIterator[RegoPool]:
    """The policy engine's processes, with the limits of the settings; `rego` if there is one that others use too."""
    if rego is not None:
        yield rego
        return
    async with RegoPool(
        workers=settings.rego_workers, timeout=settings.rego_timeout, memory=settings.rego_memory
    ) as own:
        yield own


@asynccontextmanager
async def open_nursery(nursery: Nursery | None = None) -> AsyncIterator[Nursery]:
    """What starts the processes that read what is uploaded and those that assess; none runs before there is work."""
    own = nursery or worker_nursery()
    try:
        yield own
    finally:
        if nursery is None:
            await asyncio.to_thread(own.close)
