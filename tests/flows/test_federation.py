"""Organisations ask each other over real sockets: a question to three, two of which answer, and nobody is left out."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from evidence_api.bootstrap import Application
from evidence_api.cli import main, peer, peer_grant, query
from evidence_api.domain.errors import BadSignature, EvidenceError, UnknownKey, VerificationFailed
from evidence_api.domain.federated import Member, Standing
from evidence_api.engines.federation_client import FederationClient
from evidence_api.engines.http_signatures import MessageSigner
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.use_cases.ask_members import Terms, ask_members
from tests.support.federating import WHOLE
from tests.support.served import served
from tests.support.shared_place import shared_place

QUERY = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
async def organisations(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> AsyncIterator[tuple[Application, Application]]:
    homes = [tmp_path_factory.mktemp(name) for name in ("north", "south")]
    async with AsyncExitStack() as stack:
        stack.enter_context(capture_logs())  # what commands print is theirs alone
        opened = []
        for home in homes:
            place = await stack.enter_async_context(shared_place(postgres, template, home, nursery))
            opened.append(await stack.enter_async_context(served(place)))
        for one in opened:
            await one.tenancy.create("acme")
        yield opened[0], opened[1]


def member_of(application: Application, name: str) -> Member:
    url = application.settings.public_url
    assert url is not None
    return Member(name, url, "acme", application.federation.key.key_id)


async def let_in(application: Application, signer: MessageSigner, name: str) -> None:
    scope = await application.tenancy.named("acme")
    await application.peering.enrol(scope, name, "", [signer.public])
    await application.peering.grant(scope, name, WHOLE)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def operating_on(application: Application) -> Callable[..., Any]:
    """What `operate` does, on an application that is open already: commands run in a thread beside it."""
    loop = asyncio.get_running_loop()
    return lambda use: asyncio.run_coroutine_threadsafe(use(application), loop).result()


async def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = await asyncio.to_thread(main.main, [*arguments, "--json"])
    printed = capsys.readouterr()
    return code, json.loads(printed.out or printed.err)


async def test_from_enrolment_to_an_answer_of_everybody(
    organisations: tuple[Application, Application],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    north, south = organisations
    monkeypatch.setattr(query, "SystemClock", lambda: north.clock)
    key, jwks = str(tmp_path / "key.pem"), str(tmp_path / "jwks.json")
    _, made = await run(capsys, "peer", "key", key, "--jwks", jwks)
    fingerprint = made["fingerprint"]
    for application in organisations:
        for module in (peer, peer_grant):
            monkeypatch.setattr(module, "operate", operating_on(application))
        code, refused = await run(capsys, "peer", "enrol", "acme", "auditors", "--jwks", jwks)
        assert (code, refused["error"]["code"]) == (1, "fingerprint_needed")
        wrong = await run(capsys, "peer", "enrol", "acme", "auditors", "--jwks", jwks, "--fingerprint", "A" * 43)
        assert (wrong[0], wrong[1]["error"]["code"]) == (1, "fingerprint_mismatch")
        code, _ = await run(capsys, "peer", "enrol", "acme", "auditors", "--jwks", jwks, "--fingerprint", fingerprint)
        assert code == 0
        code, _ = await run(capsys, "peer", "grant", "acme", "auditors", "--expires", "30d", "--rate", "100")
        assert code == 0
    _, listed = await run(capsys, "peer", "list", "acme")
    assert (listed["peers"][0]["keys"], listed["peers"][0]["grant"]["rate"]) == ([fingerprint], 100)
    _, own = await run(capsys, "peer", "fingerprint")
    assert own["fingerprint"] == south.federation.key.key_id

    members = [
        f"  - name: {name}\n    url: {url}\n    tenant: acme\n    fingerprint: {print_}\n"
        for name, url, print_ in (
            ("north", north.settings.public_url, north.federation.key.key_id),
            ("south", south.settings.public_url, own["fingerprint"]),
            ("west", "http://127.0.0.1:9", own["fingerprint"]),
        )
    ]
    file, text = tmp_path / "federation.yaml", tmp_path / "q.graphql"
    file.write_text("members:\n" + "".join(members))
    text.write_text(QUERY["query"])
    asked = ["query", "--as", key, "--members", str(file), "--query", str(text)]
    code, answer = await run(capsys, *asked, "--remember", str(tmp_path / "seen.json"))
    assert (code, answer["complete"]) == (3, False)
    assert [(one["member"], one["standing"], one["signed"]) for one in answer["members"]] == [
        ("north", "answered", True), ("south", "answered", True), ("west", "absent", False),
    ]  # fmt: skip
    assert answer["members"][2]["code"] == "unreachable"
    assert answer["members"][0]["checkpoint"]["origin"] == "evidence.local/acme"
    assert set(json.loads((tmp_path / "seen.json").read_text())) == {"north", "south"}
    assert (await run(capsys, *asked, "--member", "north", "--member", "south"))[0] == 0

    assert (await run(capsys, "peer", "revoke", "acme", "auditors"))[0] == 0
    code, answer = await run(capsys, *asked, "--member", "north", "--member", "south")
    assert (code, [one["standing"] for one in answer["members"]]) == (2, ["answered", "refused"])
    assert (answer["members"][1]["code"], answer["members"][1]["signed"]) == ("peer_revoked", True)


async def test_keys_are_rotated_by_overlap(
    organisations: tuple[Application, Application],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    north, south = organisations
    scope = await north.tenancy.named("acme")
    monkeypatch.setattr(peer, "operate", operating_on(north))
    old = MessageSigner.generate()
    await north.peering.enrol(scope, "rotating", f"{south.settings.public_url}/nothing", [old.public])
    code, fault = await run(capsys, "peer", "refresh", "acme", "rotating")
    assert (code, fault["error"]["code"]) == (3, "unreachable")
    directory = f"{south.settings.public_url}/.well-known/http-message-signatures-directory"
    new = south.federation.key.key_id
    refresh = ["peer", "refresh", "acme", "rotating", "--jwks", directory]
    code, _ = await run(capsys, *refresh)
    assert code == 1  # nobody compared it
    _, shown = await run(capsys, *refresh, "--fingerprint", new)
    assert (shown["peers"][0]["pinned"], shown["peers"][0]["gone"]) == ([new], [old.key_id])
    assert (await run(capsys, "peer", "revoke", "acme", "rotating", "--key", old.key_id))[0] == 0
    found = await north.peering.named(scope, "rotating")
    assert [one.key_id for one in found.keys if one.revoked is None] == [new]
    await run(capsys, "peer", "revoke", "acme", "rotating", "--key", new)
    code, shown = await run(capsys, *refresh)  # still listed there, and nothing new for anybody to confirm
    assert (code, shown["peers"][0]["pinned"], shown["peers"][0]["ended"]) == (0, [], [new])
    _, shown = await run(capsys, *refresh, "--fingerprint", new)
    assert (shown["peers"][0]["pinned"], shown["peers"][0]["ended"]) == ([new], [])
    del tmp_path


async def test_a_member_that_is_not_who_it_was_is_refused_and_named(
    organisations: tuple[Application, Application], http: httpx.AsyncClient
) -> None:
    north, south = organisations
    signer = MessageSigner.generate()
    await let_in(north, signer, "first")
    await let_in(south, signer, "second")
    client = FederationClient(signer, north.clock, http)
    right = member_of(north, "north")
    posing = Member("south", right.url, "acme", south.federation.key.key_id)
    answers = await ask_members(client, [right, posing], QUERY, Terms(), north.clock)
    assert [(one.standing, one.code) for one in answers] == [
        (Standing.ANSWERED, ""), (Standing.REFUSED, "server_key"),
    ]  # fmt: skip
    first = answers[0].checkpoint
    assert first is not None
    shorter = Terms(seen={"north": (first.tree_size + 5, "00")})
    other = Terms(seen={"north": (first.tree_size, "00")})
    old = Terms(stale_after=north.clock.now() - north.clock.now())
    found = [(await ask_members(client, [right], QUERY, terms, north.clock))[0] for terms in (shorter, other, old)]
    assert [(one.standing, one.code) for one in found] == [
        (Standing.REFUSED, "log_shrank"), (Standing.REFUSED, "log_forked"), (Standing.STALE, "stale_checkpoint"),
    ]  # fmt: skip
    stranger = FederationClient(MessageSigner.generate(), north.clock, http)
    (unknown,) = await ask_members(stranger, [right], QUERY, Terms(), north.clock)
    assert (unknown.standing, unknown.code, unknown.signed) == (Standing.REFUSED, "key_unknown", False)
    (invalid,) = await ask_members(client, [right], {"query": "{ nothing }"}, Terms(), north.clock)
    assert (invalid.standing, invalid.signed) == (Standing.REFUSED, True)


Answered = tuple[int, dict[str, str], bytes]


class Meddling(httpx.AsyncBaseTransport):
    """Passes on, and does something to the answers to questions."""

    def __init__(self, meddle: Callable[[Answered], Answered]) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._meddle = meddle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        answered: Answered = (response.status_code, dict(response.headers), await response.aread())
        status, headers, body = answered if request.method == "GET" else self._meddle(answered)
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_answers_to_other_questions_and_answers_somebody_touched_are_refused(
    organisations: tuple[Application, Application],
) -> None:
    north, _ = organisations
    signer = MessageSigner.generate()
    await let_in(north, signer, "meddled")
    kept: list[Answered] = []

    def first_again(answered: Answered) -> Answered:
        kept.append(answered)
        return kept[0]

    def other_body(answered: Answered) -> Answered:
        return *answered[:2], answered[2].replace(b"Query", b"Fuery")

    def other_status(answered: Answered) -> Answered:
        return 206, *answered[1:]

    def unsigned(answered: Answered) -> Answered:
        left = {name: value for name, value in answered[1].items() if not name.startswith("signature")}
        return 200, left, answered[2]

    def other_note(answered: Answered) -> Answered:
        return 200, answered[1] | {"evidence-checkpoint": ":AAAA:;at=@1"}, answered[2]

    async def codes(meddle: Callable[[Answered], Answered], times: int = 1) -> str:
        async with httpx.AsyncClient(transport=Meddling(meddle)) as http:
            client = FederationClient(signer, north.clock, http)
            for _ in range(times - 1):
                await client.ask(member_of(north, "north"), QUERY)
            with pytest.raises(EvidenceError) as refused:
                await client.ask(member_of(north, "north"), QUERY)
            assert isinstance(refused.value, VerificationFailed | BadSignature | UnknownKey)
            return refused.value.code

    assert await codes(first_again, 2) == "bad_signature"
    found = [await codes(one) for one in (other_body, other_status, unsigned, other_note)]
    assert found == ["digest_mismatch", "bad_signature", "signature_missing", "bad_signature"]
