"""Reading an advisory, the model: what the OSV schema 1.9 allows, member by member (validation/schema.json)."""

import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from evidence_api.domain.advisory import EventType, RangeType
from evidence_api.domain.typed_json import Moment, Own, Several, ThirdParty
from evidence_api.formats.cvss_vector import is_vector
from evidence_api.formats.osv_registry import RECORD_ID, split_ecosystem

EVENTS: tuple[EventType, ...] = ("introduced", "fixed", "last_affected", "limit")
_COMMIT = re.compile(r"(?:0|[0-9a-f]{40}|[0-9a-f]{64})\Z")
_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z\Z")
_UBUNTU_WORDS = frozenset({"negligible", "low", "medium", "high", "critical"})


def _utc(value: object) -> object:
    if not isinstance(value, str) or not _UTC.match(value):
        raise ValueError("not an RFC 3339 time in UTC (…Z)")
    return value


def _record_id(value: str) -> str:
    if not RECORD_ID.match(value):
        raise ValueError("not an id of a database the OSV schema lists (others begin with x_)")
    return value


def _ecosystem(value: str) -> str:
    if split_ecosystem(value) is None:
        raise ValueError("not an ecosystem the OSV schema lists")
    return value


Time: TypeAlias = Annotated[Moment, BeforeValidator(_utc)]
Members: TypeAlias = dict[str, Any]


def _refuse_null(model: type[BaseModel], value: object, allowed: frozenset[str] = frozenset()) -> object:
    """An optional member is left out, not null, except where the schema says so."""
    if isinstance(value, dict) and None in value.values():
        for name, member in value.items():
            if member is None and name in model.model_fields and name not in allowed:
                raise ValueError(f"{name} is null")
    return value


class Part(ThirdParty):
    """A part of a record: other members than the schema's are tolerated, null is not."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        return _refuse_null(cls, value, cls.nullable)


class Rating(Part):
    """One severity: a CVSS vector of the version its type names, or Ubuntu's word."""

    type: Literal["CVSS_V2", "CVSS_V3", "CVSS_V4", "Ubuntu"]
    score: str
    source: Literal["NVD", "CNA", "SELF"] | None = None

    @model_validator(mode="after")
    def _score_is_of_its_type(self) -> "Rating":
        if self.type == "Ubuntu":
            fits = self.score in _UBUNTU_WORDS
        else:
            fits = is_vector(int(self.type.removeprefix("CVSS_V")), self.score)
        if not fits:
            raise ValueError(f"score is not one of {self.type}")
        return self


class Event(Part):
    """Exactly one of the four changes."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Event":
        if len(self.model_fields_set) != 1:
            raise ValueError("an event is exactly one of introduced, fixed, last_affected, limit")
        return self

    @property
    def version(self) -> str | None:
        """The version of the one change."""
        return self.introduced or self.fixed or self.last_affected or self.limit


class Range(Part):
    """Events on one line of versions, or of commits of `repo`."""

    type: RangeType
    events: Annotated[Several[Event], Field(min_length=1)]
    repo: str | None = None
    database_specific: Members | None = None

    @model_validator(mode="after")
    def _events_say_a_range(self) -> "Range":
        stated = {kind for event in self.events for kind in event.model_fields_set}
        if "introduced" not in stated:
            raise ValueError("no event says where the range begins (introduced)")
        if {"fixed", "last_affected"} <= stated:
            raise ValueError("fixed and last_affected exclude each other")
        if self.type == "GIT":
            if self.repo is None:
                raise ValueError("a GIT range names no repo")
            if not all(_COMMIT.match(event.version or "") for event in self.events):
                raise ValueError("an event of a GIT range is not a whole commit hash (or 0)")
        return self


class Package(Part):
    """Which package."""

    ecosystem: Annotated[str, AfterValidator(_ecosystem)]
    name: str
    purl: str | None = None


class Affected(Part):
    """One affected package with its versions."""

    nullable: ClassVar[frozenset[str]] = frozenset({"severity"})

    package: Package | None = None
    severity: Several[Rating] | None = None
    ranges: Several[Range] = ()
    versions: Several[str] = ()
    ecosystem_specific: Members | None = None
    database_specific: Members | None = None


class Reference(Part):
    """Where to read more."""

    type: Literal[
        "ADVISORY",
        "ARTICLE",
        "DETECTION",
        "DISCUSSION",
        "REPORT",
        "FIX",
        "INTRODUCED",
        "GIT",
        "PACKAGE",
        "EVIDENCE",
        "WEB",
    ]
    url: str


class Credit(Part):
    """Who helped."""

    name: str
    contact: Several[str] = ()
    type: (
        Literal[
            "FINDER",
            "REPORTER",
            "ANALYST",
            "COORDINATOR",
            "REMEDIATION_DEVELOPER",
            "REMEDIATION_REVIEWER",
            "REMEDIATION_VERIFIER",
            "TOOL",
            "SPONSOR",
            "OTHER",
        ]
        | None
    ) = None


class Record(Own):
    """The record. No member beside these; only aliases, affected, references and severity may be null."""

    id: Annotated[str, AfterValidator(_record_id)]
    modified: Time
    schema_version: str = ""
    published: Time | None = None
    withdrawn: Time | None = None
    aliases: Several[str] | None = None
    related: Several[str] = ()
    upstream: Several[str] = ()
    summary: str = ""
    details: str = ""
    severity: Several[Rating] | None = None
    affected: Several[Affected] | None = None
    references: Several[Reference] | None = None
    credits: Several[Credit] = ()
    database_specific: Members | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        return _refuse_null(cls, value, frozenset({"aliases", "severity", "affected", "references"}))

    @model_validator(mode="after")
    def _severity_at_one_level(self) -> "Record":
        if "severity" in self.model_fields_set and any(one.severity is not None for one in self.affected or ()):
            raise ValueError("severity is stated for the record and for an affected package")
        return self
