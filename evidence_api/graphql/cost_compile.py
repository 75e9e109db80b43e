"""Cost, the pass: one operation's document becomes a formula, each selection set once for each type it applies to.

Its work is the length of the document times the number of types it can be about, whatever fragments spread each other.
The document has passed validation; what it names that is not in the schema costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
)
from graphql.language import (
    ArgumentNode,
    BooleanValueNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ValueNode,
    VariableNode,
)

from evidence_api.graphql.cost_directives import FieldCost, cost_of_field
from evidence_api.graphql.cost_formula import Dearest, Formula, Given, Size, Times, is_constant, worth

Rules = dict[tuple[str, str], FieldCost]
_CONDITIONS = {"include": True, "skip": False}


def compile_cost(
    schema: GraphQLSchema,
    fragments: Mapping[str, FragmentDefinitionNode],
    operation: OperationDefinitionNode,
    rules: Rules,
) -> Formula:
    """The formula of one operation. `rules` keeps what is derived from the schema."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return _sealed(Formula())
    return _Pass(schema, fragments, _defaults(operation), rules).of_object(operation.selection_set, root, None)


@dataclass(frozen=True, slots=True)
class _Paged:
    """The fields of a page that are as long as its connection was asked for, and where that was."""

    fields: tuple[str, ...]
    size: Size
    place: int


class _Pass:
    """One pass over one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        defaults: Mapping[str, ValueNode],
        rules: Rules,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._defaults = defaults
        self._rules = rules
        self._scalars: dict[int, Formula] = {}
        self._known: dict[tuple[int, str, _Paged | None], Formula] = {}

    def of_object(self, selections: SelectionSetNode, parent: GraphQLObjectType, paged: _Paged | None) -> Formula:
        """What is selected of an object."""
        key = (id(selections), parent.name, paged)
        known = self._known.get(key)
        if known is None:
            known = Formula()
            for selection in selections.selections:
                self._add(known, selection, parent, paged)
            self._known[key] = _sealed(known)
        return known

    def _of_any(self, selections: SelectionSetNode, given: GraphQLNamedType, paged: _Paged | None) -> Formula:
        if isinstance(given, GraphQLObjectType):
            return self.of_object(selections, given, paged)
        if not is_abstract_type(given):
            return _sealed(Formula())
        parts = tuple(self.of_object(selections, one, None) for one in self._schema.get_possible_types(given))
        return _sealed(Formula(0, [Dearest(parts)])) if parts else _sealed(Formula())

    def _add(self, total: Formula, selection: SelectionNode, parent: GraphQLObjectType, paged: _Paged | None) -> None:
        """Add one selection to what is selected of an object, under its conditions."""
        part = self._of_selection(selection, parent, paged)
        if part is None:
            return
        for directive in getattr(selection, "directives", None) or ():
            wanted = _CONDITIONS.get(directive.name.value)
            if wanted is None or not directive.arguments:
                continue
            value = directive.arguments[0].value
            if isinstance(value, BooleanValueNode):
                if value.value is not wanted:
                    return
            elif isinstance(value, VariableNode):
                default = self._defaults.get(value.name.value)
                otherwise = default.value if isinstance(default, BooleanValueNode) else None
                part = _sealed(Formula(0, [Given(value.name.value, otherwise, wanted, part)]))
        _join(total, part)

    def _of_selection(
        self, selection: SelectionNode, parent: GraphQLObjectType, paged: _Paged | None
    ) -> Formula | None:
        if isinstance(selection, FieldNode):
            definition = parent.fields.get(selection.name.value)
            return None if definition is None else self._of_field(selection, definition, parent, paged)
        inner: FragmentDefinitionNode | InlineFragmentNode | None = None
        if isinstance(selection, FragmentSpreadNode):
            inner = self._fragments.get(selection.name.value)
        elif isinstance(selection, InlineFragmentNode):
            inner = selection
        if inner is None or not self._applies(inner, parent):
            return None
        return self.of_object(inner.selection_set, parent, paged)

    def _of_field(
        self, node: FieldNode, definition: GraphQLField, parent: GraphQLObjectType, paged: _Paged | None
    ) -> Formula:
        name = node.name.value
        rule = self._rules.get((parent.name, name))
        if rule is None:
            rule = self._rules[parent.name, name] = cost_of_field(parent, name, definition, self._schema)
        if node.selection_set is None and not rule.listed:
            return self._units(rule.weight)
        one = Formula(rule.weight)
        if node.selection_set is not None:
            below = _Paged(rule.sized, self._size(node, rule), id(node)) if rule.sized else None
            _join(one, self._of_any(node.selection_set, get_named_type(definition.type), below))
        one = _sealed(one)
        if paged is not None and name in paged.fields:
            return _sealed(Formula(0, [Times(paged.place, paged.size, one)]))
        if rule.listed:
            return _sealed(Formula(0, [Times(id(node), self._size(node, rule), one)]))
        return one

    def _units(self, weight: int) -> Formula:
        """A scalar of that weight; one formula for all of them."""
        known = self._scalars.get(weight)
        if known is None:
            known = self._scalars[weight] = _sealed(Formula(weight))
        return known

    def _size(self, node: FieldNode, rule: FieldCost) -> Size:
        given = {argument.name.value: argument for argument in node.arguments or ()}
        written: list[int] = []
        names: list[tuple[str, int | None]] = []
        for argument, default in zip(rule.slicing, rule.defaults, strict=True):
            value = _value_of(given.get(argument))
            if isinstance(value, VariableNode):
                fallback = _written(self._defaults.get(value.name.value))
                names.append((value.name.value, default if fallback is None else fallback))
            else:
                size = default if value is None else _written(value)
                written += [] if size is None else [size]
        return Size(max(written, default=None), tuple(names), rule.assumed)

    def _applies(self, inner: FragmentDefinitionNode | InlineFragmentNode, parent: GraphQLObjectType) -> bool:
        if inner.type_condition is None:
            return True
        condition = self._schema.get_type(inner.type_condition.name.value)
        if condition is parent:
            return True
        return is_abstract_type(condition) and self._schema.is_sub_type(condition, parent)


def _join(total: Formula, part: Formula) -> None:
    """Add a part: as it is where it is large, so that what stands at many places is worked out once."""
    if len(part.terms) > 1:
        total.terms.append(part)
    else:
        total.fixed += part.fixed
        total.terms += part.terms


def _sealed(formula: Formula) -> Formula:
    """Complete: without variables its worth is known."""
    if all(map(is_constant, formula.terms)):
        formula.constant = worth(formula, {}, {})
    return formula


def _defaults(operation: OperationDefinitionNode) -> dict[str, ValueNode]:
    """What variables are where the request does not give them."""
    return {
        definition.variable.name.value: definition.default_value
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def _value_of(argument: ArgumentNode | None) -> ValueNode | None:
    return None if argument is None else argument.value


def _written(value: Any) -> int | None:  # noqa: ANN401  any value node, or none
    """The size a literal asks for; None where it asks for none."""
    match value:
        case None | NullValueNode():
            return None
        case IntValueNode():
            return max(0, int(value.value))
        case ListValueNode():
            return len(value.values)
        case _:
            return 1
