"""The guard of personal data: what would leave is looked through, policy is asked, and what may not leave is redacted.

1. look     every string of every body (formats/pii_documents.py)
2. ask      the policy area `export`, with how much of each kind was found and never with what it is
3. redact   where the caller asked for it: the signed payload with placeholders, in the place of the body
4. ask      again, of what is left
Digest, leaf and inclusion proof stay those of the original, so a redacted record is still proven to be in the log.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import EvidenceError, Inadmissible
from evidence_api.domain.pack import PackedEvidence, Redaction
from evidence_api.domain.pii import Detector, Found, counted
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.secrets import find_secrets
from evidence_api.formats.dsse import decode_base64
from evidence_api.formats.pii_documents import look_at, redacted
from evidence_api.formats.stored import stored_payload
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.pack_evidence import as_copied, copy_checked

AREA = "export"
_NAMED = 20  # places a refusal names
_AROUND = ("payload", "statement")  # members of an envelope that hold the payload itself


@dataclass(frozen=True, slots=True)
class Cleared:
    """What may leave. `redacted` says how many of them are copies."""

    items: tuple[PackedEvidence, ...]
    redacted: int


def look(body: bytes) -> tuple[Found, ...]:
    """What is in a body: in what was signed, and in what is around it."""
    try:
        payload = stored_payload(body)
    except EvidenceError:
        return look_at(body, find_secrets)  # not evidence, so it is looked at as it stands
    if payload is None or payload == body:
        return look_at(body, find_secrets)
    around = orjson.dumps(_without(orjson.loads(body), payload))
    outside = (replace(one, path=f"envelope.{one.path}") for one in look_at(around, find_secrets))
    return (*look_at(payload, find_secrets), *outside)


def _without(value: Any, payload: bytes) -> Any:  # noqa: ANN401  any JSON value
    """The envelope, bundle or attestation around a payload. What else bears its name stays, and is looked at."""
    if isinstance(value, dict):
        return {
            name: _without(item, payload)
            for name, item in value.items()
            if not (name in _AROUND and _is_payload(item, payload))
        }
    return value


def _is_payload(item: object, payload: bytes) -> bool:
    try:
        return decode_base64(item, "payload") == payload
    except EvidenceError:
        return False  # no base64, so it is something else


class PiiGuard:
    """Asks the policy about what leaves."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def decide(self, purpose: str, found: Sequence[Found], *, redacted: bool = False) -> Decision:
        """The policy's answer about what was found. Raises Undecided."""
        findings = [{"detector": name, "count": count} for name, count in counted(found).items()]
        return await self._gate.decide(AREA, {"purpose": purpose, "redacted": redacted, "findings": findings})

    async def clear(
        self, purpose: str, items: Sequence[PackedEvidence], *, redact: bool, scope: TenantScope | None = None
    ) -> Cleared:
        """The evidence as it may leave: as it is where policy allows it; with `redact`, copies where it does not.
        `scope` is the tenant the decisions are counted for.

        Raises Inadmissible `export_denied` with the reasons and the places, Undecided.
        """
        found = await asyncio.to_thread(_look_through, items)
        decision = self._counted(scope, await self.decide(purpose, [one for own in found for one in own]))
        if decision.allow:
            return Cleared(tuple(items), 0)
        if not redact:
            raise _denied(decision, items, found)
        stays = await self._may_leave(purpose)
        copied = await asyncio.to_thread(_copies, items, found, stays, decision.reasons)
        left = await asyncio.to_thread(_look_through, copied)
        again = await self.decide(purpose, [one for own in left for one in own], redacted=True)
        self._counted(scope, again)
        if not again.allow:
            raise _denied(again, copied, left)
        return Cleared(tuple(copied), sum(one.redaction is not None for one in copied))

    def _counted(self, scope: TenantScope | None, decision: Decision) -> Decision:
        if scope is not None:
            self._gate.count(scope, decision)
        return decision

    async def _may_leave(self, purpose: str) -> frozenset[Detector]:
        """What policy lets go as it is, asked one by one."""
        asked = [(kind, await self.decide(purpose, [Found("", kind, "")])) for kind in Detector]
        return frozenset(kind for kind, decision in asked if decision.allow)


def _look_through(items: Sequence[PackedEvidence]) -> list[tuple[Found, ...]]:
    return [look(item.redaction.copy if item.redaction else item.body or b"") for item in items]


def _copies(
    items: Sequence[PackedEvidence],
    found: Sequence[tuple[Found, ...]],
    stays: frozenset[Detector],
    because: tuple[str, ...],
) -> list[PackedEvidence]:
    """The items, those with something in them that may not leave replaced by copies without it."""
    return [
        _copy(item, because, lambda one: one not in stays)
        if item.body is not None and any(one.detector not in stays for one in own)
        else item
        for item, own in zip(items, found, strict=True)
    ]


def _copy(item: PackedEvidence, because: tuple[str, ...], replaced: Callable[[Detector], bool]) -> PackedEvidence:
    """The record as its redacted copy says it. Raises Inadmissible `export_unreadable` when that cannot be read."""
    leaf = item.evidence.leaf_index
    try:
        payload = stored_payload(item.body or b"") or b""
        copy, found = redacted(payload, find_secrets, replaced)
        checked = copy_checked(item.evidence, copy)
    except EvidenceError as fault:
        message = f"leaf {leaf} cannot be redacted and still be read: {fault.message}"
        raise Inadmissible(message, code="export_unreadable", path=f"leaf {leaf}") from fault
    told = tuple(map(str, found)) or ("envelope: what surrounds the statement",)
    return replace(
        item,
        evidence=as_copied(item.evidence, checked),
        body=None,
        redaction=Redaction(copy=copy, found=told, because=because),
    )


def _denied(decision: Decision, items: Sequence[PackedEvidence], found: Sequence[tuple[Found, ...]]) -> Inadmissible:
    places = [
        f"leaf {item.evidence.leaf_index} ({item.evidence.kind}) {one}"
        for item, own in zip(items, found, strict=True)
        for one in own
    ]
    reasons = "; ".join(decision.reasons) or "policy gave no reason"
    return Inadmissible(
        f"export denied: {reasons}; ask for a redacted one, or see policy data.export",
        code="export_denied",
        rules=list(decision.rules),
        reasons=list(decision.reasons),
        decision=decision.id,
        places=places[:_NAMED],
    )
