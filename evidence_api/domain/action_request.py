"""What people ask for here: which actions there are, what each needs to be told, and who asked.

The server does none of them but to render a pack and to record an override: it says what was asked and what policy
said of it, and whoever listens acts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from evidence_api.domain.principal import Principal
from evidence_api.domain.statement import Subject

ACTIONS = (
    "retry_alt_arm",
    "downshift",
    "escalate_tests",
    "open_incident",
    "rollback",
    "quarantine",
    "raise_budget",
)
REQUEST_PACK, RECORD_OVERRIDE = "request_pack", "record_override"
EVERY_ACTION = (*ACTIONS, REQUEST_PACK, RECORD_OVERRIDE)
_USD = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
MAX_TEXT = 1024  # characters of a target, a justification
MAX_KEY = 128  # characters of the key a client gives


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `about` is the evidence id it is about ("" if it is about none), `subjects` what that is about;
    `parameters` what the action needs besides, as JSON; `key` is the client's own, by which a retry is known."""

    action: str
    target: str
    justification: str
    key: str
    request_id: str
    about: str = ""
    subjects: tuple[Subject, ...] = ()
    parameters: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it is in the log: what policy said of it, and the evidence of both."""

    id: UUID
    action: str
    target: str
    justification: str
    actor: str
    allow: bool
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    decision: str
    evidence: str
    repeated: bool


def actor_of(principal: Principal) -> str:
    """Who asks, as it is recorded: kind and id of the credential."""
    return f"{principal.kind}:{principal.id}"


def usd_of(text: str) -> Decimal | None:
    """An amount of US dollars, written plainly; None for anything else."""
    return Decimal(text) if _USD.fullmatch(text) else None
