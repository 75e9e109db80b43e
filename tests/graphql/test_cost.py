"""Cost against an evaluator that expands everything, and against documents that are made to be dear to price."""

import doctest
import time
from collections.abc import Mapping
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_abstract_type, parse, validate
from graphql.language import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import TooLarge
from evidence_api.graphql import cost_formula
from evidence_api.graphql.cost import COST_LIMIT, Pricing, dry_document
from evidence_api.graphql.cost_directives import ASSUMED, WEIGHTS, FieldCost, cost_of_field, is_page
from evidence_api.graphql.cost_formula import length
from evidence_api.graphql.documents import PreparedDocument
from evidence_api.graphql.schema import build_schema, schema_text


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


@pytest.fixture(scope="module")
def pricing(schema: GraphQLSchema) -> Pricing:
    return Pricing(schema, limit=10**30)


def cost(pricing: Pricing, text: str, **variables: object) -> int:
    document = PreparedDocument("", parse(text, max_tokens=None))
    return pricing.price(document, document.operation(None), variables).requested


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{ viewer { kind tenant { name } } }", {}, 2),
        ("{ evidence(first: 50) { edges { cursor node { id kind } } pageInfo { endCursor } } }", {}, 50),
        ("{ evidence(first: 50) { edges { node { id subjects(first: 4) { name } } } } }", {}, 50 + 200),
        ("{ evidence(last: 7) { totalCount { value } edges { node { id } } } }", {}, 27),
        ("{ evidence(first: 5) { a: edges { node { id } } b: edges { node { id } } } }", {}, 10),
        ("query ($n: Int) { evidence(first: $n) { edges { node { id } } } }", {"n": 30}, 30),
        ("query ($n: Int) { evidence(first: $n) { edges { node { id } } } }", {}, 100),
        ("query ($n: Int = 9) { evidence(first: $n) { edges { node { id } } } }", {}, 9),
        ("query ($n: Int = 9) { evidence(first: $n) { edges { node { id } } } }", {"n": None}, 9),
        ("query ($n: Int) { evidence(first: $n) { edges { node { id } } } }", {"n": -5}, 1),
        ("query ($n: Int) { evidence(first: $n) { edges { node { id } } } }", {"n": "x" * 9}, 1),
        ("query ($n: Int) { evidence(first: $n) { edges { node { id } } } }", {"n": 10**12}, 10**12),
        ("{ evidence(first: -3) { edges { node { id } } } }", {}, 1),
        ("{ evidence { edges { node { id } } } }", {}, 100),
        ("{ releases(first: 3) { edges { node { digests(first: 100) } } } }", {}, 3),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 40}, 40),
        ('{ node(id: "a") { id ... on Evidence { subjects(first: 9) { name } } ... on Control { ref } } }', {}, 10),
        ('{ node(id: "a") { ... on Evidence { decision { kind } } } }', {}, 101),
        ("{ __schema { types { name fields { name } } } __typename }", {}, 1),
        ("{ rateLimit { cost remaining } }", {}, 0),
        ("{ __typename rateLimit { cost } }", {}, 0),
        ("{ rateLimit { cost } viewer { kind } }", {}, 1),
        ("query ($w: Boolean!) { viewer { kind } evidence(first: 9) @include(if: $w) { edges { node { id } } } }",
         {"w": False}, 1),
        ("query ($w: Boolean!) { viewer { kind } evidence(first: 9) @skip(if: $w) { edges { node { id } } } }",
         {"w": False}, 10),
        ("query ($w: Boolean = true) { viewer { kind ...T @skip(if: $w) } } fragment T on Viewer { tenant { name } }",
         {}, 1),
    ],
)  # fmt: skip
def test_known_costs(pricing: Pricing, text: str, variables: dict[str, Any], expected: int) -> None:
    assert cost(pricing, text, **variables) == expected


class Naive:
    """Expands every fragment at every place, for every type a value may have."""

    def __init__(self, schema: GraphQLSchema, text: str, variables: Mapping[str, Any]) -> None:
        ast = parse(text)
        self.schema, self.variables = schema, variables
        self.fragments = {d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)}
        self.operation = next(d for d in ast.definitions if isinstance(d, OperationDefinitionNode))

    def total(self) -> int:
        root = self.schema.query_type
        assert root is not None
        return max(1, self.of(self.operation.selection_set, root, {}))

    def of(self, selections: SelectionSetNode, parent: GraphQLObjectType, sized: Mapping[str, int]) -> int:
        return sum(self.one(selection, parent, sized) for selection in selections.selections)

    def one(
        self,
        selection: Any,  # noqa: ANN401  any selection
        parent: GraphQLObjectType,
        sized: Mapping[str, int],
    ) -> int:
        for directive in selection.directives or ():
            given = self.variables[directive.arguments[0].value.name.value]
            if given is not (directive.name.value == "include"):
                return 0
        if isinstance(selection, FragmentSpreadNode | InlineFragmentNode):
            inner: Any = (
                self.fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
            )
            if inner.type_condition is not None:
                condition: Any = self.schema.get_type(inner.type_condition.name.value)
                applies = condition is parent or (
                    is_abstract_type(condition) and parent in self.schema.get_possible_types(condition)
                )
                if not applies:
                    return 0
            return self.of(inner.selection_set, parent, sized)
        assert isinstance(selection, FieldNode)
        name = selection.name.value
        if name not in parent.fields:
            return 0
        rule = cost_of_field(parent, name, parent.fields[name], self.schema)
        below = 0
        if selection.selection_set:
            given_type: Any = get_named_type(parent.fields[name].type)
            inner_sized = dict.fromkeys(rule.sized, self.size(selection, rule))
            possible = self.schema.get_possible_types(given_type) if is_abstract_type(given_type) else [given_type]
            below = max(self.of(selection.selection_set, one, inner_sized) for one in possible)
        times = sized.get(name, self.size(selection, rule) if rule.listed else 1)
        return times * (rule.weight + below)

    def size(self, node: FieldNode, rule: FieldCost) -> int:
        found = [default for default in rule.defaults if default is not None]
        for argument in node.arguments or ():
            if argument.name.value in rule.slicing:
                found = [] if not isinstance(argument.value, IntValueNode | VariableNode) else found
                if isinstance(argument.value, IntValueNode):
                    found = [max(0, int(argument.value.value))]
                elif isinstance(argument.value, VariableNode):
                    value = self.variables.get(argument.value.name.value)
                    found = [length(value)] if value is not None else found
        return max(found) if found else int(rule.assumed)


_LEAVES = {
    "Query": ["__typename", "viewer { kind tenant { name } }"],
    "Evidence": ["id", "kind", "subjects(first: 3) { name }", "subjects { name }", "decision { kind }"],
    "Release": ["id", "name"],
    "Control": ["id", "ref", "queries { name }"],
}
_PAGES = {
    "Query": [("evidence", "Evidence"), ("releases", "Release"), ("controls", "Control")],
    "Release": [("evidence", "Evidence")],
    "Evidence": [],
    "Control": [],
}


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A valid document with fragments, pages in pages, conditions, and the variables it takes."""
    fragments: list[str] = []

    def selection(of: str, depth: int) -> str:
        parts = [draw(st.sampled_from(_LEAVES[of]))]
        parts += [piece(of, depth - 1) for _ in range(draw(st.integers(0, 2)) if depth else 0)]
        return " ".join(f"k{at}: {part}" if part[0].isalpha() else part for at, part in enumerate(parts))

    def piece(of: str, depth: int) -> str:
        kind = draw(st.sampled_from(["page", "page", "inline", "spread", "node"]))
        if kind == "page" and _PAGES[of]:
            name, item = draw(st.sampled_from(_PAGES[of]))
            size = draw(st.sampled_from(["first: 5", "last: 2", "first: $n", "first: $m", "last: 0"]))
            condition = draw(st.sampled_from(["", "", "@include(if: $yes)", "@skip(if: $no)", "@skip(if: $yes)"]))
            return f"{name}({size}) {condition} {{ edges {{ cursor node {{ {selection(item, depth)} }} }} }}"
        if kind == "node" and of == "Query":
            item = draw(st.sampled_from(["Evidence", "Release", "Control"]))
            return f'node(id: "x") {{ id ... on {item} {{ {selection(item, depth)} }} }}'
        inner = selection(of, depth)
        if kind == "spread":
            fragments.append(f"fragment F{len(fragments)} on {of} {{ {inner} }}")
            name = f"F{len(fragments) - 1}"
            return f"...{name} ... on {of} {{ ...{name} }}" if draw(st.booleans()) else f"...{name}"
        return f"... on {of} {{ {inner} }}"

    body = selection("Query", 3)
    text = f"query ($n: Int, $m: Int, $yes: Boolean!, $no: Boolean!) {{ {body} }} {' '.join(fragments)}"
    variables = {"n": draw(st.sampled_from([None, 0, 1, 50])), "m": draw(st.integers(0, 9))}
    return text, {**variables, "yes": True, "no": False}


@settings(max_examples=120, derandomize=True)
@given(document=documents())
def test_it_is_what_expanding_everything_says(
    schema: GraphQLSchema, pricing: Pricing, document: tuple[str, dict[str, Any]]
) -> None:
    text, variables = document
    expected = Naive(schema, text, variables).total()
    assert cost(pricing, text, **variables) == expected
    prepared = PreparedDocument("", parse(text))
    price = pricing.price(prepared, prepared.operation(None), variables)
    assert price.spent({}) <= price.requested  # where nobody counted, no more is said to be spent than was asked for


def test_most_of_the_random_documents_are_of_the_schema(schema: GraphQLSchema) -> None:
    text = (
        "query ($n: Int) { k0: viewer { kind tenant { name } } evidence(first: $n) { edges { cursor node { k0: id } } }"
        ' node(id: "x") { id ... on Control { k0: queries { name } } } }'
    )
    assert validate(schema, parse(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        # sixty fragments, each spreading the one before twice: 2^60 times one page
        "{ ...F59 } fragment F0 on Query { evidence(first: 5) { edges { node { id } } } } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n - 1} ...F{n - 1} }}" for n in range(1, 60)),
        "query ($n: Int) { ...F59 } fragment F0 on Query { evidence(first: $n) { edges { node { id } } } } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n - 1} a{n}: __typename ...F{n - 1} }}" for n in range(1, 60)),
        "{" + " ".join("evidence(first: 5) { edges { node { id } } }" for _ in range(600)) + "}",
    ],
)
def test_documents_made_to_be_dear_are_priced_at_once(pricing: Pricing, text: str) -> None:
    document = PreparedDocument("", parse(text))
    begun = time.process_time()
    price = pricing.price(document, document.operation(None), {"n": 5})
    assert price.requested >= 600 * 5
    assert time.process_time() - begun < 0.05


def test_over_the_limit_it_is_refused_and_says_by_how_much(schema: GraphQLSchema) -> None:
    limited = Pricing(schema)
    text = "{ releases(first: 100) { edges { node { evidence(first: 100) { edges { node { id } } } } } } %s }"
    with pytest.raises(TooLarge) as refused:
        cost(limited, text % "")
    assert (refused.value.code, refused.value.fields) == (
        "cost_limit_exceeded",
        {"path": "query", "limit": COST_LIMIT, "value": 10_100},
    )
    document = PreparedDocument("", parse(text % "rateLimit(dryRun: true) { cost }"))
    price = limited.price(document, document.operation(None), {})
    assert (price.dry, price.requested) == (True, 10_100)


def test_a_dry_run_is_of_the_rate_alone(pricing: Pricing) -> None:
    text = "query ($d: Boolean = true) { viewer { kind } ...R } fragment R on Query { rateLimit(dryRun: $d) { cost } }"
    document = PreparedDocument("", parse(text))
    operation = document.operation(None)
    assert pricing.price(document, operation, {}).dry
    assert not pricing.price(document, operation, {"d": False}).dry
    _, alone = dry_document(document, operation)
    roots = alone.definitions[0]
    assert isinstance(roots, OperationDefinitionNode)
    assert [field.name.value for field in roots.selection_set.selections if isinstance(field, FieldNode)] == [
        "rateLimit"
    ]


def test_what_was_returned_is_what_is_spent(pricing: Pricing) -> None:
    document = PreparedDocument(
        "", parse("{ releases(first: 10) { edges { node { id evidence(first: 20) { edges { node { id } } } } } } }")
    )
    operation = document.operation(None)
    price = pricing.price(document, operation, {})
    releases: Any = operation.selection_set.selections[0]
    evidence = releases.selection_set.selections[0].selection_set.selections[0].selection_set.selections[1]
    assert price.requested == 10 + 200
    assert price.spent({id(releases): 3, id(evidence): 17}) == 3 + 17
    assert price.spent({id(releases): 3}) == 3 + 60  # nobody counted the evidence: taken to be all of it
    assert price.spent({id(releases): 0}) == 0
    assert price.spent({}) == 210
    assert price.spent_on_page(3) == 63


def test_every_rule_is_of_a_field_there_is(schema: GraphQLSchema) -> None:
    for named in (*WEIGHTS, *ASSUMED):
        type_name, _, field = named.partition(".")
        found: Any = schema.get_type(type_name)
        assert found is not None and field in found.fields, named  # noqa: PT018  one claim


def test_the_schema_says_what_everything_costs(schema: GraphQLSchema) -> None:
    text = schema_text()
    assert "directive @cost(weight: String!) on FIELD_DEFINITION | OBJECT" in text
    assert "directive @listSize(" in text
    assert schema_text() == text
    for one in schema.type_map.values():
        if is_page(one):
            assert f'type {one.name} @cost(weight: "0")' in text
    assert 'slicingArguments: ["first", "last"], sizedFields: ["edges"], requireOneSlicingArgument: true)' in text


def test_a_warm_request_is_priced_in_microseconds(pricing: Pricing) -> None:
    document = PreparedDocument(
        "",
        parse("query ($n: Int) { evidence(first: $n) { edges { node { id subjects(first: 4) { name } } } pageInfo "
              "{ endCursor } } releases(first: $n) { edges { node { evidence(last: 3) { edges { cursor } } } } } }"),
    )  # fmt: skip
    operation = document.operation(None)
    pricing.price(document, operation, {"n": 5})
    begun = time.process_time()
    for _ in range(2000):
        pricing.price(document, operation, {"n": 5})
    assert (time.process_time() - begun) / 2000 < 60e-6


def test_the_examples_hold() -> None:
    assert doctest.testmod(cost_formula).failed == 0
