"""Lanes: which waiting evaluation may start next, so that hostile policies never hold up the others.

Pure bookkeeping; the pool tells it what happens and asks it who is next. An evaluation that runs over
`SLOW` seconds leaves its place to the others and goes on in overtime, until its limit kills it; the places
for that are few, so what has not proven itself may only take as many places as can be freed that way:

- proven: its last evaluation was quick. Takes any free place, so one frees up within `SLOW` at the latest.
- unknown: never seen. One at a time for each bundle, never the last place that cannot be freed.
- suspect: was slow, or ended its worker, in the last `MEMORY` seconds. Few at a time, and never on the
  last idle worker, so that a crash leaves one ready.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

SLOW = 0.05
MEMORY = 30.0
PATIENCE = 1.0  # who has waited longer goes before the better standing
MAX_WAITING = 2048
MAX_SUSPECTS = 32
_REMEMBERED = 4096


class Standing(IntEnum):
    """What is known of a bundle, best first."""

    PROVEN = 0
    UNKNOWN = 1
    SUSPECT = 2


@dataclass(eq=False, slots=True)
class Ticket:
    """One evaluation: which bundle, since when it waits (loop seconds), whether it ran over `SLOW`."""

    digest: bytes
    since: float
    overran: bool = field(default=False, kw_only=True)


T = TypeVar("T", bound=Ticket)


class Lanes(Generic[T]):
    """`workers` evaluations in regular places at once, and `overtime` more that ran over `SLOW`."""

    def __init__(self, workers: int, overtime: int) -> None:
        self.workers = workers
        self.overtime = overtime
        self.running: set[T] = set()
        self._waiting: OrderedDict[bytes, deque[T]] = OrderedDict()
        self._suspect_until: OrderedDict[bytes, float] = OrderedDict()
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def waiting(self) -> Iterator[T]:
        """Everyone who waits."""
        for line in self._waiting.values():
            yield from line

    def room(self, digest: bytes, now: float) -> bool:
        """True while one more of this bundle may wait; suspects may not fill the queue."""
        line = self._waiting.get(digest, ())
        return len(self) < MAX_WAITING and (len(line) < MAX_SUSPECTS or self.standing(digest, now) < Standing.SUSPECT)

    def add(self, ticket: T) -> None:
        """Put a ticket at the end of its bundle's line."""
        self._waiting.setdefault(ticket.digest, deque()).append(ticket)

    def discard(self, ticket: T) -> None:
        """Take a waiting ticket out of its line; one that runs or is gone is left alone."""
        line = self._waiting.get(ticket.digest)
        if line is not None and ticket in line:
            line.remove(ticket)
            if not line:
                del self._waiting[ticket.digest]

    def standing(self, digest: bytes, now: float) -> Standing:
        """What is known of a bundle at `now`."""
        if self._suspect_until.get(digest, now) > now:
            return Standing.SUSPECT
        return Standing.PROVEN if digest in self._proven else Standing.UNKNOWN

    @property
    def late(self) -> int:
        """Evaluations in overtime: those that overran, as far as there are places."""
        return min(self.overtime, sum(ticket.overran for ticket in self.running))

    def start_next(self, idle: int, now: float) -> T | None:
        """Move the next ticket from waiting to running; None when nobody may start on `idle` workers."""
        if not self._waiting or not idle or len(self.running) - self.late >= self.workers:
            return None
        for _, _, digest in sorted(self._candidates(now)):
            if self._may_start(digest, idle, now):
                line = self._waiting.pop(digest)
                ticket = line.popleft()
                if line:
                    self._waiting[digest] = line  # at the end: bundles take turns
                self.running.add(ticket)
                return ticket
        return None

    def finish(self, ticket: T, *, cpu: float | None, broken: bool, now: float) -> None:
        """Record how a ticket ended: CPU seconds used (None: proves nothing), and whether its worker died of it."""
        self.running.discard(ticket)
        if cpu is None and not broken:
            return
        if broken or (cpu or 0.0) > SLOW:
            self._proven.pop(ticket.digest, None)
            self._suspect_until[ticket.digest] = now + MEMORY
            self._suspect_until.move_to_end(ticket.digest)
        elif self.standing(ticket.digest, now) is not Standing.SUSPECT:
            self._suspect_until.pop(ticket.digest, None)
            self._proven[ticket.digest] = None
            self._proven.move_to_end(ticket.digest)
        for known in (self._proven, self._suspect_until):
            while len(known) > _REMEMBERED:
                known.popitem(last=False)

    def _candidates(self, now: float) -> Iterator[tuple[int, int, bytes]]:
        """(rank, turn, bundle) of each line's head."""
        for turn, (digest, line) in enumerate(self._waiting.items()):
            impatient = now - line[0].since > PATIENCE
            yield (0 if impatient else self.standing(digest, now)), turn, digest

    def _may_start(self, digest: bytes, idle: int, now: float) -> bool:
        own = [ticket for ticket in self.running if ticket.digest == digest]
        standing = self.standing(digest, now)
        if standing is Standing.PROVEN and not any(ticket.overran for ticket in own):
            return True
        if standing is not Standing.PROVEN and own:
            return False
        free = self.overtime - self.late
        if self._unproven(now) >= free + self.workers - 1:
            return False
        if standing is Standing.SUSPECT:
            return idle > 1 and free > 0 and self._suspects(now) < max(1, self.overtime - 1)
        return True

    def _unproven(self, now: float) -> int:
        """Regular places held by what may yet run long."""
        held = sum(t.overran or self.standing(t.digest, now) is not Standing.PROVEN for t in self.running)
        return held - self.late

    def _suspects(self, now: float) -> int:
        return sum(self.standing(ticket.digest, now) is Standing.SUSPECT for ticket in self.running)
