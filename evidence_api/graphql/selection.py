"""What a query selects below a field, so that a statement reads those columns alone. Worked out once per document."""

from collections.abc import Iterable, Mapping

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

from evidence_api.graphql.context import Info

PAGE_NODE = ("edges", "node")


def selected(info: Info, *path: str) -> frozenset[str]:
    """Names of the fields selected at `path` below the current field, through every fragment, whatever its type.

    `@skip` and `@include` are not looked at: a column too many is read, never one too few.
    """
    document = info.context.document
    key = (tuple(map(id, info.field_nodes)), path)
    plan = document.plans.get(key)
    if plan is None:
        fragments = document.fragments()
        sets = [node.selection_set for node in info.field_nodes]
        for name in path:
            sets = [field.selection_set for field in _fields(sets, fragments) if field.name.value == name]
        plan = document.plans[key] = frozenset(field.name.value for field in _fields(sets, fragments))
    return plan


def _fields(
    sets: Iterable[SelectionSetNode | None], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterable[FieldNode]:
    stack = [selection for one in sets if one for selection in one.selections]
    seen: set[str] = set()
    while stack:
        selection = stack.pop()
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            stack.extend(selection.selection_set.selections)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            stack.extend(fragments[selection.name.value].selection_set.selections)
