"""Deriving, fourth step: what came, went or changed between the components of two sets of SBOMs.

Components are the same if package and version are; several SBOMs of one release speak of the same components.
Of one package's versions those found on both sides stand; the others are paired with their nearest in the order of
versions, so that 1.0 and 2.0 becoming 2.1 is one upgrade (2.0 to 2.1) and one removal. Swapping the sides swaps the
result.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cmp_to_key
from urllib.parse import unquote

from evidence_api.domain.drift import AttributeChange, ChangeKind, Inventory, VersionChange
from evidence_api.domain.sbom import Sbom, SbomComponent
from evidence_api.formats.licences import normal_licence
from evidence_api.formats.packages import Package, package_of
from evidence_api.formats.versions import compare_versions, rule_of, same_version


@dataclass(slots=True)
class Part:
    """One version of one package, with all that the SBOMs of its side say about it."""

    package: Package
    hashes: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    suppliers: tuple[str, ...] = ()


Parts = dict[str, dict[str, Part]]  # package key -> version -> part

NOWHERE = ("", "")  # in the release, but in no component that anyone names
EVERYWHERE = ("*", "*")  # the product as a whole

_SPELLINGS = 40_000  # pairs of versions of one package that are looked at for being the same


@dataclass(slots=True)
class Bill:
    """One side: its parts, and which (package key, version) the references mean that vulnerabilities make to them.

    References go by the SBOM's evidence id, and by its serial for those that other documents make.
    """

    parts: Parts = field(default_factory=dict)
    references: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def places(self, source: str, affects: tuple[str, ...]) -> frozenset[tuple[str, str]]:
        """The components that a vulnerability of the SBOM `source` is about; NOWHERE for what is not here."""
        found = []
        for ref in affects or ("",):
            serial, local = local_reference(ref)
            found.append(self.references.get((serial or source, local), NOWHERE))
        return frozenset(found)

    @property
    def size(self) -> int:
        """How many different components there are."""
        return sum(map(len, self.parts.values()))


@dataclass(slots=True)
class Changes:
    """The lists of `Drift`, unsorted, and what became of each component now there: its kind and version before."""

    versions: dict[ChangeKind, list[VersionChange]] = field(default_factory=dict)
    rehashed: list[AttributeChange] = field(default_factory=list)
    suppliers: list[AttributeChange] = field(default_factory=list)
    licences: list[AttributeChange] = field(default_factory=list)
    kinds: dict[tuple[str, str], tuple[ChangeKind, str | None]] = field(default_factory=dict)


def bill_of(inventory: Inventory, known: dict[str, Package] | None = None) -> Bill:
    """Put together what all SBOMs of one side list. `known` keeps packages by purl, for the other side to share."""
    bill, known = Bill(), {} if known is None else known
    vulnerabilities = (one for _, sbom in inventory.sboms for one in sbom.vulnerabilities or ())
    wanted = {local_reference(ref)[1] for one in vulnerabilities for ref in one.affects}
    for source, sbom in inventory.sboms:
        for component in sbom.components:
            package = _package(component, known)
            versions = bill.parts.setdefault(package.key, {})
            part = versions.get(package.version)
            if part is None:
                part = versions[package.version] = Part(package)
            if component.hashes:
                part.hashes = _together(part.hashes, component.hashes)
            if component.licence:
                part.licences = _together(part.licences, _said(normal_licence(component.licence)))
            if component.supplier:
                part.suppliers = _together(part.suppliers, (component.supplier,))
            if component.ref in wanted:
                _refer(bill, source, sbom, component.ref, (package.key, package.version))
        if sbom.subject is not None and sbom.subject.ref in wanted:
            _refer(bill, source, sbom, sbom.subject.ref, EVERYWHERE)
    return bill


def _package(component: SbomComponent, known: dict[str, Package]) -> Package:
    if not component.purl:
        return package_of(component)
    package = known.get(component.purl)
    if package is None or package.url is None or not package.url.version:
        package = known[component.purl] = package_of(component)
    return package


def _refer(bill: Bill, source: str, sbom: Sbom, ref: str, place: tuple[str, str]) -> None:
    """A VEX document's own reference and a BOM-Link from another document both lead here."""
    bill.references.setdefault((source, ref), place)
    if sbom.serial:
        bill.references.setdefault((sbom.serial.lower(), ref), place)


def local_reference(ref: str) -> tuple[str, str]:
    """The serial of the BOM that a BOM-Link (`urn:cdx:<uuid>/<version>#<ref>`) leads to, and the reference in it.

    Any other reference is inside its own document: serial "".
    """
    if not ref.startswith("urn:cdx:") or "#" not in ref:
        return "", ref
    link, _, local = ref.partition("#")
    return f"urn:uuid:{link.removeprefix('urn:cdx:').partition('/')[0].lower()}", unquote(local)


def _said(word: str) -> tuple[str, ...]:
    return (word,) if word else ()


def _together(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted, each once; nearly always one of them is empty or they are equal."""
    if not more or known == more:
        return known
    return tuple(sorted({*known, *more}))


def compare_bills(before: Bill, after: Bill) -> Changes:
    """All changes from one side to the other."""
    changes = Changes()
    for key in before.parts.keys() | after.parts.keys():
        _compare_package(key, before.parts.get(key, {}), after.parts.get(key, {}), changes)
    return changes


def _compare_package(key: str, before: Mapping[str, Part], after: Mapping[str, Part], changes: Changes) -> None:
    one = next(iter((before or after).values())).package
    rule = rule_of(one.url.type) if one.url else "numbers"
    standing = {version: version for version in before if version in after}
    pairs: list[tuple[str | None, str | None]] = []
    if len(standing) < max(len(before), len(after)):
        gone, come = before.keys() - standing.keys(), after.keys() - standing.keys()
        if gone and come:
            standing |= _respelled(rule, gone, come)
        pairs = _nearest(rule, gone - standing.keys(), come - set(standing.values()))
    for old, new in standing.items():
        changes.kinds[key, new] = ("unchanged", old)
        _compare_hashes(key, before[old], after[new], changes)
        _compare_words(key, before[old], after[new], changes)
    for left, right in pairs:
        kind = _kind(rule, left, right)
        changes.versions.setdefault(kind, []).append(VersionChange(key, left, right))
        if right is not None:
            changes.kinds[key, right] = (kind, left)
            if left is not None:
                _compare_words(key, before[left], after[right], changes)


def _respelled(rule: str, gone: Collection[str], come: Collection[str]) -> dict[str, str]:
    """The same versions, written another way (1.0 and 1.0.0 where the ecosystem calls them one)."""
    if len(gone) * len(come) > _SPELLINGS:
        return {}
    free = sorted(come)
    found = {}
    for old in sorted(gone):
        new = next((version for version in free if same_version(rule, old, version)), None)
        if new is not None:
            free.remove(new)
            found[old] = new
    return found


def _nearest(rule: str, gone: Iterable[str], come: Iterable[str]) -> list[tuple[str | None, str | None]]:
    """Pair as many as possible: along the order of versions each takes the nearest free one of the other side."""
    order = _sorted(rule, [(version, 0) for version in gone] + [(version, 1) for version in come])
    free: list[tuple[str, int]] = []
    taken: tuple[list[str], list[str]] = ([], [])
    for entry in order:
        if free and free[-1][1] != entry[1]:
            for version, side in (free.pop(), entry):
                taken[side].append(version)
        else:
            free.append(entry)
    paired = zip(*(_in_order(order, versions, side) for side, versions in enumerate(taken)), strict=True)
    rest = [(version, None) if side == 0 else (None, version) for version, side in free]
    return [*paired, *rest]


def _in_order(order: list[tuple[str, int]], versions: list[str], side: int) -> list[str]:
    chosen = set(versions)
    return [version for version, its in order if its == side and version in chosen]


def _sorted(rule: str, entries: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """By version; those without an order come last, by their text."""

    def compare(one: tuple[str, int], other: tuple[str, int]) -> int:
        return compare_versions(rule, one[0], other[0]) or 0

    ordered = sorted(entries)
    readable = [entry for entry in ordered if compare_versions(rule, entry[0], entry[0]) is not None]
    unreadable = [entry for entry in ordered if compare_versions(rule, entry[0], entry[0]) is None]
    return sorted(readable, key=cmp_to_key(compare)) + unreadable


def _kind(rule: str, before: str | None, after: str | None) -> ChangeKind:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    match compare_versions(rule, before, after):
        case -1:
            return "upgraded"
        case 1:
            return "downgraded"
        case _:
            return "changed"


def _compare_hashes(key: str, before: Part, after: Part, changes: Changes) -> None:
    """A hash nobody gave before, by an algorithm that was used before. More algorithms are no change."""
    if before.hashes == after.hashes:
        return
    known = {one.partition(":")[0] for one in before.hashes}
    if any(one not in before.hashes and one.partition(":")[0] in known for one in after.hashes):
        changes.rehashed.append(_change(key, after, before.hashes, after.hashes))


def _compare_words(key: str, before: Part, after: Part, changes: Changes) -> None:
    """Suppliers and licences; a side that says nothing is unknown, not changed."""
    if before.suppliers and after.suppliers and before.suppliers != after.suppliers:
        changes.suppliers.append(_change(key, after, before.suppliers, after.suppliers))
    if before.licences and after.licences and before.licences != after.licences:
        changes.licences.append(_change(key, after, before.licences, after.licences))


def _change(key: str, part: Part, before: tuple[str, ...], after: tuple[str, ...]) -> AttributeChange:
    return AttributeChange(key, part.package.version, before, after)
