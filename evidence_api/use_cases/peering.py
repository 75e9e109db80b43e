"""Peers, enrolled: an operator compares the fingerprints of a peer's keys, and only those compared are pinned.

The plan:
  1. the peer's key set is read, from its URL or a file; nothing is stored
  2. a person compares each fingerprint with what the peer says of it some other way
  3. the keys compared are pinned: from then on they and no others speak for the peer
  4. what it may ask is granted; before that it may ask nothing
Rotation is by overlap: `changes` shows what a set has that is not pinned yet, which is compared and pinned as in 2 and
3 beside the old key, and the old one is revoked once the peer uses the new one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from evidence_api.domain.digest import parse_digest
from evidence_api.domain.errors import EvidenceError, Malformed, NotFound, TooLarge
from evidence_api.domain.peers import MAX_KEYS, Peer, PeerGrant, PinnedKey
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.engines.http_signatures import federation_key
from evidence_api.engines.peer_keys import PeerKeySets
from evidence_api.formats.jwks import FederationKey
from evidence_api.formats.signature_agents import parse_registry
from evidence_api.store import peers
from evidence_api.store.session import Database

MAX_NAMES = 200  # of one list in a grant
MAX_RATE = 1_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_TYPE = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,99}\Z")
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class KeyChanges:
    """A key set beside what is pinned: `new` never was, `ended` was and is revoked, `gone` is pinned and not in the set
    any more."""

    peer: Peer
    new: tuple[FederationKey, ...]
    ended: tuple[FederationKey, ...]
    gone: tuple[PinnedKey, ...]


class Peering:
    """Administers the peers of tenants. Called by the command line alone."""

    def __init__(self, database: Database, key_sets: PeerKeySets, clock: Clock) -> None:
        self._database = database
        self._key_sets = key_sets
        self._clock = clock

    async def fetch(self, url: str) -> tuple[FederationKey, ...]:
        """Step 1, from a URL."""
        return await self._key_sets.fetch(url)

    async def look(self, url: str) -> Mapping[str, tuple[FederationKey, ...] | EvidenceError]:
        """Step 1 of each agent a registry lists, by URL: its keys, or why there are none."""
        found: dict[str, tuple[FederationKey, ...] | EvidenceError] = {}
        for agent in parse_registry((await self._key_sets.get(url)).decode("utf-8", "replace")):
            try:
                found[agent] = await self._key_sets.fetch(agent)
            except EvidenceError as fault:
                found[agent] = fault
        return found

    async def enrol(self, scope: TenantScope, name: str, source: str, keys: Sequence[FederationKey]) -> Peer:
        """Step 3 of a new peer. Raises Malformed, Conflict, TooLarge.

        Commit point: peer and keys together; a crash before it leaves neither.
        """
        if not _NAME.match(name):
            raise Malformed(f"not a peer's name (a-z, 0-9 and -, at most 63): {name[:80]!r}", path="name")
        if source:
            self._key_sets.check(source)
        _check_keys(keys, 0)
        async with self._database.tenant(scope) as connection:
            added = await peers.add(connection, scope, name, source, self._clock.now())
            await peers.pin(connection, scope, added, keys, self._clock.now())
            return await peers.named(connection, scope, name)

    async def changes(self, scope: TenantScope, name: str, keys: Sequence[FederationKey]) -> KeyChanges:
        """What a key set of the peer has that is not pinned, and lacks that is. Raises NotFound."""
        peer = await self.named(scope, name)
        known = {one.key_id: one for one in peer.keys}
        listed = {one.key_id for one in keys}
        return KeyChanges(
            peer=peer,
            new=tuple(one for one in keys if one.key_id not in known),
            ended=tuple(one for one in keys if one.key_id in known and known[one.key_id].revoked is not None),
            gone=tuple(one for one in peer.keys if one.revoked is None and one.key_id not in listed),
        )

    async def pin(self, scope: TenantScope, name: str, keys: Sequence[FederationKey]) -> Peer:
        """Step 3 of a peer there is. Raises NotFound, Conflict, TooLarge."""
        async with self._database.tenant(scope) as connection:
            peer = await peers.named(connection, scope, name)
            _check_keys(keys, sum(one.revoked is None for one in peer.keys))
            await peers.pin(connection, scope, peer.id, keys, self._clock.now())
            return await peers.named(connection, scope, name)

    async def grant(self, scope: TenantScope, name: str, grant: PeerGrant) -> PeerGrant:
        """Step 4, in place of what was granted before. Raises NotFound, Malformed, TooLarge."""
        _check_grant(grant)
        if grant.reading.not_after is not None and grant.reading.not_after <= self._clock.now():
            raise Malformed("the grant would have ended already", path="not_after")
        made = replace(grant, reading=replace(grant.reading, id=uuid4()))
        async with self._database.tenant(scope) as connection:
            peer = await peers.named(connection, scope, name)
            await peers.put_grant(connection, scope, peer.id, made, self._clock.now())
        return made

    async def revoke(self, scope: TenantScope, name: str, key_id: str | None = None) -> UUID:
        """End a peer, or one of its keys, now. Raises NotFound."""
        async with self._database.tenant(scope) as connection:
            peer = await peers.named(connection, scope, name)
            if key_id is None:
                await peers.revoke(connection, scope, peer.id, self._clock.now())
            else:
                await peers.revoke_key(connection, scope, peer.id, key_id, self._clock.now())
        return peer.id

    async def every(self, scope: TenantScope) -> tuple[Peer, ...]:
        """All peers of a tenant."""
        async with self._database.tenant(scope) as connection:
            return await peers.every(connection, scope)

    async def named(self, scope: TenantScope, name: str) -> Peer:
        """The peer in force of that name. Raises NotFound."""
        async with self._database.tenant(scope) as connection:
            return await peers.named(connection, scope, name)


def compared(keys: Sequence[FederationKey], fingerprints: Sequence[str]) -> tuple[FederationKey, ...]:
    """Step 2: the keys of these fingerprints. Raises NotFound for one the set has not."""
    by_id = {key.key_id: key for key in keys}
    for fingerprint in fingerprints:
        if fingerprint not in by_id:
            raise NotFound(
                f"the key set has no key of fingerprint {fingerprint[:80]!r}",
                code="fingerprint_mismatch",
                value=sorted(by_id),
            )
    return tuple(by_id[one] for one in dict.fromkeys(fingerprints))


def _check_keys(keys: Sequence[FederationKey], already: int) -> None:
    if not keys:
        raise Malformed("a peer has a key", path="keys")
    if already + len(keys) > MAX_KEYS:
        raise TooLarge("a peer has too many keys: revoke old ones", limit=MAX_KEYS, value=already + len(keys))
    for key in keys:
        federation_key(key)


def _check_grant(grant: PeerGrant) -> None:
    read = grant.reading
    if grant.cost_rate is not None and not 1 <= grant.cost_rate <= MAX_RATE:
        raise Malformed(
            f"a rate is 1 to {MAX_RATE} cost units a second", path="rate", limit=MAX_RATE, value=grant.cost_rate
        )
    if read.since is not None and read.until is not None and read.since >= read.until:
        raise Malformed("the period ends before it begins", path="until", value=read.until.isoformat())
    lists = (("document", read.documents), ("type", read.types), ("framework", read.frameworks))
    for path, names in (*lists, ("release", read.releases)):
        if len(names) > MAX_NAMES:
            raise TooLarge(f"too many names in a grant ({path})", path=path, limit=MAX_NAMES, value=len(names))
        odd = [one for one in sorted(names) if not 0 < len(one) <= _MAX_NAME or not one.isprintable()]
        odd += [one for one in sorted(names) if path == "type" and not _TYPE.match(one)]
        if odd:
            raise Malformed(f"no name of a {path}: {odd[0][:80]!r}", path=path, value=odd[0][:80])
    for digest in read.documents:
        parse_digest(digest)
