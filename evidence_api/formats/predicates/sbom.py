"""An SBOM as predicate -> kind `sbom`. Sources: in-toto predicates cyclonedx.md and spdx.md.

A document without a list of vulnerabilities says nothing about vulnerabilities: `analysed` is false and there are
no counts. With the list, even empty, there are. Components are counted at the top level.
"""

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Fact, Normalised
from evidence_api.domain.sbom import Sbom
from evidence_api.domain.statement import Statement
from evidence_api.domain.typed_json import inside
from evidence_api.formats.cyclonedx import read_bom
from evidence_api.formats.cyclonedx_xml import read_bom_xml
from evidence_api.formats.predicates.shape import known_facts
from evidence_api.formats.severity import Severity, severity_counts
from evidence_api.formats.spdx import read_spdx_document

_LICENCE_SHOWN = 200  # some tools put the whole text of a licence into its name


def read_cyclonedx(statement: Statement) -> Normalised:
    """Read a CycloneDX BOM. Raises Malformed with the path inside the predicate."""
    try:
        return normalised_sbom(read_bom(statement.predicate))
    except Malformed as fault:
        raise inside(fault, "predicate") from fault


def read_spdx(statement: Statement) -> Normalised:
    """Read an SPDX document. Raises Malformed with the path inside the predicate."""
    try:
        return normalised_sbom(read_spdx_document(statement.predicate))
    except Malformed as fault:
        raise inside(fault, "predicate") from fault


def read_cyclonedx_xml(document: bytes) -> Normalised:
    """Read a CycloneDX BOM in XML. Raises Malformed with its line, TooLarge."""
    return normalised_sbom(read_bom_xml(document))


def normalised_sbom(sbom: Sbom) -> Normalised:
    """The same for every format and spelling."""
    return Normalised("sbom", sbom_facts(sbom), sbom.timestamp, series=_series(sbom))


def sbom_facts(sbom: Sbom) -> dict[str, Fact]:
    """The facts of kind `sbom` (domain/kinds.py)."""
    facts = known_facts(
        {
            "format": sbom.format,
            "spec_version": sbom.spec_version,
            "components": sbom.top_level,
            "dependencies": sbom.dependencies,
            "analysed": sbom.vulnerabilities is not None,
        }
    )
    if sbom.top_level is not None:
        top = sbom.components[: sbom.top_level]
        facts["with_purl"] = sum(1 for one in top if one.purl)
        facts["with_hash"] = sum(1 for one in top if one.hashes)
        facts["with_licence"] = sum(1 for one in top if one.licences)
        facts["licences"] = tuple(sorted({name[:_LICENCE_SHOWN] for one in top for name in one.licences}))
    if sbom.vulnerabilities is not None:
        facts |= severity_counts(
            None if one.severity is None else Severity[one.severity.upper()]
            for one in sbom.vulnerabilities
            if one.counts
        )
    return facts


def _series(sbom: Sbom) -> str:
    """The tools that made it: two generators' BOMs stand side by side, as do the formats of one, and a VEX document
    supersedes no SBOM."""
    tools = sorted(set(sbom.tools))
    if sbom.format == "spdx":
        return ":".join(("sbom", "spdx", *tools))
    return ":".join(("vex" if sbom.top_level is None else "sbom", *tools))
