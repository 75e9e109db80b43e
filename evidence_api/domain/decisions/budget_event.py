"""`budget-event` -> kind `budget`: what was spent of a budget in a period, and how near its limit that is.

spentUSD is the exact decimal sum of the entries; below 80 % of the limit the level is ok, from 80 % on warn80, from
100 % on exceeded100, and then the statement says what was done about it: `downshift` with a reason. Nothing is divided
or rounded, so a limit of 0 is reached at once. An id names one amount: the same id twice in one event is refused,
because nobody could tell whether it was spent twice.
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from evidence_api.domain.decisions.reperforming import (
    DecisionKind,
    Derived,
    Difference,
    Fact,
    Given,
    Json,
    out_of_domain,
)
from evidence_api.domain.decisions.shape import Money, MoneyClaim, Part, Predicate, Rows, Word, WordClaim
from evidence_api.domain.errors import Malformed
from evidence_api.domain.fact_type import FactType
from evidence_api.domain.typed_json import read_typed

Level: TypeAlias = Literal["ok", "warn80", "exceeded100"]
LEVELS: tuple[Level, ...] = ("ok", "warn80", "exceeded100")
Name: TypeAlias = Annotated[Word, Field(max_length=200)]  # what the server's ledger keeps budgets and entries by
MAX_USD = Decimal(10) ** 18  # below it an amount can be written
_EXACT = Context(prec=60)  # 18 digits before the point, 18 behind it, 10,000 times
_PERCENT, _WARN, _FULL = 100, 80, 100
_LONGEST = 1024  # characters of a reason as a fact


class Entry(Part):
    """One amount that was spent, under an id that is its own within the period."""

    id: Name
    usd: Money


class BudgetEvent(Predicate):
    """The predicate. `scope` is what the budget is for (a team, a model); without it, everything of the tenant."""

    period: Name = Field(description="Which month, week or day")
    scope: Name | None = Field(default=None, description="What the budget is for; everything if absent")
    limit_usd: Money
    entries: Rows[Entry]
    spent_usd: MoneyClaim = Field(description="Exact sum of the entries, as decimal text")
    level: WordClaim = Field(description="Derived: ok below 80 %, warn80 below 100 %, else exceeded100")
    downshift: Mapping[str, Any] | None = Field(
        default=None, description="What was done, with a `reason`: needed once the limit is reached"
    )


def spent(amounts: Iterable[str | Decimal]) -> Decimal:
    """The exact sum of amounts, without needless zeros.

    >>> spent(["4.10", "4.2", "0.0000001"])
    Decimal('8.3000001')
    """
    with localcontext(_EXACT):
        total = sum(map(Decimal, amounts), start=Decimal(0))
    return Decimal(usd_text(total))


def difference(whole: Decimal, part: Decimal) -> Decimal:
    """What is left of an amount without a part of it, exactly."""
    with localcontext(_EXACT):
        return whole - part


def level(spent_usd: Decimal, limit_usd: Decimal) -> Level:
    """What a sum means for a limit, exactly.

    >>> level(Decimal("7.99"), Decimal(10)), level(Decimal(8), Decimal(10)), level(Decimal(10), Decimal(10))
    ('ok', 'warn80', 'exceeded100')
    """
    share, limit = Fraction(spent_usd) * _PERCENT, Fraction(limit_usd)
    return "ok" if share < limit * _WARN else "warn80" if share < limit * _FULL else "exceeded100"


def usd_text(value: Decimal) -> str:
    """An amount as money is written in predicates: no exponent, no needless zeros.

    >>> usd_text(Decimal("1E+2")), usd_text(Decimal("0.500")), usd_text(Decimal("0E-9"))
    ('100', '0.5', '0')
    """
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


class Budget:
    """A budget as its owner keeps it: add what is spent, and act on what comes back.

    >>> budget = Budget("2026-11", "10")
    >>> budget.add("run-1", "4.1"), budget.add("run-2", "4.2"), budget.add("run-3", "2")
    ('ok', 'warn80', 'exceeded100')
    >>> note = {"reason": "large models only for release branches until December"}
    >>> stated = budget.statement(downshift=note)
    >>> stated["spentUSD"], stated["level"], stated["downshift"]["reason"]
    ('10.3', 'exceeded100', 'large models only for release branches until December')
    """

    def __init__(self, period: str, limit_usd: str, *, scope: str = "") -> None:
        """`limit_usd` as decimal text."""
        self._period, self._limit, self._scope = period, limit_usd, scope
        self._entries: dict[str, str] = {}

    @property
    def level(self) -> Level:
        """How near the limit it is."""
        return level(spent(self._entries.values()), Decimal(self._limit))

    def add(self, entry: str, usd: str) -> Level:
        """Spend; the same entry again changes nothing. Gives the level afterwards. Raises Malformed (`out_of_domain`:
        another amount under a known id; else no amount), and then nothing is added."""
        read = read_typed(Entry, {"id": entry, "usd": usd}, at="entries")
        known = self._entries.get(read.id)
        if known is not None and Decimal(known) != Decimal(read.usd):
            raise out_of_domain("entries.usd", f"entry {read.id} is {known} already", value=read.usd)
        self._entries.setdefault(read.id, read.usd)
        return self.level

    def statement(self, downshift: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The predicate's own fields, ready to be signed with `producer` and `decidedAt`. Raises as the function."""
        return statement(self._period, self._limit, self._entries.items(), downshift, scope=self._scope)


def statement(
    period: str,
    limit_usd: str,
    entries: Iterable[tuple[str, str]],
    downshift: Mapping[str, Any] | None = None,
    *,
    scope: str = "",
) -> dict[str, Any]:
    """The same of entries kept elsewhere: (id, amount). Raises Malformed (an exceeded budget without a reason).

    >>> statement("2026-11", "10", [("run-1", "4.1"), ("run-2", "4.2")])["level"]
    'warn80'
    """
    listed = [{"id": one, "usd": usd} for one, usd in entries]
    total = spent(one["usd"] for one in listed)
    reached = level(total, Decimal(limit_usd))
    if reached == "exceeded100" and (path := _lacks(downshift)) is not None:
        raise Malformed(f"{path}: an exceeded budget needs a downshift with a reason", path=path)
    return {
        "period": period,
        **({"scope": scope} if scope else {}),
        "limitUSD": limit_usd,
        "entries": listed,
        "spentUSD": usd_text(total),
        "level": reached,
        "downshift": None if downshift is None else dict(downshift),
    }


def _lacks(downshift: Mapping[str, Any] | None) -> str | None:
    """Where the reason should be and is not."""
    if downshift is None:
        return "downshift"
    reason = downshift.get("reason")
    return None if isinstance(reason, str) and reason.strip() else "downshift.reason"


def _derive(predicate: BudgetEvent, _: Given) -> Derived:
    seen: set[str] = set()
    for index, entry in enumerate(predicate.entries):
        if entry.id in seen:
            raise out_of_domain(f"entries.{index}.id", "the entry is there already", value=entry.id)
        seen.add(entry.id)
    total = spent(entry.usd for entry in predicate.entries)
    if total >= MAX_USD:
        raise out_of_domain("entries", "their sum is more than an amount can be", limit=f"{MAX_USD:f}")
    reached = level(total, Decimal(predicate.limit_usd))
    missing = _lacks(predicate.downshift) if reached == "exceeded100" else None
    claimed = None if predicate.downshift is None else predicate.downshift.get("reason")
    also = () if missing is None else (Difference(missing, claimed, "a downshift with a reason"),)
    return Derived({"spentUSD": total, "level": reached}, also)


def _facts(predicate: BudgetEvent, derived: Json) -> Mapping[str, Fact | None]:
    limit, total = Decimal(predicate.limit_usd), derived.get("spentUSD")
    note = predicate.downshift or {}
    return {
        "period": predicate.period,
        "scope": predicate.scope,
        "limit": float(limit),
        "spent": None if total is None else float(total),
        "share": float(Fraction(total) / Fraction(limit)) if total is not None and limit else None,
        "level": derived.get("level"),
        "entries": len(predicate.entries),
        "downshift": None if _lacks(note) else note["reason"][:_LONGEST],
    }


def _explain(predicate: BudgetEvent, derived: Json) -> str:
    named = f"{predicate.period} of {predicate.scope}" if predicate.scope else predicate.period
    told = {"ok": "under 80 %", "warn80": "80 % or more", "exceeded100": "all of it or more"}[derived["level"]]
    total, limit = usd_text(derived["spentUSD"]), predicate.limit_usd
    entries = "1 entry" if len(predicate.entries) == 1 else f"{len(predicate.entries)} entries"
    return f"${total} of ${limit} spent in {named}, {told} ({entries}): {derived['level']}"


KIND = DecisionKind(
    name="budget-event",
    kind="budget",
    title="What was spent of a budget in a period",
    model=BudgetEvent,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    claims=("downshift",),
    facts={
        "period": FactType.WORD,
        "scope": FactType.WORD,
        "limit": FactType.NUMBER,
        "spent": FactType.NUMBER,
        "share": FactType.NUMBER,
        "level": FactType.WORD,
        "entries": FactType.NUMBER,
        "downshift": FactType.WORD,
    },
    words={"level": LEVELS},
    series=lambda predicate: f"{predicate.period} {predicate.scope or ''}".strip(),
)
