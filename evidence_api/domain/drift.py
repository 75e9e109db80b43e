"""Derived evidence, first part: what changed between two SBOMs of one product, and what is known to be wrong with it.

Inputs are an `Inventory` for each side; the result is a `Drift`. Both are frozen and plain, and hold no clock reading:
the same inputs give the same drift. `package` is a component's identity without its version (formats/packages.py).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evidence_api.domain.sbom import Sbom
from evidence_api.domain.vex import VexDocument

DERIVATION = 1  # of what is derived from the same inputs; counts up with every change of the results

DriftStatus: TypeAlias = Literal["none", "drift", "risky", "no_baseline"]
ChangeKind: TypeAlias = Literal["added", "removed", "upgraded", "downgraded", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class StatedVulnerability:
    """One vulnerability a scan of the artifact found: all its `names`, the `severity` stated (lower case, None where
    not rated), the package URL of the component it is in ("" if the scan does not say) and `source`, the scan's
    evidence id."""

    names: tuple[str, ...]
    severity: str | None
    source: str
    purl: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the evidence of one release says is in it.

    `sboms`, `vex` and `scans` go by evidence id; `scans` are those that list what they found, even if nothing.
    `stated` is what they found. `subjects` are the release's digests ("algorithm:hex"), by which VEX names it.
    """

    sboms: tuple[tuple[str, Sbom], ...]
    scans: tuple[str, ...] = ()
    stated: tuple[StatedVulnerability, ...] = ()
    vex: tuple[tuple[str, VexDocument], ...] = ()
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RiskPolicy:
    """What makes a change risky: a vulnerability of at least `severity`, or a licence of one of these `licences`
    classes (formats/licences.py) that the package did not have before."""

    severity: str = "critical"
    licences: tuple[str, ...] = ("copyleft", "network-copyleft")


@dataclass(frozen=True, slots=True)
class VersionChange:
    """One component that came, went or has another version; `before` or `after` is None where there is none."""

    package: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """Something else that changed about a component; `version` is its version now, the values are sorted."""

    package: str
    version: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComponentVulnerability:
    """One vulnerability of one component ("" and "" where no source says of which).

    `id` is the name shown, `names` all of them, sorted. `severity` is the worst any source states. `sources` are
    "sbom:<evidence id>", "scan:<evidence id>", "osv:<record id>", sorted. `change` is what happened to the component.
    """

    package: str
    version: str
    id: str
    names: tuple[str, ...]
    severity: str | None
    sources: tuple[str, ...]
    change: ChangeKind = "unchanged"


@dataclass(frozen=True, slots=True)
class SuppressedVulnerability:
    """A vulnerability that VEX rules out; `statement` is "<evidence id>#<place>" of what rules it out."""

    package: str
    version: str
    id: str
    status: str
    statement: str


@dataclass(frozen=True, slots=True)
class UndecidedMatch:
    """An advisory about a package of which it cannot be told whether it affects this version, and the severity the
    vulnerability would have there."""

    package: str
    version: str
    advisory: str
    severity: str | None = None
    change: ChangeKind = "unchanged"


@dataclass(frozen=True, slots=True)
class RiskyChange:
    """One added or changed component that the policy calls risky.

    `vulnerabilities` are those at or above the policy's severity, `licences` the classes newly come. `unaffected` is
    the nearest version without a vulnerability of that severity, as far as advisories tell; None: none known.
    """

    package: str
    before: str | None
    after: str
    vulnerabilities: tuple[str, ...]
    licences: tuple[str, ...]
    unaffected: str | None


@dataclass(frozen=True, slots=True)
class KnownVulnerability:
    """A vulnerability that was known of a package when its release was the baseline."""

    package: str
    names: tuple[str, ...]
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """The derived difference. Every list is sorted; without a baseline the lists of changes are empty.

    `analysed`: whether anything at all spoke of vulnerabilities; if not, none found means nothing.
    `vulnerabilities` are all that count now; `new` those of them the baseline was not known to have,
    `fixed` those it had.
    """

    status: DriftStatus
    analysed: bool
    baseline: tuple[str, ...] | None  # evidence ids of the baseline's SBOMs
    current: tuple[str, ...]
    components: int
    policy: RiskPolicy
    advisories: str | None  # digest of the advisories matched, None if none were
    scans: tuple[str, ...] = ()
    vex: tuple[str, ...] = ()
    added: tuple[VersionChange, ...] = ()
    removed: tuple[VersionChange, ...] = ()
    upgraded: tuple[VersionChange, ...] = ()
    downgraded: tuple[VersionChange, ...] = ()
    changed: tuple[VersionChange, ...] = ()  # another version, of which no order can be told
    rehashed: tuple[AttributeChange, ...] = ()
    supplier_changed: tuple[AttributeChange, ...] = ()
    licence_changed: tuple[AttributeChange, ...] = ()
    vulnerabilities: tuple[ComponentVulnerability, ...] = ()
    new: tuple[ComponentVulnerability, ...] = ()
    fixed: tuple[KnownVulnerability, ...] = ()
    suppressed: tuple[SuppressedVulnerability, ...] = ()
    undecided: tuple[UndecidedMatch, ...] = ()
    risky: tuple[RiskyChange, ...] = ()
