"""Catalogs by digest: the one in force, and those of past assessments, loaded from the sources on record."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

from evidence_api.domain.control import Catalog, Control, Criterion, CriterionMapping, Framework, Waiver
from evidence_api.formats.catalog import load_catalog

_KEPT = 8
_KEPT_PARTS = 64


class CatalogIndex:
    """A catalog looked up by reference: what readers ask for, each in one step."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._parts: dict[frozenset[str], CatalogIndex] = {}
        self.digest = catalog.digest
        self.controls: Mapping[str, Control] = {control.id: control for control in catalog.controls}
        self.frameworks: Mapping[str, Framework] = {framework.id: framework for framework in catalog.frameworks}
        self.criteria: Mapping[tuple[str, str], Criterion] = {
            (framework.id, criterion.ref): criterion
            for framework in catalog.frameworks
            for criterion in framework.criteria
        }
        self.waivers: Mapping[str, Waiver] = {waiver.id: waiver for waiver in catalog.waivers}
        self._of_criterion: dict[tuple[str, str], list[CriterionMapping]] = {}
        self._of_control: dict[str, list[CriterionMapping]] = {}
        for mapping in catalog.mappings:
            self._of_criterion.setdefault((mapping.framework, mapping.ref), []).append(mapping)
            for control in mapping.maps_to:
                self._of_control.setdefault(control, []).append(mapping)

    def within(self, frameworks: frozenset[str]) -> "CatalogIndex":
        """The part of it that a grant of these frameworks shows: they, and the controls and waivers of what is mapped
        to their criteria. It has the digest of the whole."""
        part = self._parts.get(frameworks)
        if part is None:
            whole = self._catalog
            mappings = tuple(one for one in whole.mappings if one.framework in frameworks)
            controls = {control for one in mappings for control in one.maps_to}
            part = CatalogIndex(
                replace(
                    whole,
                    controls=tuple(one for one in whole.controls if one.id in controls),
                    frameworks=tuple(one for one in whole.frameworks if one.id in frameworks),
                    mappings=mappings,
                    waivers=tuple(one for one in whole.waivers if one.control in controls),
                )
            )
            if len(self._parts) >= _KEPT_PARTS:
                self._parts.clear()
            self._parts[frameworks] = part
        return part

    def mappings_of_criterion(self, framework: str, ref: str) -> list[CriterionMapping]:
        """How a criterion is mapped to controls, in the catalog's order."""
        return self._of_criterion.get((framework, ref), [])

    def mappings_of_control(self, control: str) -> list[CriterionMapping]:
        """The mappings that name a control, in the catalog's order."""
        return self._of_control.get(control, [])


class CatalogVersions:
    """A bounded set of loaded catalogs; least recently used out first, the one in force never."""

    def __init__(self, current: Catalog) -> None:
        self.in_force = CatalogIndex(current)
        self._past: OrderedDict[str, CatalogIndex] = OrderedDict()

    def known(self, digest: str) -> CatalogIndex | None:
        """The catalog of that digest if it is loaded."""
        if digest == self.in_force.digest:
            return self.in_force
        if digest in self._past:
            self._past.move_to_end(digest)
        return self._past.get(digest)

    def keep(self, digest: str, sources: Mapping[str, str]) -> CatalogIndex:
        """Load a catalog from its sources and keep it."""
        index = self._past[digest] = CatalogIndex(load_catalog(sources, recorded=True))
        if len(self._past) > _KEPT:
            self._past.popitem(last=False)
        return index
