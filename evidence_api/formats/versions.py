"""Deriving, second step: the order of versions, by the rules of the ecosystem they belong to.

`univers` knows the rules; here only stands what it takes too easily. A version that is not written as its ecosystem
writes versions has no order: nothing is guessed. Sources: SemVer 2.0 (section 11: build metadata does not count),
PEP 440, Debian policy 5.6.12, rpm-version(7), Maven's ComparableVersion, Composer's and NuGet's version documentation.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from univers import versions as univers
from univers.nuget import InvalidNuGetVersion

from evidence_api.formats.osv_registry import CRATES

MAX_VERSION = 128  # characters; the longest real ones (Go, Debian) have some 60

_SEMVER = re.compile(r"v?\d{1,18}(\.\d{1,18}){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\Z", re.ASCII)
_NUMBERS = re.compile(r"v?\d{1,18}([.-]\d{1,18}){0,15}\Z", re.ASCII)
_RPM = re.compile(r"(\d{1,9}:)?[A-Za-z0-9._+~^]+(-[A-Za-z0-9._+~^]+)?\Z", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9.:+~_!-]+\Z", re.ASCII)
_MAVEN = re.compile(r"v?\d[A-Za-z0-9]*([._+-][A-Za-z0-9]+)*\Z", re.ASCII)
_DOTTED_QUALIFIER = re.compile(r"[._](?=[A-Za-z])")
_STARTS_WITH_DIGIT = re.compile(r"v?\d", re.ASCII)
_COMPOSER = re.compile(
    r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?"
    r"(?:[-._]?(dev|alpha|a|beta|b|rc|patch|pl|p)[.-]?(\d{0,18}))?(?:\+[0-9a-z.-]+)?\Z",
    re.ASCII,
)
_STABILITY = {"dev": 0, "alpha": 1, "a": 1, "beta": 2, "b": 2, "rc": 3, None: 4, "patch": 5, "pl": 5, "p": 5}
_NUGET = re.compile(r"v?\d{1,9}(\.\d{1,9}){0,3}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\Z", re.ASCII)

# Ecosystems of advisories and types of purls -> the rules their versions follow. All others: plain numbers.
_RULES: Mapping[str, tuple[str, ...]] = {
    "apk": ("apk", "Alpine", "Alpaquita", "BellSoft Hardened Containers", "Chainguard", "MinimOS", "Wolfi"),
    "composer": ("composer", "Packagist"),
    "deb": ("deb", "Debian", "Ubuntu", "Echo"),
    "gem": ("gem", "RubyGems"),
    "maven": ("maven", "Maven"),
    "nuget": ("nuget", "NuGet"),
    "pypi": ("pypi", "PyPI"),
    "rpm": (
        *("rpm", "AlmaLinux", "Azure Linux", "Mageia", "Photon OS", "Red Hat", "Rocky Linux"),
        *("SUSE", "openEuler", "openSUSE"),
    ),
    "semver": (
        *("bitnami", "Bitnami", "cargo", CRATES, "conan", "ConanCenter", "github", "githubactions"),
        *("GitHub Actions", "golang", "Go", "hex", "Hex", "julia", "Julia", "npm", "pub", "Pub", "semver"),
        *("swift", "SwiftURL", "vscode-extension", "VSCode"),
    ),
}
_RULE_OF: Mapping[str, str] = {name: rule for rule, names in _RULES.items() for name in names}


def rule_of(ecosystem: str) -> str:
    """The rules for a purl type, an OSV ecosystem or "semver"."""
    return _RULE_OF.get(ecosystem, "numbers")


@lru_cache(maxsize=65_536)
def version_key(rule: str, version: str) -> Any | None:  # noqa: ANN401  a different class for each rule
    """What orders this version among those of the same rule; None if it is not written as the rule wants."""
    if not version or len(version) > MAX_VERSION or not version.isascii():
        return None
    try:
        return _READERS[rule](version)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, InvalidNuGetVersion):
        return None  # what univers raises for text it cannot read


def compare_versions(rule: str, one: str, other: str) -> int | None:
    """-1, 0 or 1; None if one of them has no order."""
    left, right = version_key(rule, one), version_key(rule, other)
    if left is None or right is None:
        return None
    return -1 if left < right else 1 if left > right else 0  # in Debian's rules 4 and 04 are equal, not to `==`


def same_version(rule: str, one: str, other: str) -> bool:
    """Whether two spellings name the same version. Build metadata has no place in the order, yet tells builds apart."""
    if one == other:
        return True
    if rule in {"semver", "nuget", "composer"} and one.partition("+")[2] != other.partition("+")[2]:
        return False
    return compare_versions(rule, one, other) == 0


def _semver(version: str) -> Any | None:  # noqa: ANN401  as version_key
    bare = version.partition("+")[0]
    return univers.SemverVersion(bare) if _SEMVER.match(version) else None


def _numbers(version: str) -> tuple[int, ...] | None:
    """Trailing zeros do not count: 1.0 is 1."""
    if not _NUMBERS.match(version):
        return None
    parts = [int(part) for part in re.split(r"[.-]", version.removeprefix("v"))]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _composer(version: str) -> tuple[int, ...] | None:
    """The library reads these as SemVer, which has three numbers and sorts RC before alpha."""
    found = _COMPOSER.match(version.lower())
    if found is None:
        return None
    *numbers, stability, count = found.groups()
    return (*(int(number or 0) for number in numbers), _STABILITY[stability], int(count or 0))


def _maven(version: str) -> Any | None:  # noqa: ANN401  as version_key
    """A qualifier after a dot is one after a hyphen (Maven's version order: 1.foo = 1-foo)."""
    return univers.MavenVersion(_DOTTED_QUALIFIER.sub("-", version)) if _MAVEN.match(version) else None


def _matching(shape: re.Pattern[str], read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda version: read(version) if shape.match(version) else None


def _digits_first(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda version: read(version) if _PLAIN.match(version) and _STARTS_WITH_DIGIT.match(version) else None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "apk": _digits_first(univers.AlpineLinuxVersion),
    "composer": _composer,
    "deb": _digits_first(univers.DebianVersion),
    "gem": _digits_first(univers.RubygemsVersion),
    "maven": _maven,
    "nuget": _matching(_NUGET, univers.NugetVersion),
    "numbers": _numbers,
    "pypi": _digits_first(univers.PypiVersion),
    "rpm": _matching(_RPM, univers.RpmVersion),
    "semver": _semver,
}
