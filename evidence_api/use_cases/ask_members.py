"""Asking several organisations one question, side by side, each with a deadline of its own; every one is in the answer.

answered   it signed an answer to this question, from a log as new as was asked for
partial    the same, but fields of it are errors
stale      the same, but its log has stood still for longer than was asked for, or it did not say where it stands
refused    it said no, or what it said does not verify, or its log is shorter, or another, than it was once shown
absent     no answer in time, or one to come again later
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from time import monotonic
from typing import Any

from evidence_api.domain.errors import EvidenceError, Malformed, Undecided, VerificationFailed
from evidence_api.domain.federated import Member, MemberAnswer, SeenCheckpoint, Standing
from evidence_api.engines.clock import Clock
from evidence_api.engines.federation_client import CheckedAnswer, FederationClient


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a member may take (seconds), how long its log may have stood still, and the tree size and root (hex) of
    each by name as they were shown the last time."""

    deadline: float = 10.0
    stale_after: timedelta | None = None
    seen: Mapping[str, tuple[int, str]] = field(default_factory=dict)


async def ask_members(
    client: FederationClient,
    members: Sequence[Member],
    question: Mapping[str, Any],
    terms: Terms,
    clock: Clock,
) -> tuple[MemberAnswer, ...]:
    """An answer for each member, in their order."""

    async def one(member: Member) -> MemberAnswer:
        started = monotonic()
        try:
            async with asyncio.timeout(terms.deadline):
                checked = await client.ask(member, question)
            _check_history(checked.checkpoint, terms.seen.get(member.name))
            return _answered(member, checked, terms, clock, monotonic() - started)
        except TimeoutError:
            said = f"no answer in {terms.deadline:g} s"
            return MemberAnswer(
                member, Standing.ABSENT, code="deadline_exceeded", reason=said, seconds=monotonic() - started
            )
        except EvidenceError as fault:
            standing = Standing.ABSENT if isinstance(fault, Undecided) else Standing.REFUSED
            return MemberAnswer(member, standing, code=fault.code, reason=fault.message, seconds=monotonic() - started)

    return tuple(await asyncio.gather(*(one(member) for member in members)))


def _answered(member: Member, checked: CheckedAnswer, terms: Terms, clock: Clock, seconds: float) -> MemberAnswer:
    """What a signed answer says."""
    document = checked.document()
    errors = _errors(document)
    age = None if checked.checkpoint is None else max(timedelta(0), clock.now() - checked.checkpoint.since)
    standing, code, reason = _standing(checked, document, errors, age, terms)
    return MemberAnswer(
        member=member,
        standing=standing,
        data=document.get("data"),
        errors=errors,
        checkpoint=checked.checkpoint,
        age=age,
        code=code,
        reason=reason,
        signed=True,
        seconds=seconds,
    )


def _errors(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The errors of an answer. Raises Malformed `not_our_server`: it is signed, and still anything."""
    said = document.get("errors")
    if said is None:
        return []
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise Malformed("the errors of the answer are no list of objects", code="not_our_server", path="errors")
    return said


def _standing(
    checked: CheckedAnswer,
    document: Mapping[str, Any],
    errors: Sequence[Mapping[str, Any]],
    age: timedelta | None,
    terms: Terms,
) -> tuple[Standing, str, str]:
    """The standing, and the code and reason of one that is not `answered`."""
    if checked.status != HTTPStatus.OK or document.get("data") is None:
        later = checked.status == HTTPStatus.TOO_MANY_REQUESTS or checked.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return (Standing.ABSENT if later else Standing.REFUSED), *_why(document, errors)
    if errors:
        return Standing.PARTIAL, *_why(document, errors)
    if age is None:
        return Standing.STALE, "no_checkpoint", "it did not say where its log stands"
    if terms.stale_after is not None and age > terms.stale_after:
        days = age / timedelta(days=1)
        return Standing.STALE, "stale_checkpoint", f"its log has stood still for {days:.1f} days"
    return Standing.ANSWERED, "", ""


def _why(document: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Code and sentence of a problem, or of the first GraphQL error."""
    if errors:
        told = errors[0].get("extensions")
        code = told.get("code") if isinstance(told, dict) else None
        return str(code or "graphql")[:80], str(errors[0].get("message", ""))[:500]
    return str(document.get("code", "no_data"))[:80], str(document.get("detail", "it gave no data"))[:500]


def _check_history(now: SeenCheckpoint | None, before: tuple[int, str] | None) -> None:
    """A log only grows. Raises VerificationFailed `log_shrank`, `log_forked`."""
    if now is None or before is None:
        return
    size, root = before
    if now.tree_size < size:
        raise VerificationFailed(
            f"its log had {size} leaves and now has {now.tree_size}", code="log_shrank", limit=size, value=now.tree_size
        )
    if now.tree_size == size and now.root.hex() != root:
        raise VerificationFailed(f"its log of {size} leaves is another than before", code="log_forked", value=size)
