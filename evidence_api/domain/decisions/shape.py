"""Decisions, the shared ground: what every predicate has, and the types its inputs and claims are made of.

Inputs are bounded so that no arithmetic on them overflows, hangs or warns: numbers are finite and at most 1e30 from
zero, counts below 2^53, lists at most 10,000 long, vectors and matrices at most 64 wide.
Money and epsilons are decimal text and stay exact.
"""

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from evidence_api.domain.typed_json import Moment, Several, ThirdParty, Word

__all__ = [
    "MAX_DIMENSIONS",
    "MAX_ROWS",
    "Claim",
    "Count",
    "Inside",
    "Moment",
    "Money",
    "MoneyClaim",
    "Named",
    "Part",
    "Predicate",
    "Probability",
    "Producer",
    "Real",
    "Rows",
    "Several",
    "Unsigned",
    "Vector",
    "Whole",
    "Word",
    "WordClaim",
]

T = TypeVar("T")

MAX_DIMENSIONS = 64
MAX_ROWS = 10_000
MAX_REAL = 1e30
MAX_COUNT = 2**53 - 1  # what a double holds exactly
_DECIMAL = r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$"


def _camel(name: str) -> str:
    return to_camel(name).replace("Usd", "USD")


def _few(value: object) -> object:
    """Refused before each member is read: what is wrong with a million of them would take a gigabyte."""
    if isinstance(value, dict) and len(value) > MAX_ROWS:
        raise ValueError(f"more than {MAX_ROWS} members")
    return value


def _whole(value: object) -> object:
    """JSON has one kind of number: 12.0 counts as many as 12. What is no whole number stays as it is, to be refused."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Part(ThirdParty):
    """A part of a predicate: strict types, frozen; `limit_usd` here is `limitUSD` in the document.

    Members nobody defined are ignored, as in-toto's parsing rules ask of consumers: a producer may say more than we
    compare. An input misspelt is an input missing, and shows as one.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", alias_generator=_camel)


class Producer(ThirdParty):
    """Who made the statement: an id that stays, and the version that ran."""

    id: Word = Field(description="Stays the same from version to version")
    version: Word = Field(description="The one that ran")


class Predicate(Part):
    """What every decision says: who decided, and when."""

    producer: Producer
    decided_at: Moment = Field(description="When it was decided, RFC 3339")


Real: TypeAlias = Annotated[float, Field(ge=-MAX_REAL, le=MAX_REAL, allow_inf_nan=False)]
Unsigned: TypeAlias = Annotated[float, Field(ge=0, le=MAX_REAL, allow_inf_nan=False)]
Probability: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Inside: TypeAlias = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]  # neither certain nor impossible
Claim: TypeAlias = Annotated[  # any number, for it may be wrong
    float, Field(allow_inf_nan=False, description="Derived: computed again from the inputs and compared")
]
WordClaim: TypeAlias = Annotated[  # any word, for it may be none of those it is derived from
    Word, Field(description="Derived: computed again from the inputs and compared")
]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole)]
Count: TypeAlias = Annotated[Whole, Field(ge=0, le=MAX_COUNT)]
Money: TypeAlias = Annotated[  # exact; Decimal(value) in a derivation
    str, Field(pattern=f"^{_DECIMAL}", description="An exact amount as decimal text")
]
MoneyClaim: TypeAlias = Annotated[
    str, Field(pattern=f"^-?{_DECIMAL}", description="Derived: an exact amount as decimal text, computed again")
]
Rows: TypeAlias = Annotated[Several[T], Field(max_length=MAX_ROWS)]
Named: TypeAlias = Annotated[dict[Word, T], Field(max_length=MAX_ROWS), BeforeValidator(_few)]
Vector: TypeAlias = Annotated[Several[Real], Field(min_length=1, max_length=MAX_DIMENSIONS)]
