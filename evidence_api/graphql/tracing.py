"""GraphQL, tracing: one OpenTelemetry span for each operation, which children of other instrumentations hang under.

It says what was run and what came of it: the document's digest, the operation's kind and name, cost, tree size, status
and code. It never holds the text of the query, the value of an argument or variable, or anything that was read.
Without an SDK nothing is recorded, and a span costs two calls.
"""

from contextvars import Token
from types import TracebackType

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode

from evidence_api.graphql.call import Call

SERVER_ERROR = 500
_LONGEST_NAME = 100
_tracer = trace.get_tracer("evidence_api.graphql")


class OperationSpan:
    """The span around one call. What the call has found out by its end is told then."""

    __slots__ = ("_call", "_span", "_token")

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._span = _tracer.start_span("graphql", kind=SpanKind.SERVER)
        self._token: Token[Context] | None = None
        if self._span.is_recording():
            self._token = context.attach(trace.set_span_in_context(self._span))

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _tell(self._span, self._call)
            context.detach(self._token)
        self._span.end()


def _tell(span: Span, call: Call) -> None:
    if call.document is not None:
        span.set_attribute("evidence.document.digest", f"sha256:{call.document.digest}")
    if call.operation is not None:
        kind, named = call.operation.operation.value, call.operation.name
        span.update_name(kind)
        span.set_attribute("graphql.operation.type", kind)
        span.set_attribute("graphql.operation.name", named.value[:_LONGEST_NAME] if named else "")
    if call.charge is not None:
        span.set_attribute("evidence.cost.requested", call.charge.requested)
    if call.ran is not None:
        if call.ran.cost is not None:
            span.set_attribute("evidence.cost.actual", call.ran.cost)
        if call.ran.tree_size is not None:
            span.set_attribute("evidence.tree_size", call.ran.tree_size)
        span.set_attribute("evidence.errors", len(call.ran.errors))
    if call.principal is not None:
        span.set_attribute("evidence.principal.kind", call.principal.kind)
    if call.refused is not None:
        span.set_attribute("evidence.code", call.refused.code)
    span.set_attribute("http.response.status_code", call.status)
    if call.status >= SERVER_ERROR:
        span.set_status(StatusCode.ERROR)
