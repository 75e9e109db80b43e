"""Routes for events: what is added to the caller's log, as JSON or as server-sent events. Bodies are CloudEvents 1.0.

GET /v1/events?after=&stream=evidence|assessments&kind=&release=&limit=
A position counts what was seen: `after=0` begins with the first event. The id of a server-sent event is its position,
so a client that comes back with Last-Event-ID goes on where it was. Without either, a stream begins now, and JSON at 0.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evidence_api.domain.errors import EvidenceError, Malformed
from evidence_api.domain.principal import Principal
from evidence_api.domain.reading import EvidenceFilter, EvidenceView
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.graphql.event_stream import EventStream, Farewell, Sent
from evidence_api.graphql.streaming import accepts_events, read_position
from evidence_api.graphql.subscription import checked_kinds
from evidence_api.store.assessment_events import NumberedAssessment
from evidence_api.use_cases.events import (
    MAX_EVENTS,
    AssessmentSource,
    Events,
    EvidenceSource,
    Numbered,
    Source,
    checked_position,
)
from evidence_api.web.parts import Parts, parts_of
from evidence_api.web.problems import problem_of, request_id
from evidence_api.web.rates import charge, cost_of_action
from evidence_api.web.requests import OK, require_still

ACTION = "events:read"
_STREAMS = ("evidence", "assessments")
_DIGITS = 18  # of a position


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the query string says."""

    stream: str
    after: int | None
    limit: int
    kinds: tuple[str, ...]
    release: str | None


async def get_events(request: Request) -> Response:
    """The next events as JSON; with `Accept: text/event-stream` a stream of them."""
    parts = parts_of(request)
    principal = await require_still(request, parts.access, ACTION)
    await charge(request.scope, parts.rates, principal, cost_of_action(ACTION))
    asked = _asked(request.query_params)
    source = _source(parts, principal, asked)
    if accepts_events(request.headers.get("accept")):
        resume = read_position(request.headers.get("last-event-id"))
        begin = asked.after if resume is None else resume
        checked_position(begin, await source.head())  # refused with a status, not with an event
        return _Followed(parts.events, principal, source, begin, _farewell(request_id(request)))
    position = checked_position(asked.after or 0, await source.head())
    batch = await source.after(position, asked.limit)
    body = {
        "events": [_cloud_event(principal, one) for one in batch.events],
        "position": batch.position,
        "more": batch.more,
    }
    return Response(orjson.dumps(body), OK, {"Cache-Control": "no-store"}, media_type="application/json")


class _Followed(EventStream):
    """A stream of CloudEvents, which holds its place among the streams."""

    def __init__(
        self,
        events: Events,
        principal: Principal,
        source: Source[Any],
        after: int | None,
        farewell: Farewell,
    ) -> None:
        self._place = ExitStack()
        self._place.enter_context(events.seat(principal))  # refused before anything is answered
        self._come_to: int | None = after

        def seen(position: int) -> None:
            self._come_to = position

        sent = _sent(events, principal, source, after, seen)
        super().__init__(sent, lambda: self._come_to, farewell)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the place back in the end."""
        with self._place:
            await super().__call__(scope, receive, send)


async def _sent(
    events: Events,
    principal: Principal,
    source: Source[Any],
    after: int | None,
    seen: Callable[[int], None],
) -> AsyncIterator[Sent]:
    async for one in events.follow(principal.tenant, source, after, seen):
        yield Sent(one.position, orjson.dumps(_cloud_event(principal, one)))


def _farewell(asked: str) -> Farewell:
    """The last event: `error` with a problem, or `complete`."""

    def say(fault: EvidenceError | Exception | None) -> tuple[Sent, ...]:
        if fault is None:
            return (Sent(data=b"{}", event="complete"),)
        known = fault if isinstance(fault, EvidenceError) else EvidenceError("the server failed", code="internal_fault")
        return (Sent(data=orjson.dumps(problem_of(known, asked)), event="error"),)

    return say


def _source(parts: Parts, principal: Principal, asked: _Asked) -> EvidenceSource | AssessmentSource:
    if asked.stream == "assessments":
        return AssessmentSource(parts.reads, principal, asked.release)
    return EvidenceSource(parts.reads, principal, EvidenceFilter(kinds=asked.kinds, release=asked.release, statuses=()))


def _asked(given: QueryParams) -> _Asked:
    """Raises Malformed with the parameter's name."""
    stream = given.get("stream", "evidence")
    if stream not in _STREAMS:
        said = f"`stream` is one of {', '.join(_STREAMS)}"
        raise Malformed(said, code="bad_parameter", path="stream", value=stream[:80])
    kinds = checked_kinds(given.getlist("kind"))
    if kinds and stream != "evidence":
        raise Malformed("assessments have no kind", code="bad_parameter", path="kind")
    after = None if "after" not in given else _number(given["after"], "after", 10**_DIGITS - 1)
    limit = _number(given.get("limit", str(MAX_EVENTS)), "limit", MAX_EVENTS)
    if limit == 0:
        raise Malformed(f"`limit` is 1 to {MAX_EVENTS}", code="bad_parameter", path="limit", limit=MAX_EVENTS, value=0)
    return _Asked(stream, after, limit, kinds, given.get("release"))


def _number(text: str, name: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) <= most):
        said = f"`{name}` is a whole number from 0 to {most}"
        raise Malformed(said, code="bad_parameter", path=name, limit=most, value=text[:80])
    return int(text)


def _cloud_event(principal: Principal, one: Numbered[EvidenceView] | Numbered[NumberedAssessment]) -> dict[str, Any]:
    """CloudEvents 1.0, JSON format. `source` and `id` together name it for ever."""
    source, item = f"/v1/log/{principal.tenant.name}", one.item
    if isinstance(item, EvidenceView):
        return {
            "specversion": "1.0",
            "id": str(one.position),
            "source": source,
            "type": "evidence-api.evidence.accepted.v1",
            "subject": item.id,
            "time": format_rfc3339(item.received),
            "datacontenttype": "application/json",
            "data": {
                "leafIndex": item.leaf_index,
                "kind": item.kind,
                "predicateType": item.predicate_type,
                "status": item.status,
                "receipt": f"/v1/evidence/{item.id}/receipt",
            },
        }
    return {
        "specversion": "1.0",
        "id": str(one.position),
        "source": f"{source}/assessments",
        "type": "evidence-api.assessment.recorded.v1",
        "subject": item.release,
        "datacontenttype": "application/json",
        "data": {"assessment": str(item.assessment), "release": item.release},
    }
