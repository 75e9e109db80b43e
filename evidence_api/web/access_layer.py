"""The audit of access, at the edge: no answer to an authenticated request goes out before its row is durable.

the start of an answer            held back until the first piece of its body is there, or at once where nobody
                                  knows how long the answer is (a stream of events)
a read, or a refusal              one row; refusals there may be many of (429, 503) by their count
evidence that was taken, a        no row: it is in the log itself
decision that was made
a request nobody authenticated    no tenant, so no row: it is counted, and told in the server's log
a stream of events                a row at its start, and one at its end, which says what ended it
the row cannot be written         503 `audit_unavailable` in place of the answer, no byte of which has gone out
"""

import re
from collections.abc import Mapping, MutableMapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson
import structlog
from prometheus_client import Counter
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evidence_api.domain.access_entry import AccessEntry, AccessNotes
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.principal import Principal
from evidence_api.formats.access_audit import asked_with
from evidence_api.graphql.event_stream import ENDED_BY
from evidence_api.use_cases.access_audit import AccessAudit
from evidence_api.web.problems import problem_of

log = structlog.get_logger(__name__)

UNAUTHENTICATED = Counter("evidence_unauthenticated_total", "Requests refused for their credentials", ["code"])

# What is done with these rights is evidence of its own, unless it is asked for with GET.
_IN_THE_LOG = frozenset({"evidence:write", "decision:ask"})
_READING = frozenset({"GET", "HEAD"})
_FIRST_ERROR = HTTPStatus.BAD_REQUEST
_MANY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_WITHOUT_DATA = (b'{"errors"', b'{"data":null,')  # how GraphQL answers begin that are refusals whatever their status
_DIGEST = re.compile(rb'"(sha256:[0-9a-f]{64})"\Z')
_GRAPHQL = ("/graphql", "/query", "/subgraph")  # how the paths end that answer GraphQL

_Templates: TypeAlias = dict[object, list[tuple[re.Pattern[str], str]]]


class AccessLayer:
    """Layer around all routes, inside the one that gives requests their ids."""

    def __init__(self, app: ASGIApp, audit: AccessAudit) -> None:
        self.app = app
        self._audit = audit
        self._templates: _Templates = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with `state.access`; record before answering."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["access"] = AccessNotes()
        answer = _Answer(self, scope, send)
        self._audit.announce()
        try:
            await self.app(scope, receive, answer.send)
        except _Unrecorded as fault:
            await answer.refuse(fault.cause)
        except Exception:
            await answer.fail()
            raise
        finally:
            answer.retract()
            await answer.end()

    async def record(self, scope: Scope, principal: Principal, status: int, result: str) -> None:
        """Write the row of one request. Raises Undecided `audit_unavailable`."""
        notes: AccessNotes = scope["state"]["access"]
        notes.result = result
        if not notes.variables and not notes.document:
            notes.variables = _asked_with(scope)
        entry = AccessEntry(
            at=self._audit.now(),
            request_id=scope["state"].get("request_id", ""),
            principal_kind=principal.kind,
            principal_id=principal.id,
            method=scope["method"],
            path=self._template(scope),
            status=status,
            notes=notes,
        )
        many = status in _MANY
        await (self._audit.record_denial if many else self._audit.record)(principal.tenant, entry)

    def retract(self) -> None:
        """One request less to have a row."""
        self._audit.retract()

    def _template(self, scope: Scope) -> str:
        """The path as the route has it: what somebody put into it is in the digest of what was asked with."""
        if not self._templates:
            for route in scope["app"].routes:
                if isinstance(route, Route):
                    self._templates.setdefault(route.endpoint, []).append((route.path_regex, route.path))
        known = self._templates.get(scope.get("endpoint"), [])
        if len(known) == 1:
            return known[0][1]
        return next((path for pattern, path in known if pattern.match(scope["path"])), "")


class _Unrecorded(Exception):
    """The row could not be written."""

    def __init__(self, cause: EvidenceError) -> None:
        super().__init__(cause.message)
        self.cause = cause


class _Answer:
    """One answer on its way out."""

    __slots__ = ("_coming", "_held", "_layer", "_open", "_scope", "_send")

    def __init__(self, layer: AccessLayer, scope: Scope, send: Send) -> None:
        self._layer = layer
        self._scope = scope
        self._send = send
        self._coming = True  # a row may come
        self._open = False  # the start has gone out, or may go
        self._held: Message | None = None

    async def send(self, message: Message) -> None:
        """What the application sends, in its order. Raises _Unrecorded in place of sending the first of it."""
        if self._open:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._begin(message)
        elif self._held is not None:
            start, whole = self._held, not message.get("more_body", False)
            await self._record(start, message.get("body", b"") if whole else None)
            self._open = True
            await self._send(start)
            await self._send(message)

    async def _begin(self, start: Message) -> None:
        principal = self._scope["state"].get("principal")
        status = start["status"]
        if principal is None or self._is_in_the_log(status):
            if status == HTTPStatus.UNAUTHORIZED:
                _tell_unknown(self._scope)
            self.retract()
            self._open = True
            await self._send(start)
        elif _header(start, b"content-length") is None:
            await self._record(start, None)
            self._open = True
            await self._send(start)
        else:
            self._held = start

    def _is_in_the_log(self, status: int) -> bool:
        notes: AccessNotes = self._scope["state"]["access"]
        return status < _FIRST_ERROR and notes.action in _IN_THE_LOG and self._scope["method"] not in _READING

    async def _record(self, start: Message, body: bytes | None) -> None:
        """`body` is that of an answer in one piece; of others the digest in the ETag says what was read."""
        state, status = self._scope["state"], start["status"]
        notes: AccessNotes = state["access"]
        if not notes.code and body is not None and (status >= _FIRST_ERROR or body.startswith(_WITHOUT_DATA)):
            notes.code = _code_of(body)
        if not notes.code and status >= _FIRST_ERROR:
            notes.code = HTTPStatus(status).name.lower()
        named = _DIGEST.search(_header(start, b"etag") or b"")  # a weak one too
        result = named[1].decode() if named else ""
        if body:
            result = f"sha256:{sha256(body).hexdigest()}"
        self.retract()
        try:
            await self._layer.record(self._scope, state["principal"], status, result)
        except EvidenceError as fault:
            raise _Unrecorded(fault) from fault

    def retract(self) -> None:
        """It gets its row now, or will have none: nobody is to wait for it. What goes on streaming is no concern."""
        if self._coming:
            self._coming = False
            self._layer.retract()

    async def refuse(self, fault: EvidenceError) -> None:
        """The answer where the row could not be written: a problem, or a GraphQL error."""
        asked = str(self._scope["state"].get("request_id", ""))
        body: Mapping[str, Any] = problem_of(fault, asked)
        media_type = b"application/problem+json"
        if self._scope["path"].endswith(_GRAPHQL):
            body = {"errors": [{"message": fault.message, "extensions": {"code": fault.code, "requestId": asked}}]}
            media_type = (self._held and _header(self._held, b"content-type")) or b"application/json"
        content = orjson.dumps(body)
        headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(content)),
            (b"cache-control", b"no-store"),
            (b"retry-after", b"1"),
        ]
        self._open = True
        await self._send(
            {"type": "http.response.start", "status": int(HTTPStatus.SERVICE_UNAVAILABLE), "headers": headers}
        )
        await self._send({"type": "http.response.body", "body": content})

    async def end(self) -> None:
        """A second row of an answer that went on: what ended it. Nobody waits for it any more, so it may fail."""
        state: MutableMapping[str, Any] = self._scope["state"]
        ended_by = state.get(ENDED_BY)
        if not self._open or ended_by is None or state.get("principal") is None:
            return
        state["access"].code = ended_by
        try:
            await self._layer.record(self._scope, state["principal"], int(HTTPStatus.OK), "")
        except EvidenceError as fault:
            log.warning("end_not_recorded", request_id=state.get("request_id"), code=fault.code, ended_by=ended_by)

    async def fail(self) -> None:
        """A fault of ours goes to the layer outside, which answers it without a word of content."""
        state: MutableMapping[str, Any] = self._scope["state"]
        if self._open or state.get("principal") is None:
            return
        state["access"].code = "internal_fault"
        try:
            await self._layer.record(self._scope, state["principal"], int(HTTPStatus.INTERNAL_SERVER_ERROR), "")
        except EvidenceError as fault:
            log.warning("fault_not_recorded", request_id=state.get("request_id"), code=fault.code)


def _asked_with(scope: Scope) -> str:
    """What the path and the query string hold."""
    values: dict[str, Any] = dict(scope.get("path_params") or {})
    if scope["query_string"] and scope["method"] in _READING:
        values["?"] = sorted(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return asked_with(values)


def _code_of(body: bytes) -> str:
    """The code in a problem or in the first GraphQL error; "" in neither."""
    try:
        said: Any = orjson.loads(body)
        return str(said["code"] if "code" in said else said["errors"][0]["extensions"]["code"])[:80]
    except (ValueError, LookupError, TypeError):
        return ""


def _tell_unknown(scope: Scope) -> None:
    code = scope["state"]["access"].code or "unauthenticated"
    UNAUTHENTICATED.labels(code).inc()
    log.info("unauthenticated", request_id=scope["state"].get("request_id"), method=scope["method"], code=code)


def _header(start: Message, name: bytes) -> bytes | None:
    for given, value in start.get("headers", ()):
        if given == name:
            return bytes(value)
    return None
