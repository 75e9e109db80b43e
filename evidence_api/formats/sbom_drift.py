"""Deriving, sixth step: the drift from a baseline to a release, as a pure function of what their evidence says.

1. Both sides' components are put together and compared. 2. Every source's vulnerabilities of both sides are gathered,
their names joined, VEX asked. 3. New is what the baseline was not known to have when it was the baseline: a
vulnerability published since is new on a component nobody touched. 4. A change is risky by the policy given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from evidence_api.domain.drift import (
    ChangeKind,
    ComponentVulnerability,
    Drift,
    DriftStatus,
    Inventory,
    KnownVulnerability,
    RiskPolicy,
    SuppressedVulnerability,
    UndecidedMatch,
)
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.component_changes import Bill, Changes, bill_of, compare_bills
from evidence_api.formats.packages import Package
from evidence_api.formats.risky_changes import risky_changes
from evidence_api.formats.vex_rulings import Rulings
from evidence_api.formats.vulnerability_claims import (
    Aliases,
    Claims,
    at_least,
    gather_claims,
    standing,
    undecided_matches,
)

_NOT_LISTED: tuple[ChangeKind, str | None] = ("unchanged", None)

Entry = TypeVar("Entry")
Placed = TypeVar("Placed", ComponentVulnerability, UndecidedMatch)


def derive_drift(  # noqa: PLR0913  each input is a different piece of evidence
    baseline: Inventory | None,
    current: Inventory,
    *,
    advisories: AdvisoryIndex | None = None,
    advisories_digest: str | None = None,
    known: Sequence[KnownVulnerability] | None = None,
    policy: RiskPolicy | None = None,
) -> Drift:
    """The drift of `current` from `baseline` (None: there is none; then all that is there counts as come).

    `advisories` are those that are current; `advisories_digest` names them. `known` is what the baseline's own drift
    recorded (`known_vulnerabilities`); without it, only what the baseline's documents state was known of it.
    """
    policy = policy or RiskPolicy()
    packages: dict[str, Package] = {}
    before, after = bill_of(baseline or Inventory(()), packages), bill_of(current, packages)
    changes = compare_bills(before, after)
    there = gather_claims(current, after, advisories)
    earlier = gather_claims(baseline, before, advisories) if baseline else Claims()
    recorded = _recorded(earlier, known)
    aliases = Aliases(claim.names for said in (there, earlier) for claim in said.claims)
    rulings = Rulings(current, after)
    counting, suppressed = standing(there.claims, aliases, rulings)
    counting = [_placed(one, changes) for one in counting]
    undecided = [_placed(one, changes) for one in undecided_matches(there.undecided, counting, rulings)]
    had = _had(baseline, before, earlier, aliases) if baseline else []
    drift = replace(
        _composition(baseline, current, after, changes, policy),
        analysed=there.analysed,
        advisories=advisories_digest if advisories is not None else None,
        vulnerabilities=_ordered(counting),
        new=_ordered(_new(counting, recorded)),
        fixed=_fixed([*had, *recorded] if baseline else [], counting, suppressed),
        suppressed=_ordered(suppressed),
        undecided=_ordered(undecided),
        risky=_ordered(risky_changes(before, after, changes, counting, advisories, policy)),
    )
    return replace(drift, status=_status(drift))


def _composition(
    baseline: Inventory | None, current: Inventory, after: Bill, changes: Changes, policy: RiskPolicy
) -> Drift:
    """What the drift says of the components alone; without a baseline, of changes nothing."""
    if baseline is None:
        changes = Changes()
    return Drift(
        status="none",
        analysed=False,
        baseline=None if baseline is None else tuple(sorted(source for source, _ in baseline.sboms)),
        current=tuple(sorted(source for source, _ in current.sboms)),
        components=after.size,
        policy=policy,
        advisories=None,
        scans=tuple(sorted(current.scans)),
        vex=tuple(sorted(source for source, _ in current.vex)),
        added=_ordered(changes.versions.get("added", ())),
        removed=_ordered(changes.versions.get("removed", ())),
        upgraded=_ordered(changes.versions.get("upgraded", ())),
        downgraded=_ordered(changes.versions.get("downgraded", ())),
        changed=_ordered(changes.versions.get("changed", ())),
        rehashed=_ordered(changes.rehashed),
        supplier_changed=_ordered(changes.suppliers),
        licence_changed=_ordered(changes.licences),
    )


def _placed(one: Placed, changes: Changes) -> Placed:
    kind, _ = changes.kinds.get((one.package, one.version), _NOT_LISTED)
    return replace(one, change=kind)


def _recorded(earlier: Claims, known: Sequence[KnownVulnerability] | None) -> Sequence[KnownVulnerability]:
    """What was known of the baseline when it was the baseline: nothing that only today's advisories say."""
    if known is not None:
        return known
    stated = (claim for claim in earlier.claims if not claim.source.startswith("osv:"))
    return [KnownVulnerability(claim.place[0], claim.names, claim.severity) for claim in stated]


def _had(baseline: Inventory, before: Bill, earlier: Claims, aliases: Aliases) -> list[KnownVulnerability]:
    counting, _ = standing(earlier.claims, aliases, Rulings(baseline, before))
    return [KnownVulnerability(one.package, one.names, one.severity) for one in counting]


def _new(
    counting: Iterable[ComponentVulnerability], recorded: Iterable[KnownVulnerability]
) -> list[ComponentVulnerability]:
    """Known of the same package; or where one side does not say of which, of any that nobody touched."""
    known = {(one.package, name) for one in recorded for name in one.names}
    anywhere = {name for _, name in known}

    def was_known(one: ComponentVulnerability) -> bool:
        if not one.package:
            return any(name in anywhere for name in one.names)
        places = (one.package, "") if one.change == "unchanged" else (one.package,)
        return any((place, name) in known for name in one.names for place in places)

    return [one for one in counting if not was_known(one)]


def _fixed(
    earlier: Iterable[KnownVulnerability],
    counting: Iterable[ComponentVulnerability],
    suppressed: Iterable[SuppressedVulnerability],
) -> tuple[KnownVulnerability, ...]:
    """What the baseline had, by what was known then or is now, and this release has neither open nor ruled out."""
    here = {(one.package, name) for one in counting for name in one.names}
    here |= {(one.package, one.id) for one in suppressed}
    anywhere = {name for _, name in here}
    gone: dict[tuple[str, str], KnownVulnerability] = {}
    for one in earlier:
        names = tuple(sorted(one.names))
        present = any(((one.package, name) in here) if one.package else (name in anywhere) for name in names)
        if not present and not any((one.package, name) in gone for name in names):
            known = KnownVulnerability(one.package, names, one.severity)
            gone |= {(one.package, name): known for name in names}
    return _ordered(dict.fromkeys(gone.values()))


def _status(drift: Drift) -> DriftStatus:
    if drift.risky or any(at_least(one.severity, drift.policy.severity) for one in drift.new):
        return "risky"
    if drift.baseline is None:
        return "no_baseline"
    versions = drift.added or drift.removed or drift.upgraded or drift.downgraded or drift.changed
    attributes = drift.rehashed or drift.supplier_changed or drift.licence_changed
    return "drift" if versions or attributes or drift.new or drift.fixed else "none"


def _ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """By their fields in order; what is not said comes first."""
    return tuple(sorted(entries, key=_fields))


def _fields(entry: object) -> tuple[str | tuple[str, ...], ...]:
    return tuple(getattr(entry, one.name) or "" for one in fields(entry))  # type: ignore[arg-type]
