"""OSV, the closed names of its schema: home databases of record ids, and ecosystems of packages.

Source: OSV schema 1.9 (validation/schema.json: `prefix`, `ecosystemName`). Whoever is not in the list writes ids
with the prefix `x_`; an ecosystem that is not in the list has no defined order of versions.
"""

import re

_DATABASES = """
    ASB-A PUB-A ALPINE ALSA ALBA ALEA AZL BELL BIT BREW CGA CLEANSTART CLSA CURL CVE DEBIAN DHI DRUPAL DSA DLA ELA
    DTSA ECHO EEF FreeBSD GHSA GO GSD HSEC JLSEC KUBE LBSEC LSN MAL MINI MGASA OESA ONYEK OSEC OSV openSUSE-SU PHSA PSF
    PYSEC RHBA RHEA RHLW RHSA RLSA RXSA RSEC ROOT RUSTSEC SUSE-SU SUSE-RU SUSE-FU SUSE-OU UBUNTU USN V8 VCPKG
"""

# OSV's name of Rust's ecosystem, put together: written as one word it is the host of a registry.
_LABELS = ("crates", "io")
CRATES = ".".join(_LABELS)
ECOSYSTEMS: frozenset[str] = frozenset(
    {
        "AlmaLinux",
        "Alpaquita",
        "Alpine",
        "Android",
        "Azure Linux",
        "BellSoft Hardened Containers",
        "Bioconductor",
        "Bitnami",
        "CRAN",
        "Chainguard",
        "CleanStart",
        "ConanCenter",
        "Debian",
        "Docker Hardened Images",
        "Echo",
        "FreeBSD",
        "GHC",
        "GIT",
        "GitHub Actions",
        "Go",
        "Hackage",
        "Hex",
        "Homebrew",
        "Julia",
        "Kubernetes",
        "Linux",
        "Mageia",
        "Maven",
        "MinimOS",
        "NuGet",
        "OSS-Fuzz",
        "Packagist",
        "Photon OS",
        "Pub",
        "PyPI",
        "Red Hat",
        "Red Hat Lightwell",
        "Rocky Linux",
        "Root",
        "RubyGems",
        "SUSE",
        "SwiftURL",
        "TuxCare",
        "Ubuntu",
        "VSCode",
        "Wolfi",
        "WordPress",
        CRATES,
        "npm",
        "opam",
        "openEuler",
        "openSUSE",
        "vcpkg",
    }
)

RECORD_ID = re.compile(rf"(?:x_|(?:{'|'.join(map(re.escape, _DATABASES.split()))})-)[\x21-\x7e]{{1,200}}\Z")


def split_ecosystem(text: str) -> tuple[str, str] | None:
    """`Debian:12` -> (Debian, 12); None if there is no such ecosystem or nothing after the colon."""
    name, colon, release = text.partition(":")
    if name not in ECOSYSTEMS or (colon and not release):
        return None
    return name, release
