"""Catalog load: from an external id as people write it (SOC2-CC7.2) to a framework and its criterion.

The frameworks named here are known even where a catalog carries no file for them, so that the smallest
catalog (a control and a mapping) loads; their criteria are then those that are mapped.
"""

from collections.abc import Iterable, Mapping

from evidence_api.domain.control import Criterion, Framework

_IDS_ONLY = "ids-only"

WELL_KNOWN: Mapping[str, Framework] = {
    framework.id: framework
    for framework in (
        Framework(
            "aicpa-tsc", "AICPA TSC", "2017, points of focus revised 2022", _IDS_ONLY, (), ("SOC2", "TSC", "AICPA-TSC")
        ),
        Framework("iso-27001", "ISO/IEC 27001", "2022", _IDS_ONLY, (), ("ISO27001", "ISO-27001")),
        Framework(
            "nist-800-53", "NIST SP 800-53", "Revision 5", "public-domain", (), ("NIST-800-53", "NIST-SP-800-53")
        ),
    )
}


def aliases(frameworks: Iterable[Framework]) -> dict[str, str]:
    """Every prefix that names a framework: its id, its aliases, and those of the well-known ones."""
    known = {name: framework.id for framework in WELL_KNOWN.values() for name in (framework.id, *framework.aliases)}
    return known | {name: framework.id for framework in frameworks for name in (framework.id, *framework.aliases)}


def split_external(external: str, known: Mapping[str, str]) -> tuple[str, str] | None:
    """`SOC2-CC7.2` to (framework id, ref) by the longest alias that fits; None when none does."""
    fitting = [name for name in known if external.startswith(f"{name}-") and len(external) > len(name) + 1]
    if not fitting:
        return None
    longest = max(fitting, key=len)
    return known[longest], external[len(longest) + 1 :]


def implied(framework: str, refs: Iterable[str]) -> Framework:
    """A well-known framework without a file of its own: the mapped criteria, by id alone."""
    known = WELL_KNOWN[framework]
    criteria = tuple(Criterion(ref, ref) for ref in sorted(set(refs)))
    return Framework(known.id, known.title, known.edition, known.licence, criteria, known.aliases)
