"""Replaying one release: assess it with some factors swapped, each combination once, and tell what moved a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from evidence_api.domain.assessment import Assessment
from evidence_api.domain.control import Catalog
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.facts import rows_of
from evidence_api.domain.recheck import Recheck
from evidence_api.domain.replay import (
    ABSENT,
    Factor,
    Flip,
    Moved,
    Outcomes,
    Swap,
    evidence_for,
    explained,
    ordered,
    outcomes_of,
    rechecked,
    swaps,
    unearthed,
)
from evidence_api.domain.waiver import OVERRIDE
from evidence_api.engines.rego import PolicyBundle, RegoPool
from evidence_api.use_cases.evaluate import assess_release

_AS_RECORDED: Swap = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """The catalog and the operator's policy of one side."""

    catalog: Catalog
    policy: PolicyBundle


@dataclass(frozen=True, slots=True)
class Case:
    """One release with both values of what is read from the database: `then` and `now` are the evidence it owned
    when it was assessed and owns now, `checks` the newest later check by leaf."""

    release: Release
    recorded: Assessment
    then: tuple[Evidence, ...]
    now: tuple[Evidence, ...]
    checks: Mapping[int, Recheck]


class Trials:
    """The assessments of one case, by the factors swapped. `moving` are those that differ and are not held."""

    def __init__(self, rego: RegoPool, case: Case, old: Rules, new: Rules, at: datetime) -> None:
        self._rego = rego
        self._case = case
        self._then = unearthed(case.recorded.findings, case.then)
        self._old = old
        self._new = new
        self._at = at
        self._tried: dict[Swap, Outcomes] = {}
        self._waived = (
            replace(new.catalog, waivers=old.catalog.waivers),
            replace(old.catalog, waivers=new.catalog.waivers),
        )

    def differing(self) -> Swap:
        """The factors whose new value is another than the recorded one."""
        case, old, new = self._case, self._old, self._new
        differs = {
            Factor.EVIDENCE: _ids(self._then, override=False) != _ids(case.now, override=False),
            Factor.CATALOG: old.catalog.controls != new.catalog.controls,
            Factor.POLICY: old.policy.digest != new.policy.digest,
            Factor.WAIVER: old.catalog.waivers != new.catalog.waivers
            or _ids(self._then, override=True) != _ids(case.now, override=True),
            Factor.TRUST_ROOT: rechecked(case.now, case.checks) != case.now,
            Factor.TIME: self._at != case.recorded.evaluated_at,
        }
        return frozenset(factor for factor, is_other in differs.items() if is_other)

    async def assess(self, swap: Swap) -> Assessment:
        """The release with these factors swapped. Raises Overloaded, InvalidSource."""
        case = self._case
        evidence = evidence_for(swap, self._then, case.now)
        if Factor.TRUST_ROOT in swap:
            evidence = rechecked(evidence, case.checks)
        assessment = await assess_release(
            self._rego,
            self._catalog(swap),
            (self._new if Factor.POLICY in swap else self._old).policy,
            case.release,
            rows_of(case.release, evidence),
            tree_size=case.recorded.tree_size,
            at=self._at if Factor.TIME in swap else case.recorded.evaluated_at,
        )
        self._tried[swap] = outcomes_of(assessment.findings)
        return assessment

    async def moved(self, moving: Swap, flips: Sequence[Flip]) -> dict[str, Moved]:
        """What moved each flip: single factors, else pairs, else a set none of which can be left out."""
        as_recorded = await self._outcomes(_AS_RECORDED)
        recorded = outcomes_of(self._case.recorded.findings)
        drifted = {flip.control for flip in flips if as_recorded.get(flip.control) != recorded.get(flip.control)}
        found: dict[str, Moved] = {
            flip.control: ((),) for flip in flips if as_recorded.get(flip.control, ABSENT) == flip.after
        }
        for size in (1, 2):
            left = [flip for flip in flips if flip.control not in found]
            for swap in swaps(moving, size) if left else ():
                await self._outcomes(swap)
            for flip in left:
                sets = explained(flip, self._tried, size)
                found |= {flip.control: sets} if sets else {}
        for flip in flips:
            if flip.control not in found:
                found[flip.control] = (await self._least(moving, flip),)
        return {
            control: tuple((*one, Factor.SOFTWARE) for one in sets) if control in drifted else sets
            for control, sets in found.items()
        }

    async def _least(self, moving: Swap, flip: Flip) -> tuple[Factor, ...]:
        """All that moves, without whatever can be left out."""
        standing = moving
        for factor in ordered(moving):
            outcomes = await self._outcomes(standing - {factor})
            if outcomes.get(flip.control, ABSENT) == flip.after:
                standing -= {factor}
        return ordered(standing)

    async def _outcomes(self, swap: Swap) -> Outcomes:
        if swap not in self._tried:
            await self.assess(swap)
        return self._tried[swap]

    def _catalog(self, swap: Swap) -> Catalog:
        """Controls of one side, waivers of one side. What has both of one side is that very catalog."""
        new_controls, new_waivers = Factor.CATALOG in swap, Factor.WAIVER in swap
        if new_controls == new_waivers or self._old.catalog.waivers == self._new.catalog.waivers:
            return (self._new if new_controls else self._old).catalog
        return self._waived[0 if new_controls else 1]


def _ids(evidence: Sequence[Evidence], *, override: bool) -> list[tuple[str, bool]]:
    return [(one.id, one.erased) for one in evidence if (one.kind == OVERRIDE) is override]
