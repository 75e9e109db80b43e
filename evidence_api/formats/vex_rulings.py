"""Deriving, fifth step, beside the claims: what VEX says about a vulnerability of one component.

Sources: OpenVEX v0.2.0 (products, subcomponents, latest statement wins); CycloneDX `vulnerabilities[].analysis`.
A package URL without version means every version; its qualifiers, where given, must be the component's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from evidence_api.domain.drift import Inventory
from evidence_api.domain.vex import VexComponent, VexStatement
from evidence_api.formats.component_changes import EVERYWHERE, Bill, Part
from evidence_api.formats.packages import PackageUrl, parse_purl

_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ruling:
    """One statement: `statement` is "<evidence id>#<place>". `scope` are the (package key, version) it is about where
    these are known beforehand (CycloneDX), None where its products have to be looked at."""

    names: tuple[str, ...]
    time: datetime
    statement: str
    status: str
    rules_out: bool
    scope: frozenset[tuple[str, str]] | None
    vex: VexStatement | None = None


class Rulings:
    """All statements about one release, found by the vulnerability's names."""

    def __init__(self, inventory: Inventory, bill: Bill) -> None:
        self._bill = bill
        self._subjects = frozenset(inventory.subjects)
        self._product_purls = tuple(
            url for _, sbom in inventory.sboms if sbom.subject and (url := parse_purl(sbom.subject.purl))
        )
        self._by_name: dict[str, list[Ruling]] = {}
        for ruling in sorted(
            (*_analyses(inventory, bill), *_openvex(inventory)), key=lambda one: (one.time, one.statement)
        ):
            for name in ruling.names:
                self._by_name.setdefault(name, []).append(ruling)

    def on(self, package: str, version: str, names: Iterable[str]) -> Ruling | None:
        """The latest statement that is about this vulnerability of this component; None if there is none."""
        said = {one.statement: one for name in names for one in self._by_name.get(name, ())}
        for ruling in sorted(said.values(), key=lambda one: (one.time, one.statement), reverse=True):
            if self._is_about(ruling, package, version):
                return ruling
        return None

    def _is_about(self, ruling: Ruling, package: str, version: str) -> bool:
        if ruling.scope is not None or ruling.vex is None:
            scope = ruling.scope or frozenset()
            return (package, version) in scope or EVERYWHERE in scope
        if not ruling.vex.products:  # those of the enclosing statement: its subjects, this release's
            return True
        part = self._bill.parts.get(package, {}).get(version)
        for product in ruling.vex.products:
            whole = self._is_release(product.whole)
            if product.parts:
                if whole and part and any(_is_part(one, part) for one in product.parts):
                    return True
            elif whole or (part and _is_part(product.whole, part)):
                return True
        return False

    def _is_release(self, component: VexComponent) -> bool:
        if self._subjects.intersection(component.hashes):
            return True
        urls = [url for text in component.purls if (url := parse_purl(text))]
        if any(url.version in self._subjects for url in urls):  # pkg:oci/name@sha256:…
            return True
        return any(_covers(url, ours) for url in urls for ours in self._product_purls)


def _is_part(component: VexComponent, part: Part) -> bool:
    if set(component.hashes).intersection(part.hashes):
        return True
    ours = part.package.url
    return ours is not None and any(_covers(url, ours) for text in component.purls if (url := parse_purl(text)))


def _covers(stated: PackageUrl, ours: PackageUrl) -> bool:
    """Whether a purl that a statement gives means this package and version."""
    if (stated.type, stated.namespace, stated.name) != (ours.type, ours.namespace, ours.name):
        return False
    if stated.version and stated.version != ours.version:
        return False
    return all(ours.qualifiers.get(key) == value for key, value in stated.qualifiers.items())


def _analyses(inventory: Inventory, bill: Bill) -> Iterable[Ruling]:
    """What the CycloneDX documents say of their own vulnerabilities; one without a state says nothing."""
    for source, sbom in inventory.sboms:
        for place, one in enumerate(sbom.vulnerabilities or ()):
            if one.state:
                yield Ruling(
                    names=(one.id,),
                    time=sbom.timestamp or _BEFORE_ALL,
                    statement=f"{source}#vulnerabilities/{place:06}",
                    status=one.state,
                    rules_out=not one.counts,
                    scope=bill.places(source, one.affects),
                )


def _openvex(inventory: Inventory) -> Iterable[Ruling]:
    for source, document in inventory.vex:
        for place, one in enumerate(document.statements):
            yield Ruling(one.names, one.time, f"{source}#statements/{place:06}", one.status, one.rules_out, None, one)
