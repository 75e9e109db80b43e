"""GraphQL, keeping answers: a persisted query asked with GET at a pinned tree size gets an entity tag.

The tag is the digest of `data`, worked out anew each time after the access check, so that what was erased meanwhile is
never confirmed. It is weak: `extensions` beside the data (cost, rates) differ from answer to answer. All other answers
are for one caller and moment.

Source: RFC 9110 section 8.8 and 13.1.2.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from evidence_api.domain.digest import digest_of
from evidence_api.graphql.call import Call
from evidence_api.graphql.documents import PreparedDocument

_PINNING = "asOf"


def entity_tag(call: Call) -> str | None:
    """The tag of an answer without errors; None if it is not of the sort that may be kept."""
    parameters, document, operation = call.parameters, call.document, call.operation
    if parameters is None or document is None or operation is None or call.request.method != "GET":
        return None
    if parameters.document_id is None or (parameters.extensions or {}).get("signedReceipt"):
        return None
    pinned = is_pinned(document, operation, parameters.variables or {})
    return f'W/"{digest_of(call.result)}"' if pinned else None


def is_known(call: Call, tag: str) -> bool:
    """Whether the caller says that it has this very answer."""
    named = call.request.headers.get("if-none-match", "")
    return tag.removeprefix("W/") in {one.strip().removeprefix("W/") for one in named.split(",")}


def is_pinned(document: PreparedDocument, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> bool:
    """Whether every field at the root is read at a tree size the request names."""
    given = {
        one.variable.name.value: variables.get(one.variable.name.value, one.default_value)
        for one in operation.variable_definitions or ()
    }
    fragments = document.fragments()
    waiting: list[SelectionSetNode] = [operation.selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                if selection.name.value != "__typename" and not _at_a_size(selection, given):
                    return False
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                waiting.append(fragments[selection.name.value].selection_set)
    return True


def _at_a_size(field: FieldNode, given: Mapping[str, Any]) -> bool:
    for argument in field.arguments or ():
        if argument.name.value == _PINNING:
            value = argument.value
            if isinstance(value, VariableNode):
                return isinstance(given.get(value.name.value), int | IntValueNode)
            return isinstance(value, IntValueNode)
    return False
