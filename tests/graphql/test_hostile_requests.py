"""Requests made to cost much: each is refused with its own code for at most 50 ms of CPU, and none of it runs."""

import gc
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.graphql.documents import DocumentCache
from evidence_api.graphql.limits import Limits
from evidence_api.graphql.running import Runner
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint

QUICK = 0.05  # seconds of CPU of this process
PIECE = 64 * 1024
LONGEST = 32 * 1024  # of an answer


def bomb(levels: int) -> str:
    fragments = "".join(f"fragment f{n:02} on Query{{...f{n + 1:02} ...f{n + 1:02}}}" for n in range(levels))
    return f"{{...f00}}{fragments}fragment f{levels:02} on Query{{__typename}}"


def asked(query: str, **more: object) -> bytes:
    return json.dumps({"query": query} | more).encode()


NODE = "query ($id: ID!) {node(id: $id) {id}}"
FILTERED = "query ($f: EvidenceFilter) {evidence(first: 1, filter: $f) {edges {cursor}}}"
HOSTILE: list[tuple[str, bytes, str]] = [
    ("doubling fragments", asked(bomb(19)), "too_many_fields"),
    ("doubling fragments, many", asked(bomb(60)), "too_many_fields"),
    ("fragments in a ring", asked("{...a} fragment a on Query{...b} fragment b on Query{...a ...a}"), "fragment_cycle"),
    ("600 nested repeats", asked("{" + "viewer{tenant{name}}" * 600 + "}"), "too_many_tokens"),
    ("240 nested repeats", asked("{viewer{" + "tenant{name} " * 240 + "}}"), "too_many_repeats"),
    ("600 repeats", asked("{viewer{" + "kind " * 600 + "}}"), "too_many_fields"),
    ("a string of 5 MB", asked('{node(id: "' + "a" * 5_000_000 + '") {id}}'), "body_too_large"),
    ("a comment of 5 MB", asked("#" + "a" * 5_000_000 + "\n{viewer {kind}}"), "body_too_large"),
    ("spaces of 5 MB", b" " * 5_000_000, "body_too_large"),
    ("a string of 200 kB", asked('{node(id: "' + "a" * 200_000 + '") {id}}'), "source_too_long"),
    ("200 aliases", asked("{" + " ".join(f"a{n}: __typename" for n in range(200)) + "}"), "too_many_aliases"),
    ("aliases in fragments", asked("{" + "...f " * 20 + "} fragment f on Query {a: __typename b: __typename}"),
     "too_many_aliases"),
    ("many fields at the root", asked("{" + "__typename " * 300 + "}"), "too_many_root_fields"),
    ("thousands of directives", asked("{__typename " + "@skip(if: false) " * 3_000 + "}"), "too_many_tokens"),
    ("hundreds of directives", asked("{__typename " + "@a " * 900 + "}"), "validation_failed"),
    ("thousands of variables", asked("query(" + "$a: Int " * 480 + ") {__typename}"), "validation_failed"),
    ("thousands of comments", asked("#\n" * 30_000 + "{__typename}"), "too_many_comments"),
    ("a hundred operations", asked(" ".join(f"query q{n} {{__typename}}" for n in range(101))), "too_many_definitions"),
    ("deep selections", asked("{" + "a{" * 900 + "a" + "}" * 901), "too_deep"),
    ("deep lists", asked("{node(id: " + "[" * 900 + "]" * 900 + ") {id}}"), "too_deep"),
    ("deep objects", asked("{node(id: " + "{a: " * 600 + "1" + "}" * 600 + ") {id}}"), "too_deep"),
    ("deep types", asked("query($a: " + "[" * 900 + "Int" + "]" * 900 + ") {__typename}"), "too_deep"),
    ("deep introspection", asked("{__schema" + "{types{fields{type" * 8 + "{name}" + "}}}" * 8 + "}"), "too_deep"),
    ("wide objects", asked("{evidence(first: 1, filter: {" + " ".join(f"a{n}: 1" for n in range(600)) + "}) {edges "
     "{cursor}}}"), "validation_failed"),
    ("a huge number", asked("{evidence(first: " + "9" * 60_000 + ") {edges {cursor}}}"), "validation_failed"),
    ("a huge exponent", asked("{evidence(first: 1e" + "9" * 60_000 + ") {edges {cursor}}}"), "validation_failed"),
    ("JSON 100,000 deep", b"[" * 100_000, "json_too_deep"),
    ("JSON objects 40,000 deep", b'{"a":' * 40_000, "json_too_deep"),
    ("variables 2,000 deep", b'{"query": "{a}", "variables": {"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}}",
     "json_too_deep"),
    ("variables 400 deep", asked(NODE, variables={"id": json.loads("[" * 400 + "]" * 400)}), "bad_variables"),
    ("a variable of 200 kB", asked(NODE, variables={"id": ["a" * 200_000]}), "bad_variables"),
    ("100,000 values", b'{"query": "{a}", "variables": {"f": [' + b"1," * 100_000 + b"1]}}", "too_many_values"),
    ("20,000 members", asked(FILTERED, variables={"f": {f"a{n}": 1 for n in range(20_000)}}), "too_many_values"),
    ("499 unknown members", asked(FILTERED, variables={"f": {f"a{n}": 1 for n in range(499)}}), "bad_variables"),
    ("a huge number in JSON", b'{"query": "query ($n: Int!) {evidence(first: $n) {edges {cursor}}}", "variables": '
     b'{"n": ' + b"9" * 200_000 + b"}}", "bad_request"),
    ("not UTF-8", b'{"query": "\xff\xfe"}', "invalid_utf8"),
    ("half a surrogate pair", b'{"query": "{node(id: \\"\\ud800\\") {id}}"}', "bad_request"),
    ("a NUL", asked("{\x00}"), "syntax_error"),
]  # fmt: skip


class Body:
    """A request over ASGI, in pieces as a server hands them on, without the cost of a client."""

    def __init__(self, body: bytes, principal: Principal) -> None:
        self._pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)] or [b""]
        self._at = 0
        headers = [(b"content-type", b"application/json"), (b"accept", b"application/graphql-response+json")]
        self.scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers,
                      "state": {"principal": principal, "request_id": "test-request"}}  # fmt: skip

    async def receive(self) -> Message:
        piece, self._at = self._pieces[self._at], self._at + 1
        return {"type": "http.request", "body": piece, "more_body": self._at < len(self._pieces)}


def run(step: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[Any, float]:
    """What a coroutine that never waits comes to, and its seconds of CPU: the least of three."""
    least = float("inf")
    gc.disable()
    try:
        for _ in range(3):
            coroutine = step()
            started = time.process_time()
            try:
                coroutine.send(None)
            except StopIteration as ended:
                least = min(least, time.process_time() - started)
                result = ended.value
            else:
                coroutine.close()
                pytest.fail("it waited for something")
    finally:
        gc.enable()
    return result, least


async def test_each_is_refused_quickly_with_its_own_code_and_never_runs(
    endpoint: GraphQLEndpoint, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    principal = Principal("token", "t-1", scope, frozenset({"evidence:read"}))
    ran: list[bool] = []
    original = Runner.run

    async def spied(self: Runner, *arguments: Any) -> Any:  # noqa: ANN401  passed on as they came
        ran.append(True)
        return await original(self, *arguments)

    monkeypatch.setattr(Runner, "run", spied)
    schema = build_schema()._schema
    monkeypatch.setattr(endpoint, "_documents", DocumentCache(schema, Limits(), entries=0))  # nothing is kept
    wrong = []
    for name, body, expected in HOSTILE:
        ran.clear()

        async def ask(body: bytes = body) -> Any:  # noqa: ANN401  a response
            sent = Body(body, principal)
            return await endpoint(Request(sent.scope, sent.receive))

        response, seconds = run(ask)
        answer = json.loads(response.body)
        code = answer["errors"][0]["extensions"]["code"]
        executed = bool(ran) and expected != "bad_variables"  # those are read by the executor, which then runs nothing
        if code != expected or seconds > QUICK or "data" in answer or executed or len(response.body) > LONGEST:
            wrong.append((name, code, expected, f"{seconds * 1000:.1f} ms", len(response.body), executed))
    assert wrong == []


def test_the_bomb_is_the_known_one() -> None:
    assert len(bomb(19)) in range(700, 780)
    assert bomb(19).count("fragment ") == 20
