"""What operators set is held against a schema when policies are loaded.

    policy/data.schema.json     JSON Schema 2020-12 of all data, by area; without one, nothing is known of the data

A setting of the wrong type, or under a misspelt name, would be no limit at all: in Rego every number is less than any
text, and Open Policy Agent leaves out a denial that cannot be told. So nothing is loaded with one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import orjson

from evidence_api.domain.errors import SourceFault

SETTINGS_SCHEMA = "data.schema.json"
_SHOWN = 240


def settings_faults(files: Mapping[str, str], data: Mapping[str, Any], given: Mapping[str, str]) -> list[SourceFault]:
    """Every setting that is not what the schema says: code `policy_setting` with the path and what is wrong.

    `files` are the folder's texts (relative path with / -> text), `given` says which file gave a key of `data`.
    """
    if SETTINGS_SCHEMA not in files:
        return []
    try:
        validator = jsonschema_rs.validator_for(orjson.loads(files[SETTINGS_SCHEMA]), offline=True)
    except orjson.JSONDecodeError as fault:
        return [SourceFault(SETTINGS_SCHEMA, fault.lineno, fault.colno, "syntax", fault.msg)]
    except (ValueError, jsonschema_rs.ReferencingError) as fault:
        return [SourceFault(SETTINGS_SCHEMA, 1, 1, "settings_schema", str(fault).splitlines()[0][:_SHOWN])]
    return list(_faults(validator, data, given))


def _faults(
    validator: jsonschema_rs.Validator, data: Mapping[str, Any], given: Mapping[str, str]
) -> Iterator[SourceFault]:
    for fault in validator.iter_errors(data):
        steps = list(map(str, fault.instance_path))
        file = given.get(steps[0], SETTINGS_SCHEMA) if steps else SETTINGS_SCHEMA
        yield SourceFault(file, 1, 1, "policy_setting", f"{'.'.join(('data', *steps))}: {fault.message[:_SHOWN]}")
