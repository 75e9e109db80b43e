"""Cost: what an operation can cost at most, worked out from its document and variables before anything is read.

One pass over the document, each fragment once for each type it applies to, makes a formula of the variables, which is
kept with the document: what is done for each request is to fill it in. Selections that share a response key are each
counted. Of the types an interface may turn out to be, the dearest counts. Introspection costs nothing by itself.

After the operation ran, the same formula with the objects that were counted says what it came to (`Price.spent`).
Source: IBM's GraphQL cost directives specification, static analysis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)
from graphql.language import BooleanValueNode, DocumentNode, FieldNode, FragmentSpreadNode, InlineFragmentNode

from evidence_api.domain.errors import TooLarge
from evidence_api.domain.rates import Charge
from evidence_api.graphql.cost_compile import compile_cost
from evidence_api.graphql.cost_directives import FieldCost
from evidence_api.graphql.cost_formula import Formula, Times, spent, worth
from evidence_api.graphql.documents import PreparedDocument

COST_LIMIT = 10_000
RATE_FIELD = "rateLimit"
_LARGEST = 2**53 - 1
_KEPT = "cost"  # the first half of the key of PreparedDocument.plans


@dataclass(frozen=True, slots=True)
class _Priced:
    """What is kept of one operation of a document."""

    formula: Formula
    rate_fields: tuple[FieldNode, ...]  # where `rateLimit` is selected at the root
    free: bool  # nothing else is


@dataclass(slots=True)
class Price:
    """What one request may cost, in units. `dry`: it asks what the rest would cost, and not to run it. `charge` is what
    was taken for it."""

    requested: int
    dry: bool
    charge: Charge | None = None
    _formula: Formula = field(default_factory=Formula)
    _variables: Mapping[str, Any] = field(default_factory=dict)

    def spent(self, returned: Mapping[int, int]) -> int:
        """What it came to, by the objects counted at each place of the document; a place nobody counted at is taken to
        have given all it could. Never more than was requested."""
        return min(self.requested, spent(self._formula, 1, returned, self._variables, set()))

    def spent_on_page(self, count: int) -> int:
        """The same of an operation that asks for one page alone, and got `count` items."""
        return self.spent({term.place: count for term in self._formula.terms if isinstance(term, Times)})


class Pricing:
    """Prices the operations of one schema."""

    def __init__(self, schema: GraphQLSchema, limit: int = COST_LIMIT) -> None:
        self._schema = schema
        self._limit = limit
        self._rules: dict[tuple[str, str], FieldCost] = {}

    def price(
        self, document: PreparedDocument, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Price:
        """The price of an operation of a valid document. Raises TooLarge `cost_limit_exceeded`."""
        priced = document.plans.get(key := (_KEPT, id(operation)))
        if not isinstance(priced, _Priced):
            priced = document.plans[key] = self._priced(document, operation)
        cost = 0 if priced.free else max(1, worth(priced.formula, variables, {}))
        dry = bool(priced.rate_fields) and any(_is_dry(one, operation, variables) for one in priced.rate_fields)
        if cost > self._limit and not dry:
            value = min(cost, _LARGEST)
            raise TooLarge(
                f"the operation can cost {value} units, at most {self._limit} are run: ask for smaller pages",
                code="cost_limit_exceeded",
                path="query",
                limit=self._limit,
                value=value,
            )
        return Price(min(cost, _LARGEST), dry, None, priced.formula, variables)

    def _priced(self, document: PreparedDocument, operation: OperationDefinitionNode) -> _Priced:
        fragments = document.fragments()
        formula = compile_cost(self._schema, fragments, operation, self._rules)
        roots = list(_root_fields(operation.selection_set, fragments))
        rate = tuple(one for one in roots if one.name.value == RATE_FIELD)
        others = [one for one in roots if one.name.value not in {RATE_FIELD, "__typename"}]
        return _Priced(formula, rate, free=bool(rate) and not others)


def dry_document(
    document: PreparedDocument, operation: OperationDefinitionNode
) -> tuple[PreparedDocument, DocumentNode]:
    """The document with `rateLimit` alone at the root of this operation, and no other operation."""
    fragments = document.fragments()
    rate = [one for one in _root_fields(operation.selection_set, fragments) if one.name.value == RATE_FIELD]
    alone = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=operation.variable_definitions,
        directives=operation.directives,
        selection_set=SelectionSetNode(selections=tuple(rate)),
    )
    ast = DocumentNode(definitions=(alone, *fragments.values()))
    return PreparedDocument(document.digest, ast), ast


def _root_fields(selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> list[FieldNode]:
    """Fields at the root, through fragments, each fragment once."""
    found: list[FieldNode] = []
    seen: set[str] = set()
    stack = list(selections.selections)
    while stack:
        selection = stack.pop()
        if isinstance(selection, FieldNode):
            found.append(selection)
        elif isinstance(selection, InlineFragmentNode):
            stack.extend(selection.selection_set.selections)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            if selection.name.value in fragments:
                stack.extend(fragments[selection.name.value].selection_set.selections)
    return found


def _is_dry(node: FieldNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> bool:
    """Whether the field is asked with `dryRun: true`."""
    for argument in node.arguments or ():
        value = argument.value
        if argument.name.value != "dryRun":
            continue
        if isinstance(value, BooleanValueNode):
            return value.value
        if isinstance(value, VariableNode):
            return _given(value.name.value, operation, variables) is True
    return False


def _given(name: str, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> object:
    if name in variables:
        return variables[name]
    for definition in operation.variable_definitions or ():
        if definition.variable.name.value == name and isinstance(definition.default_value, BooleanValueNode):
            return definition.default_value.value
    return None
