"""Evolution: what a change of the schema does to those who use it, and whether it may be made.

A breaking change may be made only by taking out what was announced: the released schema has it deprecated, with the
date of that and a date of removal at least twelve months later, and that one has passed. How a deprecation says so, at
the end of its reason:

    @deprecated(reason: "Use `size`. Deprecated 2026-12-01, removed after 2027-12-01.")

Dangerous changes (a new enum value, a new member of a union) are allowed and told: clients are asked to expect them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from graphql import (
    BreakingChange,
    DangerousChange,
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    NamedTypeNode,
    Node,
    SchemaChange,
    StringValueNode,
    TypeDefinitionNode,
    build_ast_schema,
    find_schema_changes,
    parse,
    visit,
)
from graphql.language.visitor import REMOVE, Visitor

from evidence_api.domain.errors import InvalidSource, SourceFault

_NOTICE = re.compile(r"\bDeprecated (\d{4}-\d{2}-\d{2}), removed after (\d{4}-\d{2}-\d{2})\.\s*\Z")
_ROOTS = ("Query", "Mutation", "Subscription")
_MEMBERS = ("field_definition", "input_value_definition", "enum_value_definition")


@dataclass(frozen=True, slots=True)
class Evolution:
    """What there is to say of a change. `faults` are why it may not be made; `removed` what had been announced."""

    breaking: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the change may be made."""
        return not self.breaking and not self.faults


def evolve(released: str, proposed: str, today: date) -> Evolution:
    """Compare two schemas in the definition language. Raises InvalidSource if one is none."""
    before, after = _parsed(released, "released"), _parsed(proposed, "proposed")
    kept, removed = _without_what_was_announced(before, _names(after), today)
    changes = find_schema_changes(build_ast_schema(kept), build_ast_schema(after))
    return Evolution(
        breaking=tuple(sorted(one.description for one in changes if _breaks(one))),
        dangerous=tuple(sorted(one.description for one in changes if isinstance(one, DangerousChange))),
        removed=tuple(sorted(removed)),
        faults=tuple(sorted(deprecation_faults(after))),
    )


def _breaks(change: SchemaChange) -> bool:
    """Int and the like are gone from a schema when nothing names them any more: that alone breaks nobody."""
    return isinstance(change, BreakingChange) and not change.description.startswith("Standard scalar ")


def deprecation_faults(document: DocumentNode) -> Iterator[str]:
    """Deprecations that do not say when they end, or end too soon."""
    for name, node in _members(document):
        reason = _reason(node)
        if reason is None:
            continue
        dates = _dates(reason)
        if dates is None:
            yield f"{name} is deprecated without its dates: end with “Deprecated <date>, removed after <date>.”"
        elif dates[1] < _a_year_after(dates[0]):
            yield f"{name} is to be removed after {dates[1]}, less than twelve months after {dates[0]}"


def _parsed(text: str, name: str) -> DocumentNode:
    try:
        document = parse(text)
        build_ast_schema(document)
    except (GraphQLError, TypeError) as fault:
        line = fault.locations[0].line if isinstance(fault, GraphQLError) and fault.locations else 1
        said = SourceFault(f"{name} schema", line, 1, "invalid_schema", str(fault).splitlines()[0])
        raise InvalidSource([said]) from fault
    return document


def _members(document: DocumentNode) -> Iterator[tuple[str, Node]]:
    """Fields, arguments and enum values by their names: Type.field, Type.field(argument:), Enum.VALUE."""
    for definition in document.definitions:
        if not isinstance(definition, TypeDefinitionNode):
            continue
        owner = definition.name.value
        for member in (*(getattr(definition, "fields", None) or ()), *(getattr(definition, "values", None) or ())):
            name = f"{owner}.{member.name.value}"
            yield name, member
            for argument in getattr(member, "arguments", None) or ():
                yield f"{name}({argument.name.value}:)", argument


def _names(document: DocumentNode) -> frozenset[str]:
    types = (one.name.value for one in document.definitions if isinstance(one, TypeDefinitionNode))
    return frozenset(types) | {name for name, _ in _members(document)}


def _without_what_was_announced(
    document: DocumentNode, still_there: frozenset[str], today: date
) -> tuple[DocumentNode, list[str]]:
    """The released schema without what is gone from the proposed one and was to be gone by now; and the names of that.
    A type goes with the last announced member that led to it."""
    gone: dict[int, str] = {}
    for name, node in _members(document):
        dates = _dates(_reason(node) or "")
        owner = name.partition("(")[0]
        if (
            dates is not None
            and dates[1] < today
            and name not in still_there
            and (owner == name or owner in still_there)
        ):
            gone[id(node)] = name
    if not gone:
        return document, []
    left: DocumentNode = visit(document, _Taking(gone))
    unreachable = _reachable(document) - _reachable(left) - still_there
    definitions = tuple(
        one for one in left.definitions if not (isinstance(one, TypeDefinitionNode) and one.name.value in unreachable)
    )
    return DocumentNode(definitions=definitions), [*gone.values(), *unreachable]


class _Taking(Visitor):
    """Takes these nodes out of a document."""

    def __init__(self, gone: dict[int, str]) -> None:
        super().__init__()
        self._gone = gone

    def enter(self, node: Node, *_where: object) -> object:
        """Remove the node, or go on."""
        return REMOVE if node.kind in _MEMBERS and id(node) in self._gone else None


def _reachable(document: DocumentNode) -> frozenset[str]:
    """The types that can be come to from the roots."""
    definitions = {one.name.value: one for one in document.definitions if isinstance(one, TypeDefinitionNode)}
    named = {name: set(_types_named(one)) for name, one in definitions.items()}
    for name, one in definitions.items():
        for interface in getattr(one, "interfaces", None) or ():
            named.setdefault(interface.name.value, set()).add(name)
    seen: set[str] = set()
    waiting = [root for root in _ROOTS if root in definitions]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(named.get(name, ()))
    return frozenset(seen & definitions.keys())


def _types_named(definition: Node) -> Iterator[str]:
    found: list[str] = []

    class Naming(Visitor):
        def enter_named_type(self, node: NamedTypeNode, *_where: object) -> None:
            found.append(node.name.value)

    visit(definition, Naming())
    yield from found


def _reason(node: Node) -> str | None:
    """The reason a member is deprecated for; None if it is not."""
    directives: tuple[DirectiveNode, ...] = getattr(node, "directives", None) or ()
    for directive in directives:
        if directive.name.value == "deprecated":
            values = (one.value for one in directive.arguments or () if one.name.value == "reason")
            return next((value.value for value in values if isinstance(value, StringValueNode)), "")
    return None


def _dates(reason: str) -> tuple[date, date] | None:
    """When it was deprecated, and after when it is removed."""
    found = _NOTICE.search(reason)
    if found is None:
        return None
    try:
        return date.fromisoformat(found[1]), date.fromisoformat(found[2])
    except ValueError:  # no such day
        return None


def _a_year_after(day: date) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return date(day.year + 1, 3, 1) if leap_day else day.replace(year=day.year + 1)
