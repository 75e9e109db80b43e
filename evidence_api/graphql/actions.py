"""What mutations take and give: inputs, the record of a request, and the results."""

from enum import Enum
from typing import Annotated

import strawberry

from evidence_api.domain.action_request import Recorded
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.evidence import Evidence, find_evidence
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.packs import Pack
from evidence_api.graphql.problems import (
    EvidenceRefusedProblem,
    InvalidInputProblem,
    KeyReusedProblem,
    NotFoundProblem,
    NotRecordedProblem,
    PolicyDeniedProblem,
)

_KEY = (
    "Your own key for this request, 1 to 128 characters: sent again with the same key and input, it is done once and "
    "answered alike."
)


@strawberry.enum(description="What may be asked for. The server does none of it: it records the request and tells.")
class Action(Enum):
    """domain.action_request.ACTIONS, for readers."""

    _value_: str

    RETRY_ALT_ARM = named("retry_alt_arm", "Try a task again with another arm; needs `arm`.")
    DOWNSHIFT = named("downshift", "Go on with smaller models.")
    ESCALATE_TESTS = named("escalate_tests", "Run more tests than were selected.")
    OPEN_INCIDENT = named("open_incident", "Open an incident; needs `severity`.")
    ROLLBACK = named("rollback", "Take a release back.")
    QUARANTINE = named("quarantine", "Keep a plugin or an artifact from being used.")
    RAISE_BUDGET = named("raise_budget", "Raise the limit of a budget; needs `period` and `limitUsd`.")


@strawberry.input(description="A request for an action.")
class RequestActionInput:
    """What requestAction takes."""

    client_mutation_id: str = strawberry.field(description=_KEY)
    action: Action = strawberry.field(description="What is asked for.")
    target: str = strawberry.field(description="What it is to be done to, e.g. payments@2.4.0 or a task's id.")
    justification: str = strawberry.field(description="Why; policy may ask for more than a word.")
    release: strawberry.ID | None = strawberry.field(
        default=None, description="The release it is about (its id): the request then counts among its evidence."
    )
    evidence: strawberry.ID | None = strawberry.field(
        default=None, description="The evidence it is about (its id), e.g. a decision; instead of a release."
    )
    arm: str | None = strawberry.field(default=None, description="retry_alt_arm: the arm to try.")
    severity: str | None = strawberry.field(default=None, description="open_incident: how bad it is.")
    period: str | None = strawberry.field(default=None, description="raise_budget: the budget's period, e.g. 2026-11.")
    scope: str | None = strawberry.field(
        default=None, description="raise_budget: the budget's scope, e.g. a team; the tenant's own without."
    )
    limit_usd: str | None = strawberry.field(
        default=None, description="raise_budget: the new limit in US dollars, as a decimal, e.g. 750 or 99.50."
    )


@strawberry.input(description="A request for an audit pack.")
class RequestPackInput:
    """What requestPack takes."""

    client_mutation_id: str = strawberry.field(description=_KEY)
    release: str = strawberry.field(description="The release: its id, its evidence id, name@version, or name.")
    justification: str = strawberry.field(description="What the pack is for.")
    redact: bool = strawberry.field(
        default=False, description="Replace bodies with personal data that may not leave by copies without it."
    )


@strawberry.input(description="An override that an approver has signed.")
class RecordOverrideInput:
    """What recordOverride takes."""

    client_mutation_id: str = strawberry.field(description=_KEY)
    envelope: str = strawberry.field(
        description="The approver's signed envelope or bundle, base64, as `evidence-api override --output` writes it."
    )


@strawberry.type(
    description="The record of a request: a statement in the log, signed by the server, of who asked for what, why, "
    "and what policy said."
)
class ActionRequest:
    """domain.action_request.Recorded, for readers."""

    at: strawberry.Private[Moment]
    request_id: strawberry.ID = strawberry.field(description="The request's own id; webhooks and packs name it.")
    action: str = strawberry.field(description="As catalog queries call it: rollback, request_pack, record_override …")
    target: str = strawberry.field(description="What it is to be done to.")
    justification: str = strawberry.field(description="Why.")
    actor: str = strawberry.field(description="Whose credential asked: kind and id.")
    decision_id: str | None = strawberry.field(
        description="The policy decision on record; null where the gate of the thing itself let it in."
    )
    evidence_id: str = strawberry.field(description="The evidence id of the statement.")
    repeated: bool = strawberry.field(description="Whether it was on record before: this was a retry.")

    @resolved("The statement in the log.")
    async def evidence(self, info: Info) -> Evidence | None:
        """Read in a session that sees it."""
        return await find_evidence(info, self.evidence_id, self.at)


@strawberry.type(description="The action was asked for, and policy allows that. Whoever listens acts.")
class ActionRequested:
    """Success of requestAction."""

    client_mutation_id: str = strawberry.field(description="Your key.")
    request: ActionRequest = strawberry.field(description="The record of it.")


@strawberry.type(description="The pack was asked for; `pack.status` says how far it is.")
class PackRequested:
    """Success of requestPack."""

    client_mutation_id: str = strawberry.field(description="Your key.")
    request: ActionRequest = strawberry.field(description="The record of it.")
    pack: Pack = strawberry.field(description="The pack; ask for it again by its id until it is READY.")


@strawberry.type(description="The override is in the log.")
class OverrideRecorded:
    """Success of recordOverride."""

    client_mutation_id: str = strawberry.field(description="Your key.")
    at: strawberry.Private[Moment]
    evidence_id: str = strawberry.field(description="The evidence id of the override.")
    created: bool = strawberry.field(description="Whether it is new; false if the log had it.")
    request: ActionRequest = strawberry.field(description="The record of who handed it in.")

    @resolved("The override itself.")
    async def override(self, info: Info) -> Evidence | None:
        """Read in a session that sees it."""
        return await find_evidence(info, self.evidence_id, self.at)


RequestActionResult = Annotated[
    ActionRequested
    | InvalidInputProblem
    | NotFoundProblem
    | PolicyDeniedProblem
    | KeyReusedProblem
    | NotRecordedProblem,
    strawberry.union("RequestActionResult", description="What came of requestAction."),
]
RequestPackResult = Annotated[
    PackRequested | InvalidInputProblem | NotFoundProblem | PolicyDeniedProblem | KeyReusedProblem | NotRecordedProblem,
    strawberry.union("RequestPackResult", description="What came of requestPack."),
]
RecordOverrideResult = Annotated[
    OverrideRecorded
    | InvalidInputProblem
    | EvidenceRefusedProblem
    | PolicyDeniedProblem
    | KeyReusedProblem
    | NotRecordedProblem,
    strawberry.union("RecordOverrideResult", description="What came of recordOverride."),
]


def request_of(recorded: Recorded, at: Moment) -> ActionRequest:
    """A record as a reader sees it."""
    return ActionRequest(
        at=at,
        request_id=strawberry.ID(str(recorded.id)),
        action=recorded.action,
        target=recorded.target,
        justification=recorded.justification,
        actor=recorded.actor,
        decision_id=recorded.decision or None,
        evidence_id=recorded.evidence,
        repeated=recorded.repeated,
    )
