"""A CycloneDX BOM as predicate -> kind `sbom`. Source: in-toto predicate cyclonedx.md; cyclonedx.org.

A BOM without a `vulnerabilities` member says nothing about vulnerabilities: `analysed` is false and there are
no counts. With the member, even empty, there are. Components are counted at the top level.
"""

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Fact, Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.cyclonedx import Bom, read_bom
from evidence_api.formats.predicates.shape import count_of, known_facts
from evidence_api.formats.severity import severity_counts

_LICENCE_SHOWN = 200  # some tools put the whole text of a licence into its name


def read_cyclonedx(statement: Statement) -> Normalised:
    """Read a BOM. Raises Malformed with the path inside the predicate."""
    try:
        bom = read_bom(statement.predicate)
    except Malformed as fault:
        path = f"predicate.{fault.fields['path']}".removesuffix(".$")
        raise Malformed(f"predicate.{fault.message}", path=path, value=fault.fields.get("value")) from fault
    return Normalised("sbom", sbom_facts(bom), bom.timestamp, series=_series(bom))


def sbom_facts(bom: Bom) -> dict[str, Fact]:
    """The facts of kind `sbom` (domain/kinds.py)."""
    components = bom.components
    facts = known_facts(
        {
            "format": "cyclonedx",
            "spec_version": bom.spec_version,
            "components": count_of(components),
            "dependencies": bom.dependencies,
            "analysed": bom.vulnerabilities is not None,
        }
    )
    if components is not None:
        facts["with_purl"] = sum(1 for one in components if one.purl)
        facts["with_hash"] = sum(1 for one in components if one.hashes)
        facts["with_licence"] = sum(1 for one in components if one.licences)
        facts["licences"] = tuple(sorted({name[:_LICENCE_SHOWN] for one in components for name in one.licences}))
    if bom.vulnerabilities is not None:
        facts |= severity_counts(one.severity for one in bom.vulnerabilities if one.counts)
    return facts


def _series(bom: Bom) -> str:
    """The tools that made it: two generators' BOMs stand side by side, and a VEX document supersedes no SBOM."""
    role = "vex" if bom.components is None else "sbom"
    return ":".join((role, *sorted(set(bom.tools))))
