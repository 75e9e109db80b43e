"""What policies did in a period, for the people who tune them: a pure function of counts, so it can be had again.

A rule is noisy when what it denied was overridden later: people with the right to say so found it wrong. A rule of the
loaded policy that never fired is either not needed, or not asked the way its author thought.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_api.domain.decision import UNDEFINED

_RISE = 2  # times as often as in the period before
_ENOUGH = 10  # denials before a rise means anything
_MOSTLY = 0.5  # share of an area's decisions


@dataclass(frozen=True, slots=True)
class Hit:
    """How often a rule of an area spoke in decisions that allowed, or denied. `rule` "" counts the decisions."""

    area: str
    rule: str
    allow: bool
    hits: int
    first: datetime


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How often a denial of the area was told with this reason."""

    area: str
    reason: str
    hits: int


@dataclass(frozen=True, slots=True)
class Overriding:
    """One override of a policy rule: the evidence that says so, and when it arrived."""

    rule: str
    evidence: str
    at: datetime
    owner: str
    approver: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one tenant from `since` to `until`, and in as long a time before."""

    tenant: str
    since: datetime
    until: datetime
    hits: tuple[Hit, ...]
    before: tuple[Hit, ...]
    reasons: tuple[ReasonCount, ...]
    overrides: tuple[Overriding, ...]


@dataclass(frozen=True, slots=True)
class RuleUse:
    """One rule, or (rule "") an area as a whole. `share` is of the area's decisions, 0 to 1; `change` is denials more
    than in the period before."""

    area: str
    rule: str
    allows: int
    denies: int
    share: float
    denied_before: int
    overrides: tuple[Overriding, ...] = ()

    @property
    def change(self) -> int:
        """Denials more (or fewer) than in the period before."""
        return self.denies - self.denied_before


@dataclass(frozen=True, slots=True)
class Silent:
    """A rule of the loaded policy that never fired, though its area made so many decisions."""

    area: str
    rule: str
    decisions: int


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What people look at: areas and rules by how often they denied, the noisy ones, those that never fired, and in
    which order to look."""

    tenant: str
    since: datetime
    until: datetime
    policy: str
    areas: tuple[RuleUse, ...]
    rules: tuple[RuleUse, ...]
    noisy: tuple[RuleUse, ...]
    never_fired: tuple[Silent, ...]
    reasons: tuple[ReasonCount, ...]
    look_at: tuple[str, ...]


def telemetry(counts: Counts, loaded: Iterable[tuple[str, str]], policy: str) -> Telemetry:
    """The telemetry of a period. `loaded` are area and id of every rule of the policy in force, whose digest is
    `policy`."""
    uses = _uses(counts)
    areas = tuple(use for use in uses if not use.rule)
    rules = tuple(use for use in uses if use.rule)
    noisy = tuple(sorted((use for use in rules if use.overrides), key=_noise))
    asked = {use.area: use.allows + use.denies for use in areas}
    silent = set(loaded).difference((use.area, use.rule) for use in rules)
    never = tuple(Silent(area, rule, asked.get(area, 0)) for area, rule in sorted(silent))
    reasons = tuple(sorted(counts.reasons, key=lambda one: (-one.hits, one.area, one.reason)))
    look_at = tuple(_look_at(areas, rules, noisy, never))
    return Telemetry(counts.tenant, counts.since, counts.until, policy, areas, rules, noisy, never, reasons, look_at)


def _uses(counts: Counts) -> list[RuleUse]:
    """Every rule that fired in the period, those that denied most first."""
    allows, denies = _by_rule(counts.hits, allow=True), _by_rule(counts.hits, allow=False)
    before = _by_rule(counts.before, allow=False)
    denied: dict[tuple[str, str], datetime] = {}
    for hit in (*counts.hits, *counts.before):
        if not hit.allow:
            denied[hit.area, hit.rule] = min(hit.first, denied.get((hit.area, hit.rule), hit.first))
    later = _by_override(counts.overrides)
    uses = []
    for area, rule in sorted(allows.keys() | denies.keys()):
        key, whole = (area, rule), (area, "")
        decisions = allows.get(whole, 0) + denies.get(whole, 0)
        spoke = allows.get(key, 0) + denies.get(key, 0)
        overrides = [one for one in later.get(rule, ()) if key in denied and denied[key] <= one.at]
        uses.append(
            RuleUse(
                area=area,
                rule=rule,
                allows=allows.get(key, 0),
                denies=denies.get(key, 0),
                share=round(spoke / decisions, 4) if decisions else 0.0,
                denied_before=before.get(key, 0),
                overrides=tuple(sorted(overrides, key=lambda one: (one.at, one.evidence))),
            )
        )
    return sorted(uses, key=lambda use: (-use.denies, -use.allows, use.area, use.rule))


def _by_rule(hits: Sequence[Hit], *, allow: bool) -> Mapping[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for hit in hits:
        if hit.allow == allow:
            found[hit.area, hit.rule] = found.get((hit.area, hit.rule), 0) + hit.hits
    return found


def _by_override(overrides: Sequence[Overriding]) -> Mapping[str, Sequence[Overriding]]:
    found: dict[str, list[Overriding]] = {}
    for one in overrides:
        found.setdefault(one.rule, []).append(one)
    return found


def _noise(use: RuleUse) -> tuple[int, int, str, str]:
    return -len(use.overrides), -use.denies, use.area, use.rule


def _look_at(
    areas: Sequence[RuleUse], rules: Sequence[RuleUse], noisy: Sequence[RuleUse], never: Sequence[Silent]
) -> Iterable[str]:
    """Sentences, the most urgent first."""
    for use in rules:
        if use.rule == UNDEFINED:
            yield f"{use.area} gave no answer {_times(use.denies)}, which denies: no rule of it covers what it is asked"
    for use in noisy:
        yield (
            f"{use.rule} denied {_times(use.denies)} and was overridden {_times(len(use.overrides))}: "
            "change the rule, or what it is meant to stop"
        )
    for use in rules:
        if use.denies >= _ENOUGH and use.denies >= _RISE * use.denied_before:
            yield f"{use.rule} denied {_times(use.denies)}, {use.denied_before} in the period before"
    for use in areas:
        decisions = use.allows + use.denies
        if use.denies >= _ENOUGH and use.denies > _MOSTLY * decisions:
            yield f"{use.area} denied {use.denies} of {decisions} decisions: most of those who ask are not let through"
    asked = sum(one.decisions > 0 for one in never)
    if asked:
        silent = "1 rule" if asked == 1 else f"{asked} rules"
        yield f"{silent} of areas that are asked never fired: check what they look for"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
