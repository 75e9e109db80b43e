"""GraphQL, arguments of a page: what variables and literals come to, coerced as the executor does it.

Most documents have variables of plain types alone; those are looked at here. All others go through graphql-core and
strawberry, whose coercion is what counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    IntValueNode,
    NamedTypeNode,
    NonNullTypeNode,
    NullValueNode,
    OperationDefinitionNode,
    StringValueNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
)
from graphql.execution.values import get_argument_values, get_variable_values
from strawberry.types import get_object_definition
from strawberry.types.arguments import StrawberryArgument, convert_arguments

_PLAIN = {"Int": int, "String": str, "ID": str}
_INT = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable of a plain type without a default."""

    name: str
    kind: type
    required: bool

    def value(self, given: Mapping[str, Any]) -> object:
        """Its value; absent is null, which no argument of a page tells from it. Raises _NotPlain."""
        value = given.get(self.name)
        if value is None:
            if self.required:
                raise _NotPlain
            return None
        if type(value) is not self.kind or (self.kind is int and value not in _INT):
            raise _NotPlain
        return value


class _NotPlain(Exception):
    """The executor's coercion has to say what this is."""


@dataclass(frozen=True, slots=True)
class PageArguments:
    """The arguments of the field of one operation. `plain` is None where all go through the executor's coercion;
    otherwise variables by the resolver's argument, beside the literals."""

    schema: strawberry.Schema
    operation: OperationDefinitionNode
    field: FieldNode
    definition: GraphQLField
    accepted: tuple[StrawberryArgument, ...]
    variables: tuple[_Variable, ...] = ()
    plain: Mapping[str, str] | None = None
    literals: Mapping[str, object] | None = None

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The resolver's arguments by name. Raises GraphQLError where the request is wrong."""
        if self.plain is None:
            return self.coerced(given)
        try:
            known = {variable.name: variable.value(given) for variable in self.variables}
        except _NotPlain:
            return self.coerced(given)
        return {**(self.literals or {}), **{name: known[variable] for name, variable in self.plain.items()}}

    def coerced(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same by graphql-core and strawberry."""
        core: GraphQLSchema = self.schema._schema  # noqa: SLF001  strawberry gives it no public name
        variables = get_variable_values(core, self.operation.variable_definitions or (), dict(given))
        if isinstance(variables, list):
            raise variables[0]
        values = get_argument_values(self.definition, self.field, variables)
        registry = self.schema.schema_converter.scalar_registry
        return convert_arguments(values, list(self.accepted), registry, self.schema.config)


def arguments_of(schema: strawberry.Schema, operation: OperationDefinitionNode, field: FieldNode) -> PageArguments:
    """How the arguments of this field of the root are found."""
    definition = get_object_definition(schema.query, strict=True).get_field(field.name.value)
    core: GraphQLSchema = schema._schema  # noqa: SLF001  the same
    if definition is None or core.query_type is None:  # the document is valid, so there is such a field
        raise GraphQLError("no such field", field)
    everybodys = PageArguments(
        schema, operation, field, core.query_type.fields[field.name.value], tuple(definition.arguments)
    )
    variables = tuple(map(_variable, operation.variable_definitions or ()))
    names = {one.python_name: schema.config.name_converter.from_argument(one) for one in definition.arguments}
    given = {argument.name.value: argument.value for argument in field.arguments or ()}
    bound = {name: given[shown] for name, shown in names.items() if shown in given}
    if None in variables or not all(map(_is_plain, bound.values())):
        return everybodys
    constant = {name: value for name, value in bound.items() if not isinstance(value, VariableNode)}
    return PageArguments(
        schema,
        operation,
        field,
        everybodys.definition,
        everybodys.accepted,
        tuple(variable for variable in variables if variable is not None),
        {name: value.name.value for name, value in bound.items() if isinstance(value, VariableNode)},
        {name: _literal(value) for name, value in constant.items()},
    )


def _variable(node: VariableDefinitionNode) -> _Variable | None:
    """None for a variable of another type, with a default or a directive."""
    kind = node.type.type if isinstance(node.type, NonNullTypeNode) else node.type
    if node.default_value or node.directives or not isinstance(kind, NamedTypeNode) or kind.name.value not in _PLAIN:
        return None
    return _Variable(node.variable.name.value, _PLAIN[kind.name.value], isinstance(node.type, NonNullTypeNode))


def _is_plain(value: ValueNode) -> bool:
    if isinstance(value, IntValueNode):
        return int(value.value) in _INT
    return isinstance(value, VariableNode | StringValueNode | NullValueNode)


def _literal(value: ValueNode) -> object:
    if isinstance(value, IntValueNode):
        return int(value.value)
    return value.value if isinstance(value, StringValueNode) else None
