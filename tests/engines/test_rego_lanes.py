"""Who starts next: the rules that keep hostile bundles from holding up the others."""

from evidence_api.engines.rego_lanes import MAX_SUSPECTS, MEMORY, SLOW, Lanes, Standing, Ticket

A, B, C, D = (letter * 32 for letter in (b"a", b"b", b"c", b"d"))


def lanes(workers: int = 2, overtime: int = 2) -> Lanes[Ticket]:
    return Lanes(workers, overtime)


def start(lane: Lanes[Ticket], digest: bytes, *, idle: int = 3, now: float = 0.0) -> Ticket | None:
    lane.add(Ticket(digest, now))
    return lane.start_next(idle, now)


def prove(lane: Lanes[Ticket], digest: bytes, now: float = 0.0) -> None:
    ticket = start(lane, digest, now=now)
    assert ticket is not None
    lane.finish(ticket, cpu=0.001, broken=False, now=now)
    assert lane.standing(digest, now) is Standing.PROVEN


def suspect(lane: Lanes[Ticket], digest: bytes, now: float = 0.0) -> None:
    ticket = start(lane, digest, now=now)
    assert ticket is not None
    lane.finish(ticket, cpu=None, broken=True, now=now)
    assert lane.standing(digest, now) is Standing.SUSPECT


def test_quick_is_proven_slow_and_broken_are_suspect_and_that_passes() -> None:
    lane = lanes()
    assert lane.standing(A, 0.0) is Standing.UNKNOWN
    prove(lane, A)
    ticket = start(lane, A)
    assert ticket is not None
    lane.finish(ticket, cpu=SLOW * 2, broken=False, now=1.0)
    assert lane.standing(A, 1.0) is Standing.SUSPECT
    suspect(lane, B)
    assert lane.standing(B, MEMORY - 1) is Standing.SUSPECT
    assert lane.standing(B, MEMORY + 1) is Standing.UNKNOWN


def test_a_check_that_ends_well_proves_nothing() -> None:
    lane = lanes()
    ticket = start(lane, A)
    assert ticket is not None
    lane.finish(ticket, cpu=None, broken=False, now=0.0)
    assert lane.standing(A, 0.0) is Standing.UNKNOWN


def test_proven_may_take_every_place() -> None:
    lane = lanes()
    prove(lane, A)
    assert start(lane, A)
    assert start(lane, A)
    assert start(lane, A) is None


def test_unknown_bundle_runs_once_at_a_time() -> None:
    lane = lanes()
    assert start(lane, A)
    assert start(lane, A) is None
    assert start(lane, B)


def test_overtime_frees_the_place() -> None:
    lane = lanes()
    first, second = start(lane, A), start(lane, B)
    assert first
    assert second
    assert start(lane, C) is None
    first.overran = True
    assert lane.late == 1
    started = lane.start_next(2, 0.0)
    assert started is not None
    assert started.digest == C


def test_full_overtime_leaves_a_place_only_the_proven_may_take() -> None:
    lane = lanes()
    prove(lane, D)
    for digest in (A, B):
        ticket = start(lane, digest)
        assert ticket is not None
        ticket.overran = True
    assert start(lane, C)
    assert start(lane, b"e" * 32) is None
    assert start(lane, D) is not None


def test_suspects_wait_for_each_other_and_leave_an_idle_worker() -> None:
    lane = lanes()
    suspect(lane, A)
    suspect(lane, B)
    assert start(lane, A, idle=1) is None
    running = lane.start_next(2, 0.0)
    assert running is not None
    assert running.digest == A
    assert start(lane, B) is None


def test_better_standing_goes_first_until_patience_ends() -> None:
    lane = lanes()
    prove(lane, A)
    suspect(lane, B)
    lane.add(Ticket(B, 0.0))
    lane.add(Ticket(A, 0.5))
    lane.add(Ticket(A, 0.5))
    first = lane.start_next(3, 0.6)
    assert first is not None
    assert first.digest == A
    second = lane.start_next(3, 1.2)
    assert second is not None
    assert second.digest == B


def test_bundles_take_turns() -> None:
    lane = lanes(workers=1)
    prove(lane, A)
    prove(lane, B)
    for _ in range(3):
        lane.add(Ticket(A, 0.0))
    lane.add(Ticket(B, 0.0))
    order = []
    while ticket := lane.start_next(1, 0.0):
        order.append(ticket.digest)
        lane.finish(ticket, cpu=0.0, broken=False, now=0.0)
    assert order == [A, B, A, A]


def test_suspects_cannot_fill_the_queue() -> None:
    lane = lanes()
    suspect(lane, A)
    for _ in range(MAX_SUSPECTS):
        assert lane.room(A, 0.0)
        lane.add(Ticket(A, 0.0))
    assert not lane.room(A, 0.0)
    assert lane.room(B, 0.0)


def test_who_leaves_is_gone() -> None:
    lane = lanes()
    ticket = Ticket(A, 0.0)
    lane.add(ticket)
    lane.discard(ticket)
    lane.discard(ticket)
    assert len(lane) == 0
    assert lane.start_next(3, 0.0) is None
