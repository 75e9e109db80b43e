"""Questions of peers: answered and signed when they are right; else refused, each with its code, each on record."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence_api.bootstrap import Application
from evidence_api.domain.peers import PeerGrant
from evidence_api.engines.http_signatures import MessageSigner, federation_key, verify_signed
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.formats import federation_profile as profile
from evidence_api.formats.http_message import Message
from evidence_api.formats.http_signature import SignatureInput
from evidence_api.formats.jwks import parse_jwks
from evidence_api.store import peers
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.use_cases.federate import Federation
from tests.support.federating import PUBLIC, WHOLE, Peer, asgi_client, covered, grant
from tests.support.place import Place
from tests.support.shared_place import shared_place

NOBODY = "unknown"


@pytest.fixture(scope="module")
async def place(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> AsyncIterator[Place]:
    """One place for all tests here: each has tenants of its own."""
    async with shared_place(postgres, template, tmp_path_factory.mktemp("federation"), nursery) as made:
        yield made


@pytest.fixture(scope="module")
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(public_url=PUBLIC) as opened:
        yield opened


async def peer_of(application: Application, granted: PeerGrant | None = WHOLE) -> Peer:
    made = Peer(application, await application.tenancy.create(f"t-{uuid4().hex}"), asgi_client(application))
    await made.enrol(granted)
    return made


@pytest.fixture
async def peer(application: Application) -> AsyncIterator[Peer]:
    made = await peer_of(application)
    async with made.http:
        yield made


def check_signed(peer: Peer, question: Message, response: Any) -> None:  # noqa: ANN401  an answer
    answer = Message(tuple(response.headers.multi_items()), status=response.status_code, request=question)
    signed = profile.read_answer(answer, response.content, peer.application.clock.now())
    verify_signed(answer, signed, federation_key(peer.application.federation.key))


async def test_a_question_is_answered_and_the_answer_signed_for_it(peer: Peer) -> None:
    question, body = peer.question()
    response = await peer.send(question, body)
    assert response.status_code == 200, response.text
    assert response.json()["data"] == {"__typename": "Query"}
    check_signed(peer, question, response)
    assert '"evidence-checkpoint"' in response.headers["signature-input"]
    assert await peer.audited() == [(await peer.id(), "", 200)]


async def test_the_key_is_listed_for_whoever_enrols_this_server(peer: Peer) -> None:
    response = await peer.http.get("/.well-known/http-message-signatures-directory")
    assert parse_jwks(response.content) == (peer.application.federation.key,)
    assert response.json()["keys"][0]["kid"] == peer.application.federation.key.key_id


def described(peer: Peer, wrong: str) -> SignatureInput:
    """The input of a signature that is wrong in one way."""
    at = int(peer.application.clock.now().timestamp())
    ways: dict[str, Any] = {
        "signature_expired": lambda: peer.described(created=at - 100, expires=at - 50),
        "signature_in_future": lambda: peer.described(created=at + 30, expires=at + 60),
        "signature_lifetime": lambda: peer.described(expires=at + 61),
        "signature_tag": lambda: peer.described(tag="web-bot-auth"),
        "algorithm_mismatch": lambda: peer.described(alg="hmac-sha256"),
        "component_uncovered": lambda: covered("@method", "@target-uri", "content-type", described=peer.described()),
        "key_unknown": lambda: peer.described(keyid=MessageSigner.generate().key_id),
    }
    made = ways[wrong]()
    assert isinstance(made, SignatureInput)
    return made


WRONG = (
    *("signature_expired", "signature_in_future", "signature_lifetime", "signature_tag", "algorithm_mismatch"),
    *("component_uncovered", "key_unknown"),
)


async def test_each_wrong_signature_has_a_code_and_a_row_of_nobody(peer: Peer) -> None:
    for wrong in WRONG:
        response = await peer.ask(described=described(peer, wrong))
        assert (response.status_code, response.json()["code"]) == (401, wrong)
        asked = response.headers["accept-signature"]
        assert asked.startswith('peer=("@method" "@target-uri" "content-type" "content-digest")')
        assert 'tag="evidence-federation/v1"' in asked
        assert "signature" not in response.headers
    assert await peer.audited() == [(NOBODY, wrong, 401) for wrong in WRONG]


async def test_each_parameter_is_asked_for(peer: Peer) -> None:
    for name in ("created", "expires", "nonce", "keyid"):
        response = await peer.ask(described=peer.described(**{name: None}))
        assert (response.json()["code"], response.json()["path"]) == ("parameter_missing", name)
    assert (await peer.ask(described=peer.described(nonce="short"))).json()["code"] == "signature_malformed"
    assert [code for _, code, _ in await peer.audited()] == ["parameter_missing", "signature_malformed"]


async def test_what_is_not_signed_or_cannot_be_read_is_refused(peer: Peer) -> None:
    plain = await peer.http.post(peer.path, json={"query": "{ __typename }"})
    question, body = peer.question()
    headers = dict(question.fields) | {"Signature": "peer=:not base64"}
    garbled = await peer.http.post(peer.path, content=body, headers=headers)
    twice = dict(question.fields) | {"Signature-Input": dict(question.fields)["Signature-Input"] + ";tag=x"}
    doubled = await peer.http.post(peer.path, content=body, headers=twice)
    assert [one.json()["code"] for one in (plain, garbled, doubled)] == [
        "signature_missing", "signature_malformed", "signature_malformed",
    ]  # fmt: skip
    assert [code for _, code, _ in await peer.audited()] == ["signature_missing", "signature_malformed"]


async def test_tampering_is_told_by_what_it_changed(peer: Peer) -> None:
    question, body = peer.question()
    changed = await peer.send(question, body.replace(b"__typename", b"__typenamf"))
    other_query = await peer.send(question, body, f"{peer.path}?a=1")
    retyped = Message(tuple((n, "text/json" if n == "Content-Type" else v) for n, v in question.fields))
    other_type = await peer.send(retyped, body)
    codes = [one.json()["code"] for one in (changed, other_query, other_type)]
    assert codes == ["digest_mismatch", "bad_signature", "bad_signature"]
    assert [row[:2] for row in await peer.audited()] == [(NOBODY, "digest_mismatch"), (NOBODY, "bad_signature")]
    assert (await peer.send(question, body)).status_code == 200  # none of them used its nonce


async def test_another_key_under_this_keys_name_is_a_bad_signature(peer: Peer) -> None:
    response = await peer.ask(signer=MessageSigner.generate())
    assert response.json()["code"] == "bad_signature"
    assert await peer.audited() == [(NOBODY, "bad_signature", 401)]


async def test_a_question_signed_for_another_host_is_told_so_and_the_host_it_names_is_not_believed(
    peer: Peer,
) -> None:
    other = "https://evidence.other"
    question, body = peer.question(target=f"{other}{peer.path}")
    async with asgi_client(peer.application, other) as elsewhere:
        response = await elsewhere.post(peer.path, content=body, headers=list(question.fields))
    assert (response.status_code, response.json()["code"]) == (401, "target_mismatch")
    forwarded = [*question.fields, ("X-Forwarded-Host", "evidence.other"), ("Forwarded", "host=evidence.other")]
    rewritten = await peer.http.post(peer.path, content=body, headers=forwarded)
    assert rewritten.json()["code"] == "bad_signature"
    assert [row[:2] for row in await peer.audited()] == [(NOBODY, "target_mismatch"), (NOBODY, "bad_signature")]


async def test_a_question_is_answered_once_whatever_server_gets_it(place: Place, application: Application) -> None:
    peer = await peer_of(application)
    beside = Federation(application.database, place.clock, MessageSigner.generate(), PUBLIC)
    second = replace(application, federation=beside)
    async with asgi_client(second) as other, peer.http:
        question, body = peer.question()
        sent = [client.post(peer.path, content=body, headers=list(question.fields)) for client in (peer.http, other)]
        answers = await asyncio.gather(*sent)
        assert sorted(one.status_code for one in answers) == [200, 401]
        (refused,) = (one for one in answers if one.status_code == 401)
        assert refused.json()["code"] == "signature_replayed"
        check_signed(Peer(second, peer.scope, other), question, refused) if refused is answers[1] else None
        again = await peer.send(question, body)
        assert again.json()["code"] == "signature_replayed"
        assert {row[:2] for row in await peer.audited()} == {
            (await peer.id(), ""), (await peer.id(), "signature_replayed"),
        }  # fmt: skip


async def test_used_nonces_are_swept_when_nobody_would_take_them_any_more(place: Place, peer: Peer) -> None:
    question, body = peer.question()
    assert (await peer.send(question, body)).status_code == 200
    place.clock.advance(timedelta(minutes=5))
    assert (await peer.send(question, body)).json()["code"] == "signature_expired"
    assert (await peer.ask()).status_code == 200
    async with peer.application.database.tenant(peer.scope) as connection:
        assert await connection.fetchval("SELECT count(*) FROM peer_nonce") == 1


async def test_clocks_may_be_five_seconds_apart(place: Place, peer: Peer) -> None:
    at = int(place.clock.now().timestamp())
    ahead = await peer.ask(described=peer.described(created=at + 5, expires=at + 60))
    late = peer.question(described=peer.described(created=at - 10, expires=at - 2))
    assert [ahead.status_code, (await peer.send(*late)).status_code] == [200, 200]


async def test_revoked_peers_and_keys_are_refused_at_once_and_told_why(application: Application) -> None:
    for key in (False, True):
        peer = await peer_of(application)
        assert (await peer.ask()).status_code == 200
        await application.peering.revoke(peer.scope, peer.name, peer.signer.key_id if key else None)
        question, body = peer.question()
        response = await peer.send(question, body)
        assert (response.status_code, response.json()["code"]) == (401, "peer_revoked")
        check_signed(peer, question, response)
        assert (await peer.audited())[-1] == (await peer.id(), "peer_revoked", 401)
        await peer.http.aclose()


async def test_a_grant_is_needed_and_ends(place: Place, application: Application) -> None:
    peer = await peer_of(application, None)
    assert (await peer.ask()).json()["code"] == "no_grant"
    end = place.clock.now() + timedelta(hours=1)
    await application.peering.grant(peer.scope, peer.name, grant(not_after=end))
    assert (await peer.ask()).status_code == 200
    place.clock.advance(timedelta(hours=2))
    response = await peer.ask()
    assert (response.status_code, response.json()["code"]) == (403, "grant_expired")
    who = await peer.id()
    assert [row[:2] for row in await peer.audited()] == [(who, "no_grant"), (who, ""), (who, "grant_expired")]
    await peer.http.aclose()


async def test_a_grant_limits_types_and_documents_and_a_peer_only_reads(application: Application) -> None:
    peer = await peer_of(application, grant(types=frozenset({"Release"})))
    releases = "{ releases(first: 1) { edges { node { name } } } }"
    evidence = "{ evidence(first: 1) { edges { node { kind } } } }"
    typed = await peer.ask(releases), await peer.ask(evidence)
    assert [one.json().get("errors", [{}])[0].get("extensions", {}).get("code") for one in typed] == [
        None, "type_not_granted",
    ], [one.json() for one in typed]  # fmt: skip
    beyond = (
        "budgets(first: 1) { edges { cursor } }", "rollouts(first: 1) { totalCount { value } }",
        "components(first: 1) { edges { node { name } } }", "log { treeSize }",
    )  # fmt: skip
    for field in beyond:
        said = await peer.ask(f"{{ ...all }} fragment all on Query {{ {field} }}")
        assert said.json()["errors"][0]["extensions"]["code"] == "type_not_granted", (field, said.text)
    free = await peer.ask("{ viewer { __typename } checkpoint { __typename } rateLimit { remaining } }")
    assert "errors" not in free.json(), free.text
    asked = await peer.ask("mutation { __typename }")
    assert asked.json()["errors"][0]["extensions"]["code"] in {"read_only", "validation_failed"}
    await application.peering.grant(peer.scope, peer.name, grant(documents=frozenset({"sha256:" + "0" * 64})))
    refused = await peer.ask(releases)
    assert refused.json()["errors"][0]["extensions"]["code"] == "document_not_allowed"
    await peer.http.aclose()


async def test_a_granted_rate_is_kept_to(place: Place, application: Application) -> None:
    peer = await peer_of(application, grant(cost_rate=1))
    scope, at = peer.scope, place.clock.now()
    async with application.database.tenant(scope) as connection:
        await peers.charge(connection, scope, UUID(await peer.id()), at, 70)
    response = await peer.ask()
    assert response.json()["code"] == "rate_limited"
    assert 0 < response.json()["retry_after"] <= 10
    assert int(response.headers["retry-after"]) >= 1
    place.clock.advance(timedelta(seconds=11))
    assert (await peer.ask()).status_code == 200
    await peer.http.aclose()


async def test_a_tenant_that_is_not_there_looks_like_a_key_nobody_has(peer: Peer) -> None:
    path = "/federation/nobody/graphql"
    absent = await peer.send(*peer.question(target=f"{PUBLIC}{path}"), path)
    unknown = await peer.ask(described=described(peer, "key_unknown"))
    assert {name: value for name, value in absent.json().items() if name != "requestId"} == {
        name: value for name, value in unknown.json().items() if name != "requestId"
    }


async def test_a_question_for_one_tenant_is_no_question_for_another(application: Application, peer: Peer) -> None:
    rival = await peer_of(application)
    question, body = peer.question()
    response = await peer.send(question, body, rival.path)
    assert response.json()["code"] == "key_unknown"
    assert await rival.audited() == [(NOBODY, "key_unknown", 401)]
    assert await peer.audited() == []
    await rival.http.aclose()


async def test_without_a_public_url_nothing_is_federated(place: Place, application: Application) -> None:
    off = Federation(application.database, place.clock, MessageSigner.generate(), None)
    peer = await peer_of(replace(application, federation=off))
    response = await peer.ask()
    assert (response.status_code, response.json()["code"]) == (403, "federation_off")
    await peer.http.aclose()


async def test_a_host_that_is_none_is_no_fault_of_ours(peer: Peer) -> None:
    question, body = peer.question(signer=MessageSigner.generate())
    for host in ("[", "host:99999", "a]b"):
        response = await peer.http.post(peer.path, content=body, headers=[*question.fields, ("Host", host)])
        assert (response.status_code, response.json()["code"]) == (401, "bad_signature"), host


async def test_questions_of_any_length_are_not_read(peer: Peer) -> None:
    response = await peer.ask(body=orjson.dumps({"query": "#" * 300_000}))
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.integers(-1, 3), at=st.integers(0, 1_000_000), bit=st.integers(0, 6))
async def test_no_byte_of_a_question_can_be_another(peer: Peer, part: int, at: int, bit: int) -> None:
    question, body = peer.question()
    fields = [list(field) for field in question.fields]
    value = body if part < 0 else fields[part][1].encode()
    at %= len(value)
    flipped = value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
    if part < 0:
        body = flipped
    else:
        fields[part][1] = flipped.decode("latin-1")
    response = await peer.send(Message(tuple((name, text) for name, text in fields)), body)
    assert response.status_code == 401
    assert response.json()["code"]
