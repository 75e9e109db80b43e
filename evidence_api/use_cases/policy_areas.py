"""Policy areas: what of a folder of policies belongs to one area, and the bundle in which it is asked and fuzzed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import orjson

from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.formats.policy_bundle import (
    INVARIANT_SUFFIX,
    SCHEMA_NAME,
    PolicyBundle,
    bundle_from_files,
    decides,
    policy_bundle,
)

PACKAGE = "data.evidence.policy"
INVARIANTS = "data.evidence.invariant"


@dataclass(frozen=True, slots=True)
class PolicyArea:
    """One area: its input schema, its own sources, whether it states invariants, and the bundle of the whole folder
    with the invariants of all areas. `settings` is the operator's data of the area."""

    name: str
    schema: Mapping[str, Any]
    sources: tuple[str, ...]
    stated: bool
    settings: Any
    bundle: PolicyBundle


def read_areas(files: Mapping[str, str]) -> tuple[PolicyArea, ...]:
    """Every area of a folder (relative path with / -> text): a folder with an input schema. Raises InvalidSource."""
    shipped = bundle_from_files(files)
    modules = {name: text for name, text in files.items() if decides(name) or name.endswith(INVARIANT_SUFFIX)}
    bundle = policy_bundle(modules, shipped.data)
    data = orjson.loads(shipped.data)
    return tuple(
        PolicyArea(
            name,
            schema,
            tuple(text for file, text in modules.items() if PurePosixPath(file).parent.name == name),
            f"{name}/{name}{INVARIANT_SUFFIX}" in files,
            data.get(name),
            bundle,
        )
        for name, schema in _schemas(files)
    )


def chosen(areas: tuple[PolicyArea, ...], names: tuple[str, ...]) -> tuple[PolicyArea, ...]:
    """The areas of these names, all where none is named. Raises InvalidSource for a name without an area."""
    known = {area.name for area in areas}
    faults = [
        SourceFault("policy", 1, 1, "unknown_area", f"no area {name} (a folder with {SCHEMA_NAME})", _listed(known))
        for name in names
        if name not in known
    ]
    if faults:
        raise InvalidSource(faults)
    return tuple(area for area in areas if not names or area.name in names)


def with_settings(bundle: PolicyBundle, area: str, settings: object) -> PolicyBundle:
    """The bundle with other data for one area."""
    return policy_bundle(bundle.modules, orjson.dumps(orjson.loads(bundle.data) | {area: settings}))


def _listed(names: set[str]) -> str:
    return f"there are {', '.join(sorted(names))}" if names else "there is none"


def _schemas(files: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in sorted(files):
        path = PurePosixPath(file)
        if path.name != SCHEMA_NAME:
            continue
        try:
            schema = orjson.loads(files[file])
        except orjson.JSONDecodeError as fault:
            raise InvalidSource([SourceFault(file, fault.lineno, fault.colno, "syntax", fault.msg)]) from fault
        if not isinstance(schema, dict):
            raise InvalidSource([SourceFault(file, 1, 1, "schema", "an input schema is a JSON object")])
        yield path.parent.name, schema
