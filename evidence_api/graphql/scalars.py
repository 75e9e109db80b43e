"""Scalars and enumerations of the schema."""

from datetime import datetime
from enum import Enum
from typing import Any, NewType

import strawberry
from strawberry.schema.config import StrawberryConfig

from evidence_api.domain.rfc3339 import format_rfc3339, parse_rfc3339
from evidence_api.graphql.context import Info
from evidence_api.graphql.fields import named

Time = NewType("Time", datetime)
Json = NewType("Json", object)


def _same(value: Any) -> Any:  # noqa: ANN401  any JSON value
    return value


def config() -> StrawberryConfig:
    """How the schema is built: our Info class, our scalars, no suggestions of names in errors."""
    return StrawberryConfig(
        info_class=Info,
        disable_field_suggestions=True,
        scalar_map={
            Time: strawberry.scalar(
                name="DateTime",
                description="A moment in UTC as RFC 3339 writes it, ending in Z.",
                specified_by_url="https://scalars.graphql.org/andimarek/date-time",
                serialize=format_rfc3339,
                parse_value=parse_rfc3339,
            ),
            Json: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=_same, parse_value=_same),
        },
    )


@strawberry.enum(description="What became of the signature checks on a piece of evidence.")
class EvidenceStatus(Enum):
    """Statuses of stored evidence; failed evidence is never stored."""

    _value_: str

    VERIFIED = named("verified", "Every check held. Only this counts for controls.")
    UNSUPPORTED = named(
        "unsupported", "Well-formed, of a type this server cannot check; `code` and `message` say which."
    )
    UNSIGNED = named("unsigned", "There was no signature to check.")


@strawberry.enum(description="How a signer was established.")
class VerificationMethod(Enum):
    """Where the trust in a signer comes from."""

    _value_: str

    REGISTERED_KEY = named("key", "The signature was made with a key registered here.")
    CERTIFICATE = named("certificate", "A certificate names an identity that a trust rule of the tenant accepts.")


@strawberry.enum(description="The nine outcomes of a control, kept apart. Only PASS counts as satisfied.")
class Outcome(Enum):
    """Names of domain.verdict.Outcome, for readers."""

    _value_: str

    PASS = named("pass", "The evidence satisfies the control.")
    FAIL = named("fail", "Evidence says the control is not met.")
    MISSING = named("missing", "There is no evidence, or it does not say enough.")
    STALE = named("stale", "The evidence would do, but is too old.")
    WAIVED = named("waived", "Not met, and accepted for a while by somebody named.")
    ERROR = named("error", "The control could not be evaluated.")
    NOT_APPLICABLE = named("not_applicable", "The control does not apply; the reason is given.")
    NEEDS_REVIEW = named("needs_review", "A person has to decide.")
    NOT_RUN = named("not_run", "The control was not evaluated: draft, retired or unmapped.")
