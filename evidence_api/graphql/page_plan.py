"""GraphQL, plans: documents that ask for one page of evidence and nothing else are read without the executor.

A plan is worked out once per operation of a document that passed validation: which JSON PostgreSQL is to write
(domain/page_shape.py), and what goes around it. Whatever is not listed here - another field, a directive, an object
selected twice, a count - leaves the document to the general way, which every plan answers like, byte by byte.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from evidence_api.domain.page_shape import LONGEST_KEY, EdgeShape, Member
from evidence_api.graphql.cursors import MAX_PAGE

_SUBJECTS = 20  # of graphql/evidence.py, where none are asked for
_PLAIN = frozenset({
    "id", "evidenceId", "leafIndex", "kind", "predicateType", "mediaType", "status", "effective", "collected",
    "received", "series", "sources", "admissionDecision", "erased",
})  # fmt: skip
_BODY = frozenset({"digest", "size", "mediaType"})
_SUBJECT = frozenset({"name", "digests"})


class Hole(Enum):
    """What a page fills in between the fixed pieces of an answer."""

    EDGES = "edges"
    HAS_NEXT = "hasNextPage"
    HAS_PREVIOUS = "hasPreviousPage"
    START = "startCursor"
    END = "endCursor"


@dataclass(frozen=True, slots=True)
class PagePlan:
    """How one operation is answered: the field with the arguments, the shape of its edges, the answer's pieces."""

    field: FieldNode
    shape: EdgeShape
    pieces: tuple[str | Hole, ...]


class _Unsupported(Exception):
    """This document is not one of those."""


def plan_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> PagePlan | None:
    """The plan of an operation; None where there is none."""
    if operation.directives or schema.query_type is None:
        return None
    try:
        return _Planner(schema, fragments).root(schema.query_type, operation.selection_set)
    except _Unsupported:
        return None


@dataclass(slots=True)
class _Planner:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def root(self, query: GraphQLObjectType, selections: SelectionSetNode) -> PagePlan:
        pieces: list[str | Hole] = []
        planned: tuple[FieldNode, EdgeShape] | None = None
        for key, node in self._fields(query, selections):
            pieces.append(_opening(pieces, key))
            if node.name.value == "__typename":
                pieces.append(f'"{query.name}"')
            elif node.name.value == "evidence" and planned is None:
                shape, inside = self._connection(_type_of(query, node), node)
                planned = node, shape
                pieces += inside
            else:
                raise _Unsupported
        if planned is None:
            raise _Unsupported
        return PagePlan(*planned, (*pieces, "}"))

    def _connection(self, connection: GraphQLObjectType, node: FieldNode) -> tuple[EdgeShape, list[str | Hole]]:
        pieces: list[str | Hole] = []
        shape = EdgeShape(())
        for key, inner in self._fields(connection, node.selection_set):
            pieces.append(_opening(pieces, key))
            match inner.name.value:
                case "__typename":
                    pieces.append(f'"{connection.name}"')
                case "edges":
                    shape = EdgeShape(self._edge(_type_of(connection, inner), inner))
                    pieces += ["[", Hole.EDGES, "]"]
                case "pageInfo":
                    pieces += self._page_info(_type_of(connection, inner), inner)
                case _:
                    raise _Unsupported
        if not shape.members:
            raise _Unsupported
        return shape, [*pieces, "}"]

    def _page_info(self, page_info: GraphQLObjectType, node: FieldNode) -> Iterator[str | Hole]:
        pieces: list[str | Hole] = []
        for key, inner in self._fields(page_info, node.selection_set):
            pieces.append(_opening(pieces, key))
            name = inner.name.value
            pieces.append(f'"{page_info.name}"' if name == "__typename" else Hole(name))
        return iter([*pieces, "}"])

    def _edge(self, edge: GraphQLObjectType, node: FieldNode) -> tuple[Member, ...]:
        def member(key: str, inner: FieldNode) -> Member:
            if inner.name.value == "node":
                return Member("node", key, self._node(_type_of(edge, inner), inner))
            if inner.name.value == "cursor":
                return Member("cursor", key)
            raise _Unsupported

        return self._members(edge, node, member)

    def _node(self, evidence: GraphQLObjectType, node: FieldNode) -> tuple[Member, ...]:
        def member(key: str, inner: FieldNode) -> Member:
            name = inner.name.value
            if name in _PLAIN:
                return Member(name, key)
            if name == "body":
                return Member(name, key, self._leaves(_type_of(evidence, inner), inner, _BODY))
            if name == "subjects":
                below = self._leaves(_type_of(evidence, inner), inner, _SUBJECT)
                return Member(name, key, below, first=_literal_first(inner))
            raise _Unsupported

        return self._members(evidence, node, member)

    def _leaves(self, parent: GraphQLObjectType, node: FieldNode, known: frozenset[str]) -> tuple[Member, ...]:
        def member(key: str, inner: FieldNode) -> Member:
            if inner.name.value not in known:
                raise _Unsupported
            return Member(inner.name.value, key)

        return self._members(parent, node, member)

    def _members(
        self, parent: GraphQLObjectType, node: FieldNode, member: Callable[[str, FieldNode], Member]
    ) -> tuple[Member, ...]:
        return tuple(
            Member("", key, typename=parent.name) if inner.name.value == "__typename" else member(key, inner)
            for key, inner in self._fields(parent, node.selection_set)
        )

    def _fields(
        self, parent: GraphQLObjectType, selections: SelectionSetNode | None
    ) -> Iterator[tuple[str, FieldNode]]:
        """The fields of an object in the order of the answer, by response key."""
        fields: dict[str, FieldNode] = {}
        for node in self._flat(parent, selections):
            key = (node.alias or node.name).value
            if key in fields or len(key) > LONGEST_KEY:
                raise _Unsupported
            fields[key] = node
        return iter(fields.items())

    def _flat(self, parent: GraphQLObjectType, selections: SelectionSetNode | None) -> Iterator[FieldNode]:
        for selection in selections.selections if selections else ():
            if selection.directives:
                raise _Unsupported
            if isinstance(selection, FieldNode):
                yield selection
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
            elif isinstance(selection, InlineFragmentNode):
                fragment = selection
            else:
                raise _Unsupported
            condition = fragment.type_condition
            matching = {parent.name, *(interface.name for interface in parent.interfaces)}
            if fragment.directives or (condition and condition.name.value not in matching):
                raise _Unsupported
            yield from self._flat(parent, fragment.selection_set)


def _type_of(parent: GraphQLObjectType, node: FieldNode) -> GraphQLObjectType:
    found = get_named_type(parent.fields[node.name.value].type)
    if not isinstance(found, GraphQLObjectType):
        raise _Unsupported
    return found


def _literal_first(node: FieldNode) -> int:
    """How many subjects: what is said in the document itself, 1 to 100."""
    if not node.arguments:
        return _SUBJECTS
    value = node.arguments[0].value
    if not isinstance(value, IntValueNode) or not 1 <= int(value.value) <= MAX_PAGE:
        raise _Unsupported
    return int(value.value)


def _opening(before: list[str | Hole], key: str) -> str:
    """What stands before a member's value."""
    return f"{',' if before else '{'}{orjson.dumps(key).decode()}:"
