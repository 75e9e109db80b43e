"""Reperforming a decision: its derived fields are computed again from its inputs and compared with what is claimed.

The plan:
  1. the predicate, read strictly: inputs out of domain are refused with their path
  2. what it needs besides its own inputs: a rule's answer, an artifact; without it, NOT_REPERFORMABLE and why
  3. the derivation, from the inputs alone
  4. every derived field compared with the claim: exactly, or, for floats, within 1e-6 relative or 1e-9 absolute
Pure: the same predicate and the same given things have the same result for ever.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from math import isclose, isfinite
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from evidence_api.domain.decisions.shape import Predicate
from evidence_api.domain.errors import EvidenceError, Malformed
from evidence_api.domain.fact_type import FactType, Kind
from evidence_api.domain.typed_json import read_typed

P = TypeVar("P", bound=Predicate)
Json: TypeAlias = Mapping[str, Any]
Fact: TypeAlias = bool | int | float | str | tuple[str, ...]

RELATIVE, ABSOLUTE = 1e-6, 1e-9
OUT_OF_DOMAIN = "out_of_domain"

# What every decision says to `where`, besides its own facts.
REPERFORMED: Mapping[str, FactType] = {
    "producer": FactType.WORD,
    "reperformance": FactType.WORD,
    "disagreements": FactType.NUMBER,
    "differing": FactType.WORDS,
}


class Status(StrEnum):
    """What reperformance found."""

    AGREES = "AGREES"
    DISAGREES = "DISAGREES"
    NOT_REPERFORMABLE = "NOT_REPERFORMABLE"


@dataclass(frozen=True, slots=True)
class Difference:
    """One claim that the inputs do not bear out: dotted path, and both values as JSON."""

    path: str
    claimed: Any
    recomputed: Any


@dataclass(frozen=True, slots=True)
class Reperformance:
    """The result for one decision. `reason` is a sentence, which ends with the `explanation` where there is one;
    `facts` what a control may ask, `derived` the recomputed fields as JSON (all empty of derived things when
    NOT_REPERFORMABLE)."""

    status: Status
    reason: str
    differences: tuple[Difference, ...] = ()
    derived: Json = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    explanation: str = ""


class NotReperformable(EvidenceError):
    """What the decision needs besides its own inputs is not there; the message says what."""

    default_code = "not_reperformable"


@dataclass(frozen=True, slots=True)
class RuleNeed:
    """A policy area that must be asked: one question (its input) for each id."""

    area: str
    questions: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ArtifactNeed:
    """An uploaded file: `sha256:<hex>`."""

    digest: str


Need: TypeAlias = RuleNeed | ArtifactNeed


@dataclass(frozen=True, slots=True)
class Given:
    """What was found of a need: the rule's answers by id, or what the artifact holds (kind's own type)."""

    allowed: Mapping[str, bool] | None = None
    artifact: Any = None


@dataclass(frozen=True, slots=True)
class Derived:
    """The recomputed fields, nested as in the predicate, and differences that are no plain comparison (a rationale
    that claims what no number bears out, a reason that is missing)."""

    fields: Json
    also: tuple[Difference, ...] = ()


def never(_: Predicate) -> bool:
    """Of a kind that tells everything by itself."""
    return False


@dataclass(frozen=True)
class DecisionKind(Generic[P]):
    """One kind of decision: everything the rest of the house knows of it.

    `name` is the predicate's (`rollout-gate`), `kind` the catalog's (`rollout`); `facts` are its own, beside
    REPERFORMED; `series` names what a later decision of the same thing supersedes.
    """

    name: str
    kind: str
    title: str
    model: type[P]
    derive: Callable[[P, Given], Derived]
    facts_of: Callable[[P, Json], Mapping[str, Fact | None]]
    explain: Callable[[P, Json], str]
    facts: Mapping[str, FactType]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    series: Callable[[P], str] = lambda _: ""
    claims: tuple[str, ...] = ()  # members that are no inputs, whether or not a value could be derived for them
    need: Callable[[P], Need | None] = lambda _: None
    deferred: Callable[[P], bool] = never  # only the server can tell: it keeps a ledger, or has the rule

    @property
    def may_be_deferred(self) -> bool:
        """Whether there are decisions of it of which only the server can tell."""
        return self.deferred is not never

    @property
    def predicate_type(self) -> str:
        """What statements of it carry."""
        return f"urn:evidence-api:{self.name}:v1"

    @property
    def catalog_kind(self) -> Kind:
        """Its row in the table of kinds."""
        words = {"reperformance": tuple(status.value.lower() for status in Status), **self.words}
        return Kind(self.kind, self.title, {**REPERFORMED, **self.facts}, words=words)

    def read(self, predicate: Json) -> P:
        """Step 1. Raises Malformed with a dotted path."""
        return read_typed(self.model, predicate)

    def reperform(self, predicate: Json, given: Given | None = None) -> Reperformance:
        """The whole plan. Raises Malformed (code `malformed` or `out_of_domain`) with a dotted path."""
        return self.reperform_read(self.read(predicate), predicate, given or Given())

    def reperform_read(self, read: P, predicate: Json, given: Given) -> Reperformance:
        """Steps 2 to 4 of a predicate already read. Raises Malformed `out_of_domain`."""
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                derived = self.derive(read, given)
        except NotReperformable as lacking:
            return Reperformance(Status.NOT_REPERFORMABLE, lacking.message, facts=self._facts(read, {}, None))
        except ArithmeticError as fault:
            raise out_of_domain("$", f"the inputs have no finite result ({fault})") from fault
        fields = plain(derived.fields)
        _check_finite(fields)
        found = tuple(sorted((*differences(predicate, fields), *derived.also), key=lambda one: one.path))
        explanation = self.explain(read, fields)
        status = Status.DISAGREES if found else Status.AGREES
        reason = f"{_told(found)}; {explanation}" if found else explanation
        return Reperformance(status, reason, found, fields, self._facts(read, fields, found), explanation)

    def _facts(self, read: P, fields: Json, found: Sequence[Difference] | None) -> Mapping[str, Fact]:
        facts: dict[str, Fact | None] = {"producer": read.producer.id, **self.facts_of(read, fields)}
        if found is not None:
            facts |= {"disagreements": len(found), "differing": tuple(one.path for one in found) or None}
        status = Status.NOT_REPERFORMABLE if found is None else Status.DISAGREES if found else Status.AGREES
        facts["reperformance"] = status.value.lower()
        return {path: fact for path, fact in facts.items() if fact is not None and fact != ""}


def out_of_domain(path: str, why: str, **fields: str | float) -> Malformed:
    """Inputs for which the definition says nothing, found while deriving."""
    return Malformed(f"{path}: {why}", code=OUT_OF_DOMAIN, path=path, **fields)


def differences(claimed: Any, recomputed: Any, at: str = "") -> Iterator[Difference]:  # noqa: ANN401  JSON
    """Where a claim and its recomputation part. A claim that is not made is no difference; a list of scalars differs
    as a whole, a list of objects by index."""
    if isinstance(recomputed, Mapping) and isinstance(claimed, Mapping):
        for name, value in recomputed.items():
            if name in claimed:
                yield from differences(claimed[name], value, f"{at}.{name}" if at else name)
    elif _objects(recomputed) and _objects(claimed):
        for index in range(max(len(claimed), len(recomputed))):
            pair = [items[index] if index < len(items) else None for items in (claimed, recomputed)]
            yield from differences(pair[0], pair[1], f"{at}.{index}")
    elif not agree(claimed, recomputed):
        yield Difference(at, claimed, recomputed)


def agree(claimed: Any, recomputed: Any) -> bool:  # noqa: ANN401  JSON
    """Floats within the tolerance, decimals and everything else exactly."""
    if isinstance(recomputed, Sequence) and not isinstance(recomputed, str):
        listed = isinstance(claimed, Sequence) and not isinstance(claimed, str) and len(claimed) == len(recomputed)
        return listed and all(map(agree, claimed, recomputed))
    if isinstance(recomputed, Decimal):
        return isinstance(claimed, str) and Decimal(claimed) == recomputed
    if isinstance(recomputed, float) and isinstance(claimed, int | float) and not isinstance(claimed, bool):
        return isclose(claimed, recomputed, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return isinstance(claimed, bool) == isinstance(recomputed, bool) and bool(claimed == recomputed)


def plain(value: Any) -> Any:  # noqa: ANN401  JSON, with numpy's scalars and Decimal in it
    """Numpy's scalars and arrays as Python's own; decimals stay, for they are compared exactly."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _objects(value: Any) -> bool:  # noqa: ANN401  JSON
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _check_finite(value: Any, at: str = "") -> None:  # noqa: ANN401  JSON
    if isinstance(value, Mapping):
        for name, one in value.items():
            _check_finite(one, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            _check_finite(one, f"{at}.{index}")
    elif isinstance(value, float) and not isfinite(value):
        raise out_of_domain(at, "the inputs have no finite result")


def _told(found: Sequence[Difference]) -> str:
    first = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{first.path} is claimed as {_shown(first.claimed)} and comes to {_shown(first.recomputed)}{more}"


def _shown(value: Any) -> str:  # noqa: ANN401  JSON
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  characters of a sentence's part
