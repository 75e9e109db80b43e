"""Our own predicates as JSON Schema 2020-12: what producers validate against, made of the models that read them.

A schema takes what the reader takes, as far as members and their types go. What holds between members (as many
successes as trials at most, a matrix that can be inverted) only reading tells: `evidence-api reperform`.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core.core_schema import CoreSchema, WithDefaultSchema

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.decision_card import Card
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.kinds import KINDS
from evidence_api.formats.predicates.action import Action
from evidence_api.formats.predicates.dependency_debt import Debt
from evidence_api.formats.predicates.github_checks import GithubChecks
from evidence_api.formats.predicates.incident import Incident
from evidence_api.formats.predicates.override import Override
from evidence_api.formats.predicates.plugin_review import PluginReview
from evidence_api.formats.predicates.policy_decision import PolicyDecision
from evidence_api.formats.predicates.release import Release
from evidence_api.formats.predicates.reperformance import ReperformedDecision
from evidence_api.formats.predicates.reproducible_build import ReproducibleBuild
from evidence_api.formats.predicates.sbom_drift import SbomDrift

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CARD = "decision-card"
_NAMES = re.compile(r"^`[^`]+` -> kind `[^`]+`[:.] ")  # how the module of a kind begins
_BY_SERVER = "Server-derived."
_NEAREST = 3  # names offered for one that is none


class Checked(StrEnum):
    """What becomes of a predicate's claims.

    Of a deferred kind there are decisions of which only the server can tell: it keeps the ledger, has the rule, or the
    uploaded artifact.
    """

    REPERFORMED = "reperformed"
    DEFERRED = "deferred"
    SCHEMA_ONLY = "schema only"
    DERIVED = "derived by the server"
    PART = "part of router-decision"


@dataclass(frozen=True, slots=True)
class PredicateKind:
    """One kind of predicate: `name` is the predicate's (`rollout-gate`), `kind` the catalog's (`rollout`, empty for
    the Decision Card, which is a part of a predicate)."""

    name: str
    kind: str
    title: str
    checked: Checked
    model: type[BaseModel]

    @property
    def predicate_type(self) -> str:
        """What statements of it carry; empty for a part."""
        return f"urn:evidence-api:{self.name}:v1" if self.kind else ""


_SCHEMA_ONLY: Mapping[str, tuple[str, type[BaseModel]]] = {
    "action": ("action", Action),
    "github-checks": ("github_checks", GithubChecks),
    "incident": ("incident", Incident),
    "override": ("override", Override),
    "plugin-review": ("plugin_review", PluginReview),
    "policy-decision": ("opa", PolicyDecision),
    "release": ("release", Release),
}
_DERIVED: Mapping[str, tuple[str, type[BaseModel]]] = {
    "dependency-debt": ("dependency_debt", Debt),
    "reperformance": ("reperformance", ReperformedDecision),
    "reproducible-build": ("reproducible_build", ReproducibleBuild),
    "sbom-drift": ("sbom_drift", SbomDrift),
}


def _kinds() -> Iterator[PredicateKind]:
    for decision in DECISIONS.values():
        checked = Checked.DEFERRED if decision.may_be_deferred else Checked.REPERFORMED
        yield PredicateKind(decision.name, decision.kind, decision.title, checked, decision.model)
    for checked, table in ((Checked.SCHEMA_ONLY, _SCHEMA_ONLY), (Checked.DERIVED, _DERIVED)):
        for name, (kind, model) in table.items():
            yield PredicateKind(name, kind, KINDS[kind].title, checked, model)
    yield PredicateKind(CARD, "", "Decision Card: which arm was chosen, and why", Checked.PART, Card)


PREDICATE_KINDS: Mapping[str, PredicateKind] = {one.name: one for one in sorted(_kinds(), key=lambda one: one.name)}


def kind_called(word: str) -> PredicateKind:
    """The kind by its predicate's name, the catalog's name or the predicate type.

    Raises EvidenceError `no_such_kind` with the nearest names.
    """
    called = {
        text: one for one in PREDICATE_KINDS.values() for text in (one.predicate_type, one.kind, one.name) if text
    }
    if word in called:
        return called[word]
    near = get_close_matches(word, called, _NEAREST, cutoff=0.5)
    hint = f"; the nearest: {', '.join(near)}" if near else "; `evidence-api kinds list` shows them all"
    raise EvidenceError(f"there is no kind {word[:200]!r}{hint}", code="no_such_kind", value=word[:200], nearest=near)


def schema_of(kind: PredicateKind) -> dict[str, Any]:
    """Its JSON Schema. The description is the definition: the prose of the model's module."""
    made = kind.model.model_json_schema(schema_generator=_Schema)
    return {
        "$schema": DIALECT,
        "$id": f"urn:evidence-api:schema:{kind.name}:v1",
        **made,
        "title": kind.title,
        "description": _definition(kind),
    }


def _definition(kind: PredicateKind) -> str:
    """What producers are told: without the names of predicate and kind, which stand in the schema, and without what is
    for readers of the code (examples from `>>>` on, with the line that announces them)."""
    prose = cleandoc(sys.modules[kind.model.__module__].__doc__ or "")
    paragraphs = _NAMES.sub("", prose).replace(_BY_SERVER, "").partition("\n\n>>> ")[0].split("\n\n")
    said = [one.strip("\n").rstrip() for one in paragraphs if one.strip() and not one.endswith(":")]
    first = [f"{said[0][:1].upper()}{said[0][1:]}"] if said else []
    told = ["Made by the server itself; producers send none."] if kind.checked is Checked.DERIVED else []
    return "\n\n".join([*(first or [f"{kind.title}."]), *told, *said[1:]])


class _Schema(GenerateJsonSchema):
    """Without titles that only repeat a member's name, and without `null` as the default of what may be left out."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002  pydantic's own union of schemas
        return False

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        made = super().generate(schema, mode)
        _name_bounds(made)
        return made

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if "default" in made and made["default"] is None:
            del made["default"]
        return made


_BOUNDS = {"array": {"minLength": "minItems", "maxLength": "maxItems"}, "object": {"maxLength": "maxProperties"}}


def _name_bounds(schema: Any) -> None:  # noqa: ANN401  any part of a schema
    """Behind a validator of its own, pydantic names the bounds of a list or an object as those of a text; and it lets
    members pass whose names are unlike the pattern of names."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in inner:
        _name_bounds(part)
    if isinstance(schema, dict):
        of_text = _BOUNDS.get(schema.get("type", "") if isinstance(schema.get("type"), str) else "", {})
        for name in of_text.keys() & schema.keys():
            schema[of_text[name]] = schema.pop(name)
        if "patternProperties" in schema:
            schema.setdefault("additionalProperties", False)
