"""CycloneDX JSON 1.2 to 1.7: strict validation with the official schemas, then a small typed reading.

The schemas are those cyclonedx-python-lib ships as package data, compiled by jsonschema-rs once per
version (its own validator is quadratic in the number of components). Everything is offline. The bytes
of a BOM are never written back from here: serve what was received.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from evidence_api.domain.errors import Malformed
from evidence_api.formats.rfc3339 import parse_rfc3339
from evidence_api.formats.severity import Severity, severity_of_score, severity_of_word

# The strict schema of each version; 1.2 and 1.3 are lax about unknown members unless told otherwise.
_SCHEMAS: Mapping[str, str] = {
    "1.2": "bom-1.2-strict.SNAPSHOT.schema.json",
    "1.3": "bom-1.3-strict.SNAPSHOT.schema.json",
    "1.4": "bom-1.4.SNAPSHOT.schema.json",
    "1.5": "bom-1.5.SNAPSHOT.schema.json",
    "1.6": "bom-1.6.SNAPSHOT.schema.json",
    "1.7": "bom-1.7.SNAPSHOT.schema.json",
}
SPEC_VERSIONS: tuple[str, ...] = tuple(_SCHEMAS)
_REFERRED = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json", "cryptography-defs.SNAPSHOT.schema.json")
_BASE = "http://cyclonedx.org/schema/"
_SHOWN = 120

# VEX: an analysis that ended in one of these says the vulnerability does not (any longer) apply.
_NOT_EXPLOITABLE = frozenset({"not_affected", "false_positive", "resolved", "resolved_with_pedigree"})


@dataclass(frozen=True, slots=True)
class Component:
    """One component. `hashes` are "algorithm:hex" as CycloneDX spells them; `licences` ids, names or expressions."""

    name: str
    version: str
    purl: str
    hashes: tuple[str, ...]
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One vulnerability: its highest stated severity (None: unrated) and the state of its analysis ("" if none)."""

    id: str
    severity: Severity | None
    state: str

    @property
    def counts(self) -> bool:
        """Whether it counts: VEX has not ruled it out."""
        return self.state not in _NOT_EXPLOITABLE


@dataclass(frozen=True, slots=True)
class Bom:
    """What controls and drift need of one BOM. None stands for a member that is not there: unknown, not zero.

    `components` are those at the top level, `nested` the ones inside them, flat, in document order;
    `dependencies` counts the entries of the dependency graph.
    """

    spec_version: str
    serial_number: str
    timestamp: datetime | None
    tools: tuple[str, ...]
    components: tuple[Component, ...] | None
    nested: tuple[Component, ...]
    dependencies: int | None
    vulnerabilities: tuple[Vulnerability, ...] | None


def validate_bom(document: Mapping[str, Any]) -> str:
    """Check a parsed CycloneDX JSON document strictly; gives its specVersion.

    Raises Malformed: `path` is dotted (`components.0.hashes.0.content`), `value` the offending value, shortened.
    """
    version = document.get("specVersion")
    if not isinstance(version, str) or version not in _SCHEMAS:
        known = ", ".join(SPEC_VERSIONS)
        raise Malformed(
            f"specVersion: not a CycloneDX JSON version ({known}): {_shorten(version)}",
            path="specVersion",
            value=_shorten(version),
        )
    _check_schema_name(document, version)
    try:
        _validator(version).validate(dict(document))
    except jsonschema_rs.ValidationError as fault:
        path = ".".join(map(str, fault.instance_path)) or "$"
        value = _shorten(fault.instance)
        reason = fault.message[: 2 * _SHOWN]
        raise Malformed(f"{path}: not CycloneDX {version}: {reason}: {value}", path=path, value=value) from fault
    except ValueError as fault:  # what no JSON document holds: NaN, lone surrogates, too deep a nesting
        raise Malformed(f"$: not a JSON document: {str(fault)[:_SHOWN]}", path="$") from fault
    return version


def read_bom(document: Mapping[str, Any]) -> Bom:
    """Validate, then read the parts named in `Bom`. Raises Malformed."""
    version = validate_bom(document)
    metadata = document.get("metadata", {})
    timestamp = metadata.get("timestamp")
    components = document.get("components")
    dependencies = document.get("dependencies")
    vulnerabilities = document.get("vulnerabilities")
    return Bom(
        spec_version=version,
        serial_number=document.get("serialNumber", ""),
        timestamp=None if timestamp is None else parse_rfc3339(timestamp, path="metadata.timestamp"),
        tools=tuple(_tool_names(metadata.get("tools", ()))),
        components=None if components is None else tuple(map(_component, components)),
        nested=tuple(map(_component, _inside(components or ()))),
        dependencies=None if dependencies is None else len(dependencies),
        vulnerabilities=None if vulnerabilities is None else tuple(map(_vulnerability, vulnerabilities)),
    )


@cache
def _validator(version: str) -> jsonschema_rs.Validator:
    """Compile one version's schema, with the schemas it refers to beside it and formats asserted."""
    referred = jsonschema_rs.Registry([(_BASE + name, _schema(name)) for name in _REFERRED])
    return jsonschema_rs.validator_for(
        _schema(_SCHEMAS[version]), registry=referred, validate_formats=True, offline=True, mask="the value"
    )


def _schema(name: str) -> dict[str, Any]:
    """One schema of cyclonedx-python-lib's package data."""
    schema: dict[str, Any] = json.loads((files("cyclonedx.schema") / "_res" / name).read_bytes())
    return schema


def _check_schema_name(document: Mapping[str, Any], version: str) -> None:
    """`$schema`, if given, names the schema of this version; revisions of one version (1.3, 1.3a) are equal."""
    name = document.get("$schema")
    if name is None and "$schema" not in document:
        return
    expected = rf"https?://(www\.)?cyclonedx\.org/schema/bom-{re.escape(version)}[a-z]?(-strict)?\.schema\.json#?"
    if not isinstance(name, str) or not re.fullmatch(expected, name):
        message = f"$schema: not the schema of CycloneDX {version}: {_shorten(name)}"
        raise Malformed(message, path="$schema", value=_shorten(name))


def _shorten(value: Any) -> str:  # noqa: ANN401  any JSON value
    """A value as people are shown it: at most some 120 characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _inside(components: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The components nested in others, in document order, without recursion."""
    stack = [child for component in reversed(components) for child in reversed(component.get("components", ()))]
    while stack:
        component = stack.pop()
        yield component
        stack.extend(reversed(component.get("components", ())))


def _component(component: Mapping[str, Any]) -> Component:
    return Component(
        name=component["name"],
        version=component.get("version", ""),
        purl=component.get("purl", ""),
        hashes=tuple(f"{entry['alg']}:{entry['content'].lower()}" for entry in component.get("hashes", ())),
        licences=tuple(_licences(component.get("licenses", ()))),
    )


def _licences(choices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for choice in choices:
        if "expression" in choice:
            yield choice["expression"]
        licence = choice.get("license", {})
        if "id" in licence or "name" in licence:
            yield licence.get("id") or licence["name"]


def _tool_names(tools: Any) -> Iterator[str]:  # noqa: ANN401  a list up to 1.4, a list or an object since 1.5
    """Names of the tools that made the BOM, without their versions."""
    groups = (tools.get("components", ()), tools.get("services", ())) if isinstance(tools, Mapping) else (tools,)
    for group in groups:
        for tool in group:
            if "name" in tool:
                yield tool["name"]


def _vulnerability(vulnerability: Mapping[str, Any]) -> Vulnerability:
    rated = [severity for rating in vulnerability.get("ratings", ()) if (severity := _rating(rating)) is not None]
    return Vulnerability(
        id=vulnerability.get("id", ""),
        severity=max(rated, default=None),
        state=vulnerability.get("analysis", {}).get("state", ""),
    )


def _rating(rating: Mapping[str, Any]) -> Severity | None:
    """The stated severity; where only a CVSS score is given, the one that score stands for."""
    stated = severity_of_word(rating.get("severity", "unknown"))
    if stated is not None or "score" not in rating:
        return stated
    return severity_of_score(rating.get("method", ""), rating["score"])
