"""Request limits, before validation: one linear pass over a parsed document measures its shape.

Every fragment is measured once (memo), so a document of doubling fragments costs its own length and not
2^n. Only a document whose expanded size is known to be small is then walked expanded, to bound what the
overlapping-fields rule of validation will compare (it is quadratic in repeated fields).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from evidence_api.domain.errors import Malformed, TooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a document may have. `fields` counts expanded selections; `comparisons` pairs of
    selections of one response path."""

    source_length: int = 64 * 1024
    tokens: int = 2_000
    comments: int = 200
    definitions: int = 100
    depth: int = 12
    introspection_depth: int = 20
    aliases: int = 30
    root_fields: int = 20
    fields: int = 500
    comparisons: int = 5_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What one selection set comes to, fragments expanded. `width` counts its own fields only."""

    depth: int = 0
    introspection_depth: int = 0
    width: int = 0
    fields: int = 0
    aliases: int = 0


_EMPTY = Shape()
_INTROSPECTION = ("__schema", "__type")
_LARGEST = 2**53 - 1  # the expanded count of a bomb may have hundreds of digits
_Fragments = Mapping[str, FragmentDefinitionNode]


def check_shape(document: DocumentNode, limits: Limits) -> None:
    """Refuse a document over a limit. Raises TooLarge (code, limit, value) and Malformed `fragment_cycle`."""
    if len(document.definitions) > limits.definitions:
        _over("too_many_definitions", "definitions", limits.definitions, len(document.definitions))
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    spreads = {name: tuple(dict.fromkeys(_spreads(fragment))) for name, fragment in fragments.items()}
    shapes = _measure_fragments(fragments, spreads)
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    used = {name for names in spreads.values() for name in names}.union(*map(_spreads, operations))
    unused = [fragment for name, fragment in fragments.items() if name not in used]
    of_operations = [_measure(operation.selection_set, shapes) for operation in operations]
    of_roots = [*of_operations, *(shapes[fragment.name.value] for fragment in unused)]
    for shape in of_roots:
        _check(shape, limits)
    for shape in of_operations:
        if shape.width > limits.root_fields:
            _over("too_many_root_fields", "root fields", limits.root_fields, shape.width)
    total = sum(shape.fields for shape in of_roots)
    if total > limits.fields:
        _over("too_many_fields", "fields", limits.fields, total)
    _check_comparisons([*operations, *unused], fragments, limits)


def check_values(variables: object, limit: int) -> None:
    """Refuse variables with more than `limit` values, members of lists and objects counted. Raises TooLarge."""
    waiting = [variables]
    seen = 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            seen += len(value)
            if seen > limit:
                raise TooLarge(
                    f"the variables have {seen} values or more, at most {limit} are read",
                    code="too_many_values",
                    path="variables",
                    limit=limit,
                    value=seen,
                )
            waiting.extend(value.values() if isinstance(value, dict) else value)


def _check(shape: Shape, limits: Limits) -> None:
    for code, words, limit, value in (
        ("too_deep", "levels of fields", limits.depth, shape.depth),
        ("too_deep", "levels of introspection", limits.introspection_depth, shape.introspection_depth),
        ("too_many_aliases", "aliases", limits.aliases, shape.aliases),
        ("too_many_fields", "fields", limits.fields, shape.fields),
    ):
        if value > limit:
            _over(code, words, limit, value)


def _over(code: str, words: str, limit: int, value: int) -> NoReturn:
    value = min(value, _LARGEST)
    raise TooLarge(
        f"the document has {value} {words}, at most {limit} are answered", code=code, limit=limit, value=value
    )


def _spreads(definition: FragmentDefinitionNode | OperationDefinitionNode) -> Iterable[str]:
    """The names of all fragments spread at any depth inside."""
    stack: list[SelectionNode] = list(definition.selection_set.selections)
    while stack:
        selection = stack.pop()
        if isinstance(selection, FragmentSpreadNode):
            yield selection.name.value
        elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
            stack.extend(selection.selection_set.selections)


def _measure_fragments(fragments: _Fragments, spreads: Mapping[str, Sequence[str]]) -> dict[str, Shape]:
    """Every fragment's shape, those it spreads first; an explicit stack, so a long chain cannot overflow ours."""
    shapes: dict[str, Shape] = {}
    for start in fragments:
        path = [start]
        while path:
            name = path[-1]
            first = next((spread for spread in spreads[name] if spread in fragments and spread not in shapes), None)
            if first is None:
                shapes[name] = _measure(fragments[name].selection_set, shapes)
                path.pop()
            elif first in path:
                raise Malformed("a fragment spreads itself", code="fragment_cycle", path=first)
            else:
                path.append(first)
    return shapes


def _measure(selection_set: SelectionSetNode | None, shapes: Mapping[str, Shape]) -> Shape:
    """One selection set, with the shapes of fragments known. Recursion is bounded by the parser's nesting limit."""
    if selection_set is None:
        return _EMPTY
    parts = [_measure_selection(selection, shapes) for selection in selection_set.selections]
    return Shape(
        depth=max((part.depth for part in parts), default=0),
        introspection_depth=max((part.introspection_depth for part in parts), default=0),
        width=sum(part.width for part in parts),
        fields=sum(part.fields for part in parts),
        aliases=sum(part.aliases for part in parts),
    )


def _measure_selection(selection: SelectionNode, shapes: Mapping[str, Shape]) -> Shape:
    """What one selection adds to the set it is in."""
    if isinstance(selection, FragmentSpreadNode):
        inner = shapes.get(selection.name.value, _EMPTY)
        return replace(inner, fields=inner.fields + 1)
    if isinstance(selection, FieldNode):
        inner = _measure(selection.selection_set, shapes)
        introspective = selection.name.value in _INTROSPECTION
        return Shape(
            depth=1 if introspective else 1 + inner.depth,
            introspection_depth=1 + inner.depth if introspective else inner.introspection_depth,
            width=1,
            fields=1 + inner.fields,
            aliases=inner.aliases + (selection.alias is not None),
        )
    inner = _measure(selection.selection_set if isinstance(selection, InlineFragmentNode) else None, shapes)
    return replace(inner, fields=inner.fields + 1)


def _check_comparisons(
    roots: Sequence[OperationDefinitionNode | FragmentDefinitionNode], fragments: _Fragments, limits: Limits
) -> None:
    """Bound the pairs of selections validation compares: those that share a response path."""
    pairs = 0
    for root in roots:
        at: Counter[tuple[str, ...]] = Counter()
        _count_paths(root.selection_set, (), fragments, at)
        pairs += sum(count * (count - 1) // 2 for count in at.values())
        if pairs > limits.comparisons:
            _over("too_many_repeats", "pairs of repeated fields", limits.comparisons, pairs)


def _count_paths(
    selection_set: SelectionSetNode, path: tuple[str, ...], fragments: _Fragments, at: Counter[tuple[str, ...]]
) -> None:
    """Count the selections of each response path. The expanded size is at most `Limits.fields` by now."""
    for selection in selection_set.selections:
        if isinstance(selection, FieldNode):
            here = (*path, selection.alias.value if selection.alias else selection.name.value)
            at[here] += 1
            if selection.selection_set:
                _count_paths(selection.selection_set, here, fragments, at)
        elif isinstance(selection, InlineFragmentNode):
            _count_paths(selection.selection_set, path, fragments, at)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value in fragments:
            _count_paths(fragments[selection.name.value].selection_set, path, fragments, at)
