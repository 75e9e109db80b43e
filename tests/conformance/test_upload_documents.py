"""Raw documents of public suites go in over HTTP as they are: the valid are given back unchanged, the others refused.

Every case of every suite, sent as a file would be; what the suite calls invalid must be refused with a code, and
nothing that is stored may come back changed by a byte.
"""

import hashlib
from collections import Counter

import httpx
import pytest

from tests.support import conformance
from tests.web.conftest import Door, application, door

__all__ = ["application", "door"]

pytestmark = pytest.mark.conformance

SUITES = ("cyclonedx-spec", "cyclonedx-bom-examples", "guac", "openvex", "osv")
QUERY = "query ($id: ID!) { evidenceRecord(id: $id) { kind status body { digest size } } }"


def wanted(expect: str) -> str:
    """What a suite's word asks of an upload: stored, refused, either, or nothing."""
    if expect.startswith("valid"):
        return "stored"
    if expect.startswith(("invalid", "not valid", "reject")):
        return "refused"
    return "either" if expect.startswith("accept as its own kind") else ""


async def outcome(door: Door, body: bytes) -> str:
    """stored or refused, each only if it is so in every respect; otherwise what is wrong."""
    answer = await door.http.post("/v1/evidence", content=body)
    if answer.status_code in {200, 201}:
        return await kept(door, answer, body)
    problem = answer.json()
    if answer.status_code not in {413, 422} or answer.headers["content-type"] != "application/problem+json":
        return f"answered with {answer.status_code}: {answer.text[:200]}"
    return "refused" if problem["code"] and problem["detail"] else f"refused without a reason: {problem}"


async def kept(door: Door, answer: httpx.Response, body: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    again = await door.http.get(f"/v1/blobs/{digest}")
    if again.content != body:
        return f"other bytes came back ({again.status_code})"
    variables = {"id": answer.json()["evidenceId"]}
    asked = (await door.http.post("/graphql", json={"query": QUERY, "variables": variables})).json()
    record = asked["data"]["evidenceRecord"]
    if record["body"] != {"digest": digest, "size": len(body)}:
        return f"the record is of another body: {record}"
    return "stored" if record["status"] == "UNSIGNED" else f"a raw document is {record['status']}"


@pytest.mark.parametrize("suite", SUITES)
async def test_every_document_of_the_suite(door: Door, suite: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = conformance.suite(suite)
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    for case in conformance.cases(suite):
        want = wanted(case["expect"])
        if not want:
            counted["skipped"] += 1
            continue
        got = await outcome(door, (folder / case["files"][0]).read_bytes())
        right = got in {"stored", "refused"} if want == "either" else got == want
        counted[got if right else "wrong"] += 1
        if not right:
            wrong.append(f"{case['case']}: {want} was wanted, {got}")
    with capsys.disabled():
        print(f"\n{suite} over HTTP: {dict(counted)} (skipped: not binding)")  # noqa: T201  the table is what is read
    assert wrong == []
    assert counted["stored"] > 0
