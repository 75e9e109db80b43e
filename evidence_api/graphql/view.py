"""HTTP edge of GraphQL: one request in, one operation run, one answer out.

The plan, each step of which can refuse with its own code:
  1. negotiate the media type of the answer                    406
  2. who asks: the principal the web layer authenticated       401
  3. read the parameters: 256 KiB, JSON, types                 413 415 400
  4. the document: the persisted one that is named, or the
     text, if the caller may send one; parse, limits,
     validation, cached by text                                400 403
  5. the operation: which one, and not a mutation over GET     400 405
  6. its cost, taken from the buckets of tenant and client     400 429
  7. a place in the lane of queries                            503
  8. run it in one reading session under a deadline            200 (503 past the deadline)
  9. give back what it did not cost; note what was read for the audit of access (web/, which comes before the answer)
 10. collect the members of `extensions` and the headers (call.py)
Source: GraphQL over HTTP draft; a request error has no `data`, partial data is a 200.
"""

import uuid
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import orjson
import strawberry
import structlog
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import (
    EvidenceError,
    Forbidden,
    Malformed,
    NotFound,
    Overloaded,
    RateLimited,
    Refused,
    TooLarge,
    Unauthenticated,
    Undecided,
)
from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import INVALID_DOCUMENT
from evidence_api.graphql import faults
from evidence_api.graphql.access_notes import note_access
from evidence_api.graphql.call import Addition, Call
from evidence_api.graphql.cost import Pricing, dry_document
from evidence_api.graphql.disconnects import WhileConnected
from evidence_api.graphql.documents import DocumentCache, PreparedDocument
from evidence_api.graphql.event_stream import EVENT_STREAM
from evidence_api.graphql.granted import check_granted
from evidence_api.graphql.introspection import check_introspection
from evidence_api.graphql.kept_answers import entity_tag, is_known
from evidence_api.graphql.limits import Limits
from evidence_api.graphql.media_types import JSON, RESPONSE_JSON, Answer, negotiate
from evidence_api.graphql.registration import check_with
from evidence_api.graphql.request import Parameters, read_parameters
from evidence_api.graphql.running import Ran, Runner
from evidence_api.graphql.streaming import Streams, Subscribing, accepts_events
from evidence_api.graphql.tracing import OperationSpan
from evidence_api.graphql.writing import MutationRunner
from evidence_api.use_cases.lanes import FEDERATION, QUERIES, Lanes
from evidence_api.use_cases.persisted_documents import PersistedDocuments, check_allowed
from evidence_api.use_cases.rates import Rates
from evidence_api.use_cases.reads import Reads

log = structlog.get_logger(__name__)

REQUEST_ERROR = HTTPStatus.BAD_REQUEST  # the draft is moving to 422
_FIXED_STATUS = {
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body_too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "not_acceptable": HTTPStatus.NOT_ACCEPTABLE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
# A client that names application/json reads these from a 200: the document did not run.
_LEGACY_OK = frozenset({"syntax_error", "validation_failed", "bad_variables"})
_NO_PARAMETERS = Parameters("", None, None)
_ALWAYS = {"Cache-Control": "no-store", "Vary": "Accept, Authorization", "X-Content-Type-Options": "nosniff"}
_HEADERS = {
    HTTPStatus.METHOD_NOT_ALLOWED: {"Allow": "POST"},
    HTTPStatus.REQUEST_TIMEOUT: {"Connection": "close"},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Bearer realm="evidence-api"'},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
}


class GraphQLEndpoint:
    """Answers GraphQL requests from one schema. Call it with a request whose `state.principal` is set."""

    def __init__(  # noqa: PLR0913  one argument for each thing an operation passes
        self,
        schema: strawberry.Schema,
        reads: Reads,
        *,
        rates: Rates | None = None,
        lanes: Lanes | None = None,
        limits: Limits | None = None,
        deadline: float = 10.0,
        additions: Sequence[Addition] = (),
        persisted: PersistedDocuments | None = None,
        shown_to_peers: bool = True,
        mutations: MutationRunner | None = None,
        streams: Streams | None = None,
    ) -> None:
        self._runner = Runner(schema, reads, deadline)
        self._rates = rates or Rates()
        self._lanes = lanes or Lanes()
        self._pricing = Pricing(self._runner.schema)
        self._documents = DocumentCache(self._runner.schema, limits or Limits())
        self._additions = tuple(additions)
        self._persisted = persisted
        self._shown_to_peers = shown_to_peers
        self._mutations = mutations
        self._streams = streams

    async def __call__(self, request: Request) -> Response:
        """Answer one request; never raises on input."""
        request_id = str(request.scope.get("state", {}).get("request_id") or uuid.uuid4().hex)
        answer = negotiate(request.headers.get("accept"))
        call = Call(request, request_id, answer or Answer(JSON, legacy=False))
        with OperationSpan(call):
            response = await self._answered(call, answer)
            call.status = response.status_code
        return response

    async def _answered(self, call: Call, answer: Answer | None) -> Response:
        """The answer, or what is sent in its place."""
        try:
            return await self._answered_or_refused(call, answer)
        except Exception:  # the last line of defence: masked, logged, never a trace
            log.exception("graphql_fault", request_id=call.request_id)
            call.result = orjson.dumps({"errors": [faults.internal(call.request_id)]})
            return _response(call, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _answered_or_refused(self, call: Call, answer: Answer | None) -> Response:
        accept = call.request.headers.get("accept")
        try:
            if answer is None and not accepts_events(accept):
                said = f"this answers {JSON} or {RESPONSE_JSON}"
                raise Malformed(said, code="not_acceptable", path="accept")
            return await self._answer(call)
        except EvidenceError as error:
            return await self._refuse(call, error)

    async def _answer(self, call: Call) -> Response:
        call.principal = principal = _principal(call.request)
        call.parameters = parameters = await read_parameters(call.request)
        try:
            call.document = document = self._documents.prepare(await self._text(principal, parameters))
        except RecursionError as fault:
            await self._rates.take(principal, INVALID_DOCUMENT)
            raise TooLarge("the document is nested too deeply", code="too_deep") from fault
        except Refused:
            await self._rates.take(principal, INVALID_DOCUMENT)
            raise
        if document.errors:
            call.charge = await self._rates.take(principal, INVALID_DOCUMENT)
        if document.ast is None:
            return await self._request_error(call, document.errors, "syntax_error")
        call.operation = operation = document.operation(parameters.operation_name)
        kind = operation.operation
        if call.request.method == "GET" and kind is not OperationType.QUERY:
            raise Malformed(f"a {kind.value} needs POST", code="method_not_allowed", path="method")
        if document.errors:
            return await self._request_error(call, document.errors, "validation_failed")
        check_granted(principal, document, kind, self._runner.schema)
        self._check_runs(call, document, operation)
        if self._streams is not None and kind is OperationType.SUBSCRIPTION:
            return await self._subscribed(call, self._streams, document, document.ast)
        ran = await self._run(call, document, operation, document.ast)
        if ran.data is None and ran.errors and all(error.path is None for error in ran.errors):
            return await self._request_error(call, tuple(ran.errors), "bad_variables")
        body: dict[str, Any] = {"data": ran.data}
        if ran.errors:
            body["errors"] = faults.of_execution(ran.errors, call.request_id)
        return await self._respond(call, body, HTTPStatus.OK)

    async def _run(
        self, call: Call, document: PreparedDocument, operation: OperationDefinitionNode, ast: DocumentNode
    ) -> Ran:
        """Steps 6 to 9 of one operation, or of its `rateLimit` alone where the rest is only to be priced."""
        principal, parameters = _principal(call.request), call.parameters or _NO_PARAMETERS
        price = self._pricing.price(document, operation, parameters.variables or {})
        price.charge = call.charge = charge = await self._rates.take(principal, 0 if price.dry else price.requested)
        if price.dry:
            document, ast = dry_document(document, operation)
        try:
            async with self._lanes.enter(_lane(principal), principal.tenant), WhileConnected(call.request):
                if self._mutations is not None and operation.operation is OperationType.MUTATION:
                    run = partial(self._mutations.run, request_id=call.request_id)
                else:
                    run = partial(self._runner.run)
                call.ran = ran = await run(principal, document, ast, parameters, price)
        except Overloaded as fault:
            if fault.code == "lane_full":  # it never ran
                self._rates.give_back(principal, charge, 0)
            raise
        self._rates.give_back(principal, charge, charge.requested if ran.cost is None else ran.cost)
        return ran

    def _check_runs(self, call: Call, document: PreparedDocument, operation: OperationDefinitionNode) -> None:
        """Raises Malformed `unsupported_operation`, `not_acceptable` (an answer that the client does not take),
        Forbidden `introspection_not_allowed`."""
        kind = operation.operation
        if not self._shown_to_peers:
            check_introspection(_principal(call.request), document, operation)
        runs = {
            OperationType.QUERY: True,
            OperationType.MUTATION: self._mutations is not None,
            OperationType.SUBSCRIPTION: self._streams is not None,
        }
        if not runs[kind]:
            raise Malformed(f"this schema runs no {kind.value}", code="unsupported_operation", path="query")
        accept = call.request.headers.get("accept")
        taken = accepts_events(accept) if kind is OperationType.SUBSCRIPTION else negotiate(accept) is not None
        if not taken:
            answered = EVENT_STREAM if kind is OperationType.SUBSCRIPTION else f"{JSON} or {RESPONSE_JSON}"
            raise Malformed(f"a {kind.value} answers {answered}", code="not_acceptable", path="accept")

    async def _subscribed(
        self, call: Call, streams: Streams, document: PreparedDocument, ast: DocumentNode
    ) -> Response:
        """Steps 6 to 8 of a subscription: its cost is taken for each event, that of the first one here; its place is
        among the streams, not in a lane."""
        principal, parameters = _principal(call.request), call.parameters or _NO_PARAMETERS
        price = self._pricing.price(document, document.operation(parameters.operation_name), parameters.variables or {})
        price.charge = call.charge = charge = await self._rates.take(principal, price.requested)
        try:
            last_id = call.request.headers.get("last-event-id")
            asked = Subscribing(parameters, call.request_id, last_id, price, self._rates)
            opened = await streams.open(principal, (document, ast), asked)
        except EvidenceError:
            self._rates.give_back(principal, charge, 0)  # it never ran
            raise
        if isinstance(opened, tuple):
            return await self._request_error(call, opened, "bad_variables")
        note_access(call, {})
        return opened

    async def _text(self, principal: Principal, parameters: Parameters) -> str:
        """The text to run. Raises NotFound `unknown_document`, Forbidden `document_not_allowed`, Malformed."""
        named, text = parameters.document_id, parameters.query
        if named is None:
            if principal.grant is not None and principal.grant.documents:
                check_allowed(principal, digest_of(text.encode("utf-8", "surrogatepass")))
            return text
        check_allowed(principal, named)
        if text and digest_of(text.encode("utf-8", "surrogatepass")) != named:
            raise Malformed("`query` is not the text `documentId` names", code="bad_request", path="documentId")
        if self._persisted is None:
            raise NotFound("no documents are kept here", code="unknown_document", path="documentId")
        return await self._persisted.text_of(principal.tenant, named)

    def check_document(self, text: str) -> None:
        """Whether a text may be kept as a persisted document; graphql/registration.py says what is raised."""
        try:
            check_with(self._documents, self._pricing, text)
        except RecursionError as fault:
            raise TooLarge("the document is nested too deeply", code="too_deep") from fault

    async def _request_error(self, call: Call, errors: Sequence[GraphQLError], code: str) -> Response:
        """A document that does not run: syntax, validation or variables."""
        status = HTTPStatus.OK if call.answer.legacy and code in _LEGACY_OK else REQUEST_ERROR
        return await self._respond(call, {"errors": faults.of_document(errors, code, call.request_id)}, status)

    async def _refuse(self, call: Call, error: EvidenceError) -> Response:
        """One of our own refusals as an answer without `data`."""
        call.refused = error
        status = _status(error)
        call.headers.update(_HEADERS.get(status, {}))
        return await self._respond(call, {"errors": [faults.of_ours(error, call.request_id)]}, status)

    async def _respond(self, call: Call, body: dict[str, Any], status: HTTPStatus) -> Response:
        """Ask who has something to add, and send all of it."""
        call.result = orjson.dumps(body)
        note_access(call, body)
        if call.principal is not None:
            for add in self._additions:
                await add(call)
        tag = entity_tag(call) if status is HTTPStatus.OK and "errors" not in body else None
        if tag is not None:
            call.headers |= {"ETag": tag, "Cache-Control": "private, no-cache"}
            if is_known(call, tag):
                return Response(None, int(HTTPStatus.NOT_MODIFIED), {**_ALWAYS, **call.headers})
        return _response(call, status)


def _lane(principal: Principal) -> str:
    return FEDERATION if principal.kind == "peer" else QUERIES


def _principal(request: Request) -> Principal:
    """Who asks. Raises Unauthenticated."""
    principal = request.scope.get("state", {}).get("principal")
    if not isinstance(principal, Principal):
        raise Unauthenticated("send an API token: Authorization: Bearer evs_…")
    return principal


def _status(error: EvidenceError) -> HTTPStatus:
    if error.code in _FIXED_STATUS:
        return _FIXED_STATUS[error.code]
    if isinstance(error, Unauthenticated):
        return HTTPStatus.UNAUTHORIZED
    if isinstance(error, RateLimited):
        return HTTPStatus.TOO_MANY_REQUESTS
    if isinstance(error, Forbidden):
        return HTTPStatus.FORBIDDEN
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, Undecided) else REQUEST_ERROR


def _response(call: Call, status: HTTPStatus) -> Response:
    """JSON in UTF-8; answers are for this caller and moment alone, so nobody keeps them."""
    return Response(
        call.body(), int(status), {**_ALWAYS, **call.headers}, media_type=f"{call.answer.media_type}; charset=utf-8"
    )
