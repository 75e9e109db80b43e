"""Policy areas that may be asked: each has a schema beside its rules, and what is asked is held against it.

    policy/<area>/input.schema.json     JSON Schema 2020-12 of the area's input; an area without one cannot be asked

A member whose schema says `"readOnly": true` (or `"x-server": true`) is the server's to give: who asks may not send it.
There are five of them: `at`, the moment of asking (RFC 3339); `tenant`, the name of the tenant whose token asks;
`evidence`, what the server's log has verified about the digest in the member `digest`; and of the model in the member
`model`, where the operator limits calls, `bucket`: whether there is room for one, which is taken while it is asked; and
`budget_state`, the tightest of the tenant's budgets of now, where it has one. References to other documents are not
followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePosixPath
from reprlib import Repr
from typing import Any

import jsonschema_rs
import orjson

from evidence_api.domain.errors import InvalidSource, Malformed, NotFound, SourceFault
from evidence_api.formats.policy_bundle import SCHEMA_NAME

GATES = frozenset({"admission", "authorisation", "exchange", "trust"})  # asked by the server of what it knows itself
AT, TENANT, EVIDENCE, DIGEST = "at", "tenant", "evidence", "digest"
BUCKET, BUDGET_STATE, MODEL = "bucket", "budget_state", "model"
_FILLED = (AT, TENANT, EVIDENCE, BUCKET, BUDGET_STATE)
_SERVERS = ("readOnly", "x-server")
_SHOWN = 120
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = _SHOWN


@dataclass(frozen=True, slots=True)
class AskableArea:
    """One area that may be asked. `filled` are the members the server gives; `schema` is of all the others."""

    name: str
    filled: frozenset[str]
    schema: Mapping[str, Any] = field(repr=False)
    validator: jsonschema_rs.Validator = field(repr=False, compare=False)

    def check(self, asked: Mapping[str, Any]) -> None:
        """Hold what somebody asks against the schema. Raises Malformed with the dotted path, the limit and the
        value: `server_fills` (a member that is not theirs to give), `invalid_input`."""
        for name in sorted(self.filled & asked.keys()):
            raise Malformed(f"{name} is given by the server in area {self.name}", code="server_fills", path=name)
        try:
            self.validator.validate(asked)
        except jsonschema_rs.ValidationError as fault:
            raise _invalid(fault) from fault


def askable_areas(files: Mapping[str, str]) -> Mapping[str, AskableArea]:
    """The areas of a policy folder's files (relative path with / -> text) that may be asked, by name.

    Raises InvalidSource with every fault found.
    """
    areas: dict[str, AskableArea] = {}
    faults: list[SourceFault] = []
    for file in sorted(files):
        parts = PurePosixPath(file).parts
        if len(parts) != 2 or parts[1] != SCHEMA_NAME or parts[0] in GATES:  # noqa: PLR2004  <area>/<name>
            continue
        try:
            areas[parts[0]] = _area(parts[0], orjson.loads(files[file]))
        except orjson.JSONDecodeError as fault:
            faults.append(SourceFault(file, fault.lineno, fault.colno, "syntax", fault.msg))
        except (ValueError, jsonschema_rs.ReferencingError) as fault:
            faults.append(SourceFault(file, 1, 1, "input_schema", str(fault).splitlines()[0]))
    if faults:
        raise InvalidSource(faults)
    return areas


def find_area(areas: Mapping[str, AskableArea], name: str) -> AskableArea:
    """The area of that name. Raises NotFound with the nearest name and the list."""
    found = areas.get(name)
    if found is not None:
        return found
    shown, listed = name[:80], sorted(areas)
    near = get_close_matches(name[:80], listed, 1)
    if name in GATES:
        said = f"area {shown} is the server's own gate; it cannot be asked"
    else:
        said = f"there is no policy area {shown!r} to ask{f'; the nearest is {near[0]}' if near else ''}"
    raise NotFound(said, code="unknown_area", value=shown, nearest=near[0] if near else None, areas=listed)


def _area(name: str, schema: object) -> AskableArea:
    """Take the server's members out of the schema. Raises ValueError for what is no schema of an object."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ValueError('an input schema is of an object: {"type": "object", …}')
    jsonschema_rs.validator_for(schema, offline=True)  # so that the rest of this meets nothing but a schema
    properties = schema.get("properties", {})
    filled = frozenset(
        member
        for member, one in properties.items()
        if isinstance(one, Mapping) and any(one.get(mark) is True for mark in _SERVERS)
    )
    if unknown := sorted(filled.difference(_FILLED)):
        raise ValueError(f"the server does not give {unknown[0]!r}; it gives {', '.join(_FILLED)}")
    if filled & {BUCKET, BUDGET_STATE} and MODEL not in properties:
        raise ValueError(f"where the server gives {BUCKET} or {BUDGET_STATE}, there is a {MODEL} that they are of")
    if EVIDENCE in filled and DIGEST not in schema.get("required", ()):
        raise ValueError(f"where the server gives {EVIDENCE}, {DIGEST} is required: it says what the evidence is about")
    own = {
        **schema,
        "properties": {member: one for member, one in properties.items() if member not in filled},
        "required": [member for member in schema.get("required", ()) if member not in filled],
    }
    validator = jsonschema_rs.validator_for(own, validate_formats=True, offline=True, mask="the value")
    return AskableArea(name, filled, own, validator)


def _invalid(fault: jsonschema_rs.ValidationError) -> Malformed:
    match fault.kind:
        case jsonschema_rs.ValidationErrorKind.Required(property=missing):
            steps = [*fault.instance_path, str(missing)]
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=[first, *_]):
            steps = [*fault.instance_path, first]
        case _:
            steps = list(fault.instance_path)
    path = ".".join(map(str, steps)) or "$"
    limit = getattr(fault.kind, "limit", None)
    value = fault.instance if isinstance(fault.instance, int | float | bool | None) else _BRIEF.repr(fault.instance)
    return Malformed(
        f"{path}: {fault.message[: 2 * _SHOWN]}",
        code="invalid_input",
        path=path,
        value=value[:_SHOWN] if isinstance(value, str) else value,
        **({} if limit is None else {"limit": limit}),
    )
