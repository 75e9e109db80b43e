"""Reading: one session per operation, in one snapshot of the tenant's rows, at a tree size the reader may pin.

A session opens its transaction at the first read and runs one statement at a time. Sizes: without `as_of` the
newest tree of that snapshot, so that all parts of one answer agree with each other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import Malformed, NotFound, Refused
from evidence_api.domain.principal import TenantScope
from evidence_api.store import catalogs, evidence, read_log
from evidence_api.store.read_log import Head, InclusionRow
from evidence_api.store.reads import digest_bytes, storable
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.catalog_versions import CatalogIndex, CatalogVersions

P = ParamSpec("P")
T = TypeVar("T")
StoreRead: TypeAlias = Callable[Concatenate[Connection, TenantScope, P], Awaitable[T]]


class Reads:
    """What may be read, always of one tenant. `catalog` is the one in force."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database = database
        self._catalogs = CatalogVersions(catalog)

    @asynccontextmanager
    async def session(self, scope: TenantScope) -> AsyncIterator["ReadSession"]:
        """A reading session; its connection is taken at the first read and given back at the end."""
        async with AsyncExitStack() as stack:
            session = ReadSession(self._database, scope, self._catalogs, stack)
            try:
                yield session
            finally:
                await session.stop()

    async def body(self, scope: TenantScope, digest: str) -> bytes:
        """The bytes received, by their SHA-256. Raises NotFound: absent, erased and another tenant's look alike."""
        async with self.session(scope) as session:
            found = await session.bodies([digest])
        if digest not in found:
            raise NotFound(f"no body {digest}")
        return found[digest]


class ReadSession:
    """One snapshot of one tenant. Every read of it passes `run`."""

    def __init__(
        self, database: Database, scope: TenantScope, catalogs: CatalogVersions, stack: AsyncExitStack
    ) -> None:
        self.scope = scope
        self._database = database
        self._catalogs = catalogs
        self._stack = stack
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._head: asyncio.Task[Head] | None = None

    async def run(
        self,
        read: Callable[Concatenate[Connection, TenantScope, P], Awaitable[T]],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> T:
        """Run one of the store's reads on the session's connection, after those already waiting."""
        async with self._turn:
            if self._connection is None:
                self._connection = await self._stack.enter_async_context(self._database.reading(self.scope))
            return await read(self._connection, self.scope, *arguments, **options)

    async def head(self) -> Head:
        """The newest tree of this snapshot, read once; everybody who waits for it goes on in the same turn."""
        if self._head is None:
            self._head = asyncio.ensure_future(self.run(read_log.head))
        return await asyncio.shield(self._head)

    async def stop(self) -> None:
        """Stop what is still being read, so that the connection can be given back."""
        if self._head is not None:
            self._head.cancel()
            await asyncio.wait([self._head])

    async def tree_size(self, as_of: int | None) -> int:
        """The size to read at. Raises Malformed (negative) and Refused `as_of_beyond_head`."""
        head = await self.head()
        if as_of is None:
            return head.tree_size
        if as_of < 0:
            raise Malformed("a tree size is not negative", code="as_of_negative", path="asOf", value=as_of)
        if as_of > head.tree_size:
            raise Refused(
                f"the log has {head.tree_size} leaves, not {as_of}",
                code="as_of_beyond_head",
                path="asOf",
                limit=head.tree_size,
                value=as_of,
            )
        return as_of

    async def bodies(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The bytes received, each checked against its digest; erased and unknown ones are left out."""
        known = [digest for digest in digests if digest_bytes(digest)]
        return await self.run(evidence.bodies, known)

    async def proofs(self, leaves: Sequence[int], tree_size: int) -> dict[int, InclusionRow]:
        """Inclusion proofs of these leaves in the tree of `tree_size` leaves; those not in it are left out."""
        return await self.run(read_log.proofs, leaves, tree_size)

    def catalog_in_force(self) -> CatalogIndex:
        """The catalog the server assesses with now."""
        return self._catalogs.in_force

    async def catalog(self, digest: str) -> CatalogIndex | None:
        """The catalog of that digest; None if it is not on record."""
        known = self._catalogs.known(digest)
        if known is not None:
            return known
        sources = await self.run(_catalog_sources, digest)
        return None if sources is None else self._catalogs.keep(digest, sources)


async def _catalog_sources(connection: Connection, _scope: TenantScope, digest: str) -> dict[str, str] | None:
    """Catalogs are the operator's, so every tenant may read those on record."""
    try:
        sources, _ = await catalogs.catalog_sources(connection, storable(digest))
    except NotFound:
        return None
    return sources
