"""Whether the `data` of an answer is what a document asked for, by the schema alone: nothing more, nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
)

_PYTHON: dict[str, tuple[type, ...]] = {
    "Int": (int,),
    "Float": (int, float),
    "String": (str,),
    "ID": (str,),
    "Boolean": (bool,),
}


class Shape:
    """Finds what is wrong with data, as lines `path: what`."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))

    def faults(self, data: object) -> list[str]:
        """What is wrong with the data of an answer without errors."""
        kind = self._operation.operation
        root = self._schema.mutation_type if kind is OperationType.MUTATION else self._schema.query_type
        return list(self._object(root, [self._operation.selection_set], data, "data"))

    def _object(self, of: Any, selections: list[SelectionSetNode], value: object, path: str) -> Iterator[str]:  # noqa: ANN401  an object type
        if not isinstance(value, dict):
            yield f"{path}: not an object"
            return
        fields: dict[str, list[FieldNode]] = {}
        for one in selections:
            self._collect(of, one, fields)
        if list(value) != list(fields):
            yield f"{path}: has {list(value)}, asked for {list(fields)}"
            return
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == "__typename":
                if value[key] != of.name:
                    yield f"{path}.{key}: {value[key]} is not {of.name}"
                continue
            inner = [node.selection_set for node in nodes if node.selection_set]
            yield from self._value(of.fields[name].type, inner, value[key], f"{path}.{key}")

    def _value(self, of: Any, inner: list[SelectionSetNode], value: object, path: str) -> Iterator[str]:  # noqa: ANN401  any type
        if is_non_null_type(of):
            if value is None:
                yield f"{path}: null"
                return
            of = of.of_type
        if value is None:
            return
        if is_list_type(of):
            if not isinstance(value, list):
                yield f"{path}: not a list"
                return
            for at, one in enumerate(value):
                yield from self._value(of.of_type, inner, one, f"{path}[{at}]")
        elif isinstance(of, GraphQLEnumType | GraphQLScalarType):
            if not _is_leaf(of, value):
                yield f"{path}: {value!r} is no {of.name}"
        else:
            told = [list(self._object(one, inner, value, path)) for one in self._concrete(of, value)]
            yield from min(told, key=len)

    def _concrete(self, of: Any, value: object) -> list[Any]:  # noqa: ANN401  object types
        """The types an object may be of: of an interface or union the one it says, if it was asked, or any."""
        if not is_abstract_type(of):
            return [of]
        named = value.get("__typename") if isinstance(value, Mapping) else None
        possible = self._schema.get_possible_types(of)
        return [one for one in possible if one.name == named] or list(possible)

    def _collect(self, of: GraphQLObjectType, selections: SelectionSetNode, into: dict[str, list[FieldNode]]) -> None:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                into.setdefault(selection.alias.value if selection.alias else selection.name.value, []).append(
                    selection
                )
                continue
            if isinstance(selection, FragmentSpreadNode):
                found: Any = self._fragments[selection.name.value]
            else:
                assert isinstance(selection, InlineFragmentNode)
                found = selection
            if found.type_condition is None or self._holds(found.type_condition.name.value, of):
                self._collect(of, found.selection_set, into)

    def _holds(self, condition: str, of: GraphQLObjectType) -> bool:
        named: Any = self._schema.type_map[condition]
        return named is of or (is_abstract_type(named) and self._schema.is_sub_type(named, of))


def _is_leaf(of: GraphQLEnumType | GraphQLScalarType, value: object) -> bool:
    if isinstance(of, GraphQLEnumType):
        return value in of.values
    python = _PYTHON.get(of.name)
    return python is None or (isinstance(value, python) and (bool in python or not isinstance(value, bool)))
