"""What one tenant is answered does not depend on what another one does: byte by byte, whatever that is.

Tenant `acme` asks a fixed list of questions; `rival` writes and asks what hypothesis comes up with: the same subjects,
names and even envelopes, broken ones, tokens, webhooks, artifacts, queries that cost too much. Then `acme` asks again.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from evidence_api.domain.digest import digest_of
from evidence_api.domain.principal import ReadGrant
from evidence_api.domain.token import AUDITOR_RIGHTS
from evidence_api.graphql.ids import encode_id
from evidence_api.store.session import Connection
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door

OTHER = digest_of(b"gadget")
ARTIFACT = b"widget-1.0.0.tar.gz"
STATED = (
    statements.release(),
    statements.provenance(),
    statements.sbom(),
    statements.test_result(),
    statements.vulns(),
    statements.release(OTHER, name="gadget"),
)
# Different in each answer, and said to be so; what a rate has left depends on the time of day.
_CHANGING = re.compile(rb'"(?:requestId|instance)":"[^"]*"|"rateLimit":\{[^{}]*\}')
_COMPARED = ("content-type", "etag", "location", "cache-control", "vary", "www-authenticate", "allow", "retry-after")
QUERIES = (
    """{ evidence(first: 3, filter: {status: []}) { totalCount { value } pageInfo { endCursor hasNextPage }
      edges { cursor node { id leafIndex kind facts subjects { digests } } } } }""",
    "{ evidence(last: 2) { pageInfo { startCursor hasPreviousPage } edges { node { evidenceId } } } }",
    """{ releases(first: 5) { totalCount { value } edges { cursor node { id name version digests
      assessment { treeSize counts { outcome count } criteria(first: 3) { edges { node { ref outcome } } } } } } } }""",
    '{ release(name: "widget") { evidence(first: 20) { totalCount { value } edges { node { id kind } } } } }',
    '{ components(first: 5, name: "left-pad") { totalCount { value } edges { node { purl } } } }',
    '{ gaps(framework: "aicpa-tsc") { gaps(first: 5) { totalCount { value } edges { cursor } } } }',
    '{ products(first: 5) { edges { cursor } } waivers(first: 5, at: "2026-02-01T00:00:00Z") { edges { cursor } } }',
    "{ decisions(first: 5) { edges { cursor } } trustLedger(first: 5) { edges { cursor } } }",
    "{ budgets(first: 5) { edges { cursor } } modelBuckets(first: 5) { edges { cursor } } }",
    "{ checkpoint { treeSize rootHash } inclusionProof(leafIndex: 1) { rootHash path: hashes } }",
    "{ log { leaves(first: 3) { edges { cursor } } } packs(first: 5) { edges { cursor } } }",
    "{ policyDecisions(first: 5) { totalCount { value } edges { node { area allow } } } }",
    "{ viewer { kind rights tenant { name } } frameworks { ref } }",
    "{ evidence { edges { cursor } } }",
    "{ evidence(first: 101) { edges { cursor } } }",
    '{ evidence(first: 2, after: "nonsense") { edges { cursor } } }',
    "{ evidence(first: 2, asOf: 999) { edges { cursor } } }",
    "{ releases(first: 100) { edges { node { evidence(first: 100) { edges { node { proof { hashes } } } } } } } }",
    "{ nothing }",
)


class Asking:
    """`acme`'s questions, always the same."""

    def __init__(
        self, door: Door, auditor: httpx.AsyncClient, receipts: Sequence[str], bodies: Sequence[bytes]
    ) -> None:
        self._callers = (door.http, auditor)
        blobs = [f"/v1/blobs/sha256:{sha256(body).hexdigest()}" for body in bodies]
        self._paths = (
            *blobs[:2],
            *(f"/v1/evidence/{one}/receipt" for one in receipts[:2]),
            *(
                f"/v1/artifacts/{statements.ARTIFACT}",
                "/v1/packs",
                "/v1/log/acme/checkpoint",
                "/v1/log/rival/checkpoint",
            ),
            *("/v1/releases/widget/vsa", "/v1/releases/gadget/svr", "/v1/releases/nothing/vsa"),
            *(f"/v1/blobs/{OTHER}", "/v1/blobs/sha256:00", "/v1/evidence-key"),
        )
        self._ids = [encode_id("Evidence", receipts[0]), encode_id("Release", receipts[0]), "nothing"]

    async def all(self) -> list[tuple[object, ...]]:
        """Every answer, without what changes from one to the next."""
        answers = []
        for client in self._callers:
            answers += [await client.post("/graphql", json={"query": query}) for query in QUERIES]
            nodes = {"query": "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", "variables": {"ids": self._ids}}
            answers.append(await client.post("/graphql", json=nodes))
            answers += [await client.get(path) for path in self._paths]
            answers.append(await client.get("/v1/packs", headers={"Authorization": "Bearer evs_api_x"}))
            answers.append(await client.post("/v1/evidence", content=b"{}"))
            answers.append(await client.post("/v1/decide/nothing", json={}))
        return [
            (
                str(answer.request.url),
                answer.status_code,
                [answer.headers.get(name) for name in _COMPARED],
                _CHANGING.sub(b"", answer.content),
            )
            for answer in answers
        ]


class Rival:
    """Everything another tenant may do, one step at a time."""

    def __init__(self, door: Door, theirs: Sequence[bytes]) -> None:
        self._door = door
        self._theirs = theirs  # envelopes of acme's
        self._heavy = f"{{ {' '.join(f'a{n}: evidence(first: 100) {{ edges {{ cursor }} }}' for n in range(19))} }}"

    async def step(self, name: str, number: int) -> None:
        """Do it; whether it works is not the question, only that it is no fault."""
        answer = await getattr(self, f"_{name}")(number)
        assert answer is None or answer.status_code < 500, answer.text

    async def _upload(self, number: int) -> httpx.Response:
        return await self._door.upload(STATED[number % len(STATED)])

    async def _copy(self, number: int) -> httpx.Response:
        """The same evidence, to the byte and to its id."""
        return await self._door.http.post("/v1/evidence", content=self._theirs[number % len(self._theirs)])

    async def _break(self, number: int) -> httpx.Response:
        body = self._door.envelope(STATED[number % len(STATED)])
        return await self._door.http.post("/v1/evidence", content=body[: number * 7 % len(body)])

    async def _release(self, number: int) -> httpx.Response:
        return await self._door.upload(statements.release(statements.ARTIFACT, version=f"{number}.0.0"))

    async def _artifact(self, number: int) -> httpx.Response:
        body = ARTIFACT if number % 2 else str(number).encode()
        return await self._door.http.put(f"/v1/artifacts/{digest_of(body)}", content=body)

    async def _token(self, number: int) -> None:
        made = await self._door.application.tenancy.create_token(self._door.scope, "x", ["evidence:read"], None)
        client = self._door.http
        await client.get("/v1/packs", headers={"Authorization": f"Bearer {made.token[: -number or None]}"})

    async def _webhook(self, number: int) -> None:
        await self._door.application.webhooks.put(self._door.scope, f"https://example.org/{number}")

    async def _ask(self, number: int) -> httpx.Response:
        query = (self._heavy, *QUERIES)[number % (1 + len(QUERIES))]
        return await self._door.http.post("/graphql", json={"query": query})

    async def _assess(self, _number: int) -> None:
        await self._door.application.reassessor.sweep()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["upload", "copy", "break", "release", "artifact", "token", "webhook", "ask", "ask", "assess"]),
        st.integers(0, 30),
    ),
    min_size=5,
    max_size=10,
)


@pytest.fixture
async def asking(door: Door, clock: SteppingClock) -> tuple[Asking, list[bytes]]:
    bodies = [door.envelope(one) for one in STATED]
    receipts = []
    for body in bodies:
        answer = await door.http.post("/v1/evidence", content=body)
        assert answer.status_code == 201, answer.text
        receipts.append(answer.json()["evidenceId"])
    assert (await door.http.put(f"/v1/artifacts/{statements.ARTIFACT}", content=ARTIFACT)).status_code == 201
    await door.application.reassessor.sweep()
    grant = ReadGrant(uuid4(), releases=frozenset({"widget"}), not_after=clock.now() + timedelta(days=9))
    made = await door.application.tenancy.create_auditor(door.scope, "auditor", AUDITOR_RIGHTS, grant)
    auditor = httpx.AsyncClient(
        transport=door.http._transport,
        base_url=door.http.base_url,
        headers={"Authorization": f"Bearer {made.token}"},
    )
    return Asking(door, auditor, receipts, bodies), bodies


async def tables_of(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id' "
        "AND has_table_privilege(format('%I', table_name), 'SELECT') ORDER BY 1"
    )
    return [row[0] for row in rows]


async def content_of(door: Door, *, but: frozenset[str] = frozenset()) -> dict[str, object]:
    """A digest of all rows of each table as the tenant sees them; nobody else's are among them."""
    found = {}
    async with door.application.database.tenant(door.scope) as connection:
        for table in await tables_of(connection):
            others = f"SELECT count(*) FROM {table} WHERE tenant_id <> $1"  # noqa: S608  names from the catalog of tables
            assert await connection.fetchval(others, door.scope.id) == 0, table
            rows = f"SELECT md5(coalesce(string_agg(r::text, '|' ORDER BY r::text), '')) FROM {table} r"  # noqa: S608  the same
            if table not in but:
                found[table] = await connection.fetchval(rows)
    return found


def run_examples(loop: asyncio.AbstractEventLoop, attempt: Callable[[list[tuple[str, int]]], Awaitable[None]]) -> None:
    """Hypothesis is synchronous, so it has a thread of its own."""

    @settings(
        max_examples=4,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=STEPS)
    def examples(steps: list[tuple[str, int]]) -> None:
        asyncio.run_coroutine_threadsafe(_awaited(attempt, steps), loop).result()

    examples()


async def _awaited(attempt: Callable[[list[tuple[str, int]]], Awaitable[None]], steps: list[tuple[str, int]]) -> None:
    await attempt(steps)


async def test_answers_do_not_depend_on_what_another_tenant_does(
    door: Door, rival: Door, asking: tuple[Asking, list[bytes]]
) -> None:
    questions, bodies = asking
    first = await questions.all()
    assert {answer[1] for answer in first} >= {200, 400, 401, 403, 404}
    kept = await content_of(door)
    other = Rival(rival, bodies)

    async def attempt(steps: list[tuple[str, int]]) -> None:
        for name, number in steps:
            await other.step(name, number)

    await asyncio.to_thread(run_examples, asyncio.get_running_loop(), attempt)
    assert await content_of(door) == kept  # before acme asks again, which its own log of access records
    assert (await content_of(rival))["evidence"] != kept["evidence"]
    for before, after in zip(first, await questions.all(), strict=True):
        assert after == before
