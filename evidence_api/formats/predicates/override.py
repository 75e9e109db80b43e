"""`urn:evidence-api:override:v1` -> kind `override`: somebody answers for a control, or a policy rule, not being met.

It names exactly one control or rule, for a scope and from one moment until another. Whether it counts as a waiver is
decided when controls are assessed; who may approve what for how long, by area `override` of the policy.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.rfc3339 import parse_day
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, known_facts, read_model

PREDICATE_TYPE = "urn:evidence-api:override:v1"

_PLAIN = r"[^\x00-\x1f\x7f]"
_VISIBLE = r"[^\s\x00-\x1f\x7f]"
_DAY = timedelta(days=1)

# A name or a sentence; spaces alone name nobody and say nothing.
Said: TypeAlias = Annotated[str, StringConstraints(max_length=1024, pattern=f"^{_PLAIN}*{_VISIBLE}{_PLAIN}*$")]
Scope: TypeAlias = Annotated[str, StringConstraints(max_length=450, pattern=f"^{_VISIBLE}*$")]


def _first_moment(value: object) -> object:
    """A day begins with its first moment, in UTC."""
    day = parse_day(value) if isinstance(value, str) else None
    return value if day is None else f"{day.isoformat()}T00:00:00Z"


def _end(value: object) -> object:
    """A day counts whole, in UTC: what lasts until it ends with the first moment of the next."""
    day = parse_day(value) if isinstance(value, str) else None
    if day is None:
        return value
    try:
        following = datetime.combine(day, time(), UTC) + _DAY
    except OverflowError as fault:
        raise ValueError("no day follows this one") from fault
    return following.isoformat()


def _alternatives(schema: dict[str, Any]) -> None:
    """What the schema of the members does not say by itself: their other names, and the control or the rule."""
    pairs = (("reason", "justification"), ("until", "expires"))
    for name, other in pairs:
        schema["properties"][other] = schema["properties"][name]
        schema["required"].remove(name)
    schema["allOf"] = [{"oneOf": [{"required": [name]} for name in pair]} for pair in pairs]
    schema["oneOf"] = [
        {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
        for one, other in (("control", "rule"), ("rule", "control"))
    ]


_DAY_OR_MOMENT = WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]})
From: TypeAlias = Annotated[Moment, BeforeValidator(_first_moment), _DAY_OR_MOMENT]
Until: TypeAlias = Annotated[Moment, BeforeValidator(_end), _DAY_OR_MOMENT]


class Override(Own):
    """The predicate. `scope` is "" (every release of the subjects), a release name, name@version or a digest; `until`
    is the first moment at which it no longer counts, or the last day on which it does."""

    model_config = ConfigDict(json_schema_extra=_alternatives)

    producer: Producer
    decided: Moment = Field(alias="decidedAt", description="When it was decided, RFC 3339")
    control: Said | None = Field(default=None, description="The control that is not met")
    rule: Said | None = Field(default=None, description="Or the policy rule")
    scope: Scope = Field(
        default="", description="Empty: every release of the subjects; else a release, release@version or a digest"
    )
    reason: Said = Field(validation_alias=AliasChoices("reason", "justification"), description="Why it is accepted")
    owner: Said = Field(description="Who answers for it")
    requester: Said = Field(description="Who asked")
    approver: Said = Field(description="Who agreed")
    starts: From = Field(alias="from", description="From when, RFC 3339 or a day")
    until: Until = Field(
        validation_alias=AliasChoices("until", "expires"),
        description="The first moment at which it no longer counts, or the last day on which it does",
    )

    @model_validator(mode="after")
    def _of_one_thing_for_some_time(self) -> "Override":
        if (self.control is None) == (self.rule is None):
            raise ValueError("exactly one of control and rule is overridden")
        if self.until <= self.starts:
            raise ValueError("until is not after from")
        return self


def read_override(statement: Statement) -> Normalised:
    """Read an override. Raises Malformed."""
    return normalised_override(statement.predicate)


def normalised_override(predicate: Mapping[str, Any]) -> Normalised:
    """The facts of an override's predicate. A later one of the same control (or rule) and scope takes its place.
    Raises Malformed."""
    override = read_model(Override, predicate)
    facts = known_facts(
        {
            "control": override.control,
            "rule": override.rule,
            "scope": override.scope,
            "reason": override.reason,
            "owner": override.owner,
            "requester": override.requester,
            "approver": override.approver,
            "from": override.starts,
            "until": override.until,
        }
    )
    about = f"control {override.control}" if override.control else f"rule {override.rule}"
    return Normalised("override", facts, override.decided, series=f"{about} {override.scope}".rstrip())
