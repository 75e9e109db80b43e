"""One span for each operation, with what came of it and nothing of what was asked; next to nothing without an SDK."""

import gc
import time

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.requests import Request

from evidence_api.graphql import tracing
from evidence_api.graphql.call import Call
from evidence_api.graphql.media_types import JSON, Answer
from evidence_api.graphql.tracing import OperationSpan
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import Seeded

SECRET = "sha256:" + "5ec4e7" * 10 + "0000"
CALLS = 5_000


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    return exporter


async def test_each_operation_is_one_span_that_says_what_came_of_it(
    client: GraphQLClient, seeded: Seeded, spans: InMemorySpanExporter
) -> None:
    text = "query Find($id: ID!) {evidenceRecord(id: $id) {kind} checkpoint {treeSize}}"
    await client.data(text, id=SECRET)
    (span,) = spans.get_finished_spans()
    told = dict(span.attributes or {})
    assert span.name == "query"
    assert (told["graphql.operation.name"], told["evidence.tree_size"]) == ("Find", len(seeded.receipts))
    assert str(told["evidence.document.digest"]).startswith("sha256:")
    assert (told["http.response.status_code"], told["evidence.errors"]) == (200, 0)
    assert int(str(told["evidence.cost.requested"])) >= 1
    assert SECRET not in span.to_json()
    assert "evidenceRecord" not in span.to_json()


async def test_refusals_say_their_code(client: GraphQLClient, spans: InMemorySpanExporter) -> None:
    await client.post("query A {__typename} query B {__typename}")
    await client.post("{nothing}")
    ambiguous, invalid = spans.get_finished_spans()
    assert (ambiguous.attributes or {})["evidence.code"] == "ambiguous_operation"
    assert (invalid.attributes or {})["http.response.status_code"] == 400
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_without_an_sdk_a_span_costs_next_to_nothing() -> None:
    call = Call(Request({"type": "http"}), "r", Answer(JSON, legacy=False))
    measured = []
    gc.disable()
    for _ in range(3):
        started = time.process_time()
        for _ in range(CALLS):
            with OperationSpan(call):
                pass
        measured.append((time.process_time() - started) / CALLS)
    gc.enable()
    assert min(measured) < 20e-6
