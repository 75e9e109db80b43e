"""Guards: what must hold of a function's result, checked while it runs, and counted for a `speclive-result`.

`when` is told the arguments and says whether the check applies; `then` is told the result and the arguments and says
whether it holds. The caller sees the function's own result and its own exceptions, and nothing else, unless the guard
was told to raise. A call that raises has no result, and is not a check. Arguments and results are never kept: they may
hold secrets; what is kept of a breach is its number and its trace. For several threads and tasks.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import iscoroutinefunction
from threading import Lock
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

from evidence_api.domain.decisions import speclive_result
from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.errors import EvidenceError

__all__ = ["Breach", "Breached", "Guard", "Tally", "always", "guard", "guard_of"]

P = ParamSpec("P")
R = TypeVar("R")

EXEMPLARS = 16
_TRACE = 128  # characters


class Breach(NamedTuple):
    """One check that did not hold: which guard's, the how-manieth, its trace, and what `then` raised if it did."""

    guard: str
    check: int
    trace: str
    fault: str = ""


class Breached(EvidenceError):
    """A guard that was told to raise did not hold."""

    default_code = "guard_breached"


class Tally(NamedTuple):
    """What a guard counted. `faults`: times that its own `when`, `trace` or `on_breach` raised."""

    checks: int = 0
    breaches: int = 0
    faults: int = 0
    exemplars: tuple[Breach, ...] = ()


def always(*_: object, **__: object) -> bool:
    """For checks that apply to every call."""
    return True


class Guard:
    """A decorator of functions, sync and async; several functions may share one guard and its count. Made by `guard`.

    >>> within = guard(when=lambda attempt: attempt > 0, then=lambda pause, attempt: pause <= 250, name="retry-jitter")
    >>> @within
    ... def pause(attempt):
    ...     return 100 * attempt
    >>> [pause(attempt) for attempt in range(4)]
    [0, 100, 200, 300]
    >>> within.tally().checks, within.tally().breaches
    (3, 1)
    >>> made = within.statement()
    >>> made["guard"], round(made["pValue"], 4), made["sustained"]
    ('retry-jitter', 0.0297, False)
    """

    def __init__(  # noqa: PLR0913  what is checked, what is allowed, and whom to tell
        self,
        when: Callable[..., bool],
        then: Callable[..., bool],
        *,
        name: str,
        allowed_breach_rate: float,
        alpha: float,
        raises: bool,
        on_breach: Callable[[Breach], object] | None,
        trace: Callable[[], str] | None,
    ) -> None:
        if not 0 <= allowed_breach_rate <= 1:
            said = f"{allowed_breach_rate} is not within 0 and 1"
            raise out_of_domain("allowedBreachRate", said, limit=1, value=allowed_breach_rate)
        if not 0 < alpha < 1:
            raise out_of_domain("alpha", f"{alpha} is not between 0 and 1", limit=1, value=alpha)
        self.name = name
        self._allowed, self._alpha = allowed_breach_rate, alpha
        self._when, self._then = when, then
        self._raises, self._on_breach, self._trace = raises, on_breach, trace
        self._lock = Lock()
        self._checks = self._breaches = self._faults = 0
        self._exemplars: deque[Breach] = deque(maxlen=EXEMPLARS)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The same function, guarded. A guard without a name takes that of the first function."""
        self.name = self.name or getattr(function, "__qualname__", type(function).__qualname__)
        guarded = self._awaiting(function) if _is_async(function) else self._calling(function)
        guarded.__dict__["guard"] = self
        return guarded

    def tally(self) -> Tally:
        """What was counted so far, at one moment."""
        with self._lock:
            return self._counted()

    def reset(self) -> Tally:
        """What was counted so far; counting begins anew. No check falls between two tallies."""
        with self._lock:
            counted = self._counted()
            self._checks = self._breaches = self._faults = 0
            self._exemplars.clear()
        return counted

    def statement(self, tally: Tally | None = None) -> dict[str, Any]:
        """The predicate's own fields, of what `reset` gave or of all so far, with the latest breaches as exemplars."""
        counted = self.tally() if tally is None else tally
        shown = [{"check": one.check, "trace": one.trace, "fault": one.fault} for one in counted.exemplars]
        made = speclive_result.statement(self.name, self._allowed, counted.checks, counted.breaches, self._alpha)
        return {**made, "faults": counted.faults, "exemplars": shown}

    def _calling(self, function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            applies = self._applies(*args, **kwargs)
            result = function(*args, **kwargs)
            if applies:
                self._check(result, *args, **kwargs)
            return result

        return guarded

    def _awaiting(self, function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> object:
            applies = self._applies(*args, **kwargs)
            result = await cast("Callable[P, Awaitable[object]]", function)(*args, **kwargs)
            if applies:
                self._check(result, *args, **kwargs)
            return result

        return cast("Callable[P, R]", guarded)

    def _applies(self, *args: object, **kwargs: object) -> bool:
        """Asked before the call, which may alter its arguments."""
        try:
            return bool(self._when(*args, **kwargs))
        except Exception:  # noqa: BLE001  the caller must not suffer from a faulty guard; it is counted and stated
            self._fault()
            return False

    def _check(self, result: object, *args: object, **kwargs: object) -> None:
        fault = ""
        try:
            holds = bool(self._then(result, *args, **kwargs))
        except Exception as raised:  # noqa: BLE001  the same; a check that cannot be made does not hold
            holds, fault = False, type(raised).__name__
        if holds:
            with self._lock:
                self._checks += 1
        else:
            self._breach(fault)

    def _breach(self, fault: str) -> None:
        trace = self._traced()
        with self._lock:
            self._checks += 1
            self._breaches += 1
            breach = Breach(self.name, self._checks, trace, fault)
            self._exemplars.append(breach)
        if self._on_breach is not None:
            try:
                self._on_breach(breach)
            except Exception:  # noqa: BLE001  the same
                self._fault()
        if self._raises:
            raise Breached(f"{self.name} does not hold", guard=self.name, check=breach.check, trace=trace)

    def _traced(self) -> str:
        try:
            return self._trace()[:_TRACE] if self._trace is not None else ""
        except Exception:  # noqa: BLE001  the same
            self._fault()
            return ""

    def _fault(self) -> None:
        with self._lock:
            self._faults += 1

    def _counted(self) -> Tally:
        return Tally(self._checks, self._breaches, self._faults, tuple(self._exemplars))


def guard(  # noqa: PLR0913  what is checked, what is allowed, and whom to tell
    when: Callable[..., bool],
    then: Callable[..., bool],
    *,
    name: str = "",
    allowed_breach_rate: float = 0.01,
    alpha: float = 0.01,
    raises: bool = False,
    on_breach: Callable[[Breach], object] | None = None,
    trace: Callable[[], str] | None = None,
) -> Guard:
    """`@guard(when, then)`: check that `then(result, *arguments)` wherever `when(*arguments)`.

    `trace` gives the current trace's id, for exemplars; `on_breach` is told of each breach; with `raises`, so
    is the caller, by Breached. Raises Malformed `out_of_domain` for a rate or an alpha that is none.

    >>> @guard(when=always, then=lambda total, prices: total >= max(prices), trace=lambda: "4bf92f3577b34da6")
    ... def total(prices):
    ...     return sum(prices)
    >>> total([1, 2]), total([1, -2])
    (3, -1)
    >>> guard_of(total).statement()["exemplars"]
    [{'check': 2, 'trace': '4bf92f3577b34da6', 'fault': ''}]
    """
    return Guard(
        when,
        then,
        name=name,
        allowed_breach_rate=allowed_breach_rate,
        alpha=alpha,
        raises=raises,
        on_breach=on_breach,
        trace=trace,
    )


def guard_of(function: Callable[..., object]) -> Guard:
    """The guard around a function: the outermost, where there are several. Raises AttributeError without one."""
    return cast("Guard", function.guard)  # type: ignore[attr-defined]  # set by Guard.__call__


def _is_async(function: Callable[..., object]) -> bool:
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  which
