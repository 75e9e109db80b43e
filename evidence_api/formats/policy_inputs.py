"""Policy fuzzing, second step: inputs made from an area's input schema, and small changes to inputs there were.

A schema (JSON Schema 2020-12) is read for what it takes to make a value: type, properties, items, enum, const, anyOf,
references within the schema, bounds, `examples`. Most of what is made keeps to it, because an input that is wrong in
every part is denied for the first of them; each change then breaks one thing. The same seed gives the same inputs.
"""

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from evidence_api.formats.policy_tricks import altered_number, altered_text, odd_value
from evidence_api.formats.policy_words import Vocabulary

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str | int, ...]

_DEPTH = 12
_FEW = (0, 1, 1, 1, 2, 2, 3)
_MANY = 2  # from here on lists are of one form


class InputMaker:
    """Makes and changes inputs of one schema. Not for keys: the chance is a seed's, so that a find can be had again."""

    def __init__(self, schema: Schema, vocabulary: Vocabulary, seed: str) -> None:
        self._schema = schema
        self._vocabulary = vocabulary
        self._chance = random.Random(seed)  # noqa: S311  said above
        self._listed = _listed(schema)

    def make(self) -> dict[str, Any]:
        """A new input, an object whatever the schema says; often one of the schema's whole examples, changed."""
        examples = self._schema.get("examples", ())
        if examples and self._often(0.5):
            return self.change(self._chance.choice(examples))
        value = self._value(self._schema, 0)
        made = value if isinstance(value, dict) else {}
        return self.change(made) if self._often(0.3) else made

    def change(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The input with one to three parts of it changed."""
        made: dict[str, Any] = copy.deepcopy(dict(given))
        for _ in range(self._chance.choice((1, 1, 1, 2, 2, 3))):
            self._change_one(made)
        return made

    def form(self, asked: Mapping[str, Any]) -> tuple[str, ...]:
        """What tells an input's form from another's: its parts, theirs, how many there are, words of the schema."""
        found: list[str] = []
        for name, value in sorted(asked.items()):
            parts = sorted(value.items()) if isinstance(value, dict) else [("", value)]
            found += [f"{name}.{part}={self._kind(one)}" for part, one in parts]
        return tuple(found)

    def _kind(self, value: object) -> str:
        """The type of a value, the number of its parts up to a few, the word if the schema lists it."""
        if isinstance(value, str) and value in self._listed:
            return value
        return f"{type(value).__name__}{min(len(value), _MANY) if isinstance(value, list | dict) else ''}"

    def pick(self, choices: Sequence[Any]) -> Any:  # noqa: ANN401  whatever the choices are
        """One of them by the same chance."""
        return self._chance.choice(choices)

    def _often(self, share: float) -> bool:
        return self._chance.random() < share

    # Values of a schema

    def _value(self, schema: Schema, depth: int) -> Any:  # noqa: ANN401  any JSON value
        schema = self._resolved(schema)
        if "const" in schema:
            return copy.deepcopy(schema["const"])
        if "enum" in schema:
            return copy.deepcopy(self._chance.choice(schema["enum"]))
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._value(self._one_of(schema, several), depth)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = self._chance.choice(kind)
        makers: Mapping[str, Callable[[Schema, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._text,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda _schema, _depth: self._often(0.5),
        }
        return makers[kind](schema, depth) if kind in makers and depth < _DEPTH else None

    def _one_of(self, schema: Schema, several: str) -> Schema:
        """The schema as one of its alternatives has it."""
        choice = self._resolved(self._chance.choice(schema[several]))
        rest = {name: part for name, part in schema.items() if name != several}
        return {**rest, **choice, "required": [*schema.get("required", ()), *choice.get("required", ())]}

    def _resolved(self, schema: Schema) -> Schema:
        """Follows references within the schema, a few: one that names itself ends."""
        for _ in range(_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                break
            found: Any = self._schema
            for part in reference[2:].split("/"):
                found = found.get(part, {}) if isinstance(found, Mapping) else {}
            schema = found
        return schema

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        made = {
            name: self._value(part, depth + 1)
            for name, part in properties.items()
            if name in required or self._often(0.5)
        }
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping):
            names = schema.get("propertyNames", {}).get("examples") or self._vocabulary.words or ("a",)
            for _ in range(self._chance.choice(_FEW)):
                made[self._chance.choice(names)] = self._value(more, depth + 1)
        return made

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        size = max(self._chance.choice(_FEW), schema.get("minItems", 0))
        return [self._value(schema.get("items", {}), depth + 1) for _ in range(size)]

    def _text(self, schema: Schema, _depth: int) -> str:
        examples = schema.get("examples", ())
        if examples and self._often(0.7):
            return str(self._chance.choice(examples))
        words = self._vocabulary.words
        return self._chance.choice(words) if words and self._often(0.9) else ""

    def _number(self, schema: Schema, _depth: int) -> int | float:
        if "examples" in schema and self._often(0.5):
            example: int | float = self._chance.choice(schema["examples"])
            return example
        least, most = schema.get("minimum"), schema.get("maximum")
        within = [
            number
            for number in self._vocabulary.numbers
            if (least is None or number >= least) and (most is None or number <= most)
        ]
        bounds: list[int | float] = [bound for bound in (least, most) if bound is not None]
        if bounds and self._often(0.05):
            return self._chance.choice(bounds)
        return self._chance.choice(within) if within else self._chance.choice(bounds or [0])

    def _integer(self, schema: Schema, depth: int) -> int:
        return int(self._number(schema, depth))

    # Changes

    def _change_one(self, made: dict[str, Any]) -> None:
        places = _places(made)
        place = self._chance.choice(places)
        holder: Any = _at(made, place[:-1]) if place else made
        match self._chance.randrange(10):
            case 0 | 1 | 2 if place:
                schema = self._schema_at(place)
                holder[place[-1]] = self._value(schema, len(place)) if schema else self._alter(holder[place[-1]])
            case 3 if place:
                del holder[place[-1]]
            case 4 if place:
                holder[place[-1]] = odd_value(self._chance)
            case 5:
                self._grow(_at(made, place), self._schema_at(place), len(place))
            case _ if place:
                holder[place[-1]] = self._alter(holder[place[-1]])
            case _:
                self._grow(made, self._resolved(self._schema), 0)

    def _alter(self, value: Any) -> Any:  # noqa: ANN401  any JSON value
        """Something near a value: its neighbour, another spelling of it, fewer or doubled parts."""
        if isinstance(value, bool):
            return not value
        if isinstance(value, str):
            return altered_text(value, self._vocabulary.words, self._chance)
        if isinstance(value, int | float):
            return altered_number(value, self._vocabulary.numbers, self._chance)
        if isinstance(value, list) and value:
            return [*value, copy.deepcopy(self._chance.choice(value))] if self._often(0.5) else value[1:]
        return odd_value(self._chance) if value is None else value

    def _grow(self, value: Any, schema: Schema | None, depth: int) -> None:  # noqa: ANN401  any JSON value
        """One part more: a property that was left out, another item."""
        schema = schema or {}
        if isinstance(value, dict):
            absent = [name for name in schema.get("properties", {}) if name not in value]
            if absent:
                name = self._chance.choice(absent)
                value[name] = self._value(schema["properties"][name], depth + 1)
            elif isinstance(schema.get("additionalProperties"), Mapping):
                value.update(self._object(schema, depth))
        elif isinstance(value, list):
            value.append(self._value(schema.get("items", {}), depth + 1))

    def _schema_at(self, place: Path) -> Schema | None:
        """The schema of a part, as far as one can be told."""
        schema = self._resolved(self._schema)
        for step in place:
            if "anyOf" in schema or "oneOf" in schema:
                choices = [self._resolved(one) for one in schema.get("anyOf", schema.get("oneOf", []))]
                schema = next((one for one in choices if one.get("type") in {"object", "array"}), {})
            found = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
            if found is None and isinstance(schema.get("additionalProperties"), Mapping):
                found = schema["additionalProperties"]
            if not isinstance(found, Mapping):
                return None
            schema = self._resolved(found)
        return schema


def _listed(schema: Any) -> frozenset[str]:  # noqa: ANN401  any part of a schema
    """Every word in an enumeration of the schema."""
    found: set[str] = set()
    stack = [schema]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            found.update(word for word in one.get("enum", ()) if isinstance(word, str))
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return frozenset(found)


def _places(value: Any) -> list[Path]:  # noqa: ANN401  any JSON value
    """The path of every part, the whole first."""
    found: list[Path] = [()]
    stack: list[tuple[Path, Any]] = [((), value)]
    while stack:
        path, one = stack.pop()
        parts: Any = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for name, part in parts:
            found.append((*path, name))
            stack.append(((*path, name), part))
    return found


def _at(value: Any, place: Path) -> Any:  # noqa: ANN401  any JSON value
    for step in place:
        value = value[step]
    return value
