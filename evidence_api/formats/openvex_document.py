"""Reading VEX, the model: what the OpenVEX v0.2.0 schema allows, member by member, and what its text adds to it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from evidence_api.domain.typed_json import Moment, Own, Several, Word
from evidence_api.domain.vex import VexStatus

# The specification fixes the first until 1.0, its tooling writes the second.
CONTEXTS = ("https://openvex.dev/ns", "https://openvex.dev/ns/v0.2.0")

# Hex digits by name (specification, appendix A).
_DIGITS: Mapping[str, int] = MappingProxyType(
    {
        "md5": 32,
        "sha1": 40,
        **dict.fromkeys(("sha-256", "sha3-256", "blake2s-256", "blake2b-256"), 64),
        "sha3-224": 56,
        **dict.fromkeys(("sha-384", "sha3-384"), 96),
        **dict.fromkeys(("sha-512", "sha3-512", "blake2b-512"), 128),
    }
)
_HEX = frozenset("0123456789abcdefABCDEF")


def _distinct(value: object) -> object:
    """`uniqueItems` of the schema."""
    if isinstance(value, list) and len({orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in value}) < len(value):
        raise ValueError("the same entry twice")
    return value


def _hex_digests(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if name not in _DIGITS:
            raise ValueError(f"{name} is not a hash function of OpenVEX")
        if len(text) != _DIGITS[name] or not _HEX.issuperset(text):
            raise ValueError(f"{name} is not {_DIGITS[name]} hex digits")
    return value


class Vulnerability(Own):
    """How the vulnerability is called."""

    name: Word
    id: Word | None = Field(default=None, alias="@id")
    description: str = ""
    aliases: Annotated[Several[str], BeforeValidator(_distinct)] = ()


class Identifiers(Own):
    """Identifiers of software. The schema writes the CPE names with @, the specification's table without."""

    purl: str = ""
    cpe22: str = ""
    cpe23: str = ""
    at_cpe22: str = Field(default="", alias="@cpe22")
    at_cpe23: str = Field(default="", alias="@cpe23")


class Component(Own):
    """A product or subcomponent. One that says nothing identifies nothing (specification, product structure)."""

    id: str = Field(default="", alias="@id")
    identifiers: Identifiers | None = None
    hashes: Annotated[dict[str, str], AfterValidator(_hex_digests)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _identifies(self) -> "Component":
        named = self.identifiers and any(self.identifiers.model_dump().values())
        if not (self.id or named or self.hashes):
            raise ValueError("neither @id, identifiers nor hashes")
        return self


class Product(Component):
    """A product with the components the statement is about."""

    subcomponents: Annotated[Several[Component], BeforeValidator(_distinct)] = ()


class Stated(Own):
    """A statement; products and time may come from outside it."""

    id: Word | None = Field(default=None, alias="@id")
    version: Annotated[int, Field(ge=1)] = 1
    vulnerability: Vulnerability
    timestamp: Moment | None = None
    last_updated: Moment | None = None
    products: Annotated[Several[Product], BeforeValidator(_distinct)] = ()
    status: VexStatus
    supplier: str = ""
    status_notes: str = ""
    justification: (
        Literal[
            "component_not_present",
            "vulnerable_code_not_present",
            "vulnerable_code_not_in_execute_path",
            "vulnerable_code_cannot_be_controlled_by_adversary",
            "inline_mitigations_already_exist",
        ]
        | None
    ) = None
    impact_statement: str = ""
    action_statement: str = ""
    action_statement_timestamp: Moment | None = None

    @model_validator(mode="after")
    def _status_is_explained(self) -> "Stated":
        """Specification, statement fields: what `not_affected` and `affected` MUST include."""
        if self.status == "not_affected" and not (self.justification or self.impact_statement.strip()):
            raise ValueError("not_affected needs a justification or an impact_statement")
        if self.status == "affected" and "action_statement" not in self.model_fields_set:
            raise ValueError("affected needs an action_statement")
        return self


class Document(Own):
    """The document."""

    context: Literal["https://openvex.dev/ns", "https://openvex.dev/ns/v0.2.0"] = Field(alias="@context")
    id: Word = Field(alias="@id")
    author: Word
    role: str = ""
    timestamp: Moment
    last_updated: Moment | None = None
    version: Annotated[int, Field(ge=1)]
    tooling: str = ""
    statements: Annotated[Several[Stated], BeforeValidator(_distinct), Field(min_length=1)]
