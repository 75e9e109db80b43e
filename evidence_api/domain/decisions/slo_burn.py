"""`slo-burn` -> kind `slo`: how fast an error budget is spent, over several windows at once.

Burn rate of a window = (1 - good / total) / (1 - target): 1 spends the budget exactly within the period of the
objective; a window without traffic burns nothing. The alert fires when every window burns at `alertAt` or faster: the
long one says that it matters, the short one that it still happens. Computed in fractions, so that a rate which meets
`alertAt` exactly is met. Source: Site Reliability Workbook (2018), chapter 5.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field

from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import Claim, Count, Inside, Part, Predicate, Rows, Unsigned, Word
from evidence_api.domain.fact_type import FactType


class Window(Part):
    """Requests of the last `seconds`: those that were good, and all."""

    seconds: Annotated[Count, Field(ge=1)] = Field(description="How long the window is")
    good: Count
    total: Count


class SloBurn(Predicate):
    """The predicate. `slo` names the objective, where a release has several."""

    slo: Word | None = Field(default=None, description="Which objective")
    slo_target: Inside = Field(description="Share of requests that shall be good, between 0 and 1")
    windows: Rows[Window] = Field(min_length=1)
    alert_at: Unsigned = Field(description="Burn rate from which every window counts")
    burn_rates: Rows[Claim] = Field(
        description="Derived: (1 - good/total) / (1 - target) of each window; 0 without traffic"
    )
    alert: bool = Field(description="Derived: whether every window burns at `alertAt` or more")


def burn_rate(good: int, total: int, target: float) -> Fraction:
    """Budgets spent in one period of the objective at this rate; 0 with no traffic.

    >>> float(burn_rate(99_800, 100_000, 0.999))
    2.0
    """
    if total == 0:
        return Fraction(0)
    return Fraction(total - good, total) / (1 - exact(target))


def alerts(rates: Sequence[Fraction], alert_at: float) -> bool:
    """Whether every window burns at `alert_at` or faster."""
    limit = exact(alert_at)
    return all(rate >= limit for rate in rates)


def statement(
    target: float, windows: Sequence[tuple[int, int, int]], alert_at: float, slo: str | None = None
) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`; windows are (seconds, good,
    total).

    >>> hour, five_minutes = (3600, 99_700, 100_000), (300, 9_900, 10_000)
    >>> made = statement(0.999, [hour, five_minutes], alert_at=2, slo="checkout-availability")
    >>> made["burnRates"], made["alert"]
    ([3.0, 10.0], True)
    """
    rates = [burn_rate(good, total, target) for _, good, total in windows]
    return {
        **({} if slo is None else {"slo": slo}),
        "sloTarget": target,
        "windows": [{"seconds": seconds, "good": good, "total": total} for seconds, good, total in windows],
        "alertAt": alert_at,
        "burnRates": [float(rate) for rate in rates],
        "alert": alerts(rates, alert_at),
    }


def _derive(predicate: SloBurn, _: Given) -> Derived:
    for index, window in enumerate(predicate.windows):
        if window.good > window.total:
            said = f"{window.good} good, of {window.total}"
            raise out_of_domain(f"windows.{index}.good", said, limit=window.total, value=window.good)
    rates = [burn_rate(window.good, window.total, predicate.slo_target) for window in predicate.windows]
    return Derived({"burnRates": [float(rate) for rate in rates], "alert": alerts(rates, predicate.alert_at)})


def _facts(predicate: SloBurn, derived: Json) -> Mapping[str, Fact | None]:
    rates = derived.get("burnRates")
    return {
        "slo": predicate.slo,
        "target": predicate.slo_target,
        "alert_at": predicate.alert_at,
        "burn_rate": min(rates) if rates else None,
        "worst_burn_rate": max(rates) if rates else None,
        "alert": derived.get("alert"),
    }


def _explain(predicate: SloBurn, derived: Json) -> str:
    pairs = zip(predicate.windows, derived["burnRates"], strict=True)
    slowest, rate = min(pairs, key=lambda pair: pair[1])
    said = "alert" if derived["alert"] else "no alert"
    windows = len(predicate.windows)
    return (
        f"{predicate.slo or 'the error budget'} burns at {rate:.4g} over {slowest.seconds} s, the slowest of {windows} "
        f"{'window' if windows == 1 else 'windows'}, against {predicate.alert_at:g}: {said}"
    )


def _series(predicate: SloBurn) -> str:
    """Named or not, one objective's alert must not supersede another's."""
    windows = ",".join(str(window.seconds) for window in predicate.windows)
    return f"{predicate.slo or ''}/{predicate.slo_target}/{windows}"


KIND = DecisionKind(
    name="slo-burn",
    kind="slo",
    title="Burn rate of an error budget over several windows",
    model=SloBurn,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "slo": FactType.WORD,
        "target": FactType.NUMBER,
        "alert_at": FactType.NUMBER,
        "burn_rate": FactType.NUMBER,
        "worst_burn_rate": FactType.NUMBER,
        "alert": FactType.BOOLEAN,
    },
    series=_series,
)
