"""schemathesis with a valid token against a real server: `python -m tests.flows.fuzz --cases 5000 [--json]`.

Cases are made from the OpenAPI description and from the GraphQL schema, each in turn. Every answer has to be one the
description announces, of the schema it announces; 5xx are faults of ours unless it is a 503 with Retry-After. Exit code
1 if anything was found. `EVIDENCE_FUZZ_CASES` sets how many the tests make.
"""

import argparse
import asyncio
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import schemathesis
from graphql import build_schema, parse
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.graphql.schema import schema_text
from evidence_api.web.openapi import openapi_document
from tests.support import statements
from tests.support.graphql_shape import Shape
from tests.support.server import Server

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
SERVER_ERROR, UNAVAILABLE = 500, 503
TURN = 40  # cases of one operation before the next has its turn


@dataclass
class Found:
    """What came of it: cases and statuses by surface, and what is wrong, one line each."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    sorts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, where: str, what: str, finding: str) -> None:
        """One finding of a sort and place is enough."""
        self.sorts[f"{where}: {what}"] += 1
        if self.sorts[f"{where}: {what}"] == 1:
            self.findings.append(finding[:2_000])


@contextmanager
def fuzzed_server(home: Path) -> Iterator[Server]:
    """A started server whose tenant has a release with evidence, and a token with every right."""
    made = Server(home)
    signer = EnvelopeSigner.generate("ecdsa-p256", "ci")
    key = home.with_suffix(".pem")
    key.write_text(signer.public_key.pem)
    made.make_tenant("acme", key)
    made.start()
    try:
        for one in (statements.release(), statements.sbom(), statements.provenance(), statements.test_result()):
            body = encode_envelope(signer.sign(IN_TOTO, statements.statement_bytes(one)))
            status, answer = asyncio.run(made.ask("POST", "/v1/evidence", body))
            assert status < 300, answer
        yield made
    finally:
        made.stop()


def fuzz(server: Server, cases: int, first_seed: int = 0) -> Found:
    """At least so many cases, half of each surface, the operations of a surface in turns."""
    found = Found()
    url = f"http://127.0.0.1:{server.port}"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.token}"
    surfaces = (("openapi", _rest(url, session, found)), ("graphql", _graphql(url, session, found)))
    for surface, steps in surfaces:
        each = max(1, min(TURN, math.ceil(cases / 2 / len(steps))))
        turn = first_seed
        while found.cases[surface] < cases / 2:
            before = found.cases[surface]
            for operation, check in steps:
                _turn(operation, check, each, turn)
                if found.cases[surface] >= cases / 2:
                    break
            turn += 1
            assert found.cases[surface] > before, "no operation gives any more cases"
    return found


def _turn(operation: Any, check: Callable[[Any], None], examples: int, number: int) -> None:  # noqa: ANN401  schemathesis keeps the type to itself
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:  # noqa: ANN401  the same
        check(case)

    one()


def _rest(url: str, session: requests.Session, found: Found) -> list[tuple[Any, Callable[[Any], None]]]:
    schema = schemathesis.openapi.from_dict(openapi_document())

    def check(case: Any) -> None:  # noqa: ANN401  a case
        response = case.call(base_url=url, session=session)
        label = f"{case.method} {case.formatted_path}"
        found.cases["openapi"] += 1
        _count(found, "openapi", label, response.status_code, response.headers, response.text)
        try:
            case.validate_response(response, checks=CHECKS)
        except (Failure, FailureGroup) as fault:
            sort = ", ".join(type(one).__name__ for one in getattr(fault, "exceptions", (fault,)))
            found.add(case.operation.label, sort, f"{label}: {fault}")

    return [(one.ok(), check) for one in schema.get_all_operations() if isinstance(one, Ok)]


def _graphql(url: str, session: requests.Session, found: Found) -> list[tuple[Any, Callable[[Any], None]]]:
    text = schema_text()
    schema, own = schemathesis.graphql.from_file(text), build_schema(text)

    def check(case: Any) -> None:  # noqa: ANN401  a case
        query = case.body if isinstance(case.body, str) else case.body["query"]
        answer = session.post(f"{url}/graphql", json={"query": query}, timeout=60)
        found.cases["graphql"] += 1
        _count(found, "graphql", query, answer.status_code, answer.headers, answer.text)
        body = answer.json()
        for error in body.get("errors", ()):
            code = error.get("extensions", {}).get("code")
            found.codes[str(code)] += 1
            if code in {None, "internal_fault"}:
                found.add(case.operation.label, str(error.get("path")), f"{query}: {error}")
        if "errors" not in body:
            faults = Shape(own, parse(query)).faults(body["data"])
            if faults:
                found.add(case.operation.label, faults[0], f"{query}: {faults[:3]}")

    return [(one.ok(), check) for one in schema.get_all_operations() if isinstance(one, Ok)]


def _count(found: Found, surface: str, label: str, status: int, headers: Any, text: str) -> None:  # noqa: ANN401, PLR0913, PLR0917  what one answer is
    found.statuses[f"{surface} {status}"] += 1
    announced = status == UNAVAILABLE and "retry-after" in headers
    if status >= SERVER_ERROR and not announced:
        found.add(surface, f"{status} {label.partition('?')[0][:20]}", f"{label}: {status} {text}")


def main(arguments: list[str] | None = None) -> int:
    """Start a server, fuzz it, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="evidence-fuzz-") as folder:
        Path(folder).chmod(0o755)
        with fuzzed_server(Path(folder) / "home") as server:
            started = time.monotonic()
            found = fuzz(server, chosen.cases, chosen.seed)
    record = {
        "cases": dict(found.cases),
        "total": found.cases.total(),
        "statuses": dict(sorted(found.statuses.items())),
        "codes": dict(found.codes.most_common()),
        "sorts": dict(found.sorts),
        "findings": found.findings,
        "seconds": round(time.monotonic() - started, 1),
    }
    if chosen.json:
        sys.stdout.write(json.dumps(record, indent=2) + "\n")
    else:
        for name, value in record.items():
            sys.stdout.write(f"{name:10} {value}\n")
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
