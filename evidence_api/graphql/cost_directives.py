"""Cost, the rules: what each field of the schema weighs and how long its list may be, and their directives in the SDL.

The rules are derived from the types, so a field that is added has its cost without a word:

    an object                 1; pages, edges and page info, which only wrap objects, nothing
    a scalar, an enumeration  nothing
    a connection              its `edges` are as many as `first`, `last` or the list of `ids` says
    a list without a size     100, or what `ASSUMED` says
    `totalCount`              20
    a mutation                100
    what `WEIGHTS` names      what it says there: signatures that are checked or made, decisions computed again

Source: IBM's GraphQL cost directives specification. Weights are of fields and take the place of the weight of what the
field gives; sizes multiply both that and what is selected below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeGuard

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedOutputType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_introspection_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema_directive import Location

UNSIZED = 100  # objects a list without a size is taken to hold
VERIFICATION = 100  # checking or making a signature, computing a decision again
COUNTING = 20
PROVING = 10  # hashes read from the tiles of the log

# By type and field. Whatever else is true of a field, it weighs this.
WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "Query.rateLimit": 0,
        "Query.inclusionProof": PROVING,
        "Evidence.proof": PROVING,
        "Evidence.decision": VERIFICATION,
        "Query.gaps": 50,  # the outcomes of up to a hundred assessments
        "Query.policyTelemetry": 50,  # the counts of up to half a year of hours
        "Query.whyChanged": 5 * VERIFICATION,  # assessments are made again
        "Release.dependencyDebt": PROVING,  # a signed statement is read, all of it
        "Release.drift": PROVING,
        "Release.vulnerabilities": PROVING,
    }
)
# Lists without a size argument that are short by their nature: one item an outcome, or what an operator wrote down.
ASSUMED: Mapping[str, int] = MappingProxyType(
    {
        "Assessment.counts": 10,
        "Change.definition": 10,
        "Control.criteria": 10,
        "Control.queries": 10,
        "Criterion.controls": 10,
        "Criterion.mappings": 10,
        "CriterionMapping.notes": 5,
        "Finding.queries": 10,
        "Gap.lacking": 10,
        "GapsOfFramework.summary": 10,
        "Pack.files": 5,
        "Query.frameworks": 10,
        "TrustLedger.reliability": 10,
    }
)
_SLICING = ("first", "last", "ids")
_SIZED = ("edges", "nodes")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="cost",
    description="What it weighs in cost units, in place of 1 for an object and 0 for anything else.",
)
class CostWeight:
    """`@cost`."""

    weight: str


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many objects it gives at most: what a slicing argument says, and `assumedSize` without one; of "
    "those fields of the object it gives, where `sizedFields` names them.",
)
class ListSize:
    """`@listSize`."""

    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET
    require_one_slicing_argument: bool | None = True


@dataclass(frozen=True, slots=True)
class FieldCost:
    """The rule of one field: what one of it weighs, and how many there may be. `stated`: the weight is not that of its
    type. `sized` are the fields below whose lists have this one's size; without any it is this one's own."""

    weight: int
    stated: bool
    listed: bool
    slicing: tuple[str, ...] = ()
    sized: tuple[str, ...] = ()
    defaults: tuple[int | None, ...] = ()  # of the slicing arguments
    required: bool = False  # one of them has to be given
    assumed: int = UNSIZED  # its length where nothing says it

    @property
    def counted(self) -> bool:
        """Whether objects are counted where it is answered."""
        return self.listed or bool(self.sized)


def cost_of_field(parent: GraphQLNamedOutputType, name: str, field: GraphQLField, schema: GraphQLSchema) -> FieldCost:
    """The rule of one field of one type."""
    given = get_named_type(field.type)
    listed = is_composite_type(given) and isinstance(get_nullable_type(field.type), GraphQLList)
    stated = WEIGHTS.get(f"{parent.name}.{name}")
    if stated is None and name == "totalCount":
        stated = COUNTING
    if stated is None and parent is schema.mutation_type:
        stated = VERIFICATION
    weight = weight_of_type(given) if stated is None else stated
    sized = tuple(one for one in _SIZED if one in given.fields) if is_page(given) else ()
    if not listed and not sized:
        return FieldCost(weight, stated is not None, listed=False)
    slicing = tuple(argument for argument in _SLICING if argument in field.args)
    defaults = tuple(_whole(field.args[argument].default_value) for argument in slicing)
    return FieldCost(
        weight,
        stated is not None,
        listed=listed,
        slicing=slicing,
        sized=() if listed else sized,
        defaults=defaults,
        required=bool(slicing) and "ids" not in slicing and not any(defaults),
        assumed=ASSUMED.get(f"{parent.name}.{name}", UNSIZED),
    )


def weight_of_type(given: GraphQLNamedType) -> int:
    """What one value of a type weighs."""
    if not is_composite_type(given):
        return 0
    return 0 if is_page(given) or _wraps(given) else 1


def is_page(given: object) -> TypeGuard[GraphQLObjectType]:
    """Whether it is a connection."""
    return isinstance(given, GraphQLObjectType) and {"edges", "pageInfo"} <= given.fields.keys()


def with_costs(schema: strawberry.Schema) -> strawberry.Schema:
    """The same schema, whose text shows the rules, and whose lists count what they give."""
    core: GraphQLSchema = schema._schema  # noqa: SLF001  strawberry gives it no public name
    for one in core.type_map.values():
        if not isinstance(one, GraphQLObjectType | GraphQLInterfaceType) or is_introspection_type(one):
            continue
        if isinstance(one, GraphQLObjectType) and (is_page(one) or _wraps(one)):
            _direct(one, CostWeight(weight="0"))
        for name, field in one.fields.items():
            rule = cost_of_field(one, name, field, core)
            if rule.stated:
                _direct(field, CostWeight(weight=str(rule.weight)))
            if rule.counted and not is_page(one):
                _direct(field, _list_size(rule))
                count_answers(field)
    return schema


def count_answers(field: GraphQLField) -> None:
    """Let a list tell the operation how many objects it gave, at the places it was asked for."""
    inner = field.resolve
    if inner is None or getattr(inner, "counts_answers", False):
        return

    def resolve(source: Any, info: Any, **arguments: Any) -> Any:  # noqa: ANN401  as graphql-core has it
        given = inner(source, info, **arguments)
        if hasattr(given, "__await__"):
            return _counted_later(given, info)
        _count(given, info)
        return given

    resolve.counts_answers = True  # type: ignore[attr-defined]
    field.resolve = resolve


async def _counted_later(awaited: Any, info: Any) -> Any:  # noqa: ANN401  whatever the resolver gives
    given = await awaited
    _count(given, info)
    return given


def _count(given: Any, info: Any) -> None:  # noqa: ANN401  whatever the resolver gives
    rows = getattr(given, "edges", given)
    if isinstance(rows, list | tuple):
        info.context.count(info.field_nodes, len(rows))


def _list_size(rule: FieldCost) -> ListSize:
    if not rule.slicing:
        return ListSize(assumed_size=rule.assumed)
    sized = list(rule.sized) or strawberry.UNSET
    return ListSize(
        slicing_arguments=list(rule.slicing), sized_fields=sized, require_one_slicing_argument=rule.required
    )


def _direct(of: GraphQLField | GraphQLObjectType, directive: object) -> None:
    """Put a directive on what strawberry prints a type or field from, unless it has one of the kind."""
    definition = (of.extensions or {}).get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if definition is not None and not any(isinstance(one, type(directive)) for one in definition.directives or ()):
        definition.directives = [*(definition.directives or ()), directive]


def _wraps(given: object) -> bool:
    """Whether it only holds an object and its place, or is the place of a page."""
    if not isinstance(given, GraphQLObjectType):
        return False
    return {"node", "cursor"} <= given.fields.keys() or given.name == "PageInfo"


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
