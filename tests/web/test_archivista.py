"""The queries Archivista's clients send, word for word in what they select, against a real database."""

import hashlib
import json
from typing import Any

import httpx

from tests.support import statements
from tests.web.conftest import Door

BASE = "/compat/archivista/acme"
SEARCH_GITOIDS = """query ($subjectDigests: [String!], $attestations: [String!], $collectionName: String!,
  $excludeGitoids: [String!]) {
  dsses(where: {gitoidSha256NotIn: $excludeGitoids, hasStatementWith: {
    hasAttestationCollectionsWith: {name: $collectionName, hasAttestationsWith: {typeIn: $attestations}},
    hasSubjectsWith: {hasSubjectDigestsWith: {valueIn: $subjectDigests}}}}) { edges { node { gitoidSha256 } } } }"""
SEARCH_DIGESTS = """query ($subjectDigests: [String!]) { dsses(where: {hasStatementWith: {hasSubjectsWith: {
  hasSubjectDigestsWith: {valueIn: $subjectDigests}}}}) { edges { node { gitoidSha256 } } } }"""
SEARCH = """query($algo: String!, $digest: String!) { dsses(where: {hasStatementWith: {hasSubjectsWith: {
  hasSubjectDigestsWith: {value: $digest, algorithm: $algo}}}}) { edges { node { gitoidSha256 statement {
  attestationCollections { name attestations { type } } } } } } }"""
SUBJECTS = """query($gitoid: String!) { subjects(where: {hasStatementWith: {hasDsseWith: {gitoidSha256: $gitoid}}}) {
  edges { node { name subjectDigests { algorithm value } } } } }"""

BUILT, TESTED = "11" * 32, "22" * 32


def _collection(name: str, digest: str, *types: str) -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://witness.testifysec.com/attestation-collection/v0.1",
        "subject": [{"name": f"file:{name}", "digest": {"sha256": digest}}],
        "predicate": {"name": name, "attestations": [{"type": one, "attestation": {}} for one in types]},
    }


def _gitoid(body: bytes) -> str:
    return hashlib.sha256(b"blob %d\0" % len(body) + body).hexdigest()


async def _upload(door: Door, body: bytes) -> str:
    answer = await door.http.post(f"{BASE}/upload", content=body)
    assert answer.status_code == 200
    assert answer.json() == {"gitoid": _gitoid(body)}
    return _gitoid(body)


async def _query(door: Door, query: str, **variables: object) -> Any:  # noqa: ANN401  any JSON value
    answer = await door.http.post(f"{BASE}/query", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


def _gitoids(data: Any) -> list[str]:  # noqa: ANN401  any JSON value
    return [edge["node"]["gitoidSha256"] for edge in data["dsses"]["edges"]]


async def test_what_was_uploaded_is_downloaded_byte_for_byte(door: Door) -> None:
    body = door.envelope(_collection("build", BUILT, "https://witness.dev/attestations/git/v0.1")) + b"\n"
    gitoid = await _upload(door, body)
    for version in ("", "/v1"):
        got = await door.http.get(f"{BASE}{version}/download/{gitoid}")
        assert (got.status_code, got.content) == (200, body)


async def test_another_spelling_of_the_same_envelope_has_its_own_gitoid(door: Door) -> None:
    body = door.envelope(_collection("build", BUILT, "git"))
    spelt = json.dumps(json.loads(body), indent=1).encode()
    first, second = await _upload(door, body), await _upload(door, spelt)
    assert first != second
    assert (await door.http.get(f"{BASE}/download/{second}")).content == spelt
    assert (await door.http.get(f"{BASE}/download/{first}")).content == body


async def test_the_three_queries(door: Door) -> None:
    build = await _upload(door, door.envelope(_collection("build", BUILT, "git", "product")))
    test = await _upload(door, door.envelope(_collection("test", TESTED, "git", "command-run")))
    asked = {"subjectDigests": [BUILT, TESTED], "collectionName": "build", "attestations": ["product"]}
    assert _gitoids(await _query(door, SEARCH_GITOIDS, **asked, excludeGitoids=[])) == [build]
    assert _gitoids(await _query(door, SEARCH_GITOIDS, **asked, excludeGitoids=[build])) == []
    assert _gitoids(await _query(door, SEARCH_DIGESTS, subjectDigests=[BUILT, TESTED])) == [build, test]
    found = await _query(door, SEARCH, algo="sha256", digest=TESTED)
    assert found["dsses"]["edges"] == [
        {
            "node": {
                "gitoidSha256": test,
                "statement": {
                    "attestationCollections": {
                        "name": "test",
                        "attestations": [{"type": "git"}, {"type": "command-run"}],
                    }
                },
            }
        }
    ]
    told = await _query(door, SUBJECTS, gitoid=test)
    assert told["subjects"]["edges"] == [
        {"node": {"name": "file:test", "subjectDigests": [{"algorithm": "sha256", "value": TESTED}]}}
    ]


async def test_evidence_that_came_in_by_the_front_door_is_found(door: Door) -> None:
    body = door.envelope(statements.test_result(f"sha256:{BUILT}"))
    await door.http.post("/v1/evidence", content=body)
    assert _gitoids(await _query(door, SEARCH_DIGESTS, subjectDigests=[BUILT])) == [_gitoid(body)]
    assert (await door.http.get(f"{BASE}/download/{_gitoid(body)}")).content == body


async def test_an_unnamed_download_looks_at_the_log_first(door: Door) -> None:
    body = door.envelope(statements.test_result())
    await door.http.post("/v1/evidence", content=body)
    assert (await door.http.get(f"{BASE}/download/{_gitoid(body)}")).content == body
    assert (await door.http.get(f"{BASE}/download/{'0' * 64}")).status_code == 404


async def test_what_does_not_verify_is_not_taken(door: Door, rival: Door) -> None:
    refused = await door.http.post(f"{BASE}/upload", content=rival.envelope(statements.test_result()))
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_key")


async def test_only_its_own_tenant_and_only_with_a_token(door: Door, rival: Door) -> None:
    gitoid = await _upload(door, door.envelope(statements.test_result()))
    assert (await rival.http.get(f"{BASE}/download/{gitoid}")).status_code == 404
    assert (await rival.http.get(f"/compat/archivista/rival/download/{gitoid}")).status_code == 404
    anonymous = httpx.AsyncClient(transport=door.http._transport, base_url="http://evidence.test")
    assert (await anonymous.get(f"{BASE}/download/{gitoid}")).status_code == 401


async def test_a_filter_it_does_not_have_is_an_error_not_a_wider_answer(door: Door) -> None:
    for where in ("{signatureIs: 1}", "{hasStatementWith: [{}, {}]}", "{hasStatementWith: {hasDsseWith: {}}}"):
        answer = await door.http.post(f"{BASE}/query", json={"query": f"{{dsses(where: {where}) {{totalCount}}}}"})
        assert answer.status_code == 200
        assert answer.json()["errors"], where
