"""`contract-result` -> kind `contract`: whether a step did what it promised, held against what was measured.

A contract names postconditions, by what is measured: {operator: operand}, all of them to hold (lt le gt ge compare
numbers, eq any value, in a list of values), or a bare value to be equal to. One is unmet when it does not hold, or when
nobody measured it; the contract is met when none is unmet.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field, WithJsonSchema

from evidence_api.domain.decisions.listed import counted
from evidence_api.domain.decisions.postconditions import check_condition, check_value, condition_text, holds, value_text
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json
from evidence_api.domain.decisions.shape import Named, Part, Predicate, Rows, Word
from evidence_api.domain.fact_type import FactType

_NUMBER = {"description": "A number; beside anything else it does not hold"}
_CONDITION = {
    "description": "{operator: operand}, all to hold; any value that is no object must be equal",
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "lt": _NUMBER,
                "le": _NUMBER,
                "gt": _NUMBER,
                "ge": _NUMBER,
                "eq": {},
                "in": {"type": "array"},
            },
            "additionalProperties": False,
            "minProperties": 1,
        },
        {"type": ["string", "number", "boolean", "null", "array"]},
    ],
}
_NAMED = 3  # unmet conditions in a sentence

Condition: TypeAlias = Annotated[Any, WithJsonSchema(_CONDITION)]


class Contract(Part):
    """What was promised."""

    id: Word
    post: Named[Condition] = Field(description="Postconditions, by what is measured")


class ContractResult(Predicate):
    """The predicate."""

    contract: Contract
    measured: Named[Any] = Field(description="What was measured, by name")
    met: bool = Field(description="Derived: whether none is unmet")
    unmet: Rows[Word] = Field(description="Derived: postconditions that do not hold or were not measured, sorted")


def check(post: Mapping[str, Any], measured: Mapping[str, Any]) -> list[str]:
    """The names of the conditions that are unmet, sorted. Raises Malformed `out_of_domain` with a dotted path.

    >>> check({"tests": "pass", "risk": {"lt": 0.65}, "p95_ms": {"lt": 250}}, {"tests": "pass", "risk": 0.65})
    ['p95_ms', 'risk']
    """
    for name, condition in post.items():
        check_condition(condition, f"contract.post.{name}")
    for name, value in measured.items():
        check_value(value, f"measured.{name}")
    return sorted(name for name, asked in post.items() if name not in measured or not holds(asked, measured[name]))


def statement(contract_id: str, post: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> made = statement("node-impl-42", {"tests": "pass", "risk": {"lt": 0.65}}, {"tests": "pass", "risk": 0.9})
    >>> made["met"], made["unmet"]
    (False, ['risk'])
    """
    unmet = check(post, measured)
    contract = {"id": contract_id, "post": dict(post)}
    return {"contract": contract, "measured": dict(measured), "met": not unmet, "unmet": unmet}


def unmet_text(post: Mapping[str, Any], measured: Mapping[str, Any], name: str) -> str:
    """What was asked and what was measured, as people say it.

    >>> unmet_text({"risk": {"lt": 0.65}}, {"risk": 0.9}, "risk"), unmet_text({"tests": "pass"}, {}, "tests")
    ('risk is 0.9 and should be lt 0.65', 'tests was not measured and should be "pass"')
    """
    found = f"is {value_text(measured[name])}" if name in measured else "was not measured"
    return f"{name} {found} and should be {condition_text(post[name])}"


def _derive(predicate: ContractResult, _: Given) -> Derived:
    unmet = check(predicate.contract.post, predicate.measured)
    return Derived({"met": not unmet, "unmet": unmet})


def _facts(predicate: ContractResult, derived: Json) -> Mapping[str, Fact | None]:
    facts: dict[str, Fact | None] = {"id": predicate.contract.id, "conditions": len(predicate.contract.post)}
    return facts | ({"met": derived["met"], "unmet": tuple(derived["unmet"])} if derived else {})


def _explain(predicate: ContractResult, derived: Json) -> str:
    contract, unmet = predicate.contract, derived["unmet"]
    conditions = counted(len(contract.post), "condition")
    if not unmet:
        return f"contract {contract.id} is met: {conditions}, none unmet"
    told = "; ".join(unmet_text(contract.post, predicate.measured, name) for name in unmet[:_NAMED])
    more = f"; and {len(unmet) - _NAMED} more" if len(unmet) > _NAMED else ""
    return f"contract {contract.id} is unmet in {len(unmet)} of {conditions}: {told}{more}"


KIND = DecisionKind(
    name="contract-result",
    kind="contract",
    title="Postconditions of a contract, held against what was measured",
    model=ContractResult,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "id": FactType.WORD,
        "met": FactType.BOOLEAN,
        "unmet": FactType.WORDS,
        "conditions": FactType.NUMBER,
    },
    series=lambda predicate: predicate.contract.id,
)
