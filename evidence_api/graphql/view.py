"""HTTP edge of GraphQL: one request in, one operation run, one answer out.

The plan, each step of which can refuse with its own code:
  1. negotiate the media type of the answer                    406
  2. who asks: the principal the web layer authenticated       401
  3. read the parameters: 256 KiB, JSON, types                 413 415 400
  4. the document: parse, limits, validation, cached by text   400
  5. the operation: which one, and not a mutation over GET     400 405
  6. its cost, taken from the buckets of tenant and client     400 429
  7. a place in the lane of queries                            503
  8. run it in one reading session under a deadline            200 (503 past the deadline)
  9. give back what it did not cost; note what was read for the audit of access (web/, which comes before the answer)
Source: GraphQL over HTTP draft; a request error has no `data`, partial data is a 200.
"""

import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
import strawberry
import structlog
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain.access_entry import AccessNotes
from evidence_api.domain.errors import EvidenceError, Malformed, RateLimited, TooLarge, Unauthenticated, Undecided
from evidence_api.domain.principal import Principal
from evidence_api.graphql import faults
from evidence_api.graphql.cost import price
from evidence_api.graphql.documents import DocumentCache, PreparedDocument
from evidence_api.graphql.limits import Limits
from evidence_api.graphql.media_types import JSON, RESPONSE_JSON, Answer, negotiate
from evidence_api.graphql.request import read_parameters
from evidence_api.graphql.running import Ran, Runner
from evidence_api.use_cases.lanes import Lanes
from evidence_api.use_cases.rates import Rates
from evidence_api.use_cases.reads import Reads

log = structlog.get_logger(__name__)

REQUEST_ERROR = HTTPStatus.BAD_REQUEST  # the draft is moving to 422
_FIXED_STATUS = {
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "not_acceptable": HTTPStatus.NOT_ACCEPTABLE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
# A client that names application/json reads these from a 200: the document did not run.
_LEGACY_OK = frozenset({"syntax_error", "validation_failed", "bad_variables"})


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
    ) -> None:
        self._runner = Runner(schema, reads, deadline)
        self._rates = rates or Rates()
        self._lanes = lanes or Lanes()
        self._documents = DocumentCache(self._runner.schema, limits or Limits())

    async def __call__(self, request: Request) -> Response:
        """Answer one request; never raises on input."""
        request_id = str(request.scope.get("state", {}).get("request_id") or uuid.uuid4().hex)
        answer = negotiate(request.headers.get("accept"))
        if answer is None:
            unacceptable = Malformed(f"this answers {JSON} or {RESPONSE_JSON}", code="not_acceptable", path="accept")
            return _refusal(unacceptable, Answer(JSON, legacy=False), request_id)
        try:
            return await self._answer(request, answer, request_id)
        except EvidenceError as error:
            return _refusal(error, answer, request_id)
        except Exception:  # the last line of defence: masked, logged, never a trace
            log.exception("graphql_fault", request_id=request_id)
            body = {"errors": [faults.internal(request_id)]}
            return _response(body, HTTPStatus.INTERNAL_SERVER_ERROR, answer)

    async def _answer(self, request: Request, answer: Answer, request_id: str) -> Response:
        principal = request.scope.get("state", {}).get("principal")
        if not isinstance(principal, Principal):
            raise Unauthenticated("send an API token: Authorization: Bearer evs_…")
        parameters = await read_parameters(request)
        try:
            document = self._documents.prepare(parameters.query)
        except RecursionError as fault:
            raise TooLarge("the document is nested too deeply", code="too_deep") from fault
        if document.ast is None:
            return _request_error(document.errors, "syntax_error", answer, request_id)
        operation = document.operation(parameters.operation_name)
        kind = operation.operation
        if request.method == "GET" and kind is not OperationType.QUERY:
            raise Malformed(f"a {kind.value} needs POST", code="method_not_allowed", path="method")
        if document.errors:
            return _request_error(document.errors, "validation_failed", answer, request_id)
        if kind is not OperationType.QUERY:
            raise Malformed(f"this schema runs no {kind.value}", code="unsupported_operation", path="query")
        charge = await self._rates.take(principal, price(document, operation, parameters.variables or {}))
        async with self._lanes.enter("queries", principal.tenant):
            result = await self._runner.run(principal, document, document.ast, parameters)
        self._rates.give_back(principal, charge, charge.requested if result.cost is None else result.cost)
        self._note(request, document, operation, result)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            return _request_error(tuple(result.errors), "bad_variables", answer, request_id)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = faults.of_execution(result.errors, request_id)
        return _response(body, HTTPStatus.OK, answer)

    @staticmethod
    def _note(request: Request, document: PreparedDocument, operation: OperationDefinitionNode, ran: Ran) -> None:
        """Leave for the audit of access what the web layer cannot know."""
        notes = request.scope.get("state", {}).get("access")
        if isinstance(notes, AccessNotes):
            notes.document = f"sha256:{document.digest}"
            notes.operation = operation.name.value if operation.name else ""
            notes.tree_size = ran.tree_size
            notes.cost = ran.cost


def _request_error(errors: Sequence[GraphQLError], code: str, answer: Answer, request_id: str) -> Response:
    """A document that does not run: syntax, validation or variables."""
    status = HTTPStatus.OK if answer.legacy and code in _LEGACY_OK else REQUEST_ERROR
    return _response({"errors": faults.of_document(errors, code, request_id)}, status, answer)


def _refusal(error: EvidenceError, answer: Answer, request_id: str) -> Response:
    """One of our own refusals as an answer without `data`."""
    response = _response({"errors": [faults.of_ours(error, request_id)]}, _status(error), answer)
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = "POST"
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="evidence-api"'
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response


def _status(error: EvidenceError) -> HTTPStatus:
    if error.code in _FIXED_STATUS:
        return _FIXED_STATUS[error.code]
    if isinstance(error, Unauthenticated):
        return HTTPStatus.UNAUTHORIZED
    if isinstance(error, RateLimited):
        return HTTPStatus.TOO_MANY_REQUESTS
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, Undecided) else REQUEST_ERROR


def _response(body: dict[str, Any], status: HTTPStatus, answer: Answer) -> Response:
    """JSON in UTF-8; answers are for this caller and moment alone, so nobody keeps them."""
    return Response(
        orjson.dumps(body),
        int(status),
        {"Cache-Control": "no-store", "Vary": "Accept, Authorization", "X-Content-Type-Options": "nosniff"},
        media_type=f"{answer.media_type}; charset=utf-8",
    )
