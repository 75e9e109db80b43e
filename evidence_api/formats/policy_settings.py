"""What operators set for an area is held against the area's schema when policies are loaded.

    policy/<area>/data.schema.json     JSON Schema 2020-12 of data.<area>; without one, nothing is known of that data

A setting of the wrong type, or under a misspelt name, would be no limit at all: in Rego every number is less than any
text, and Open Policy Agent leaves out a denial that cannot be told. So nothing is loaded with one.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import jsonschema_rs
import orjson

from evidence_api.domain.errors import SourceFault

SETTINGS_SCHEMA = "data.schema.json"
_SHOWN = 240


def settings_faults(files: Mapping[str, str], data: Mapping[str, Any], given: Mapping[str, str]) -> list[SourceFault]:
    """Every setting that is not what its area's schema says: code `policy_setting` with the path and what is wrong.

    `files` are the folder's texts (relative path with / -> text), `given` says which file gave a key of `data`.
    """
    faults: list[SourceFault] = []
    for file in sorted(files):
        path = PurePosixPath(file)
        if path.name != SETTINGS_SCHEMA:
            continue
        try:
            schema = orjson.loads(files[file])
            validator = jsonschema_rs.validator_for(schema, offline=True)
        except orjson.JSONDecodeError as fault:
            faults.append(SourceFault(file, fault.lineno, fault.colno, "syntax", fault.msg))
        except (ValueError, jsonschema_rs.ReferencingError) as fault:
            faults.append(SourceFault(file, 1, 1, "settings_schema", str(fault).splitlines()[0][:_SHOWN]))
        else:
            if (area := path.parent.name) in data:
                faults += _faults(validator, area, data[area], given[area])
    return faults


def _faults(validator: jsonschema_rs.Validator, area: str, settings: object, file: str) -> Iterator[SourceFault]:
    for fault in validator.iter_errors(settings):
        where = ".".join(("data", area, *map(str, fault.instance_path)))
        yield SourceFault(file, 1, 1, "policy_setting", f"{where}: {fault.message[:_SHOWN]}")
