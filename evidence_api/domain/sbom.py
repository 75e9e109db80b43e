"""Read evidence: one software bill of materials, whatever its format; drift, licences and advisories start here.

Frozen and plain. None stands for what the document does not say: unknown, never zero.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

SbomFormat: TypeAlias = Literal["cyclonedx", "spdx"]

# VEX: an analysis that ended in one of these says the vulnerability does not (any longer) apply.
_NOT_EXPLOITABLE = frozenset({"not_affected", "false_positive", "resolved", "resolved_with_pedigree"})


@dataclass(frozen=True, slots=True)
class SbomComponent:
    """One component, package or file set.

    `ref` names it inside its document only (bom-ref, SPDXID; "" if it has none). `purl` is as given, "" if none.
    `hashes` are sorted "algorithm:hex" with in-toto's lower-case algorithm names ("sha256:…", "sha3_256:…"), as in
    `Subject.digests`. `licence` is one SPDX expression, or the text as given; "" is unknown. `licences` are the
    statements it was joined from, in the document's order. `scope` is CycloneDX's (required, optional, excluded),
    "" if not said.
    """

    ref: str
    name: str
    version: str = ""
    purl: str = ""
    supplier: str = ""
    hashes: tuple[str, ...] = ()
    licence: str = ""
    scope: str = ""
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SbomVulnerability:
    """One vulnerability the document names.

    `severity` is the highest stated one, in lower case: critical, high, medium, low, info, none; None is unrated.
    `source` is who gave that rating ("" if not said), `state` the state of its analysis ("" if none was made),
    `affects` the refs of the components it is about, sorted.
    """

    id: str
    severity: str | None = None
    state: str = ""
    affects: tuple[str, ...] = ()
    source: str = ""

    @property
    def counts(self) -> bool:
        """Whether it counts: VEX has not ruled it out."""
        return self.state not in _NOT_EXPLOITABLE


@dataclass(frozen=True, slots=True)
class Sbom:
    """One SBOM.

    `subject` is what it describes; `components` are all the others: those at the top level first, then the ones
    inside them, each in document order. `top_level` says how many are the first, None that the document has no list
    of components at all. `edges` are (ref, ref it depends on or contains), sorted, each once; a ref may be one no
    component has. `dependencies` counts the refs whose dependencies the document states. `timestamp` is when
    it was made, `serial` names the document, `tools` what made it.
    """

    format: SbomFormat
    spec_version: str
    serial: str = ""
    timestamp: datetime | None = None
    tools: tuple[str, ...] = ()
    subject: SbomComponent | None = None
    components: tuple[SbomComponent, ...] = ()
    top_level: int | None = None
    edges: tuple[tuple[str, str], ...] | None = None
    dependencies: int | None = None
    vulnerabilities: tuple[SbomVulnerability, ...] | None = None
