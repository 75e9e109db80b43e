"""schemathesis against a real server, from its own OpenAPI description: whatever is sent, never a 500."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from evidence_api.graphql.schema import schema_text
from evidence_api.web.openapi import openapi_document
from tests.support.server import Server, running

EXAMPLES = 25
SCHEMA = schemathesis.openapi.from_dict(openapi_document())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
GRAPHQL = schemathesis.graphql.from_file(schema_text())
QUERIES = [found.ok() for found in GRAPHQL.get_all_operations() if isinstance(found, Ok)]


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[Server]:
    with running(open_folder / "fuzzed") as made:
        yield made


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_no_input_is_a_fault_of_ours(
    server: Server,
    operation: Any,  # noqa: ANN401  generic in types schemathesis keeps to itself
) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:  # noqa: ANN401  the same
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Authorization": f"Bearer {server.token}"},
            checks=[not_a_server_error],
        )

    ask()


@pytest.mark.parametrize("operation", QUERIES, ids=lambda one: str(one.label))
def test_no_query_is_a_fault_of_ours(
    server: Server,
    operation: Any,  # noqa: ANN401  generic in types schemathesis keeps to itself
) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:  # noqa: ANN401  the same
        body = json.dumps({"query": case.body if isinstance(case.body, str) else case.body["query"]}).encode()
        status, answer = asyncio.run(server.ask("POST", "/graphql", body))
        assert status < 500, answer
        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        assert "internal_fault" not in codes, answer

    ask()
