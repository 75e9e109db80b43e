"""Archivista's upload, download and searches, over the evidence log, for clients that speak to an Archivista today.

What is uploaded takes the ordinary way through ingest: it is verified and admitted, or refused. Its gitoid is a name
beside the evidence id, of exactly the bytes received. Names are registered when somebody asks by them, from where the
last one left off, so that evidence that came in by other ways is found too and ordinary ingest pays nothing for it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

from evidence_api.domain.errors import Malformed, NotFound, Refused, TooLarge
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.gitoid import Named, Search
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.formats.dsse import Envelope
from evidence_api.formats.upload import EnvelopeUpload, recognise
from evidence_api.formats.witness import gitoid_of, read_collection
from evidence_api.store import gitoids
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.ingest import Ingest

T = TypeVar("T")

MAX_EDGES = 1000  # of one answer; its clients ask for everything at once
_STEP = 200  # leaves named in one transaction


class Archivista:
    """The compatible side door of one server."""

    def __init__(self, database: Database, ingest: Ingest) -> None:
        self._database = database
        self._ingest = ingest

    async def upload(self, principal: Principal, body: bytes) -> str:
        """Take one DSSE envelope; its gitoid. Raises as ingest does.

        Commit points: the append, then the name. A crash between the two leaves stored evidence that gets its name
        with the next search, and a client that was not answered and sends it again.
        """
        envelope = _envelope(body)
        if envelope is None:
            raise Malformed("an Archivista client sends bare DSSE envelopes", path="$")
        receipt: Receipt = await self._ingest.accept(principal, body)
        named = _name(body, envelope, receipt.leaf_index)
        async with self._database.tenant(principal.tenant) as connection:
            await gitoids.keep_body(connection, principal.tenant, named.body_digest, body)
            await gitoids.register(connection, principal.tenant, [named])
        return named.gitoid

    async def download(self, scope: TenantScope, gitoid: str) -> bytes:
        """The bytes of that gitoid. Raises NotFound, Malformed."""
        _check_gitoids([gitoid])
        async with self._database.reading(scope) as connection:
            body = await gitoids.body(connection, scope, gitoid)
        if body is None and await self._catch_up(scope):
            async with self._database.reading(scope) as connection:
                body = await gitoids.body(connection, scope, gitoid)
        if body is None:
            raise NotFound(f"no envelope {gitoid}")
        return body

    async def search(self, scope: TenantScope, asked: Search) -> tuple[Named, ...]:
        """What matches, oldest first. Raises TooLarge: a list cut short would look like absence to its clients."""
        _check_gitoids([*asked.gitoids, *asked.without])
        await self._catch_up(scope)
        async with self._database.reading(scope) as connection:
            found = await gitoids.search(connection, scope, asked, MAX_EDGES + 1)
        return _bounded(found, "envelopes")

    async def subjects(self, scope: TenantScope, wanted: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The subjects of those envelopes: name, and digests as "algorithm:hex". Raises TooLarge, Malformed."""
        _check_gitoids(wanted)
        await self._catch_up(scope)
        async with self._database.reading(scope) as connection:
            found = await gitoids.subjects(connection, scope, wanted, MAX_EDGES + 1)
        return _bounded(found, "subjects")

    async def _catch_up(self, scope: TenantScope) -> bool:
        """Name every envelope of the log that has no name yet; whether there were any leaves to look at.

        Commit point: each step. A crash between two leaves the rest to the next search.
        """
        looked = False
        while True:
            async with self._database.tenant(scope) as connection:
                seen = await _name_next(connection, scope)
            looked = looked or seen > 0
            if seen < _STEP:
                return looked


async def _name_next(connection: Connection, scope: TenantScope) -> int:
    """Name the next few envelopes; how many leaves were looked at."""
    next_leaf = await gitoids.lock_progress(connection, scope)
    bodies = await gitoids.bodies_from(connection, scope, next_leaf, _STEP)
    names = [
        _name(body, envelope, leaf_index)
        for leaf_index, _, body in bodies
        if body is not None and (envelope := _envelope(body)) is not None
    ]
    await gitoids.register(connection, scope, names)
    if bodies:
        await gitoids.advance(connection, scope, bodies[-1][0] + 1)
    return len(bodies)


def _envelope(body: bytes) -> Envelope | None:
    """The envelope those bytes are; None for anything else."""
    try:
        upload = recognise(body)
    except Refused:
        return None
    return upload.envelope if isinstance(upload, EnvelopeUpload) else None


def _name(body: bytes, envelope: Envelope, leaf_index: int) -> Named:
    collection = read_collection(envelope.payload)
    return Named(
        gitoid=gitoid_of(body),
        leaf_index=leaf_index,
        body_digest=sha256(body).digest(),
        collection=collection.name if collection else None,
        attestations=collection.types if collection else (),
    )


def _check_gitoids(given: Sequence[str]) -> None:
    """Raises Malformed, TooLarge."""
    if len(given) > MAX_EDGES:
        raise TooLarge("too many gitoids", limit=MAX_EDGES, value=len(given))
    for one in given:
        if len(one) != 64 or not set(one) <= set("0123456789abcdef"):  # noqa: PLR2004  hex digits of SHA-256
            raise Malformed(f"not a gitoid (64 hex digits): {one[:80]!r}", path="gitoidSha256")


def _bounded(found: tuple[T, ...], what: str) -> tuple[T, ...]:
    if len(found) > MAX_EDGES:
        raise TooLarge(
            f"more than {MAX_EDGES} {what} match; ask for fewer, by collection or attestation type",
            code="too_many",
            limit=MAX_EDGES,
            value=len(found),
        )
    return found
