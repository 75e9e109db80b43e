"""The root of the write side: what people do here. Everything else comes in by POST /v1/evidence.

Each field: may the caller (Rego) → is the input what it should be → the use case → what was written, read anew.
"""

from base64 import b64decode
from collections.abc import Sequence
from types import MappingProxyType
from typing import Annotated, cast

import strawberry

from evidence_api.domain.action_request import Asked, Recorded, usd_of
from evidence_api.domain.errors import Conflict, EvidenceError, NotFound, Refused
from evidence_api.domain.statement import Subject
from evidence_api.graphql.actions import (
    ActionRequested,
    OverrideRecorded,
    PackRequested,
    RecordOverrideInput,
    RecordOverrideResult,
    RequestActionInput,
    RequestActionResult,
    RequestPackInput,
    RequestPackResult,
    request_of,
)
from evidence_api.graphql.context import Info
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ids import key_of
from evidence_api.graphql.packs import find_pack
from evidence_api.graphql.problems import (
    BadInput,
    EvidenceRefusedProblem,
    PolicyDeniedProblem,
    ProblemCode,
    key_of_client,
    problem_of,
    text_of,
)
from evidence_api.graphql.releases import moment_of
from evidence_api.graphql.writing import Writing, writing_of
from evidence_api.use_cases.handed_overrides import DeniedOverride

MAX_ENVELOPE = 128 * 1024  # bytes, of an override


@strawberry.type(
    description="What people do here. Fields run one after the other. Each is put on record as evidence, with who "
    "asked and why, and is done once per `clientMutationId`. What a caller can mend is part of the result; errors at "
    "the top are for rights, limits and faults."
)
class Mutation:
    """Root fields."""

    @resolved(
        "Ask for an action. Policy (area `action`) decides whether it may be asked for; the request and the decision "
        "are put on record, and the tenant's webhook is told. The server does nothing else. Needs the right action:ask."
    )
    async def request_action(
        self,
        info: Info,
        input: Annotated[RequestActionInput, strawberry.argument(description="What is asked for, and why.")],  # noqa: A002  Relay's name
    ) -> RequestActionResult | None:
        """On record, or refused."""
        context = writing_of(info)
        await context.session.allow("action:ask")
        try:
            asked = await _asked(context, input)
            recorded = await context.writes.requests.ask(context.principal, asked)
        except EvidenceError as error:
            return cast("RequestActionResult", problem_of(error))
        if not recorded.allow:
            return _denied(recorded)
        await context.renew()
        request = request_of(recorded, await moment_of(info, None))
        return ActionRequested(client_mutation_id=input.client_mutation_id, request=request)

    @resolved(
        "Ask for the audit pack of a release. It is rendered in the background: the answer is a pack that is "
        "REQUESTED. Needs the right pack:build."
    )
    async def request_pack(
        self,
        info: Info,
        input: Annotated[RequestPackInput, strawberry.argument(description="Of which release, and what for.")],  # noqa: A002  Relay's name
    ) -> RequestPackResult | None:
        """On record and ordered, or refused."""
        context = writing_of(info)
        await context.session.allow("pack:build")
        try:
            recorded = await context.writes.packs.ask(
                context.principal,
                key_of(text_of(input.release, "release"), "Release") or "",
                justification=text_of(input.justification, "justification"),
                redact=input.redact,
                key=key_of_client(input.client_mutation_id),
                request_id=context.request_id,
            )
        except NotFound as absent:
            return cast("RequestPackResult", problem_of(NotFound(absent.message, path="release")))
        except EvidenceError as error:
            return cast("RequestPackResult", problem_of(error))
        if not recorded.allow:
            return _denied(recorded)
        await context.renew()
        at = await moment_of(info, None)
        pack = await find_pack(info, str(recorded.id), at)
        if pack is None:  # the order was written with the record
            raise LookupError(recorded.id)
        return PackRequested(client_mutation_id=input.client_mutation_id, request=request_of(recorded, at), pack=pack)

    @resolved(
        "Record an override that somebody else has approved: the envelope they signed. Whoever hands it in approves "
        "nothing by that. Policy (area `override`) decides, as it does for uploads. Needs the right override:record."
    )
    async def record_override(
        self,
        info: Info,
        input: Annotated[RecordOverrideInput, strawberry.argument(description="What the approver signed.")],  # noqa: A002  Relay's name
    ) -> RecordOverrideResult | None:
        """In the log, or refused."""
        context = writing_of(info)
        await context.session.allow("override:record")
        try:
            key, body = key_of_client(input.client_mutation_id), _envelope(input.envelope)
            handed = await context.writes.overrides.hand_in(
                context.principal, body, key=key, request_id=context.request_id
            )
        except DeniedOverride as denial:
            return _denied(denial.recorded, denial)
        except (BadInput, Conflict) as error:
            return cast("RecordOverrideResult", problem_of(error))
        except Refused as refusal:
            return EvidenceRefusedProblem(
                code=ProblemCode.EVIDENCE_REFUSED,
                message=refusal.message,
                path=["input", "envelope"],
                refusal=refusal.code,
            )
        await context.renew()
        at = await moment_of(info, None)
        return OverrideRecorded(
            client_mutation_id=input.client_mutation_id,
            at=at,
            evidence_id=handed.receipt.evidence_id,
            created=handed.receipt.created,
            request=request_of(handed.recorded, at),
        )


async def _asked(context: Writing, given: RequestActionInput) -> Asked:
    """The request, checked. Raises BadInput, NotFound."""
    if given.release is not None and given.evidence is not None:
        raise BadInput("give `release` or `evidence`, not both", path="evidence")
    parameters: dict[str, str | bool] = {}
    for name, member, value in (
        ("arm", "arm", given.arm),
        ("severity", "severity", given.severity),
        ("period", "period", given.period),
        ("scope", "scope", given.scope or None),
        ("limitUSD", "limitUsd", given.limit_usd),
    ):
        if value is not None:
            parameters[name] = text_of(value, member)
    if given.limit_usd is not None and usd_of(given.limit_usd) is None:
        raise BadInput("limitUsd is no amount of US dollars, e.g. 750 or 99.50", path="limitUsd")
    about, subjects = await _about(context, given)
    return Asked(
        action=given.action.value,
        target=text_of(given.target, "target"),
        justification=text_of(given.justification, "justification"),
        key=key_of_client(given.client_mutation_id),
        request_id=context.request_id,
        about=about,
        subjects=subjects,
        parameters=parameters,
    )


async def _about(context: Writing, given: RequestActionInput) -> tuple[str, tuple[Subject, ...]]:
    """The evidence id of what it is about, and its subjects. Raises NotFound."""
    session = context.session
    size = await session.tree_size(None)
    if given.release is not None:
        key = key_of(given.release, "Release") or ""
        release = (await session.releases_by_ids([key], size)).get(key)
        if release is None:
            raise NotFound("there is no such release", path="release")
        return key, tuple(_subject(f"{release.name}@{release.version}", [one]) for one in release.digests)
    if given.evidence is not None:
        key = key_of(given.evidence, "Evidence") or ""
        found = (await session.evidence_by_ids([key], size, frozenset({"subjects"}))).get(key)
        if found is None:
            raise NotFound("there is no such evidence", path="evidence")
        return key, tuple(_subject(one.name, one.digests) for one in found.subjects or ())
    return "", ()


def _subject(name: str, digests: Sequence[str]) -> Subject:
    pairs = (digest.partition(":") for digest in digests)
    return Subject(name, MappingProxyType({algorithm: value for algorithm, _, value in pairs}))


def _envelope(text: str) -> bytes:
    """The envelope's bytes. Raises BadInput."""
    if len(text) > MAX_ENVELOPE * 4 // 3 + 4:
        raise BadInput("the envelope is too long", path="envelope", limit=MAX_ENVELOPE)
    try:
        return b64decode(text, validate=True)
    except ValueError as fault:  # binascii.Error, and text that is not ASCII
        raise BadInput("the envelope is not base64", path="envelope") from fault


def _denied(recorded: Recorded, denial: DeniedOverride | None = None) -> PolicyDeniedProblem:
    reasons = list(recorded.reasons) if denial is None else list(denial.decision.reasons)
    rules = list(recorded.rules) if denial is None else list(denial.decision.rules)
    return PolicyDeniedProblem(
        code=ProblemCode.POLICY_DENIED,
        message="; ".join(reasons) or "policy gave no reason",
        path=None,
        rules=rules,
        reasons=reasons,
        decision_id=recorded.decision or None,
        evidence_id=recorded.evidence,
    )
