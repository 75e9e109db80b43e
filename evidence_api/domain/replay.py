"""What if: the same release under other rules, evidence or time; who flips, why, and which factor moved it.

A verdict rests on six factors. The recorded assessment has one value of each, the replay another:

    evidence     leaves that arrived since, and bodies that were erased since
    catalog      controls, queries, texts
    policy       the operator's own Rego and its data
    waiver       waivers of the catalog, and evidence of kind `override`
    trust root   what a later check of the same bytes said (domain/recheck.py) in place of what was recorded
    time         the moment of evaluation

To say which one moved a verdict, one factor at a time takes its new value while the others stay as recorded. A factor
that alone gives the new outcome explains it; where none does, pairs are tried, then a set of which none can be left
out.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations
from typing import TypeAlias

from evidence_api.domain.evidence import Evidence
from evidence_api.domain.recheck import Recheck
from evidence_api.domain.verdict import WORST_FIRST, Finding, Outcome
from evidence_api.domain.verification import CertificateSigner, Failed, Unsigned, Unsupported, Verified
from evidence_api.domain.waiver import OVERRIDE

ABSENT = "absent"  # in the place of an outcome: the catalog has no such control
SATISFIED = frozenset({Outcome.PASS.value, Outcome.NOT_APPLICABLE.value})


class Factor(StrEnum):
    """What a verdict rests on. SOFTWARE is this program itself: the recorded inputs, evaluated again, do not give what
    was recorded, so another version of it decided otherwise, or it was recorded wrongly."""

    EVIDENCE = "evidence"
    CATALOG = "catalog"
    POLICY = "policy"
    WAIVER = "waiver"
    TRUST_ROOT = "trust root"
    TIME = "time"
    SOFTWARE = "software"


MOVABLE = tuple(factor for factor in Factor if factor is not Factor.SOFTWARE)

Swap: TypeAlias = frozenset[Factor]  # the factors with their new value; the others stay as recorded
Outcomes: TypeAlias = Mapping[str, str]  # control -> outcome, or absent
Moved: TypeAlias = tuple[tuple[Factor, ...], ...]  # sets that each give the new outcome; () where none could be found


@dataclass(frozen=True, slots=True)
class Flip:
    """One control of one release whose outcome changes. `was` and `now` are both sentences; `note` says why it could
    not be told what moved."""

    release: str  # name@version
    control: str
    before: str
    after: str
    was: str
    now: str
    moved: Moved = ()
    note: str = ""

    @property
    def regression(self) -> bool:
        """Whether a control that was satisfied no longer is; one that is no longer asked is not satisfied either."""
        return self.before in SATISFIED and self.after not in SATISFIED


def flips_of(release: str, before: Sequence[Finding], after: Sequence[Finding]) -> tuple[Flip, ...]:
    """Every control whose outcome differs, in the order of the new catalog; those it lacks come last."""
    old = {finding.control: finding for finding in before}
    new = {finding.control: finding for finding in after}
    changed = (name for name in {**new, **old} if outcome_of(old.get(name)) != outcome_of(new.get(name)))
    return tuple(
        Flip(
            *(release, name, outcome_of(old.get(name)), outcome_of(new.get(name))),
            *(_sentence(old.get(name)), _sentence(new.get(name))),
        )
        for name in changed
    )


def outcome_of(finding: Finding | None) -> str:
    """The outcome after waivers, or `absent`."""
    return ABSENT if finding is None else finding.outcome.value


def outcomes_of(findings: Iterable[Finding]) -> dict[str, str]:
    """Control -> outcome."""
    return {finding.control: finding.outcome.value for finding in findings}


def _sentence(finding: Finding | None) -> str:
    return "The catalog has no such control." if finding is None else finding.because


def swaps(moving: Collection[Factor], size: int) -> tuple[Swap, ...]:
    """Every set of `size` of the factors that differ, in the order of Factor."""
    ordered = [factor for factor in Factor if factor in moving]
    return tuple(frozenset(chosen) for chosen in combinations(ordered, size))


def explained(flip: Flip, trials: Mapping[Swap, Outcomes], size: int) -> Moved:
    """The sets of `size` factors tried that give the flip's new outcome."""
    return tuple(
        ordered(swap)
        for swap, outcomes in trials.items()
        if len(swap) == size and outcomes.get(flip.control, ABSENT) == flip.after
    )


def ordered(swap: Swap) -> tuple[Factor, ...]:
    """A set of factors in the order of Factor."""
    return tuple(factor for factor in Factor if factor in swap)


def unearthed(recorded: Sequence[Finding], owned: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The evidence as it was when it was assessed: bodies that are erased now counted then, unless a finding
    recorded them as withheld."""
    withheld = {one for finding in recorded for query in finding.queries for one in query.withheld}
    return tuple(replace(one, erased=False) if one.erased and one.id not in withheld else one for one in owned)


def evidence_for(swap: Swap, then: Sequence[Evidence], now: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """What is looked at: overrides belong to the factor waiver, all else to the factor evidence."""
    others = now if Factor.EVIDENCE in swap else then
    overrides = now if Factor.WAIVER in swap else then
    chosen = [one for one in others if one.kind != OVERRIDE] + [one for one in overrides if one.kind == OVERRIDE]
    return tuple(sorted(chosen, key=lambda one: one.leaf_index))


def rechecked(evidence: Sequence[Evidence], checks: Mapping[int, Recheck]) -> tuple[Evidence, ...]:
    """The evidence with the result of its newest later check in the place of the recorded one, where they differ."""
    return tuple(_rechecked(one, checks.get(one.leaf_index)) for one in evidence)


def _rechecked(one: Evidence, check: Recheck | None) -> Evidence:
    if check is None or check.status == one.verification.status:
        return one
    if check.status == Verified.status:
        signer = CertificateSigner("", check.signer, "")  # a check keeps the signer's label alone
        return replace(one, verification=Verified(signer, check.grounds.root_digest, ()))
    if check.status == Unsupported.status:
        return replace(one, verification=Unsupported(check.message, check.code))
    if check.status == Unsigned.status:
        return replace(one, verification=Unsigned(check.code))
    return replace(one, verification=Failed(check.code, check.message))


@dataclass(slots=True)
class Group:
    """The flips of one control, from one outcome to another, moved by the same: how many, and one of them."""

    example: Flip
    count: int = 0
    releases: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """What a replay found, bounded by the catalog and not by the number of releases: groups whole, flips as far as
    `most`."""

    most: int
    replayed: int = 0
    touched: int = 0
    flips: list[Flip] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    groups: dict[tuple[str, str, str, Moved], Group] = field(default_factory=dict)

    def add(self, flips: Sequence[Flip]) -> None:
        """One release that was replayed."""
        self.replayed += 1
        self.touched += bool(flips)
        for flip in flips:
            self.counts["flips"] += 1
            self.counts["regressions"] += flip.regression
            group = self.groups.setdefault((flip.control, flip.before, flip.after, flip.moved), Group(flip))
            group.count += 1
            if len(group.releases) < _NAMED:
                group.releases.append(flip.release)
            if len(self.flips) < self.most:
                self.flips.append(flip)

    def worst_first(self) -> list[Group]:
        """The groups: regressions first, then by the new outcome, then by control."""
        return sorted(self.groups.values(), key=_severity)


_NAMED = 5  # releases a group names
_RANK = {outcome.value: place for place, outcome in enumerate(WORST_FIRST)}


def _severity(group: Group) -> tuple[bool, int, str]:
    flip = group.example
    return not flip.regression, _RANK.get(flip.after, len(_RANK)), flip.control
