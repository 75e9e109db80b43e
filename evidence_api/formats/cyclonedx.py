"""CycloneDX JSON 1.2 to 1.7: strict validation with the official schemas, then the reading both spellings share.

The schemas are those cyclonedx-python-lib ships as package data, compiled by jsonschema-rs once per
version (its own validator is quadratic in the number of components). Everything is offline. The bytes
of a BOM are never written back from here: serve what was received.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from evidence_api.domain.errors import Malformed
from evidence_api.domain.sbom import Sbom
from evidence_api.formats.cyclonedx_faults import invalid, shorten
from evidence_api.formats.cyclonedx_reading import BomReading, read_timestamp

# The strict schema of each version; 1.2 and 1.3 are lax about unknown members unless told otherwise.
_SCHEMAS: Mapping[str, str] = {
    "1.2": "bom-1.2-strict.SNAPSHOT.schema.json",
    "1.3": "bom-1.3-strict.SNAPSHOT.schema.json",
    "1.4": "bom-1.4.SNAPSHOT.schema.json",
    "1.5": "bom-1.5.SNAPSHOT.schema.json",
    "1.6": "bom-1.6.SNAPSHOT.schema.json",
    "1.7": "bom-1.7.SNAPSHOT.schema.json",
}
_UNPINNED = ("1.6", "1.7")  # since then the official schema leaves `$schema` to the author
SPEC_VERSIONS: tuple[str, ...] = tuple(_SCHEMAS)
_REFERRED = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json", "cryptography-defs.SNAPSHOT.schema.json")
_BASE = "http://cyclonedx.org/schema/"
_SHOWN = 120


def validate_bom(document: Mapping[str, Any]) -> str:
    """Check a parsed CycloneDX JSON document strictly; gives its specVersion.

    Raises Malformed: `path` is dotted (`components.0.hashes.0.content`), `value` the offending value, shortened.
    """
    version = document.get("specVersion")
    if not isinstance(version, str) or version not in _SCHEMAS:
        known = ", ".join(SPEC_VERSIONS)
        raise Malformed(
            f"specVersion: not a CycloneDX JSON version ({known}): {shorten(version)}",
            path="specVersion",
            value=shorten(version),
        )
    _check_schema_name(document, version)
    validator = _validator(version)
    try:
        if not validator.is_valid(dict(document)):
            raise invalid(validator, document, version)
    except ValueError as fault:  # what no JSON document holds: NaN, lone surrogates, too deep a nesting
        raise Malformed(f"$: not a JSON document: {str(fault)[:_SHOWN]}", path="$") from fault
    return version


def read_bom(document: Mapping[str, Any]) -> Sbom:
    """Validate, then read. Raises Malformed."""
    version = validate_bom(document)
    metadata = document.get("metadata", {})
    reading = BomReading()
    for member, add in (
        ("components", reading.add_components),
        ("dependencies", reading.add_dependencies),
        ("vulnerabilities", reading.add_vulnerabilities),
    ):
        if member in document:
            add(document[member])
    moment = read_timestamp(metadata.get("timestamp"))
    return reading.finish(version, document.get("serialNumber", ""), moment, metadata)


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
    """Up to 1.5 `$schema`, if given, names the schema of the version; revisions of one version (1.3, 1.3a) are equal.
    Since 1.6 it may be any text, which the schema sees to."""
    name = document.get("$schema")
    if version in _UNPINNED or "$schema" not in document:
        return
    expected = rf"https?://(www\.)?cyclonedx\.org/schema/bom-{re.escape(version)}[a-z]?(-strict)?\.schema\.json#?"
    if not isinstance(name, str) or not re.fullmatch(expected, name):
        message = f"$schema: not the schema of CycloneDX {version}: {shorten(name)}"
        raise Malformed(message, path="$schema", value=shorten(name))
