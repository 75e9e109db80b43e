"""Append, the last step of ingest: group commit. What arrives together for a tenant shares one transaction.

Per tenant there is one queue and at most one transaction in flight in this process; the tenant's log_head row keeps
other processes out. While one batch commits, the next gathers, so batches grow with the load by themselves.

The plan of one batch:
  1. lock the head; learn which ids the log has already
  2. give the new ones the next leaf indexes, grow the tree, sign the checkpoint
  3. insert everything: bodies, rows, links, releases, what is due, tiles, decisions, the head
  4. commit, and only then answer, each with its proof from the batch's own hashes
Whoever appended last knows the head, so step 2 can come first and the rest be one round trip, which refuses if the
head has moved or an id is known; then, or where a tile fills or a decision is new, the steps are taken one by one.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Contended, EvidenceError, Overloaded, StoreUnavailable
from evidence_api.domain.evidence import Checked, Receipt
from evidence_api.domain.merkle import Frontier, Growth, Prover, grow
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.checkpoint import Checkpoint, NoteVerifier, checkpoint_text, format_note
from evidence_api.store import decisions, log
from evidence_api.store.batch import Draft, Record, complete, draft
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.tlog import receipt_for

logger = structlog.get_logger(__name__)

MAX_BATCH = 1000  # envelopes of one transaction: as many as one upload of a batch has lines
ENOUGH = 64  # to begin with; waiting for more costs them more than it saves (tests/bench/append.py)
MAX_WAITING = 8192  # envelopes of one tenant
MAX_BATCH_BYTES = 32 * 2**20  # of bodies; one larger body makes a batch of its own
_LINGER = 0.002  # seconds a batch waits at most for uploads that are being checked
_DRAFT_IN_THREAD = 256 * 1024  # bytes; below this a thread costs more than the digests
_TRIES = 8  # of a batch that another transaction got in the way of
_TRY_AGAIN_SECONDS = 0.005
_KNOWN_DECISIONS = 10_000
_KNOWN_HEADS = 10_000
_KIND = 4  # its place in a row (store/batch.py)


class NoteSigner(Protocol):
    """Signs checkpoints: Ed25519. `public_key` is raw 32 bytes."""

    @property
    def public_key(self) -> bytes:
        """The public half."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """The 64-byte signature."""
        ...


class Clock(Protocol):
    """Gives aware UTC times."""

    def now(self) -> datetime:
        """The present moment."""
        ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One envelope in the queue, and who waits for its receipt."""

    record: Record
    decision: Decision
    also: Sequence[Decision]
    size: int
    answer: "asyncio.Future[Receipt]"


@dataclass(slots=True)
class _Lane:
    """One tenant's queue and its writer, while there is one."""

    queue: deque[_Waiting] = field(default_factory=deque)
    writer: "asyncio.Task[None] | None" = None
    coming: int = 0  # announced and not in the queue yet
    gathering: "asyncio.Future[None] | None" = None  # the writer waits for some of them

    def look(self) -> None:
        """Wake the writer when as many have arrived as are still to come."""
        if self.gathering is not None and not self.gathering.done() and self.is_full():
            self.gathering.set_result(None)

    def is_full(self) -> bool:
        """Waiting for more would hold up more envelopes than it would bring."""
        return len(self.queue) >= min(self.coming, ENOUGH)


@dataclass(frozen=True, slots=True)
class _Appended:
    """One batch as it goes into the log: its first leaf index, the tree it makes, and the leaf index of each id."""

    origin: str
    first: int
    growth: Growth
    checkpoint: str
    leaves: dict[bytes, int]


class Appender:
    """Appends checked and admitted evidence to its tenant's log."""

    def __init__(self, database: Database, signer: NoteSigner, clock: Clock) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock
        self._lanes: dict[UUID, _Lane] = {}
        self._recorded: OrderedDict[tuple[UUID, str], None] = OrderedDict()
        self._heads: OrderedDict[UUID, tuple[str, Frontier]] = OrderedDict()
        self._watched: dict[str, tuple[Callable[[TenantScope], None], ...]] = {}
        self._tell: tuple[Callable[[TenantScope], None], ...] = ()

    def announce(self, scope: TenantScope) -> None:
        """An upload is being checked and may be appended soon; `retract` follows for certain."""
        lane = self._lanes.get(scope.id)
        if lane is None:
            lane = self._lanes[scope.id] = _Lane()
        lane.coming += 1

    def retract(self, scope: TenantScope) -> None:
        """It is checked: now it is appended, or never will be."""
        lane = self._lanes[scope.id]
        lane.coming -= 1
        lane.look()
        if not lane.coming:
            self._forget_if_idle(scope, lane)

    def watch(self, kind: str, tell: Callable[[TenantScope], None]) -> None:
        """Call `tell` with the tenant whenever evidence of the kind was appended here. It must return at once; it may
        miss what other processes append, and what is appended while this one dies."""
        self._watched[kind] = (*self._watched.get(kind, ()), tell)

    def watch_every(self, tell: Callable[[TenantScope], None]) -> None:
        """The same after each batch of whatever kinds, with its tenant."""
        self._tell = (*self._tell, tell)

    async def append(self, scope: TenantScope, checked: Checked, decision: Decision) -> Receipt:
        """Durable, included and provable, or an exception; of evidence the log has already, the first leaf's receipt.

        Raises Overloaded (the queue is full), StoreUnavailable (not known whether it was appended: send it again),
        Refused (this envelope cannot be stored).
        """
        if len(checked.body) > _DRAFT_IN_THREAD:
            return await self.append_draft(scope, await asyncio.to_thread(draft, checked), decision)
        return await self.append_draft(scope, draft(checked), decision)

    def append_draft(
        self, scope: TenantScope, made: Draft, decision: Decision, also: Sequence[Decision] = ()
    ) -> "asyncio.Future[Receipt]":
        """The same of evidence whose row is drafted already; `also` are decisions it is about, put on record with it.

        Raises Overloaded and Refused at once.
        """
        lane = self._lanes.get(scope.id)
        if lane is None:
            lane = self._lanes[scope.id] = _Lane()
        if len(lane.queue) >= MAX_WAITING:
            raise Overloaded("too many uploads are waiting", limit=MAX_WAITING, value=len(lane.queue) + 1)
        record = complete(made, self._clock.now(), decision.id)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Receipt] = loop.create_future()
        lane.queue.append(_Waiting(record, decision, also, made.size, answer))
        lane.look()
        if lane.writer is None:
            lane.writer = loop.create_task(self._write(scope, lane))
        return answer

    async def close(self) -> None:
        """Wait until everything that was accepted has been answered."""
        writers = [lane.writer for lane in self._lanes.values() if lane.writer]
        await asyncio.gather(*writers, return_exceptions=True)

    async def _write(self, scope: TenantScope, lane: _Lane) -> None:
        """The tenant's writer: batch after batch until the queue is empty."""
        try:
            await asyncio.sleep(0)  # whoever is ready now joins the first batch
            while lane.queue:
                await _gather(lane)
                batch = _take(lane.queue)
                try:
                    await self._write_batch(scope, batch)
                except BaseException as fault:
                    _fail(batch, StoreUnavailable(f"the append was interrupted: {type(fault).__name__}"))
                    raise
        finally:
            lane.writer = None
            while lane.queue:  # only a cancelled writer leaves anybody waiting
                _fail([lane.queue.popleft()], StoreUnavailable("the server is stopping; nothing was appended"))
            self._forget_if_idle(scope, lane)

    def _forget_if_idle(self, scope: TenantScope, lane: _Lane) -> None:
        if lane.writer is None and not lane.queue and not lane.coming:
            self._lanes.pop(scope.id, None)

    async def _write_batch(self, scope: TenantScope, batch: Sequence[_Waiting]) -> None:
        """Append the batch; if a row of it is at fault, in halves, so that one cannot hold up the others."""
        try:
            await self._append_persistently(scope, batch)
        except StoreUnavailable as fault:
            _fail(batch, fault)
        except EvidenceError as fault:
            if len(batch) == 1:
                _fail(batch, fault)
                return
            logger.warning("batch_split", tenant=scope.name, size=len(batch), code=fault.code)
            middle = len(batch) // 2
            await self._write_batch(scope, batch[:middle])
            await self._write_batch(scope, batch[middle:])

    async def _append_persistently(self, scope: TenantScope, batch: Sequence[_Waiting]) -> None:
        """Again, where another transaction got in the way: nothing of it was written, so the result is the same."""
        for number in range(1, _TRIES):
            try:
                return await self._append(scope, batch)
            except Contended as fault:
                logger.warning("append_again", tenant=scope.name, size=len(batch), attempt=number, reason=fault.message)
                await asyncio.sleep(_TRY_AGAIN_SECONDS * number)
        return await self._append(scope, batch)

    async def _append(self, scope: TenantScope, batch: Sequence[_Waiting]) -> None:
        unique: dict[bytes, _Waiting] = {}
        for one in batch:
            unique.setdefault(one.record.id, one)
        new = list(unique.values())
        known: Mapping[bytes, int] = {}
        head = self._heads.pop(scope.id, None)  # put back by whoever knows it again
        appended = await self._append_at(scope, head, new) if head else None
        if appended is None:
            async with self._database.tenant(scope) as connection:
                locked = await log.lock(connection, scope, list(unique))
                known = locked.known
                new = [one for one in new if one.record.id not in known]
                appended = await self._insert(connection, scope, locked, new) if new else None
                # Commit point: on leaving this block. A crash before it leaves nothing of the batch, and nobody was
                # answered; a crash after it leaves it whole, and who was not answered gets the same leaf on asking.
        if appended is not None:
            self._remember(scope, appended, new)
        await self._answer(scope, batch, known, appended)

    async def _append_at(
        self, scope: TenantScope, head: tuple[str, Frontier], new: Sequence[_Waiting]
    ) -> _Appended | None:
        """All in one round trip; None when that cannot be, and then nothing was written."""
        planned = self._plan(*head, new)
        if self._unrecorded(scope, new) or any(log.full_tiles(planned.first, planned.growth)):
            return None
        records = [one.record for one in new]
        async with self._database.statement() as connection:
            # Commit point: the statement's end, as of the block above.
            done = await log.append_at(connection, scope, planned.first, records, planned.growth, planned.checkpoint)
        return planned if done else None

    async def _insert(
        self, connection: Connection, scope: TenantScope, locked: log.LockedLog, new: Sequence[_Waiting]
    ) -> _Appended:
        planned = self._plan(locked.origin, locked.frontier, new)
        unrecorded = self._unrecorded(scope, new)
        if unrecorded:
            await decisions.keep(connection, scope, unrecorded.values(), new[0].record.received)
        records = [one.record for one in new]
        await log.append(connection, scope, planned.first, records, planned.growth, planned.checkpoint)
        return planned

    def _plan(self, origin: str, frontier: Frontier, new: Sequence[_Waiting]) -> _Appended:
        """Leaf indexes, tree and signed checkpoint of a batch on top of this head."""
        growth = grow(frontier, [one.record.leaf_hash for one in new])
        return _Appended(
            origin=origin,
            first=frontier.size,
            growth=growth,
            checkpoint=signed_checkpoint(self._signer, origin, growth.frontier),
            leaves={one.record.id: leaf for leaf, one in enumerate(new, frontier.size)},
        )

    def _unrecorded(self, scope: TenantScope, new: Sequence[_Waiting]) -> dict[str, Decision]:
        """The batch's decisions of which this process does not know that they are on record."""
        recorded = self._recorded
        return {
            decision.id: decision
            for one in new
            for decision in (one.decision, *one.also)
            if (scope.id, decision.id) not in recorded
        }

    async def _answer(
        self, scope: TenantScope, batch: Sequence[_Waiting], known: Mapping[bytes, int], appended: _Appended | None
    ) -> None:
        """Give everybody their receipt; proofs of the batch's own leaves come from its hashes, of others from tiles."""
        prover = Prover(appended.growth.frontier.size, appended.growth.node) if appended else None
        receipts: dict[bytes, Receipt] = {}
        for one in batch:
            record = one.record
            if record.id in receipts:
                receipt = replace(receipts[record.id], created=False)
            elif appended is not None and prover is not None and record.id in appended.leaves:
                receipt = receipts[record.id] = _receipt(record, appended, prover)
            else:
                receipt = receipts[record.id] = await self._first_receipt(scope, known[record.id])
            if not one.answer.done():
                one.answer.set_result(receipt)

    async def _first_receipt(self, scope: TenantScope, leaf_index: int) -> Receipt:
        async with self._database.reading(scope) as connection:
            return replace(await receipt_for(connection, scope, leaf_index), created=False)

    def _remember(self, scope: TenantScope, appended: _Appended, new: Sequence[_Waiting]) -> None:
        """The head and the decisions on record, as they are after this commit; both only save round trips."""
        self._heads[scope.id] = (appended.origin, appended.growth.frontier)
        while len(self._heads) > _KNOWN_HEADS:
            self._heads.popitem(last=False)
        for one in new:
            for decision in (one.decision, *one.also):
                self._recorded[scope.id, decision.id] = None
            for tell in self._watched.get(one.record.row[_KIND], ()):
                tell(scope)
        for tell in self._tell:
            tell(scope)
        while len(self._recorded) > _KNOWN_DECISIONS:
            self._recorded.popitem(last=False)


def signed_checkpoint(signer: NoteSigner, origin: str, frontier: Frontier) -> str:
    """The signed note of a tree, under the log's origin as the key's name."""
    text = checkpoint_text(Checkpoint(origin, frontier.size, frontier.root()))
    return format_note(text, NoteVerifier(origin, signer.public_key), signer.sign(text))


async def _gather(lane: _Lane) -> None:
    """Wait a moment for those that are being checked: a transaction's cost is shared by all that are in it."""
    if lane.is_full():
        return
    loop = asyncio.get_running_loop()
    lane.gathering = gathering = loop.create_future()
    timer = loop.call_later(_LINGER, lambda: None if gathering.done() else gathering.set_result(None))
    try:
        await gathering
    finally:
        timer.cancel()
        lane.gathering = None


def _take(queue: deque[_Waiting]) -> list[_Waiting]:
    """The next batch: at most MAX_BATCH envelopes and MAX_BATCH_BYTES, at least one."""
    batch, size = [queue.popleft()], 0
    size += batch[0].size
    while queue and len(batch) < MAX_BATCH and size + queue[0].size <= MAX_BATCH_BYTES:
        size += queue[0].size
        batch.append(queue.popleft())
    return batch


def _receipt(record: Record, appended: _Appended, prover: Prover) -> Receipt:
    leaf_index = appended.leaves[record.id]
    return Receipt(
        evidence_id=record.evidence_id,
        leaf_index=leaf_index,
        tree_size=appended.growth.frontier.size,
        leaf=record.leaf,
        proof=prover.inclusion(leaf_index),
        checkpoint=appended.checkpoint,
    )


def _fail(batch: Sequence[_Waiting], fault: EvidenceError) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(fault)
