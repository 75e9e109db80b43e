"""Routes between organisations: a signed question in, an answer signed for that question out; and the key it is signed
with, for whoever enrols this server.

Nobody's word is taken for where a question was sent: its target is made of EVIDENCE_PUBLIC_URL and the path.
"""

from http import HTTPStatus
from secrets import token_urlsafe

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message as Event
from starlette.types import Receive

from evidence_api.domain.access_entry import AccessEntry, AccessNotes
from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge
from evidence_api.formats.content_digest import content_digest
from evidence_api.formats.federation_profile import CHECKPOINT, LABEL, wanted_input
from evidence_api.formats.http_message import Fields, Message
from evidence_api.formats.http_signature import accept_signature
from evidence_api.formats.jwks import to_jwks
from evidence_api.formats.structured_fields import serialise
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.use_cases.federate import KIND, NOBODY, Admitted, Federation, Question, TurnedAway
from evidence_api.web.parts import parts_of
from evidence_api.web.problems import problem_of, status_of
from evidence_api.web.requests import OK

PATH = "/federation/{tenant}/graphql"
DIRECTORY = "/.well-known/http-message-signatures-directory"
MAX_BODY = 256 * 1024  # what GraphQL takes of anybody
_UNRUN = 5  # cost units of a question that came to nothing
_DIRECTORY_TYPE = "application/http-message-signatures-directory+json"


class PostQuestion:
    """The one way a peer asks."""

    def __init__(self, graphql: GraphQLEndpoint) -> None:
        self._graphql = graphql

    async def answer(self, request: Request) -> Response:
        """Answer a question, or refuse it; signed in either case, if it is certain whose it is."""
        federation = parts_of(request).federation
        question = await _question(request, federation)
        outcome = await federation.admit(question)
        if isinstance(outcome, TurnedAway):
            return await _turn_away(request, federation, outcome)
        state = request.scope["state"]
        state["principal"] = outcome.principal
        state["access"].action = "evidence:read"
        try:
            response = await self._ask(request, outcome)
        except EvidenceError as refusal:
            response = _problem(request, refusal)
        cost = state["access"].cost
        await federation.settle(outcome, _UNRUN if cost is None else cost)
        note, since = await federation.checkpoint(outcome.principal.tenant)
        if note and since is not None:
            response.headers[CHECKPOINT] = serialise((note.encode(), {"at": since.replace(microsecond=0)}))
        return _signed(federation, question, response)

    async def _ask(self, request: Request, admitted: Admitted) -> Response:
        """Ask the policy, then GraphQL."""
        access = parts_of(request).access
        await access.authorise(admitted.principal, "evidence:read", tenant=request.path_params["tenant"])
        return await self._graphql(Request(request.scope, _again(admitted.question.body, request.receive)))


def federation_routes(graphql: GraphQLEndpoint) -> list[BaseRoute]:
    """Both routes."""
    return [
        Route(PATH, PostQuestion(graphql).answer, methods=["POST"]),
        Route(DIRECTORY, get_directory, methods=["GET"]),
    ]


async def get_directory(request: Request) -> Response:
    """The keys this server signs with, as a JWKS."""
    keys = to_jwks([parts_of(request).federation.key])
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(orjson.dumps(keys), OK, headers, media_type=_DIRECTORY_TYPE)


async def _question(request: Request, federation: Federation) -> Question:
    """The question as it came. Raises Forbidden `federation_off`, TooLarge, Malformed."""
    path = (request.scope.get("raw_path") or request.scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = request.scope["query_string"].decode("latin-1")
    asked = f"{path}?{query}" if query else path
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"])
    message = Message(fields, method=request.method, target_uri=federation.target(asked))
    host = message.field("host") or ""
    return Question(
        tenant=request.path_params["tenant"],
        message=message,
        body=await _body(request),
        addressed=tuple(f"{scheme}://{host}{asked}" for scheme in ("https", "http")),
    )


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise TooLarge("the question is too long", code="body_too_large", limit=MAX_BODY, value=len(body))
    except ClientDisconnect as gone:
        raise Malformed("the body ended early", code="bad_request", path="body", value=len(body)) from gone
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read already, then whatever comes."""
    given = False

    async def received() -> Event:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received


async def _turn_away(request: Request, federation: Federation, away: TurnedAway) -> Response:
    """Put it on record, then say why. Raises Undecided `audit_unavailable`."""
    response = _problem(request, away.error)
    if away.scope is not None:
        audit = parts_of(request).access_audit
        entry = AccessEntry(
            at=audit.now(),
            request_id=request.scope["state"].get("request_id", ""),
            principal_kind=KIND,
            principal_id=NOBODY if away.peer is None else away.peer.id,
            method=request.method,
            path=PATH,
            status=response.status_code,
            notes=AccessNotes(action="evidence:read", code=away.error.code),
        )
        await audit.record_denial(away.scope, entry)
    request.scope["state"]["access"].code = away.error.code
    return response if away.peer is None else _signed(federation, away.question, response)


def _problem(request: Request, error: EvidenceError) -> Response:
    """The refusal; what is not signed well is told what would be (RFC 9421 section 5.1)."""
    status = status_of(error)
    headers = {"Cache-Control": "no-store"}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["Accept-Signature"] = accept_signature(LABEL, wanted_input(token_urlsafe(24)))
    wait = error.fields.get("retry_after")
    if isinstance(wait, int | float):
        headers["Retry-After"] = str(max(1, round(wait + 0.5)))
    body = problem_of(error, str(request.scope["state"].get("request_id", "")))
    return Response(orjson.dumps(body), int(status), headers, media_type="application/problem+json")


def _signed(federation: Federation, question: Question, response: Response) -> Response:
    """The answer with its digest and signature, whole."""
    response.headers["Content-Digest"] = content_digest(bytes(response.body))
    fields: Fields = tuple(response.headers.items())
    for name, value in federation.sign(question, response.status_code, fields):
        response.headers[name] = value
    return response
