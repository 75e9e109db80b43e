"""Events over HTTP: JSON and server-sent, resumed after a cut, nothing lost and nothing twice, ended when due."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message

from evidence_api.bootstrap import Application, asgi_application
from evidence_api.domain.errors import EvidenceError, RateLimited, Unauthenticated
from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import Charge
from evidence_api.graphql import event_stream
from evidence_api.graphql.event_stream import EventStream, Pace, Sent
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.streaming import Streams
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.use_cases.events import Events
from evidence_api.use_cases.rates import Rates
from tests.support import statements
from tests.support.place import Place
from tests.web.conftest import Door

CONTROLS = """\
id: P-1
query: [{kind: provenance, where: verified==true}]
"""
QUICK = Pace(heartbeat=0.05, patience=0.2, recheck=0.05)
ADDED = "subscription S($after: Int) { evidenceAdded(after: $after) { position kind evidence { leafIndex status } } }"


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(max_body=2**20, catalog=place.catalog({"a.yaml": CONTROLS})) as opened:
        yield opened


@dataclass
class Listener:
    """A client of one stream, spoken to as an ASGI server would; httpx waits for the end of an answer."""

    task: "asyncio.Task[None]"
    left: asyncio.Event
    sent: asyncio.Queue[Message]
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    rest: bytes = b""
    position: int | None = None
    ended: bool = False

    async def next(self, *, beats: bool = False) -> tuple[str, Any]:
        """The next event (name, JSON), or sign of life ("beat", position) where `beats`; ("end", None) at the end."""
        while True:
            while b"\n\n" in self.rest:
                block, _, self.rest = self.rest.partition(b"\n\n")
                fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
                if "id" in fields:
                    self.position = int(fields["id"])
                if "data" in fields or "event" in fields:
                    return fields.get("event", "message"), orjson.loads(fields.get("data") or "null")
                if beats:
                    return "beat", self.position
            if self.ended:
                return "end", None
            message = await asyncio.wait_for(self.sent.get(), 10)
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.rest += message.get("body", b"")
                self.ended = not message.get("more_body", False)


@asynccontextmanager
async def listening(
    app: Any,  # noqa: ANN401  an ASGI application
    path: str,
    *,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    state: dict[str, Any] | None = None,
) -> AsyncIterator[Listener]:
    content = b"" if body is None else orjson.dumps(body)
    left, sent = asyncio.Event(), asyncio.Queue[Message]()
    pieces: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        if pieces:
            return pieces.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await sent.put(message)

    given = {"accept": "text/event-stream", "content-type": "application/json", **(headers or {})}
    bare, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http",
        "method": "GET" if body is None else "POST", "path": bare, "raw_path": bare.encode(), "root_path": "",
        "query_string": query.encode(), "server": ("evidence.test", 80), "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()], "state": dict(state or {}),
    }  # fmt: skip
    listener = Listener(asyncio.ensure_future(app(scope, receive, send)), left, sent)
    try:
        yield listener
    finally:
        left.set()
        await asyncio.wait_for(asyncio.gather(listener.task, return_exceptions=True), 10)


def token(door: Door) -> dict[str, str]:
    return {"authorization": door.http.headers["Authorization"]}


async def audited(door: Door) -> list[tuple[str, str]]:
    async with door.application.database.reading(door.scope) as connection:
        rows = await connection.fetch("SELECT path, code FROM access_audit ORDER BY sequence")
    return [(row["path"], row["code"]) for row in rows]


async def test_json_goes_on_by_position(door: Door) -> None:
    for statement in (statements.release(), statements.provenance(), statements.test_result()):
        await door.upload(statement)
    first = (await door.http.get("/v1/events", params={"limit": 2})).json()
    assert [event["id"] for event in first["events"]] == ["1", "2"]
    assert (first["position"], first["more"]) == (2, True)
    event = first["events"][0]
    assert (event["specversion"], event["type"]) == ("1.0", "evidence-api.evidence.accepted.v1")
    assert (event["source"], event["data"]["kind"]) == ("/v1/log/acme", "release")
    assert (await door.http.get(event["data"]["receipt"])).json()["evidenceId"] == event["subject"]
    rest = (await door.http.get("/v1/events", params={"after": 2})).json()
    assert ([event["id"] for event in rest["events"]], rest["position"], rest["more"]) == (["3"], 3, False)
    # Where nothing of the kind follows, the position moves on all the same.
    none = (await door.http.get("/v1/events", params={"kind": "vulns"})).json()
    assert (none["events"], none["position"]) == ([], 3)
    assert [e["data"]["kind"] for e in (await door.http.get("/v1/events?kind=test_result")).json()["events"]] == [
        "test_result"
    ]
    await door.application.reassessor.sweep()
    made = (await door.http.get("/v1/events?stream=assessments")).json()
    assert made["events"][0]["type"] == "evidence-api.assessment.recorded.v1"
    assert made["events"][0]["subject"] == event["subject"]
    assert made["position"] == len(made["events"])
    for query, code in (
        ("after=4", "position_beyond_head"),
        ("after=-1", "bad_parameter"),
        ("limit=0", "bad_parameter"),
        ("limit=101", "bad_parameter"),
        ("stream=all", "bad_parameter"),
        ("kind=nothing", "unknown_kind"),
        ("stream=assessments&kind=sbom", "bad_parameter"),
    ):
        refused = await door.http.get(f"/v1/events?{query}")
        assert (refused.status_code, refused.json()["code"]) == (422, code), query


async def test_a_stream_that_was_cut_goes_on_where_it_was(door: Door) -> None:
    """Appends of many at once while a stream is cut and taken up again: every leaf once, in order."""
    app = asgi_application(door.application)

    async def upload(number: int) -> None:
        await door.upload(statements.release(name=f"r{number}"))

    await upload(0)
    seen: list[str] = []
    last: str | None = None
    uploads = asyncio.ensure_future(asyncio.gather(*(upload(number) for number in range(1, 25))))
    for take in (3, 7, 15):  # the last id is all that is kept over a cut
        headers = token(door) | ({"last-event-id": last} if last else {})
        async with listening(app, "/v1/events?after=0", headers=headers) as stream:
            for _ in range(take):
                name, event = await stream.next()
                assert (name, event["specversion"]) == ("message", "1.0")
                seen.append(event["id"])
            last = str(stream.position)
            assert stream.headers["content-type"].startswith("text/event-stream")
    await uploads
    assert seen == [str(number) for number in range(1, 26)]
    rows = [row for row in await audited(door) if row[0] == "/v1/events"]
    assert rows == [("/v1/events", ""), ("/v1/events", "client_disconnected")] * 3


async def test_a_subscription_answers_each_event(door: Door) -> None:
    app = asgi_application(door.application)
    await door.upload(statements.release())
    body = {"query": ADDED, "variables": {"after": 0}}
    async with listening(app, "/graphql", body=body, headers=token(door)) as stream:
        assert await stream.next() == (
            "next",
            {"data": {"evidenceAdded": {
                "position": 1, "kind": "release", "evidence": {"leafIndex": 0, "status": "VERIFIED"},
            }}},
        )  # fmt: skip
        assert stream.position == 1
        await door.upload(statements.provenance())
        name, told = await stream.next()
        assert (name, told["data"]["evidenceAdded"]["kind"]) == ("next", "provenance")
        changed = "subscription { assessmentChanged(after: 0) { position release { name } assessment { treeSize } } }"
        async with listening(app, "/graphql", body={"query": changed}, headers=token(door)) as other:
            await door.application.reassessor.sweep()
            door.application.events.wake(door.scope)
            told = (await other.next())[1]["data"]["assessmentChanged"]
            assert (told["position"], told["release"]) == (1, {"name": "widget"})
            assert told["assessment"]["treeSize"] == 2
        # The server is about to stop: every stream ends, and says so.
        door.application.events.stop()
        assert await stream.next() == ("complete", None)
        assert await stream.next() == ("end", None)
    refused = await door.http.get("/v1/events", headers={"Accept": "text/event-stream"})
    assert (refused.status_code, refused.json()["code"]) == (503, "server_stopping")


@pytest.mark.parametrize(
    ("query", "variables", "accept", "status", "code"),
    [
        (ADDED, {}, "application/json", 400, "not_acceptable"),
        ("{ viewer { kind } }", {}, "text/event-stream", 400, "not_acceptable"),
        (ADDED, {"after": "x"}, "text/event-stream", 400, "bad_variables"),
        ("subscription { evidenceAdded { kind } assessmentChanged { position } }", {}, "text/event-stream", 400,
         "validation_failed"),
    ],
)  # fmt: skip
async def test_what_is_no_stream_is_refused_before_it_begins(  # noqa: PLR0913, PLR0917  one for each column
    door: Door, query: str, variables: dict[str, Any], accept: str, status: int, code: str
) -> None:
    body = {"query": query, "variables": variables}
    answer = await door.http.post("/graphql", json=body, headers={"Accept": accept})
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert answer.status_code in {status, 406}


async def test_a_fault_of_the_source_is_the_last_that_is_said(door: Door) -> None:
    app = asgi_application(door.application)
    for variables, code in (({"after": 9}, "position_beyond_head"), ({"after": -1}, "bad_position")):
        body = {"query": ADDED, "variables": variables}
        async with listening(app, "/graphql", body=body, headers=token(door)) as stream:
            name, told = await stream.next()
            assert (name, told["errors"][0]["extensions"]["code"]) == ("next", code)
            assert await stream.next() == ("complete", None)


async def test_a_revoked_token_ends_the_stream(door: Door) -> None:
    """Asked again while it goes on; what is added afterwards is not sent."""
    endpoint = endpoint_of(door.application)
    allowed = True

    async def still() -> None:
        if not allowed:
            raise Unauthenticated("the token was revoked")

    principal = Principal("token", "t", door.scope, frozenset({"evidence:read"}))
    state = {"principal": principal, event_stream.STILL: still, "request_id": "r"}
    async with listening(graphql_app(endpoint), "/graphql", body={"query": ADDED}, state=state) as stream:
        while (await stream.next(beats=True)) != ("beat", 0):
            continue
        allowed = False
        await door.upload(statements.release())
        name, told = await stream.next()
        while name == "next" and "errors" not in told:
            name, told = await stream.next()
        assert told["errors"][0]["extensions"]["code"] == "unauthenticated"
        assert await stream.next() == ("complete", None)


class Buckets(Rates):
    """Notes what is taken, and is over the rate twice after each time."""

    def __init__(self) -> None:
        super().__init__()
        self.moved: list[int] = []
        self.over = 0

    async def take(self, principal: Principal, cost: int) -> Charge:
        if self.over:
            self.over -= 1
            raise RateLimited("over", retry_after=0.001)
        self.moved.append(cost)
        self.over = 2
        return await super().take(principal, cost)

    def give_back(self, principal: Principal, charge: Charge, actual: int) -> None:
        self.moved.append(actual - charge.requested)
        super().give_back(principal, charge, actual)


async def test_each_event_of_a_subscription_is_paid_for(door: Door) -> None:
    """Or the whole log could be read for the price of one record; over the rate the stream waits, and loses nothing."""
    rates = Buckets()
    endpoint = endpoint_of(door.application, rates)
    for statement in (statements.release(), statements.provenance(), statements.release(name="gadget")):
        await door.upload(statement)
    state = {"principal": Principal("token", "t", door.scope, frozenset({"evidence:read"})), "request_id": "r"}
    query = "subscription { evidenceAdded(after: 0) { position evidence { subjects(first: 9) { name } } } }"
    async with listening(graphql_app(endpoint), "/graphql", body={"query": query}, state=state) as stream:
        for position in (1, 2, 3):
            told = (await stream.next())[1]["data"]["evidenceAdded"]
            assert (told["position"], len(told["evidence"]["subjects"])) == (position, 1)
    assert rates.moved == [11, -8] * 3


async def test_streams_are_bounded(door: Door) -> None:
    events = Events(door.application.database, most=2, most_of_one=1)
    one, other = (Principal("token", name, door.scope, frozenset()) for name in ("a", "b"))
    with events.seat(one), events.seat(other):
        for who, limit in ((one, 2), (Principal("token", "c", door.scope, frozenset()), 2)):
            with pytest.raises(EvidenceError, match="streams are open") as refused, events.seat(who):
                pass
            assert (refused.value.code, refused.value.fields["limit"]) == ("too_many_streams", limit)
    with events.seat(one), pytest.raises(EvidenceError) as own, events.seat(one):
        pass
    assert own.value.fields["limit"] == 1
    with events.seat(one):
        pass


async def test_a_slow_reader_is_dropped_and_nothing_is_kept_for_it() -> None:
    taken: list[Message] = []
    state: dict[str, Any] = {}

    async def sources() -> AsyncIterator[Sent]:
        for number in range(1, 1000):
            yield Sent(number, b"{}")

    async def send(message: Message) -> None:
        taken.append(message)
        if len(taken) > 3:  # its buffer is full
            await asyncio.Event().wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    stream = EventStream(sources(), lambda: 2, lambda _fault: (Sent(data=b"", event="complete"),), QUICK)
    await stream({"type": "http", "state": state}, receive, send)
    assert state[event_stream.ENDED_BY] == "slow_reader"
    assert len(taken) == 4


def endpoint_of(application: Application, rates: Rates | None = None) -> GraphQLEndpoint:
    schema = build_schema()
    streams = Streams(schema, application.reads, application.events, QUICK)
    return GraphQLEndpoint(schema, application.reads, rates=rates, streams=streams)


def graphql_app(endpoint: GraphQLEndpoint) -> Any:  # noqa: ANN401  an ASGI application
    return Starlette(routes=[Route("/graphql", endpoint.__call__, methods=["POST"])])
