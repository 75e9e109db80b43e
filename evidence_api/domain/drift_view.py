"""What a drift statement says, laid out for readers: changes of components, and vulnerabilities with their standing."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """Where a vulnerability of a release stands."""

    AFFECTED = "affected"
    UNDECIDED = "undecided"  # an advisory about a package, of which it cannot be told whether this version is meant
    RULED_OUT = "ruled_out"  # by VEX
    FIXED = "fixed"  # known of the baseline, and not there any more


@dataclass(frozen=True, slots=True)
class ComponentChange:
    """One change of a component: `kind` is the list of the statement it is in, e.g. added or licence_changed. `before`
    and `after` are versions, or values of what changed; `version` is the one now, "" if it is gone."""

    kind: str
    package: str
    version: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RiskyComponent:
    """A component that came or changed and is called risky; `unaffected` the nearest version without a vulnerability of
    that severity, "" if none is known."""

    package: str
    before: str
    after: str
    vulnerabilities: tuple[str, ...]
    licences: tuple[str, ...]
    unaffected: str


@dataclass(frozen=True, slots=True)
class VulnerabilityView:
    """One vulnerability of one component. `severity` is "" where nothing rates it. `sources` are written as in the
    statement: "sbom:<evidence id>", "scan:<evidence id>", "osv:<record id>". `ruling` is the VEX status,
    and `statement` "<evidence id>#<place>" of what says it. `unaffected` as in RiskyComponent."""

    standing: Standing
    id: str
    names: tuple[str, ...]
    severity: str
    package: str
    version: str
    sources: tuple[str, ...] = ()
    change: str = ""
    new: bool = False
    ruling: str = ""
    statement: str = ""
    unaffected: str = ""


@dataclass(frozen=True, slots=True)
class DriftView:
    """A drift statement. `baseline` are evidence ids of the SBOMs compared with, None without any."""

    status: str
    analysed: bool
    baseline: tuple[str, ...] | None
    sboms: tuple[str, ...]
    scans: tuple[str, ...]
    vex: tuple[str, ...]
    advisories: str
    counts: Mapping[str, int]
    changes: tuple[ComponentChange, ...]
    risky: tuple[RiskyComponent, ...]
    vulnerabilities: tuple[VulnerabilityView, ...]


@dataclass(frozen=True, slots=True)
class IndexedVulnerability:
    """One vulnerability under one of its names, as the index has it, of one drift statement: the worst of its
    severities and the weightiest of its standings over all components, and these ("package@version", at most a
    hundred)."""

    name: str
    id: str
    standing: Standing
    severity: str
    packages: tuple[str, ...]
