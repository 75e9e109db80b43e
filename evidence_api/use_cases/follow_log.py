"""Following the log: somebody reads the verified evidence of some kinds, each piece once, in the order of its leaves.

The plan of one turn, for one tenant:
  1. is there anything? Without it, nothing is locked
  2. be the only one, of all server processes, who moves this follower          store/followers.py
  3. the next pieces, with what was signed; what is erased, and what nobody verified signed, is passed over
  4. hand them over
  5. move the cursor. Commit point: a crash before it hands the same pieces over once more, so what is done with them
     must be the same when it is done again; a crash after it leaves them done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from evidence_api.domain.errors import EvidenceError, Refused
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Verified
from evidence_api.formats.stored import stored_statement
from evidence_api.store import evidence, followers, tenants
from evidence_api.store.session import Connection, Database

logger = structlog.get_logger(__name__)

_AT_ONCE = 100  # pieces of one turn
_BYTES_AT_ONCE = 8 * 2**20  # of their bodies; one larger body is a turn of its own
_IDLE = 4  # intervals of the front between two looks at all tenants


@dataclass(frozen=True, slots=True)
class Followed:
    """One piece of evidence, and what it says."""

    evidence: Evidence
    predicate: Mapping[str, Any] = field(repr=False)
    subjects: tuple[Subject, ...]


Handle: TypeAlias = Callable[[TenantScope, Sequence[Followed]], Awaitable[None]]


class LogFollower:
    """One reader of every tenant's log. `name` keeps its place for ever; new kinds are read from that place on.

    `handle` runs while no other process handles the same tenant for the same name. What it raises leaves the cursor
    where it is, and is tried again.
    """

    def __init__(self, database: Database, name: str, kinds: frozenset[str], handle: Handle) -> None:
        self.name = name
        self.kinds = kinds
        self._database = database
        self._handle = handle
        self._begun: set[UUID] = set()

    async def turn(self, scope: TenantScope) -> int:
        """Hand over what comes next, a bounded number; how many pieces were read, those passed over among them. 0:
        nothing, or another process is at it. Raises what `handle` raises, StoreUnavailable."""
        await self._begin(scope)
        kinds = sorted(self.kinds)
        async with self._database.tenant(scope) as connection:
            if not await followers.waits(connection, scope, self.name, kinds):
                return 0
            first = await followers.take(connection, scope, self.name)
            if first is None:
                return 0
            found = _bounded(await followers.following(connection, scope, kinds, first, _AT_ONCE))
            if not found:
                return 0  # somebody else handled it before it was taken here
            read = await _read(connection, scope, [one for one in found if isinstance(one.verification, Verified)])
            if read:
                await self._handle(scope, read)
            await followers.move(connection, scope, self.name, found[-1].leaf_index + 1)
        return len(found)

    async def _begin(self, scope: TenantScope) -> None:
        if scope.id not in self._begun:
            async with self._database.tenant(scope) as connection:
                await followers.begin(connection, scope, self.name)
            self._begun.add(scope.id)


class Following:
    """Lets followers read, one after the other: each turn holds a connection for as long as it takes."""

    def __init__(self, database: Database, followers: Sequence[LogFollower]) -> None:
        self._database = database
        self._followers = tuple(followers)
        self._woken = asyncio.Event()
        self._fresh: dict[TenantScope, None] = {}

    @property
    def kinds(self) -> frozenset[str]:
        """What any of them reads."""
        return frozenset().union(*(one.kinds for one in self._followers))

    def wake(self, scope: TenantScope) -> None:
        """Evidence of one of the kinds was appended: look now instead of at the end of the interval."""
        self._fresh[scope] = None
        self._woken.set()

    async def run(self, interval: float) -> None:
        """For ever: when woken, and every few intervals over all tenants, since other processes append too."""
        loop = asyncio.get_running_loop()
        look = loop.time()
        while True:
            self._woken.clear()
            try:
                if loop.time() >= look:
                    look = loop.time() + interval * _IDLE
                    await self.sweep()
                else:
                    fresh, self._fresh = self._fresh, {}
                    await self._follow(tuple(fresh))
            except EvidenceError as fault:
                logger.warning("following_postponed", code=fault.code, detail=fault.message)
            try:
                async with asyncio.timeout_at(look):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> int:
        """Read all there is, of every tenant; how many pieces of evidence that were."""
        self._fresh.clear()
        return await self._follow(await tenants.every(self._database))

    async def _follow(self, scopes: Sequence[TenantScope]) -> int:
        """Turn by turn, tenants and followers alternating, until nothing is left."""
        handled = 0
        waiting = [(scope, one) for scope in scopes for one in self._followers]
        while waiting:
            rest = []
            for scope, one in waiting:
                done = await self._turn(scope, one)
                handled += done
                rest += [(scope, one)] if done else []
            waiting = rest
        return handled

    async def _turn(self, scope: TenantScope, one: LogFollower) -> int:
        """One turn. A tenant, or a follower, that fails must not keep the others from theirs."""
        try:
            return await one.turn(scope)
        except EvidenceError as fault:
            logger.warning(
                "following_postponed", tenant=scope.name, follower=one.name, code=fault.code, detail=fault.message
            )
        except Exception:  # the same
            logger.exception("following_postponed", tenant=scope.name, follower=one.name, code="internal")
        return 0


def _bounded(found: Sequence[Evidence]) -> Sequence[Evidence]:
    """As many from the first on as have bodies that are held at once."""
    size = 0
    for number, one in enumerate(found):
        size += one.body_size
        if number and size > _BYTES_AT_ONCE:
            return found[:number]
    return found


async def _read(connection: Connection, scope: TenantScope, found: Sequence[Evidence]) -> list[Followed]:
    bodies = await evidence.bodies(connection, scope, [one.body_digest for one in found])
    return await asyncio.to_thread(_followed, found, bodies)


def _followed(found: Sequence[Evidence], bodies: Mapping[str, bytes]) -> list[Followed]:
    """What was signed, of each whose body is still there."""
    read = []
    for one in found:
        body = bodies.get(one.body_digest)
        if body is None:
            continue
        try:
            predicate = stored_statement(body).predicate
        except Refused as refusal:  # it was read when it came in, by the readers of then
            logger.warning("statement_unreadable", evidence=one.id, code=refusal.code)
            continue
        read.append(Followed(one, predicate, one.subjects))
    return read
