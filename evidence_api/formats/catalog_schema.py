"""Catalog schema: a JSON Schema (2020-12) of the catalog's YAML documents, for editors to complete and check by.

It is made of the tables the readers use (catalog_shapes.py, domain/kinds.py), so that it lists what loads and nothing
else. What only a reader can tell (a `where` that does not parse, an id that is not there, a text that is blank) it lets
pass: the word of `evidence-api catalog check` counts.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from evidence_api.domain.kinds import COMMON, KINDS, FactType, Kind
from evidence_api.formats import catalog_keys as keys
from evidence_api.formats.catalog_fields import IDENTIFIER, MAX_ITEMS, MAX_TEXT, REFERENCE
from evidence_api.formats.catalog_shapes import (
    CATALOG,
    CONTROL,
    FRAMEWORK,
    MAPPING,
    ON_EMPTY,
    POPULATION,
    QUERY,
    WAIVER,
    WRAPPED,
)
from evidence_api.formats.where_types import DURATION

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER_OF_SCHEMA = "urn:evidence-api:catalog-schema:v1"
# YAML reads `no`, `2022` or `1.1` as what they look like; the readers take every scalar as the text it is.
_TEXT = ["string", "number", "boolean"]
_OPERATORS: Mapping[FactType, tuple[str, ...]] = {
    FactType.BOOLEAN: ("{path}", "!{path}"),
    FactType.NUMBER: ("{path} == 0", "{path} >= 1"),
    FactType.WORD: ("{path} != null",),
    FactType.TIME: ("{path} > 2026-01-31T00:00:00Z",),
    FactType.DURATION: ("{path} <= PT5M",),
    FactType.WORDS: ("… in {path}", "{path} != null"),
}


@lru_cache(maxsize=1)
def catalog_schema() -> Mapping[str, Any]:
    """The schema of one YAML document of a catalog: a control, framework, mapping or waiver, or lists of them."""
    documents = (CONTROL, FRAMEWORK, MAPPING, WAIVER)
    definitions: dict[str, Schema] = {}
    references = [_reference(shape, definitions) for shape in documents]
    wrapped = {
        "type": "object",
        "description": "Several documents in one, and what the catalog is called.",
        "properties": {
            **{name: _list(_reference(shape, definitions), empty=True) for name, shape in WRAPPED.items()},
            "catalog": _reference(CATALOG, definitions),
        },
        "minProperties": 1,
        "additionalProperties": False,
    }
    definitions["lists"] = wrapped
    return {
        "$schema": DIALECT,
        "$id": IDENTIFIER_OF_SCHEMA,
        "title": "Catalog of controls",
        "description": "One YAML document of a catalog.",
        "anyOf": [*references, {"$ref": "#/$defs/lists"}, {"type": "null", "description": "an empty document"}],
        "$defs": dict(sorted(definitions.items())),
    }


def _reference(shape: keys.Shape, definitions: dict[str, Schema]) -> Schema:
    """A reference to a shape's definition, which is made once."""
    name = shape.name.replace(" ", "_")
    if name not in definitions:
        definitions[name] = {}  # a place held, so that the order is that of first mention
        definitions[name] = _object(shape, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _object(shape: keys.Shape, definitions: dict[str, Schema]) -> Schema:
    made: Schema = {
        "type": "object",
        "description": shape.doc,
        "properties": {name: _key(key, definitions) for name, key in shape.keys.items()},
        "required": [name for name, key in shape.keys.items() if key.required],
        "additionalProperties": False,
    }
    if shape is QUERY:  # the facts of the kind named, for editors that show them
        definitions.update({f"where_of_{kind.name}": _facts(kind) for kind in KINDS.values()})
        made["allOf"] = [_of_kind(kind) for kind in KINDS.values()]
    return made | _conditions(shape, made)


def _conditions(shape: keys.Shape, made: Schema) -> Schema:
    """What keys of one mapping say of each other."""
    if shape is CONTROL:  # either queries or a rule of the operator's
        required = [name for name in made["required"] if name != "query"]
        return {"required": required, "oneOf": [{"required": ["query"]}, {"required": ["policy"]}]}
    if shape is ON_EMPTY:
        said: Schema = {"properties": {"outcome": {"const": "not_applicable"}}, "required": ["outcome"]}
        return {"if": said, "then": {"required": ["reason"]}}
    if shape is POPULATION:  # a sample is drawn from all rows
        sampled = {"properties": {"sample": {"type": "object"}}, "required": ["sample", "where"]}
        return {"not": sampled}
    return {}


def _facts(kind: Kind) -> Schema:
    """For one kind: what its conditions may ask."""
    facts = {**kind.facts, **COMMON}
    words = kind.words or {}
    listed = [f"{path} ({', '.join(words.get(path, ())) or fact})" for path, fact in facts.items()]
    examples = [
        example.replace("…", words.get(path, ("word",))[0]).format(path=path)
        for path, fact in facts.items()
        for example in ([f"{path} == {word}" for word in words[path]] if path in words else _OPERATORS[fact])
    ]
    return {"description": f"{kind.title}. Facts: {'; '.join(listed)}.", "examples": examples}


def _of_kind(kind: Kind) -> Schema:
    """The conditions of a query of that kind, its own and that of its population."""
    where = {"where": {"$ref": f"#/$defs/where_of_{kind.name}"}}
    return {
        "if": {"properties": {"kind": {"const": kind.name}}, "required": ["kind"]},
        "then": {"properties": where | {"population": {"properties": where}}},
    }


def _key(key: keys.Key, definitions: dict[str, Schema]) -> Schema:
    return _value(key.reads, key, definitions) | {"description": f"{key.doc} E.g. {key.example}"}


def _value(reads: keys.Reads, key: keys.Key, definitions: dict[str, Schema]) -> Schema:  # noqa: PLR0911, C901  one row a kind of value
    """What a key may hold."""
    match reads:
        case keys.Text(pattern=pattern):
            made = {"type": _TEXT if key.required else [*_TEXT, "null"], "maxLength": MAX_TEXT}
            return made | ({"type": "string", "pattern": f"^{pattern}$"} if pattern else {})
        case keys.Identifier(reference=reference):
            return {"type": _TEXT, "pattern": f"^{(REFERENCE if reference else IDENTIFIER)}$"}
        case keys.Word(allowed=allowed, default=default):
            return {"enum": list(allowed)} | ({"default": default} if default else {})
        case keys.Words(allowed=allowed):
            word: Schema = {"enum": list(allowed)} if allowed else {"type": _TEXT}
            return {"anyOf": [word, _list(word, empty=True)]}
        case keys.Integer(low=low, high=high):
            return {"type": "integer", "minimum": low, "maximum": high}
        case keys.Duration():
            return {"type": "string", "pattern": f"^{DURATION}$"}
        case keys.Day():
            return {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
        case keys.Condition():
            return {"type": ["string", "boolean"]}
        case keys.KindName():
            return {"anyOf": [{"const": kind.name, "description": kind.title} for kind in KINDS.values()]}
        case keys.Nested(shape=shape):
            return _reference(shape, definitions)
        case keys.Either(scalar=scalar, shape=shape):
            return {"anyOf": [_value(scalar, key, definitions), _reference(shape, definitions)]}
        case keys.ListOf(item=item):
            return _list(_value(item, key, definitions), empty=not key.required)


def _list(item: Schema, *, empty: bool) -> Schema:
    return {"type": "array", "items": item, "maxItems": MAX_ITEMS} | ({} if empty else {"minItems": 1})
