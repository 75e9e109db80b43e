"""Deriving, third step: which advisories are about a component, and whether its version is affected.

Source: OSV schema, "Evaluation": a version is affected if it is listed or some range says so; in a range the events are
taken in the order of their versions, `introduced` switching on, `fixed` and a passed `last_affected` switching off.
Withdrawn records are left out. Ranges over Git commits say nothing about a package's version. Where a version has no
order the answer is None: it cannot be told.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evidence_api.domain.advisory import Advisory, AffectedPackage, AffectedRange, RangeEvent
from evidence_api.formats.packages import Package, advisory_name, advisory_names
from evidence_api.formats.versions import rule_of, version_key

_NUMBER = re.compile(r"\d+")
# Names of releases as distributions write them where their advisories write numbers.
_CODENAMES: Mapping[str, str] = {
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
    "trusty": "14.04",
    "xenial": "16.04",
    "bionic": "18.04",
    "focal": "20.04",
    "jammy": "22.04",
    "noble": "24.04",
}
# At one version: fixed and introduced again is affected; introduced and last affected is that version alone.
_EVENT_ORDER = {"fixed": 0, "introduced": 1, "last_affected": 2}


@dataclass(frozen=True, slots=True)
class AdvisoryMatch:
    """One advisory about a package, and whether the version is affected (None: cannot be told)."""

    advisory: Advisory
    affected: bool | None
    severity: str | None


class AdvisoryIndex:
    """Advisories by (ecosystem, name). Building it is linear; a look-up is one dictionary access."""

    def __init__(self, advisories: Iterable[Advisory]) -> None:
        self._entries: dict[tuple[str, str], list[tuple[Advisory, AffectedPackage]]] = {}
        for advisory in sorted(advisories, key=lambda one: one.id):
            if advisory.withdrawn is None:
                for affected in advisory.affected:
                    name = advisory_name(affected.ecosystem, affected.name)
                    self._entries.setdefault((affected.ecosystem, name), []).append((advisory, affected))

    def __len__(self) -> int:
        """How many packages are named."""
        return len(self._entries)

    def matches(self, package: Package, version: str | None = None) -> tuple[AdvisoryMatch, ...]:
        """The advisories that affect, or may affect, this version (or another, of the same package), by id."""
        found: dict[str, AdvisoryMatch] = {}
        for advisory, affected, spelled in self._about(package):
            answer = is_affected(affected, spelled if version is None else version)
            standing = found.get(advisory.id)
            # Several entries of one record may be about the same package: one that says yes is enough.
            if answer is not False and (standing is None or (answer and not standing.affected)):
                found[advisory.id] = AdvisoryMatch(advisory, answer, _severity(advisory, affected))
        return tuple(found.values())

    def fixes(self, package: Package) -> frozenset[str]:
        """The versions that any advisory about the package names as fixed."""
        return frozenset(
            event.version
            for _, affected, _ in self._about(package)
            for one in affected.ranges
            if one.type != "GIT"
            for event in one.events
            if event.type == "fixed"
        )

    def _about(self, package: Package) -> Iterator[tuple[Advisory, AffectedPackage, str]]:
        if package.url is None:
            return
        for ecosystem, name, version in advisory_names(package.url):
            for advisory, affected in self._entries.get((ecosystem, name), ()):
                if not affected.release or _of_release(package.url.qualifiers.get("distro", ""), affected.release):
                    yield advisory, affected, version or package.version


def is_affected(package: AffectedPackage, version: str) -> bool | None:
    """Whether the record says that this version is affected; None if its order among the record's cannot be told."""
    rule = rule_of(package.ecosystem)
    if version and _normal(rule, version) in _listed(package.versions, rule):
        return True
    ranges = [one for one in package.ranges if one.type != "GIT"]
    answers = {_in_range(one, "semver" if one.type == "SEMVER" else rule, version) for one in ranges}
    if True in answers:
        return True
    return None if None in answers or not version else False


def _normal(rule: str, version: str) -> Any:  # noqa: ANN401  text, or what Python compares versions by
    """Lists are of exact versions; only Python writes one in several ways, and Go with and without v."""
    key = version_key(rule, version) if rule == "pypi" else None
    return version.removeprefix("v") if key is None else key.value


@lru_cache(maxsize=16_384)
def _listed(versions: tuple[str, ...], rule: str) -> frozenset[Any]:
    return frozenset(_normal(rule, version) for version in versions)


def _in_range(affected: AffectedRange, rule: str, version: str) -> bool | None:
    events, limits = _sorted_events(affected, rule)
    if all(event.type == "introduced" and event.version == "0" for event in affected.events):
        return True  # every version, for ever: no order is needed
    key = version_key(rule, version)
    if events is None or limits is None or key is None:
        return None
    if limits and not any(key < limit for limit in limits):
        return False
    inside = False
    for bound, kind in events:
        if kind == "introduced" and (bound is None or key >= bound):
            inside = True
        elif (kind == "fixed" and key >= bound) or (kind == "last_affected" and key > bound):
            inside = False
    return inside


@lru_cache(maxsize=65_536)
def _sorted_events(affected: AffectedRange, rule: str) -> tuple[list[tuple[Any, str]] | None, list[Any] | None]:
    """The events as (version key, or None for "0": before all; type) in order, and the limits. None: not ordered."""
    events = [event for event in affected.events if event.type != "limit"]
    bounds = [None if _from_start(event) else version_key(rule, event.version) for event in events]
    limits = [version_key(rule, event.version) for event in affected.events if event.type == "limit"]
    unbounded = any(event.version == "*" for event in affected.events if event.type == "limit")
    if any(bound is None and not _from_start(event) for event, bound in zip(events, bounds, strict=True)):
        return None, None
    order = sorted(
        (
            (0, 0, _EVENT_ORDER[event.type], event.type, None)
            if bound is None
            else (1, bound, _EVENT_ORDER[event.type], event.type, bound)
            for event, bound in zip(events, bounds, strict=True)
        ),
        key=lambda one: one[:3],
    )
    ordered: list[tuple[Any, str]] = [(bound, kind) for _, _, _, kind, bound in order]
    return ordered, [] if unbounded else None if None in limits else limits


def _from_start(event: RangeEvent) -> bool:
    return event.type == "introduced" and event.version == "0"


def _severity(advisory: Advisory, affected: AffectedPackage) -> str | None:
    """Nobody rates a package that is malicious as a whole: it is critical by what it is."""
    if advisory.id.startswith("MAL-"):
        return "critical"
    return affected.severity or advisory.severity


@lru_cache(maxsize=4_096)
def _of_release(distribution: str, release: str) -> bool:
    """Whether a component of the distribution release that `distro` names ("debian-12.5") is in an advisory's
    ("12", "v3.18", "22.04:LTS", "enterprise_linux:8::baseos"). One that does not say its release may be of any."""
    named = distribution.lower()
    for codename, number in _CODENAMES.items():
        named = named.replace(codename, number)
    ours, theirs = _NUMBER.findall(named), _NUMBER.findall(release)
    return all(int(one) == int(other) for one, other in zip(ours, theirs, strict=False))
