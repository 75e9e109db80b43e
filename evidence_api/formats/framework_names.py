"""Catalog load: from an external id as people write it (SOC2-CC7.2) to a framework and its criterion.

The frameworks named here are known even where a catalog carries no file for them, so that the smallest
catalog (a control and a mapping) loads; their criteria are then those that are mapped.
"""

from collections.abc import Iterable, Mapping

from evidence_api.domain.control import Criterion, Framework

OWN = "own"
# How the words were spelt before, in catalogs that packs hold; they mean the same.
_SPELT_BEFORE = {"ids-only": OWN, "public-domain": "public_domain", "cc0-1.0": "cc0"}
# What may be shown of a framework. "own": only its ids; titles are our own words, and its text is not shown.
# "by_permission": its owner allowed whoever runs the catalog to show it.
LICENCES = (OWN, "public_domain", "cc0", "apache-2.0", "by_permission", *_SPELT_BEFORE)

_NIST = "National Institute of Standards and Technology"

WELL_KNOWN: Mapping[str, Framework] = {
    framework.id: framework
    for framework in (
        Framework(
            "aicpa-tsc", "AICPA TSC", "2017, points of focus revised 2022", OWN, (), ("SOC2", "TSC", "AICPA-TSC")
        ),
        Framework("iso-27001", "ISO/IEC 27001", "2022", OWN, (), ("ISO27001", "ISO-27001")),
        Framework(
            "nist-800-53",
            "NIST SP 800-53",
            "Revision 5, moderate baseline",
            "public_domain",
            (),
            ("NIST-800-53", "NIST-SP-800-53"),
            f"{_NIST}, SP 800-53 Rev. 5",
        ),
        Framework(
            "fedramp-moderate",
            "FedRAMP Moderate",
            "Rev5",
            "cc0",
            (),
            ("FEDRAMP-MOD", "FEDRAMP-MODERATE"),
            f"FedRAMP, Rev5 moderate baseline; titles: {_NIST}, SP 800-53 Rev. 5",
        ),
        Framework(
            "nist-ssdf",
            "NIST SSDF",
            "1.1 (SP 800-218)",
            "public_domain",
            (),
            ("SSDF", "NIST-SSDF"),
            f"{_NIST}, SP 800-218, Secure Software Development Framework 1.1",
        ),
        Framework(
            "osps-baseline",
            "OSPS Baseline",
            "2026.08.28",
            "apache-2.0",
            (),
            ("OSPS",),
            "OSPS Baseline Authors (OpenSSF), Open Source Project Security Baseline 2026.08.28, Apache License 2.0",
        ),
        Framework("slsa-build", "SLSA", "1.2, build track", OWN, (), ("SLSA",)),
    )
}


def licence_of(word: str) -> str:
    """One of LICENCES, as it is spelt today."""
    return _SPELT_BEFORE.get(word, word)


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
