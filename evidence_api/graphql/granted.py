"""GraphQL, what a grant lets be asked: of peers, whose grants may name the types they read, and who only read.

Types with an id (Node) are what is granted, and types that lists and fields of the root give; the values inside them
go with them. A field of an interface is let through if every type it may stand for is granted, its id and __typename
always; what is about the caller, and where the log stands, always too.
"""

from graphql import (
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)

from evidence_api.domain.errors import Forbidden
from evidence_api.domain.principal import Principal
from evidence_api.graphql.documents import PreparedDocument

_USED = "types that are read"  # the key of PreparedDocument.plans
_OF_EVERYTHING = frozenset({"id", "__typename"})
_FREE = frozenset({"Viewer", "RateLimit", "Checkpoint"})  # of the root


def check_granted(principal: Principal, document: PreparedDocument, kind: OperationType, schema: GraphQLSchema) -> None:
    """Raises Forbidden `read_only` (a peer asks for anything but a query), `type_not_granted`."""
    if principal.kind == "peer" and kind is not OperationType.QUERY:
        raise Forbidden(f"a peer reads; it runs no {kind.value}", code="read_only", path="query")
    granted = principal.grant.types if principal.grant is not None else frozenset()
    if granted:
        beyond = sorted(_used(document, schema) - granted)
        if beyond:
            raise Forbidden(
                f"the grant does not name the types {', '.join(beyond[:5])}",
                code="type_not_granted",
                limit=sorted(granted),
                value=beyond,
            )


def _used(document: PreparedDocument, schema: GraphQLSchema) -> frozenset[str]:
    """The types the document may read that are granted by name, worked out once for each document."""
    if document.ast is None:
        return frozenset()
    used: frozenset[str] | None = document.plans.get(_USED)
    if used is None:
        info = TypeInfo(schema)
        found = _Types(info, schema)
        visit(document.ast, TypeInfoVisitor(info, found))
        used = document.plans[_USED] = frozenset(found.names)
    return used


class _Types(Visitor):
    """Gathers the types with an id whose own fields are selected, and those the root gives."""

    def __init__(self, info: TypeInfo, schema: GraphQLSchema) -> None:
        super().__init__()
        self._info = info
        self._schema = schema
        self.names: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        """One field of its parent type."""
        parent = self._info.get_parent_type()
        if parent is self._schema.query_type:
            self._add_given(get_named_type(self._info.get_type()))
        if isinstance(parent, GraphQLObjectType):
            self._add(parent)
        elif isinstance(parent, GraphQLInterfaceType | GraphQLUnionType) and node.name.value not in _OF_EVERYTHING:
            for possible in self._schema.get_possible_types(parent):
                self._add(possible)

    def _add_given(self, given: object) -> None:
        """What a field of the root gives; of a list, what is in it."""
        if isinstance(given, GraphQLObjectType) and given.name.endswith("Connection"):
            edge = get_named_type(given.fields["edges"].type)
            given = get_named_type(edge.fields["node"].type) if isinstance(edge, GraphQLObjectType) else None
        if isinstance(given, GraphQLObjectType) and given.name not in _FREE and not given.name.startswith("__"):
            self.names.add(given.name)

    def _add(self, found: GraphQLObjectType) -> None:
        if any(one.name == "Node" for one in found.interfaces):
            self.names.add(found.name)
