"""`test-selection` -> kind `test_selection`: which tests a change needs, by one of three methods.

bayes       p = 1 / (1 + e^-(bias + w.f)) a test; by p down, then by id, the shortest prefix so that those left out
            have 1 - product(1 - p) <= targetRisk
graph       every test that covers a changed file, sorted, and the changed files that none covers, sorted
hypergraph  every node named `test:...` within maxHops steps of what changed, sorted; one step leads from a node to
            all that share an edge with it
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, assert_never

from pydantic import Field, GetJsonSchemaHandler, ModelWrapValidatorHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from evidence_api.domain.decisions.bayes_selection import select_by_risk
from evidence_api.domain.decisions.impact_selection import TEST, select_by_coverage, select_by_hops
from evidence_api.domain.decisions.listed import check_distinct, counted
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import (
    MAX_DIMENSIONS,
    Claim,
    Count,
    Part,
    Predicate,
    Probability,
    Real,
    Rows,
    Several,
    Word,
)
from evidence_api.domain.fact_type import FactType

Features: TypeAlias = Annotated[Several[Real], Field(max_length=MAX_DIMENSIONS)]


class Candidate(Part):
    """One test and what is known of it before it runs."""

    id: Word
    features: Features = Field(description="One value for each weight")


class Coverage(Part):
    """One test and the files it covers."""

    test: Word
    files: Rows[Word]


class Hyperedge(Part):
    """What belongs together, and why."""

    id: Word
    kind: Word = Field(description="Why its nodes belong together")
    nodes: Rows[Word] = Field(description="Files and tests; a test begins with `test:`")


class Selection(Predicate):
    """The predicate: which of the three it is, `method` says."""

    method: Literal["bayes", "graph", "hypergraph"]
    selected: Rows[Word] = Field(description="Derived: the tests to run")

    @model_validator(mode="wrap")
    @classmethod
    def _by_method(
        cls,
        document: Any,  # noqa: ANN401  JSON
        handler: ModelWrapValidatorHandler["Selection"],
    ) -> "Selection":
        asked = document.get("method") if cls is Selection and isinstance(document, dict) else None
        method = _METHODS.get(asked) if isinstance(asked, str) else None
        return handler(document) if method is None else method.model_validate(document)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Of the whole: one of the three."""
        if cls is not Selection:
            return handler(schema)
        return {"oneOf": [handler(method.__pydantic_core_schema__) for method in _METHODS.values()]}


class BayesSelection(Selection):
    """By risk."""

    method: Literal["bayes"]
    weights: Features = Field(description="One for each feature")
    bias: Real = Field(description="Log-odds that a test fails whose features are all 0")
    tests: Rows[Candidate]
    target_risk: Probability = Field(description="The most risk the tests left out may hold")
    residual_risk: Claim = Field(description="1 - the product of (1 - p) over the tests left out")


class GraphSelection(Selection):
    """By coverage."""

    method: Literal["graph"]
    changed: Rows[Word] = Field(description="Files")
    coverage: Rows[Coverage]
    uncovered: Rows[Word] = Field(description="Derived: changed files no test covers, sorted")


class HypergraphSelection(Selection):
    """By hops."""

    method: Literal["hypergraph"]
    edges: Rows[Hyperedge]
    changed: Rows[Word] = Field(description="Nodes to begin at")
    max_hops: Count = Field(description="How many hyperedges away a test may be")


_METHODS: Mapping[str, type[Selection]] = {
    "bayes": BayesSelection,
    "graph": GraphSelection,
    "hypergraph": HypergraphSelection,
}
Method: TypeAlias = BayesSelection | GraphSelection | HypergraphSelection


def bayes_statement(
    weights: Sequence[float], bias: float, tests: Mapping[str, Sequence[float]], target_risk: float
) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> history = {"api": [2.0, 1.0], "web": [0.0, 0.0], "docs": [-3.0, 0.0]}
    >>> made = bayes_statement([1.5, 0.5], -3.0, history, target_risk=0.05)
    >>> made["selected"], round(made["residualRisk"], 4)
    (['api'], 0.048)
    """
    found = select_by_risk(weights, bias, tests, target_risk)
    return {
        "method": "bayes",
        "weights": list(weights),
        "bias": bias,
        "tests": [{"id": name, "features": list(features)} for name, features in tests.items()],
        "targetRisk": target_risk,
        "selected": list(found.selected),
        "residualRisk": found.residual_risk,
    }


def graph_statement(changed: Iterable[str], coverage: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The predicate's own fields, from the files that changed and the files each test covers.

    >>> made = graph_statement(["pay.py", "new.py"], {"t/pay": ["pay.py", "db.py"], "t/db": ["db.py"]})
    >>> made["selected"], made["uncovered"]
    (['t/pay'], ['new.py'])
    """
    touched, files_of = list(changed), {test: list(files) for test, files in coverage.items()}
    selected, uncovered = select_by_coverage(touched, files_of.items())
    return {
        "method": "graph",
        "changed": touched,
        "coverage": [{"test": test, "files": files} for test, files in files_of.items()],
        "selected": selected,
        "uncovered": uncovered,
    }


def hypergraph_statement(edges: Sequence[Mapping[str, Any]], changed: Iterable[str], max_hops: int) -> dict[str, Any]:
    """The predicate's own fields; an edge is {id, kind, nodes}.

    >>> module = {"id": "e1", "kind": "module", "nodes": ["file:pay", "file:tax", "test:pay"]}
    >>> covers = {"id": "e2", "kind": "covers", "nodes": ["file:tax", "test:tax"]}
    >>> hypergraph_statement([module, covers], ["file:pay"], max_hops=2)["selected"]
    ['test:pay', 'test:tax']
    """
    touched = list(changed)
    return {
        "method": "hypergraph",
        "edges": [{"id": edge["id"], "kind": edge["kind"], "nodes": list(edge["nodes"])} for edge in edges],
        "changed": touched,
        "maxHops": max_hops,
        "selected": select_by_hops([edge["nodes"] for edge in edges], touched, max_hops),
    }


def _method(predicate: Selection) -> Method:
    """A read predicate is always one of the three (see `_by_method`)."""
    assert isinstance(predicate, BayesSelection | GraphSelection | HypergraphSelection)  # noqa: S101  for the types
    return predicate


def _derive(predicate: Selection, _: Given) -> Derived:
    read = _method(predicate)
    match read:
        case BayesSelection():
            return Derived(_by_risk(read))
        case GraphSelection():
            covering = ((one.test, one.files) for one in read.coverage)
            selected, uncovered = select_by_coverage(read.changed, covering)
            return Derived({"selected": selected, "uncovered": uncovered})
        case HypergraphSelection():
            edges = [edge.nodes for edge in read.edges]
            return Derived({"selected": select_by_hops(edges, read.changed, read.max_hops)})
        case _:
            assert_never(read)


def _by_risk(read: BayesSelection) -> dict[str, Any]:
    check_distinct((test.id for test in read.tests), "tests.{}.id")
    for index, test in enumerate(read.tests):
        if len(test.features) != len(read.weights):
            said = f"{len(test.features)} features, where there are {len(read.weights)} weights"
            raise out_of_domain(f"tests.{index}.features", said)
    tests = {test.id: test.features for test in read.tests}
    found = select_by_risk(read.weights, read.bias, tests, read.target_risk)
    return {"selected": list(found.selected), "residualRisk": found.residual_risk}


def _considered(read: Method) -> int:
    match read:
        case BayesSelection():
            return len(read.tests)
        case GraphSelection():
            return len({one.test for one in read.coverage})
        case HypergraphSelection():
            nodes = {node for edge in read.edges for node in edge.nodes}.union(read.changed)
            return sum(node.startswith(TEST) for node in nodes)
        case _:
            assert_never(read)


def _facts(predicate: Selection, derived: Json) -> Mapping[str, Fact | None]:
    read = _method(predicate)
    facts: dict[str, Fact | None] = {"method": read.method, "tests": _considered(read)}
    if derived:
        facts |= {"selected": len(derived["selected"]), "residual_risk": derived.get("residualRisk")}
        facts["uncovered"] = len(derived["uncovered"]) if "uncovered" in derived else None
    if isinstance(read, BayesSelection):
        facts["target_risk"] = read.target_risk
    return facts


def _explain(predicate: Selection, derived: Json) -> str:
    read = _method(predicate)
    chosen = f"{len(derived['selected'])} of {counted(_considered(read), 'test')} selected"
    match read:
        case BayesSelection():
            risk, most = derived["residualRisk"], read.target_risk
            kept = f"at most {most:.4g} was asked"
            return f"{chosen}; one of the others fails with probability {risk:.4g}, and {kept}"
        case GraphSelection():
            bare = derived["uncovered"]
            said = f"{len(bare)} covered by none, {bare[0]} first" if bare else "none is left uncovered"
            return f"{chosen} for {counted(len(set(read.changed)), 'changed file')}; {said}"
        case HypergraphSelection():
            near = f"{counted(read.max_hops, 'hop')} of {counted(len(set(read.changed)), 'changed node')}"
            return f"{chosen}: those within {near}"
        case _:
            assert_never(read)


KIND = DecisionKind(
    name="test-selection",
    kind="test_selection",
    title="Tests selected for a change, and the risk of those left out",
    model=Selection,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "method": FactType.WORD,
        "tests": FactType.NUMBER,
        "selected": FactType.NUMBER,
        "uncovered": FactType.NUMBER,
        "target_risk": FactType.NUMBER,
        "residual_risk": FactType.NUMBER,
    },
    words={"method": ("bayes", "graph", "hypergraph")},
    series=lambda predicate: predicate.method,
)
