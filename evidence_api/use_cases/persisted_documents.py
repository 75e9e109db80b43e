"""Persisted documents: a tenant registers GraphQL texts, clients name them by digest, and some may run nothing else.

What was found is kept in memory for a moment, so that naming a document costs no query; one that is removed can be
named at most that much longer. Whether a text is a good document is the edge's to say: it hands its check in.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Conflict, Forbidden, Malformed, NotFound, TooLarge
from evidence_api.domain.persisted_document import PersistedDocument
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.store import persisted_documents
from evidence_api.store.session import Database
from evidence_api.use_cases.once import Once

MOST = 1_000  # documents of one tenant
_LONGEST_NAME = 200
_KEPT_SECONDS = 5.0
_KEPT = 1_024


class PersistedDocuments:
    """Registers documents and finds them again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[tuple[TenantScope, str], tuple[float, str]] = OrderedDict()
        self._looked_up = Once(self._look_up)

    async def add(
        self, scope: TenantScope, text: str, *, name: str, by: str, check: Callable[[str], None]
    ) -> tuple[PersistedDocument, bool]:
        """Register a text that passes `check`, which raises what is wrong with it; whether it is new.

        Raises Malformed (name), TooLarge `too_many_documents`.
        """
        if len(name) > _LONGEST_NAME or not name.isprintable():
            said = f"a name has at most {_LONGEST_NAME} printable characters"
            raise Malformed(said, code="document_name", path="name", limit=_LONGEST_NAME, value=len(name))
        check(text)
        made = PersistedDocument(digest_of(text.encode()), text, name, by, self._clock.now())
        async with self._database.tenant(scope) as connection:
            kept = await persisted_documents.get(connection, scope, made.digest)
            if kept is not None:
                return kept, False
            if (count := await persisted_documents.count(connection, scope)) >= MOST:
                said = f"a tenant registers at most {MOST} documents: remove one first"
                raise TooLarge(said, code="too_many_documents", limit=MOST, value=count)
            if not await persisted_documents.add(connection, scope, made):
                raise Conflict(f"{made.digest} was registered at the same moment: send it again")
        return made, True

    async def every(self, scope: TenantScope) -> tuple[PersistedDocument, ...]:
        """All of the tenant's, newest first."""
        async with self._database.tenant(scope) as connection:
            return await persisted_documents.every(connection, scope)

    async def get(self, scope: TenantScope, digest: str) -> PersistedDocument:
        """One of them, as it is on record now. Raises NotFound `unknown_document`."""
        async with self._database.tenant(scope) as connection:
            found = await persisted_documents.get(connection, scope, digest)
        if found is None:
            raise _unknown(digest)
        return found

    async def remove(self, scope: TenantScope, digest: str) -> None:
        """Nobody can name it any more; another process may take it for a few seconds. Raises NotFound
        `unknown_document`."""
        async with self._database.tenant(scope) as connection:
            removed = await persisted_documents.remove(connection, scope, digest)
        self._known.pop((scope, digest), None)
        if not removed:
            raise _unknown(digest)

    async def text_of(self, scope: TenantScope, digest: str) -> str:
        """The text of a document of the tenant. Raises NotFound `unknown_document`."""
        kept = self._known.get((scope, digest))
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        return await self._looked_up((scope, digest))

    async def _look_up(self, key: tuple[TenantScope, str]) -> str:
        self._known.pop(key, None)
        found = await self.get(*key)
        self._known[key] = (monotonic() + _KEPT_SECONDS, found.text)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found.text


def check_allowed(principal: Principal, digest: str) -> None:
    """Whether the principal may run that document. Raises Forbidden `document_not_allowed`."""
    if principal.grant is not None and principal.grant.documents and digest not in principal.grant.documents:
        raise Forbidden(
            "your grant names the documents you may run, and this is none of them",
            code="document_not_allowed",
            path="query",
            value=digest,
        )


def _unknown(digest: str) -> NotFound:
    return NotFound(f"no document {digest} is registered", code="unknown_document", path="documentId")
