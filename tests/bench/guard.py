"""Guards: what one adds to a call of 1 ms, at the 95th percentile.

    python -m tests.bench.guard [--calls N] [--json]

A call spins until it has used 1 ms of processor time, so whatever a guarded call takes beyond that is the guard's.
Processor time of this thread alone is measured, and of ten rounds the quietest counts, the one in which guarded and
bare calls together took the least: what others on the machine do shows as little as may be (they still empty the
caches). Guarded and bare calls take turns; `bare` is what the clock and the call add by themselves.
"""

import asyncio
import sys
import time
from collections.abc import Callable

from evidence_api.domain.decisions.guards import guard
from tests.bench._figures import parser_of, show

CALL = 1_000_000  # nanoseconds
ROUNDS = 10


def spin(attempt: int) -> int:
    """A call of 1 ms."""
    begun = time.thread_time_ns()
    while time.thread_time_ns() - begun < CALL:
        pass
    return attempt


async def spin_async(attempt: int) -> int:
    """The same in a coroutine."""
    return spin(attempt)


def over(call: Callable[[int], int], attempt: int) -> int:
    """Nanoseconds of processor time beyond 1 ms."""
    begun = time.thread_time_ns()
    call(attempt)
    return time.thread_time_ns() - begun - CALL


def turns(bare: Callable[[int], int], guarded: Callable[[int], int], calls: int) -> tuple[float, float]:
    """One round: the two 95th percentiles, in microseconds."""
    pairs = [(over(bare, attempt), over(guarded, attempt)) for attempt in range(calls)]
    at = int(calls * 0.95)
    return sorted(one for one, _ in pairs)[at] / 1000, sorted(one for _, one in pairs)[at] / 1000


def measure(bare: Callable[[int], int], guarded: Callable[[int], int], calls: int) -> dict[str, float]:
    """Both of the quietest round, and the guard's share of the call in per cent."""
    rounds = [turns(bare, guarded, calls // ROUNDS) for _ in range(ROUNDS)]
    without, within = min(rounds, key=sum)
    return {"bare_p95_us": without, "guarded_p95_us": within, "overhead_p95_percent": (within - without) / 10}


def figures(calls: int) -> dict[str, float]:
    """Both sorts of function, the check holding."""
    within = guard(lambda attempt: attempt >= 0, lambda result, attempt: result == attempt, name="spin")
    loop = asyncio.new_event_loop()
    guarded, guarded_async = within(spin), within(spin_async)
    sync = measure(spin, guarded, calls)
    later = measure(
        lambda attempt: loop.run_until_complete(spin_async(attempt)),
        lambda attempt: loop.run_until_complete(guarded_async(attempt)),
        calls,
    )
    loop.close()
    counted = within.tally()
    named = [
        (f"{sort}_{name}", value) for sort, found in (("sync", sync), ("async", later)) for name, value in found.items()
    ]
    return {"calls": calls, "checks": counted.checks, **{name: round(value, 3) for name, value in named}}


def main() -> int:
    """Print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--calls", type=int, default=4000)
    chosen = parser.parse_args()
    show(figures(chosen.calls), as_json=chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
