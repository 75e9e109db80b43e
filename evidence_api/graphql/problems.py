"""Problems: what a mutation was refused for, as part of its result. Errors at the top are for the rest.

At the top: who asks may not (forbidden), limits, what could not be decided (trying again may help), faults of ours.
"""

from enum import Enum
from typing import Any

import strawberry

from evidence_api.domain.action_request import MAX_KEY, MAX_TEXT
from evidence_api.domain.errors import Conflict, EvidenceError, NotFound, Refused
from evidence_api.graphql.fields import named


@strawberry.enum(description="What a mutation was refused for. The list is closed: new values are announced.")
class ProblemCode(Enum):
    """One for each type of problem."""

    _value_: str

    BAD_INPUT = named("bad_input", "A member of the input is not what it should be; `path` says which.")
    NOT_FOUND = named("not_found", "What the input names does not exist for this caller.")
    POLICY_DENIED = named("policy_denied", "Policy said no; `rules` and `reasons` say why.")
    KEY_REUSED = named("key_reused", "The clientMutationId stands for another request of this caller.")
    EVIDENCE_REFUSED = named("evidence_refused", "The envelope was turned away at the door; `refusal` says for what.")
    NOT_RECORDED = named(
        "not_recorded", "It could not be put on record as evidence, so it was not taken up; `refusal` says why."
    )


@strawberry.interface(description="What a mutation was refused for. Nothing was done, unless the type says otherwise.")
class Problem:
    """The members of every problem."""

    code: ProblemCode = strawberry.field(description="For programs.")
    message: str = strawberry.field(description="For people.")
    path: list[str] | None = strawberry.field(description="The member of the input it is about.")


@strawberry.type(description="A member of the input is not what it should be.")
class InvalidInputProblem(Problem):
    """Refused before anything was asked."""

    limit: int | None = strawberry.field(default=None, description="The bound that was passed, if it is one.")


@strawberry.type(description="What the input names does not exist for this caller.")
class NotFoundProblem(Problem):
    """Absent, another tenant's or outside the grant: told apart nowhere."""


@strawberry.type(description="Policy said no. That it was asked and denied is on record as evidence.")
class PolicyDeniedProblem(Problem):
    """A denial with its rules."""

    rules: list[str] = strawberry.field(description="The ids of the rules that denied.")
    reasons: list[str] = strawberry.field(description="What they said.")
    decision_id: str | None = strawberry.field(description="The decision on record, sha256:<hex>.")
    evidence_id: str = strawberry.field(description="The statement in the log that this was asked and denied.")


@strawberry.type(description="The clientMutationId was used for another request: choose a new one.")
class KeyReusedProblem(Problem):
    """The key stands for something else."""


@strawberry.type(description="The envelope was turned away at the door, as an upload would be.")
class EvidenceRefusedProblem(Problem):
    """Refused by verification or admission."""

    refusal: str = strawberry.field(description="The code uploads are refused with, e.g. bad_signature.")


@strawberry.type(description="It could not be put on record as evidence, so it was not taken up.")
class NotRecordedProblem(Problem):
    """The server's own statement was refused: the tenant has revoked its key, say."""

    refusal: str = strawberry.field(description="The code of the refusal.")


class BadInput(EvidenceError):
    """A member of the input is not what it should be; never leaves this layer."""

    default_code = "bad_input"


def text_of(value: str, member: str, *, most: int = MAX_TEXT) -> str:
    """A member that must be text in one line. Raises BadInput."""
    if not value or len(value) > most:
        raise BadInput(f"{member} has {len(value)} characters, 1 to {most} are taken", path=member, limit=most)
    if not all(" " <= character != "\x7f" for character in value) or not value.isprintable():
        raise BadInput(f"{member} holds a character that cannot be printed", path=member)
    return value


def key_of_client(value: str) -> str:
    """The key by which a retry is known. Raises BadInput."""
    return text_of(value, "clientMutationId", most=MAX_KEY)


def problem_of(error: EvidenceError) -> Any:  # noqa: ANN401  one of the problems above
    """The problem a refusal is. Raises the error itself where it is none: it belongs at the top."""
    path = _path(error)
    match error:
        case BadInput():
            limit = error.fields.get("limit")
            return InvalidInputProblem(
                code=ProblemCode.BAD_INPUT,
                message=error.message,
                path=path,
                limit=limit if isinstance(limit, int) else None,
            )
        case NotFound():
            return NotFoundProblem(code=ProblemCode.NOT_FOUND, message=error.message, path=path)
        case Conflict(code="key_reused"):
            return KeyReusedProblem(code=ProblemCode.KEY_REUSED, message=error.message, path=path)
        case Refused():
            return NotRecordedProblem(
                code=ProblemCode.NOT_RECORDED, message=error.message, path=path, refusal=error.code
            )
        case _:
            raise error


def _path(error: EvidenceError) -> list[str] | None:
    path = error.fields.get("path")
    return ["input", *path.split(".")] if isinstance(path, str) and path else None
