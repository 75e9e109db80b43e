"""Peers in the database: whose a key is, what becomes of it when a peer ends, and nonces that are used once."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from evidence_api.domain.errors import Conflict, NotFound
from evidence_api.domain.peers import PeerGrant
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.formats.jwks import FederationKey
from evidence_api.store import peers
from evidence_api.store.session import Database
from tests.support.checked import SteppingClock

KEY, OTHER = FederationKey(b"\x01" * 32), FederationKey(b"\x02" * 32)


async def enrol(database: Database, scope: TenantScope, clock: SteppingClock, name: str, key: FederationKey) -> UUID:
    async with database.tenant(scope) as connection:
        added = await peers.add(connection, scope, name, "", clock.now())
        await peers.pin(connection, scope, added, [key], clock.now())
    return added


async def test_a_key_is_of_one_peer_until_it_or_the_peer_ends(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    first = await enrol(database, scope, clock, "first", KEY)
    await enrol(database, other_scope, clock, "first", KEY)  # another tenant's peers are its own
    for name, key in (("first", OTHER), ("second", KEY)):
        with pytest.raises(Conflict):
            await enrol(database, scope, clock, name, key)
    async with database.tenant(scope) as connection:
        assert [one.name for one in await peers.every(connection, scope)] == ["first"]  # nothing was left of them
        await peers.revoke(connection, scope, first, clock.now())
        found = await peers.presented(connection, scope, KEY.key_id, clock.now())
        assert found is not None
        assert (found.peer, found.revoked, found.grant) == ("first", True, None)
        with pytest.raises(NotFound):
            await peers.named(connection, scope, "first")
    again = await enrol(database, scope, clock, "first", KEY)
    async with database.tenant(scope) as connection:
        found = await peers.presented(connection, scope, KEY.key_id, clock.now())
        assert found is not None
        assert (found.peer_id, found.revoked) == (again, False)
        await peers.revoke_key(connection, scope, again, KEY.key_id, clock.now())
        with pytest.raises(NotFound):
            await peers.revoke_key(connection, scope, again, OTHER.key_id, clock.now())
        found = await peers.presented(connection, scope, KEY.key_id, clock.now())
        assert found is not None
        assert found.revoked
        assert await peers.presented(connection, scope, OTHER.key_id, clock.now()) is None


async def test_a_grant_comes_back_as_it_was_given_and_its_bucket_refills(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    peer = await enrol(database, scope, clock, "first", KEY)
    at = clock.now()
    names = frozenset({"a", "b"})
    read = ReadGrant(uuid4(), names, names, at, at + timedelta(1), at + timedelta(2), names, names)
    async with database.tenant(scope) as connection:
        await peers.put_grant(connection, scope, peer, PeerGrant(ReadGrant(uuid4())), at)
        await peers.charge(connection, scope, peer, at, 10**6)  # without a rate there is nothing to charge
        await peers.put_grant(connection, scope, peer, PeerGrant(read, 10), at)
        debts = []
        for cost, seconds in ((600, 0), (50, 0), (0, 3), (0, 100), (600, 100)):
            await peers.charge(connection, scope, peer, at + timedelta(seconds=seconds), cost)
            found = await peers.presented(connection, scope, KEY.key_id, at + timedelta(seconds=seconds))
            assert found is not None
            assert found.grant == PeerGrant(read, 10)
            debts.append(round(found.in_debt, 3))
    assert debts == [0, 5, 2, 0, 0]


async def test_of_many_with_one_nonce_one_takes_it(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    expires = clock.now()

    async def take(key: FederationKey) -> bool:
        async with database.tenant(scope) as connection:
            return await peers.take_nonce(connection, scope, key.key_id, "nonce", expires)

    assert sorted(await asyncio.gather(*(take(KEY) for _ in range(6)))) == [False] * 5 + [True]
    assert await take(OTHER)
    async with database.tenant(scope) as connection:
        assert await peers.sweep_nonces(connection, scope, expires) == 0
        assert await peers.sweep_nonces(connection, scope, expires + timedelta(seconds=1)) == 2
    assert await take(KEY)
