"""Database: connections of the application role, each transaction bound to one tenant. Everything stored passes here.

Commit point: leaving `tenant(…)` without an exception. A crash before it leaves nothing; after it, all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Self, TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from evidence_api.domain.errors import Conflict, Contended, EvidenceError, Malformed, StoreUnavailable, TooLarge
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.formats.read_grant import grant_to_json
from evidence_api.store.bound import BoundConnections

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"

AUDITOR = "evidence_auditor"  # the role that reads for whoever has a grant

_CONNECT_SECONDS = 10.0
_STATEMENT_SECONDS = 30.0
_QUERIES_PER_CONNECTION = 2**31
# The driver calls it an error of its own when a connection is cut just as something is sent.
_OUTAGES = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class Database:
    """PostgreSQL as the application sees it. Made by `open`; two roles, one pool.

    The pool logs in as the application role, which row-level security binds; `operator` opens a connection as the
    owner, for the few things that are not a tenant's (making one).
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", owner_dsn: str | None, bound: BoundConnections) -> None:
        self._pool = pool
        self._owner_dsn = owner_dsn
        self._bound = bound

    @classmethod
    async def open(cls, app_dsn: str, owner_dsn: str | None = None, *, pool_size: int = 10) -> Self:
        """Connect as the application role. Raises StoreUnavailable."""
        try:
            pool = await asyncpg.create_pool(
                app_dsn,
                min_size=1,
                max_size=pool_size,
                max_queries=_QUERIES_PER_CONNECTION,
                command_timeout=_STATEMENT_SECONDS,
                timeout=_CONNECT_SECONDS,
                statement_cache_size=256,
                # All state is transaction-local, and an open transaction is rolled back anyway: no round trip.
                reset=_nothing_to_reset,
                server_settings={
                    "application_name": "evidence-api",
                    "timezone": "UTC",
                    # The second wall: ends a statement even where this process cannot any more.
                    "statement_timeout": str(int(_STATEMENT_SECONDS * 1000)),
                },
            )
        except (*_OUTAGES, asyncpg.PostgresError) as fault:
            raise StoreUnavailable(f"PostgreSQL cannot be reached: {_one_line(fault)}") from fault
        return cls(pool, owner_dsn, BoundConnections(app_dsn, pool_size))

    async def close(self) -> None:
        """Wait for open transactions for a moment, then close every connection."""
        await self._bound.close()
        try:
            await asyncio.wait_for(self._pool.close(), _CONNECT_SECONDS)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def tenant(self, scope: TenantScope) -> AsyncIterator[Connection]:
        """One transaction that sees and writes this tenant's rows alone; committed on leaving without an exception."""
        async with self._transaction(f"BEGIN; SET LOCAL evidence.tenant = '{UUID(str(scope.id))}'") as connection:
            yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Connection]:
        """A connection for one statement that is a transaction of its own and sets its tenant itself (append_at)."""
        with translated():
            async with self._pool.acquire() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self, scope: TenantScope) -> AsyncIterator[Connection]:
        """A read-only transaction of the tenant in which all queries see the same moment.

        Where the scope has a grant, everything in it runs as the role `evidence_auditor`, whose policies let nothing be
        seen beyond that grant, whatever a statement asks for: what reads for an auditor or a peer begins here, or in
        `bound`, and may neither change the role nor the settings.
        """
        begin = reading_begins(scope)
        async with self._transaction(begin) as connection:
            yield connection

    @asynccontextmanager
    async def bound(self, scope: TenantScope) -> AsyncIterator[Connection]:
        """A connection that reads for this tenant, within its grant: each statement is a transaction and a snapshot of
        its own, and the only round trip. It sees what `reading` sees; store/bound.py says why nobody else does."""
        with translated():
            async with self._bound.bound(_reading_binds(scope)) as connection:
                yield connection

    @asynccontextmanager
    async def presenting(self, token_hash: bytes) -> AsyncIterator[Connection]:
        """A transaction that sees the API token of this hash and nothing else: authentication, before a tenant."""
        begin = f"BEGIN READ ONLY; SET LOCAL evidence.token_hash = '{bytes(token_hash).hex()}'"
        async with self._transaction(begin) as connection:
            yield connection

    @asynccontextmanager
    async def anonymous(self) -> AsyncIterator[Connection]:
        """A transaction of no tenant: sees the operator's tables (tenant names, catalogs) alone."""
        async with self._transaction("BEGIN") as connection:
            yield connection

    @asynccontextmanager
    async def operator(self, scope: TenantScope | None = None) -> AsyncIterator[Connection]:
        """A transaction as the owner (policies bind it too). Raises StoreUnavailable without an owner's DSN."""
        if self._owner_dsn is None:
            raise StoreUnavailable("no owner connection is configured: tenants are administered with the owner's DSN")
        begin = "BEGIN" if scope is None else f"BEGIN; SET LOCAL evidence.tenant = '{UUID(str(scope.id))}'"
        with translated():
            connection = await asyncpg.connect(self._owner_dsn, timeout=_CONNECT_SECONDS)
            try:
                await connection.execute(begin)
                yield connection
                await connection.execute("COMMIT")
            finally:
                connection.terminate()

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Connection]:
        with translated():
            async with self._pool.acquire() as connection:
                try:
                    await connection.execute(begin)
                    yield connection
                    await connection.execute("COMMIT")
                except BaseException:
                    await _roll_back(connection)
                    raise


def reading_begins(scope: TenantScope) -> str:
    """The statements a read-only transaction begins with; one round trip."""
    return f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_seen_by('SET LOCAL', scope)}"


def _reading_binds(scope: TenantScope) -> str:
    """The statements a connection is bound with; as one message they hold or fail together. What the last reader left
    goes first: the role, and a grant, which is empty for a reader without one."""
    return f"RESET ROLE; SET evidence.read_grant = ''; {_seen_by('SET', scope)}"


def _seen_by(word: str, scope: TenantScope) -> str:
    """Who reads: the tenant, and with a grant the role it narrows. Tenant and grant are bound here alone."""
    return _binding(word, scope.id, scope.grant)  # two scopes are equal whatever their grants


@lru_cache(maxsize=1024)
def _binding(word: str, tenant: UUID, grant: ReadGrant | None) -> str:
    bound_to = f"{word} evidence.tenant = '{UUID(str(tenant))}'"
    if grant is None:
        return bound_to
    bound = grant_to_json(grant).replace("'", "''")
    return f"{bound_to}; {word} evidence.read_grant = '{bound}'; {word} ROLE {AUDITOR}"


class translated:  # noqa: N801  reads as a phrase: with translated()
    """The one place where the driver's errors become ours; our own errors pass."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: object) -> None:
        if fault is None or isinstance(fault, EvidenceError):
            return
        if isinstance(fault, asyncpg.IntegrityConstraintViolationError):
            raise Conflict(f"contradicts what is recorded: {fault.constraint_name or _one_line(fault)}") from fault
        if isinstance(fault, asyncpg.ProgramLimitExceededError):
            raise TooLarge(f"too large to be stored: {_one_line(fault)}") from fault
        unsendable = isinstance(fault, asyncpg.InterfaceError) and isinstance(fault, ValueError)  # e.g. lone surrogates
        if isinstance(fault, asyncpg.DataError) or unsendable:
            raise Malformed(f"cannot be stored: {_one_line(fault)}") from fault
        if isinstance(fault, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):  # 40P01, 40001
            raise Contended(f"another transaction got in the way: {_one_line(fault)}") from fault
        if isinstance(fault, (*_OUTAGES, asyncpg.PostgresError)):
            raise StoreUnavailable(f"PostgreSQL refused or did not answer: {_one_line(fault)}") from fault


def out_of_reach(fault: BaseException) -> bool:
    """Whether PostgreSQL refused a table to the role, or has refused one before in this transaction."""
    return isinstance(fault, asyncpg.InsufficientPrivilegeError | asyncpg.InFailedSQLTransactionError)


async def _roll_back(connection: Connection) -> None:
    """Leave nothing open. A connection that cannot even do that, or a caller in a hurry, ends the connection."""
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except (asyncpg.PostgresError, *_OUTAGES, asyncio.CancelledError):
        connection.terminate()


async def _nothing_to_reset(_connection: Connection) -> None:
    """The pool has already rolled back whatever was open."""


def _one_line(fault: BaseException) -> str:
    return (str(fault) or type(fault).__name__).splitlines()[0]
