"""Routes for agents and CI: which policy areas may be asked, and what they say.

A denial is an answer like any other, 200 with "allow": false; whoever asks must look. What could not be decided is an
error (503), and never an allow.
"""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.formats.receipt import receipt_to_json
from evidence_api.formats.strict_json import load_object
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import OK, require
from evidence_api.web.subjects import named_subjects

_MAX_INPUT = 64 * 1024


async def post_decision(request: Request) -> Response:
    """The area's input in; {allow, reasons, rules, decision, evidence, receipt} out, and retry_after_seconds where a
    model's bucket was empty."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "decision:ask")
    subjects = named_subjects(request.scope["query_string"])
    asked = load_object(await read_body(request, _MAX_INPUT), what="input")
    answer = await parts.asking.ask(principal.tenant, request.path_params["area"], asked, subjects)
    decision, receipt = answer.decision, answer.receipt
    body = {
        "allow": decision.allow,
        "reasons": decision.reasons,
        "rules": decision.rules,
        "decision": decision.id,
        "evidence": receipt.evidence_id,
        "receipt": receipt_to_json(receipt),
    }
    if answer.retry_after is not None:
        body["retry_after_seconds"] = answer.retry_after
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), OK, headers, media_type="application/json")


async def list_areas(request: Request) -> Response:
    """The areas that may be asked, each with the JSON Schema of what is sent."""
    parts = parts_of(request)
    await require(request, parts.access, "decision:ask")
    areas = [{"area": name, "schema": area.schema} for name, area in sorted(parts.asking.areas.items())]
    return Response(orjson.dumps({"areas": areas}), OK, media_type="application/json")
