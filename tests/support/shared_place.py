"""One whole application for all tests of a module: a tenant of its own keeps each test apart from the others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg

from evidence_api.engines.worker_nursery import Nursery
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.store.migrate import Login, login_dsn
from tests.support.checked import SteppingClock
from tests.support.place import Place


@asynccontextmanager
async def shared_place(postgres: EmbeddedPostgres, template: str, home: Path, nursery: Nursery) -> AsyncIterator[Place]:
    """A place over a fresh database, gone on leaving."""
    name = f"shared_{uuid4().hex}"
    administration = await asyncpg.connect(postgres.dsn())
    try:
        await administration.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        owner, app = (login_dsn(postgres.dsn(database=name), role) for role in ("evidence_owner", "evidence_app"))
        yield Place(Login(owner_dsn=owner, app_dsn=app), home, SteppingClock(), nursery)
        await administration.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await administration.close()
