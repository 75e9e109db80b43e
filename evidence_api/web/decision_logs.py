"""Route for decision logs: what the `decision_logs` plugin of Open Policy Agent sends, as it sends it.

A gzip JSON array; each element is one decision, kept as a raw document of type opa-decision, unsigned, byte for byte.
The plugin sends a chunk again until it is answered with success, so the answers are chosen for it:

    200  every decision was looked at; those refused are named here, on record, and would be refused again
    422  not one could be taken: something is set up wrongly, and whoever reads the plugin's log should see it
    503  at least one could not be decided; what was taken already is known again when the chunk comes back

Source: openpolicyagent.org, "Decision Logs", Decision Log Service API (`resource` names the path, so any suffix does).
"""

import asyncio
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge, Undecided
from evidence_api.domain.evidence import Receipt
from evidence_api.formats.json_items import items_of
from evidence_api.use_cases.lanes import UPLOADS
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.problems import problem_of, request_id
from evidence_api.web.requests import OK, require

MAX_BYTES = 32 * 2**20  # unpacked; the plugin's chunks are 32 KiB packed unless it is told otherwise
MAX_DECISIONS = 10_000
_AT_ONCE = 1_000

log = structlog.get_logger(__name__)


async def post_decision_log(request: Request) -> Response:
    """One chunk of a decision log in; how many were new, known and refused out."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:write")
    body = await read_body(request, min(MAX_BYTES, parts.max_body))
    decisions, refused = await asyncio.to_thread(_decisions, body)
    results: list[tuple[int, Receipt | EvidenceError]] = [(place, fault) for place, fault in refused]
    for start in range(0, len(decisions), _AT_ONCE):
        some = decisions[start : start + _AT_ONCE]
        async with parts.lanes.enter(UPLOADS, principal.tenant):
            answers = await parts.ingest.accept_many(principal, [event for _, event in some])
        results += [(place, answer) for (place, _), answer in zip(some, answers, strict=True)]
    told = _summary(results, request_id(request))
    log.info(
        "decision_log",
        token=principal.id,
        tenant=principal.tenant.name,
        partition=request.path_params.get("partition", ""),
        new=told["new"],
        known=told["known"],
        refused=len(told["refused"]),
    )
    return Response(orjson.dumps(told), OK, media_type="application/json")


def _decisions(body: bytes) -> tuple[list[tuple[int, bytes]], list[tuple[int, Malformed]]]:
    """The decisions with their places in the array, and what is none. Raises Malformed, TooLarge."""
    decisions: list[tuple[int, bytes]] = []
    refused: list[tuple[int, Malformed]] = []
    for place, (event, value) in enumerate(items_of(body)):
        if place >= MAX_DECISIONS:
            raise TooLarge(
                f"over {MAX_DECISIONS} decisions in one log, the most that is taken",
                path="$",
                limit=MAX_DECISIONS,
                value=place + 1,
            )
        if isinstance(value, dict) and isinstance(value.get("decision_id"), str):
            decisions.append((place, event))
        else:
            refused.append((place, Malformed("not a decision: it has no decision_id", path=f"[{place}].decision_id")))
    return decisions, refused


def _summary(results: list[tuple[int, Receipt | EvidenceError]], asked: str) -> dict[str, Any]:
    """{"new", "known", "refused": [{"event", "problem"}]}. Raises what the whole chunk is answered with instead."""
    faults = [(place, one) for place, one in results if isinstance(one, EvidenceError)]
    for _, fault in faults:
        if isinstance(fault, Undecided):
            raise fault
    if faults and len(faults) == len(results):
        raise faults[0][1]
    receipts = [one for _, one in results if isinstance(one, Receipt)]
    new = sum(receipt.created for receipt in receipts)
    refused = [{"event": place, "problem": problem_of(fault, asked)} for place, fault in sorted(faults, key=_place)]
    return {"new": new, "known": len(receipts) - new, "refused": refused}


def _place(fault: tuple[int, EvidenceError]) -> int:
    return fault[0]
