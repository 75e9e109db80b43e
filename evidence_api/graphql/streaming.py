"""GraphQL, subscriptions: an operation becomes a stream of events, each answered in a reading session of its own.

The plan of one subscription, after the view has checked the document and taken its cost:
  1. a place among the streams                                 503 too_many_streams
  2. the source: arguments are read here                       400
  3. for each event: take its cost, waiting while the caller is over the rate; run the selections over it, in a session
     that ends before the event is sent; give back what it did not cost
  4. the end: `complete`, after an error as a last `next`
Source: graphql-sse protocol, distinct connections mode.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import orjson
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    create_source_event_stream,
    execute,
)
from starlette.types import Receive, Scope, Send
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from evidence_api.domain.errors import EvidenceError, Malformed, RateLimited
from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import Charge
from evidence_api.graphql import faults
from evidence_api.graphql.batch import Batches
from evidence_api.graphql.cost import Price
from evidence_api.graphql.documents import PreparedDocument
from evidence_api.graphql.event_stream import EVENT_STREAM, EventStream, Pace, Sent
from evidence_api.graphql.query import FINDERS
from evidence_api.graphql.request import Parameters
from evidence_api.graphql.subscription import Streaming, position_of
from evidence_api.use_cases.events import Events
from evidence_api.use_cases.rates import Rates
from evidence_api.use_cases.reads import Reads

_LAST_ID = "last-event-id"
_LONGEST_ID = 18  # digits of a position
_WAIT = 1.0  # seconds, where a refusal does not say how long


@dataclass(frozen=True, slots=True)
class Subscribing:
    """What the request of a subscription says besides its document; what one event can cost, and what it is taken from.
    `price.charge` was taken before the stream began, and is for its first event."""

    parameters: Parameters
    request_id: str
    last_id: str | None
    price: Price
    rates: Rates


class Streams:
    """Opens subscriptions of one schema."""

    def __init__(self, schema: strawberry.Schema, reads: Reads, events: Events, pace: Pace | None = None) -> None:
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001  strawberry gives it no public name
        self._reads = reads
        self._events = events
        self._pace = pace or Pace()

    async def open(
        self, principal: Principal, prepared: tuple[PreparedDocument, DocumentNode], asked: Subscribing
    ) -> "Subscribed | tuple[GraphQLError, ...]":
        """The stream, or the errors of its variables and arguments. Raises Overloaded, Malformed `bad_position`."""
        document, ast = prepared
        resume = read_position(asked.last_id)
        async with self._reads.session(principal) as session:
            context = Streaming(
                principal, session, document, FINDERS, reads=self._reads, events=self._events, resume=resume
            )
        executor = StrawberryGraphQLCoreExecutionContext.build(
            self._schema,
            ast,
            context_value=context,
            raw_variable_values=asked.parameters.variables,
            operation_name=asked.parameters.operation_name,
            hide_suggestions=True,
        )
        if isinstance(executor, list):
            return tuple(executor)
        source = create_source_event_stream(executor)
        if isinstance(source, Awaitable):
            source = await source
        if isinstance(source, ExecutionResult):
            return tuple(source.errors or ())
        seat = self._events.seat(principal)
        answers = self._answers(context, ast, aiter(source), asked)
        return Subscribed(seat, answers, lambda: context.position, _farewell(asked.request_id), self._pace)

    async def _answers(
        self,
        context: Streaming,
        ast: DocumentNode,
        source: AsyncIterator[Any],
        asked: Subscribing,
    ) -> AsyncIterator[Sent]:
        """Step 3."""
        charge = asked.price.charge
        try:
            async for event in source:
                charge = charge or await _taken(context.principal, asked)
                async with self._reads.session(context.principal) as session:
                    context.session, context.batches, context.returned = session, Batches(), {}
                    context.body_bytes = context.decision_bytes = 0
                    try:
                        result = execute(
                            self._schema,
                            ast,
                            event,
                            context,
                            asked.parameters.variables,
                            asked.parameters.operation_name,
                            executor_class=StrawberryGraphQLCoreExecutionContext,
                            hide_suggestions=True,
                        )
                        result = result if isinstance(result, ExecutionResult) else await result
                    finally:
                        await context.batches.close()
                asked.rates.give_back(context.principal, charge, asked.price.spent(context.returned))
                charge = None
                body: dict[str, Any] = {"data": result.data}
                if result.errors:
                    body["errors"] = faults.of_execution(result.errors, asked.request_id)
                yield Sent(position_of(event), orjson.dumps(body), "next")
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()


async def _taken(principal: Principal, asked: Subscribing) -> Charge:
    """The cost of one event. Over the rate the stream only slows down: nothing is kept for it meanwhile."""
    while True:
        try:
            return await asked.rates.take(principal, asked.price.requested)
        except RateLimited as over:
            wait = over.fields.get("retry_after")
            await asyncio.sleep(wait if isinstance(wait, int | float) else _WAIT)


class Subscribed(EventStream):
    """A subscription's stream, which holds its place among the streams for as long as it lasts."""

    def __init__(
        self,
        seat: AbstractContextManager[None],
        events: AsyncIterator[Sent],
        position: Callable[[], int | None],
        farewell: Callable[[EvidenceError | Exception | None], tuple[Sent, ...]],
        pace: Pace,
    ) -> None:
        super().__init__(events, position, farewell, pace)
        seat.__enter__()  # raises before anything is answered; left when the stream is over
        self._seat = seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the place back in the end."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._seat.__exit__(None, None, None)


def _farewell(request_id: str) -> Callable[[EvidenceError | Exception | None], tuple[Sent, ...]]:
    def say(fault: EvidenceError | Exception | None) -> tuple[Sent, ...]:
        complete = Sent(data=b"", event="complete")
        if fault is None:
            return (complete,)
        known = _known(fault)
        told = faults.internal(request_id) if known is None else faults.of_ours(known, request_id)
        return Sent(data=orjson.dumps({"errors": [told]}), event="next"), complete

    return say


def _known(fault: EvidenceError | Exception) -> EvidenceError | None:
    """The innermost of what graphql-core located, where that is one of ours."""
    cause: BaseException = fault
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause if isinstance(cause, EvidenceError) else None


def read_position(last_id: str | None) -> int | None:
    """The position in a Last-Event-ID. Raises Malformed `bad_position`."""
    if not last_id:
        return None
    if not (last_id.isascii() and last_id.isdecimal() and len(last_id) <= _LONGEST_ID):
        raise Malformed("Last-Event-ID is no position of this server", code="bad_position", path=_LAST_ID)
    return int(last_id)


def accepts_events(accept: str | None) -> bool:
    """Whether an Accept header names text/event-stream."""
    return accept is not None and any(
        part.partition(";")[0].strip().lower() == EVENT_STREAM for part in accept[:4096].split(",")
    )
