"""The catalog: controls with their queries, frameworks, mappings and waivers, typed and frozen.

Built from YAML by formats/catalog.py; compiled to Rego by formats/catalog_rego.py; folded into
verdicts by domain/assessment.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from evidence_api.domain.kinds import KINDS
from evidence_api.domain.where import Expression


class Combine(StrEnum):
    """How the queries of one control join."""

    ALL = "all"
    ANY = "any"


class Per(StrEnum):
    """Over what `expect.at_least` counts: the whole release, each of its subjects, or each row.

    With `occurrence`, every current row must match (a population test).
    """

    RELEASE = "release"
    SUBJECT = "subject"
    OCCURRENCE = "occurrence"


@dataclass(frozen=True, slots=True)
class Fresh:
    """Evidence older than `max_age` on `clock` (effective | collected | received) is stale."""

    max_age: timedelta
    clock: str = "effective"


@dataclass(frozen=True, slots=True)
class Sample:
    """Which of a query's rows are tested: all, or `size` picked by a seed anyone can replay."""

    size: int | None = None
    seed: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Who looked at a control or a mapping last, and when."""

    by: str
    on: date


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a control. `source` is the `where` text as written.

    `population` says which rows of the kind the query is about (None: all), `population_source` as written.
    """

    kind: str
    where: Expression
    source: str
    name: str = ""
    at_least: int = 1
    per: Per = Per.RELEASE
    fresh: Fresh | None = None
    on_empty: str = "missing"  # missing | not_applicable
    on_empty_reason: str = ""
    sample: Sample = Sample()
    population: Expression | None = None
    population_source: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """One internal control. `policy` (a data.… rule) may replace `queries`;
    `state` is active | draft | deprecated | retired."""

    id: str
    queries: tuple[Query, ...]
    title: str = ""
    statement: str = ""
    combine: Combine = Combine.ALL
    tier: int | None = None
    severity: str = ""
    owner: str = ""
    frequency: str = ""
    method: tuple[str, ...] = ()
    fix: str = ""
    passed_because: str = ""
    policy: str = ""
    state: str = "active"
    replaced_by: str = ""
    reviewed: Review | None = None

    def kinds(self) -> frozenset[str]:
        """The evidence kinds whose arrival can change this control's outcome (a Rego rule may read any)."""
        return frozenset(KINDS) if self.policy else frozenset(query.kind for query in self.queries)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of a framework. `text` is quoted only where the licence allows it."""

    ref: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework as shown to auditors, e.g. id aicpa-tsc, title "AICPA TSC".

    `licence` says what may be shown of it: with "own" only ids and our own titles, with every other word also
    the owner's text; `credit` names the owner.
    """

    id: str
    title: str
    edition: str
    licence: str
    criteria: tuple[Criterion, ...]
    aliases: tuple[str, ...] = ()
    credit: str = ""

    def quoted(self, criterion: Criterion) -> str:
        """The text of a criterion, where the licence allows to show it; otherwise ""."""
        return "" if self.licence == "own" else criterion.text

    def shown(self, ref: str) -> str:
        """A criterion as it is shown to auditors: "AICPA TSC CC7.2"."""
        return f"{self.title} {ref}"


@dataclass(frozen=True, slots=True)
class CriterionMapping:
    """One criterion mapped to controls. `external` is the id as written (SOC2-CC7.2); relation is a
    word of NIST IR 8477 or "relates_to"; `partial` are the controls that cover it only in part, `notes` what is
    said of single controls; `text` says whose words the narrative is (own, or a licence)."""

    external: str
    framework: str
    ref: str
    maps_to: tuple[str, ...]
    narrative: str
    relation: str = "relates_to"
    partial: frozenset[str] = frozenset()
    notes: tuple[tuple[str, str], ...] = ()
    text: str = "own"
    also_known_as: tuple[str, ...] = ()
    reviewed: Review | None = None


@dataclass(frozen=True, slots=True)
class Waiver:
    """A control accepted as not met, for a while, by somebody named. `scope` "" is every release,
    otherwise a release name, name@version or subject digest.

    Written in the catalog, it counts whole days; read from an `override`, whose evidence id is both `id` and
    `evidence`, from the first of `moments` until just before the second (domain/waiver.py).
    """

    id: str
    control: str
    reason: str
    owner: str
    approver: str
    starts: date
    until: date
    scope: str = ""
    requester: str = ""
    evidence: str = ""
    moments: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written: file, line and column, from 1."""

    file: str
    line: int
    column: int


def query_place(control: str, number: int) -> str:
    """Under which name a catalog's `places` keep the condition of a control's query; numbers count from 1."""
    return f"{control} query {number}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything in controls/, checked. `digest` covers `sources` (file name -> text), which packs embed.

    `places` says where each control, framework and waiver (by id), each mapping (by external id) and each query's
    condition (by `query_place`) is written. `name` and `version` are for people; the digest is what counts.
    """

    digest: str
    controls: tuple[Control, ...]
    frameworks: tuple[Framework, ...]
    mappings: tuple[CriterionMapping, ...]
    waivers: tuple[Waiver, ...]
    sources: Mapping[str, str] = field(repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)
    name: str = ""
    version: str = ""

    def __hash__(self) -> int:
        """By digest, so that what is made from a catalog (its Rego) can be kept beside it."""
        return hash(self.digest)
