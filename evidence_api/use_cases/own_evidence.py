"""The server's own evidence: what it derives is signed with its evidence key and goes in by the door like any other.

The key is registered with a tenant the first time something is derived for it, under the name "evidence server", so
packs and verification treat it as any other key. A tenant that revokes it gets nothing derived any more. Ed25519
signs the same bytes the same way each time: the same statement is the same evidence, and appending it again is a no-op.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import canonical
from evidence_api.domain.errors import Conflict, Inadmissible, Refused, TooLarge
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.principal import SERVER, Principal, TenantScope
from evidence_api.domain.statement import Subject
from evidence_api.engines.clock import Clock
from evidence_api.engines.keys import MAX_KEYS, EnvelopeSigner, PublicKey
from evidence_api.formats.dsse import IN_TOTO, Envelope, encode_envelope
from evidence_api.store import trust
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.ingest import Ingest
from evidence_api.use_cases.trust import TrustBook

KEY_NAME = "evidence server"
STATEMENT = "https://in-toto.io/Statement/v1"
_RIGHTS = frozenset({"evidence:write"})


class OwnEvidence:
    """Signs statements and appends them."""

    def __init__(
        self, database: Database, ingest: Ingest, trusted: TrustBook, signer: EnvelopeSigner, clock: Clock
    ) -> None:
        self._database = database
        self._ingest = ingest
        self._trusted = trusted
        self._signer = signer
        self._clock = clock
        self._registered: set[UUID] = set()

    @property
    def public_key(self) -> PublicKey:
        """What the server's own evidence verifies with."""
        return self._signer.public_key

    def sign(self, subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, Any]) -> Envelope:
        """The statement's envelope: nothing but these three goes into it."""
        statement = {
            "_type": STATEMENT,
            "subject": [{"name": one.name, "digest": dict(one.digest)} for one in subjects],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
        return self._signer.sign(IN_TOTO, canonical(statement))

    async def append(self, scope: TenantScope, envelope: Envelope, *, also: Sequence[Decision] = ()) -> Receipt:
        """Check, admit and append it, and put the decisions `also` on record with it.

        Raises Refused (the key was revoked, the policy says no), Undecided.
        """
        await self._register(scope)
        principal = Principal(SERVER, self._signer.public_key.key_id, scope, _RIGHTS)
        try:
            return await self._ingest.accept(principal, encode_envelope(envelope), also=also)
        except Refused:
            self._registered.discard(scope.id)  # it may have been revoked since
            raise

    async def _register(self, scope: TenantScope) -> None:
        """Register the key, once. Raises Inadmissible (it was revoked), TooLarge (no room for another key)."""
        if scope.id in self._registered:
            return
        with contextlib.suppress(Conflict):  # another process was first
            async with self._database.tenant(scope) as connection:
                await self._add_key(connection, scope)
        self._trusted.forget(scope)
        self._registered.add(scope.id)

    async def _add_key(self, connection: Connection, scope: TenantScope) -> None:
        key = self._signer.public_key
        known = await trust.every_key(connection, scope)
        standing = next((one for one in known if one.key_id == key.key_id), None)
        if standing is not None:
            if standing.revoked is not None:
                raise Inadmissible("the tenant has revoked the server's evidence key", key=key.key_id)
            return
        active = sum(one.revoked is None for one in known)
        if active >= MAX_KEYS:
            raise TooLarge("no room for the server's evidence key", limit=MAX_KEYS, value=active + 1)
        await trust.add_key(connection, scope, key, at=self._clock.now())
