"""A batch of uploads: JSON Lines in, one line out for each, in their order.

Bounds are looked at before anything is stored, and a batch over one of them is refused whole. After that each upload
stands for itself: what one is refused for stops none of the others, and the answer is 200 with the status of each. A
batch may be sent again as often as is needed: what was taken answers 200 with its first leaf.

A line that holds a container (formats/containers.py) stands for its members, each with a result of its own.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Receive, Scope

from evidence_api.domain.errors import EvidenceError, Malformed, Refused, TooLarge
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import UPLOAD
from evidence_api.formats import containers
from evidence_api.formats.receipt import receipt_to_json
from evidence_api.use_cases.lanes import UPLOADS
from evidence_api.web.bodies import Headers, receive_body
from evidence_api.web.parts import Parts
from evidence_api.web.problems import problem_of
from evidence_api.web.rates import charge
from evidence_api.web.requests import CREATED, OK

MEDIA_TYPE = b"application/x-ndjson"
MAX_LINES = 1_000
MAX_BYTES = 32 * 2**20

_BATCH_TYPES = (MEDIA_TYPE, b"application/ndjson", b"application/jsonl", b"application/jsonlines")


@dataclass(frozen=True, slots=True)
class _Upload:
    """One upload of a batch: its line, from 1, and its place in the line's container, from 1 (0: the line itself)."""

    line: int
    member: int
    body: bytes


def is_batch(headers: Headers) -> bool:
    """Whether the body is JSON Lines, by its Content-Type."""
    return headers.get(b"content-type", b"").lower().startswith(_BATCH_TYPES)


async def accept_batch(parts: Parts, principal: Principal, headers: Headers, receive: Receive, scope: Scope) -> bytes:
    """Read the batch, accept what can be, say what became of each. Raises TooLarge, Malformed for the whole."""
    body = await receive_body(headers, receive, min(MAX_BYTES, parts.max_body))
    uploads = await asyncio.to_thread(_uploads, body)
    await charge(scope, parts.rates, principal, UPLOAD * len(uploads))
    async with parts.lanes.enter(UPLOADS, principal.tenant):
        results = await parts.ingest.accept_many(principal, [upload.body for upload in uploads])
    request_id = scope["state"]["request_id"]
    return b"".join(
        orjson.dumps(_told(upload, result, request_id), option=orjson.OPT_APPEND_NEWLINE)
        for upload, result in zip(uploads, results, strict=True)
    )


def _uploads(body: bytes) -> list[_Upload]:
    lines = [(number, line.rstrip(b"\r")) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise Malformed("the batch holds no upload", path="body")
    _check_count(len(lines))
    uploads = [upload for number, line in lines for upload in _of_line(number, line)]
    _check_count(len(uploads))
    return uploads


def _check_count(count: int) -> None:
    if count > MAX_LINES:
        raise TooLarge(
            f"{count} uploads in a batch, at most {MAX_LINES} are taken", path="body", limit=MAX_LINES, value=count
        )


def _of_line(number: int, line: bytes) -> Iterator[_Upload]:
    if any(mark in line for mark in containers.MARKS):
        try:
            members = containers.split(line)
        except Refused:
            members = ()  # refused when it is read, on record like any other
        if len(members) > 1:
            yield from (_Upload(number, place, member) for place, member in enumerate(members, 1))
            return
    yield _Upload(number, 0, line)


def _told(upload: _Upload, result: Receipt | EvidenceError, request_id: str) -> dict[str, Any]:
    place: dict[str, Any] = {"line": upload.line}
    if upload.member:
        place["member"] = upload.member
    if isinstance(result, EvidenceError):
        problem = problem_of(result, request_id)
        return {**place, "status": problem["status"], "problem": problem}
    return {**place, "status": CREATED if result.created else OK, "receipt": receipt_to_json(result)}
