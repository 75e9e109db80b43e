"""GraphQL, introspection: whether an operation asks for the schema, for edges where not everybody may."""

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, OperationDefinitionNode, SelectionSetNode

from evidence_api.domain.errors import Forbidden
from evidence_api.domain.principal import Principal
from evidence_api.graphql.documents import PreparedDocument

_ASKING = frozenset({"__schema", "__type"})


def check_introspection(principal: Principal, document: PreparedDocument, operation: OperationDefinitionNode) -> None:
    """Raises Forbidden `introspection_not_allowed` if a peer asks for the schema."""
    if principal.kind == "peer" and _introspects(document, operation):
        raise Forbidden("a peer is not shown the schema here", code="introspection_not_allowed", path="query")


def _introspects(document: PreparedDocument, operation: OperationDefinitionNode) -> bool:
    fragments = document.fragments()
    waiting: list[SelectionSetNode] = [operation.selection_set]
    seen: set[str] = set()
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                if selection.name.value in _ASKING:
                    return True
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and (name := selection.name.value) not in seen:
                seen.add(name)
                waiting.append(fragments[name].selection_set)
    return False
