"""Shared fixtures: one embedded PostgreSQL per test process, a fresh database per test, a clock and keys of our own."""

import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings as hypothesis_settings
from pytest_socket import socket_allow_hosts

from evidence_api.domain.merkle import Frontier
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.rego import RegoPool
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.store import tenants
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.store.migrate import Login, login_dsn, migrate
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender, signed_checkpoint
from evidence_api.use_cases.tlog import TransparencyLog
from evidence_api.use_cases.worker import worker_nursery
from tests.support.checked import SteppingClock, TestSigner
from tests.support.place import Place

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
_TEMPLATE = "migrated"
_numbers = itertools.count()

# Other tests share the machine: a slow example is no finding.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")


def pytest_runtest_setup() -> None:
    """No test speaks to another machine."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder the server's own user may pass through; pytest closes its own to everybody at each start of a run."""
    with tempfile.TemporaryDirectory(prefix="evidence-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A running server. fsync is off: these tests kill our processes and connections, never the machine."""
    with EmbeddedPostgres(open_folder / "postgres", {"fsync": "off"}) as server:
        yield server


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """What starts the processes that read uploads: loaded once, whatever the number of servers tests make."""
    made = worker_nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[RegoPool]:
    """The policy engine's processes, which know what they were told by digest: one pool serves every server."""
    async with RegoPool() as pool:
        yield pool


@pytest.fixture(scope="session")
async def template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database, there to be cloned."""
    postgres.create_database(_TEMPLATE)
    await migrate(postgres.dsn(database=_TEMPLATE), MIGRATIONS)
    return _TEMPLATE


@pytest.fixture
async def login(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[Login]:
    """The logins of a fresh, migrated database of this test's own."""
    name = f"test_{next(_numbers)}"
    administration = await asyncpg.connect(postgres.dsn())
    try:
        await administration.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        owner, app = (login_dsn(postgres.dsn(database=name), role) for role in ("evidence_owner", "evidence_app"))
        yield Login(owner_dsn=owner, app_dsn=app)
        await administration.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await administration.close()


@pytest.fixture
async def database(login: Login) -> AsyncIterator[Database]:
    """A fresh database with the application's pool on it."""
    opened = await Database.open(login.app_dsn, login.owner_dsn)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> SteppingClock:
    """A clock that moves only when it is read or told to."""
    return SteppingClock()


@pytest.fixture
def place(login: Login, tmp_path: Path, clock: SteppingClock, nursery: Nursery, engine: RegoPool) -> Place:
    """Where the whole application can be opened: a fresh database and home folder, and that clock."""
    return Place(login, tmp_path, clock, nursery, engine)


@pytest.fixture
def signer() -> TestSigner:
    """The log's key."""
    return TestSigner()


async def make_tenant(database: Database, signer: TestSigner, clock: SteppingClock, name: str) -> TenantScope:
    """A tenant with an empty, signed log `log.test/<name>`."""
    origin = f"log.test/{name}"
    checkpoint = signed_checkpoint(signer, origin, Frontier())
    return await tenants.create(database, name, origin=origin, checkpoint=checkpoint, at=clock.now())


@pytest.fixture
async def scope(database: Database, signer: TestSigner, clock: SteppingClock) -> TenantScope:
    """Tenant `acme`."""
    return await make_tenant(database, signer, clock, "acme")


@pytest.fixture
async def other_scope(database: Database, signer: TestSigner, clock: SteppingClock) -> TenantScope:
    """Tenant `rival`, in the same database."""
    return await make_tenant(database, signer, clock, "rival")


@pytest.fixture
async def appender(database: Database, signer: TestSigner, clock: SteppingClock) -> AsyncIterator[Appender]:
    """The appender, closed at the end."""
    made = Appender(database, signer, clock)
    yield made
    await made.close()


@pytest.fixture
def log(database: Database) -> TransparencyLog:
    """Reads the log."""
    return TransparencyLog(database)
