"""Every bound of an upload, over HTTP: a problem with the limit and the value, and nothing stored."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from evidence_api.bootstrap import open_application
from evidence_api.formats.dsse import IN_TOTO, MAX_SIGNATURES, encode_envelope
from evidence_api.formats.statement import MAX_SUBJECTS
from evidence_api.formats.strict_json import MAX_DEPTH
from evidence_api.settings import Settings
from evidence_api.store.migrate import Login, login_dsn
from evidence_api.web.batches import MAX_BYTES, MAX_LINES
from evidence_api.web.subjects import MAX_NAMED_SUBJECTS
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door, door_of


def test_the_bounds_are_the_ones_promised() -> None:
    assert (MAX_DEPTH, MAX_SIGNATURES, MAX_LINES, MAX_BYTES, MAX_SUBJECTS) == (64, 16, 1_000, 32 * 2**20, 100_000)


async def refused(door: Door, body: bytes, path: str = "/v1/evidence") -> tuple[int, Any, Any]:
    answer = await door.http.post(path, content=body)
    problem = answer.json()
    assert answer.status_code == 413, problem
    assert (answer.headers["content-type"], problem["code"]) == ("application/problem+json", "too_large")
    assert (await door.http.get("/v1/log/acme/checkpoint")).text.splitlines()[1] == "0"
    return answer.status_code, problem["limit"], problem["value"]


async def test_depth_of_an_upload_and_of_a_signed_statement(door: Door) -> None:
    for depth in (65, 1_000, 5_000):
        deep = b'{"_type":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
        assert await refused(door, deep) == (413, 64, 65)
        assert await refused(door, encode_envelope(door.signer.sign(IN_TOTO, deep))) == (413, 64, 65)


async def test_signatures_of_an_envelope(door: Door) -> None:
    envelope = json.loads(door.envelope(statements.test_result()))
    envelope["signatures"] *= 17
    assert await refused(door, json.dumps(envelope).encode()) == (413, 16, 17)


@pytest.fixture
async def wide(login: Login, tmp_path: Path, clock: SteppingClock) -> AsyncIterator[Door]:
    """A door that takes bodies of the shipped size."""
    settings = Settings.from_environment(home=tmp_path, database_url=login_dsn(login.app_dsn, "postgres"))
    assert settings.max_body == 64 * 2**20
    async with open_application(settings, clock) as opened:
        made = await door_of(opened, "acme")
        async with made.http:
            yield made


async def test_what_is_bounded_by_size_and_by_count(wide: Door) -> None:
    subjects = [{"name": "a", "digest": {"sha256": f"{number:064x}"}} for number in range(MAX_SUBJECTS + 1)]
    body = wide.envelope({**statements.test_result(), "subject": subjects})
    assert await refused(wide, body) == (413, 100_000, 100_001)
    assert await refused(wide, bytes(64 * 2**20 + 1)) == (413, 64 * 2**20, 64 * 2**20 + 1)
    answer = await wide.http.post(
        "/v1/evidence", content=bytes(MAX_BYTES + 1), headers={"Content-Type": "application/x-ndjson"}
    )
    assert (answer.status_code, answer.json()["limit"], answer.json()["value"]) == (413, MAX_BYTES, MAX_BYTES + 1)


async def test_named_subjects(door: Door) -> None:
    query = "&".join(f"subject=sha256:{number:064x}" for number in range(MAX_NAMED_SUBJECTS + 1))
    assert await refused(door, b"<testsuites/>", f"/v1/evidence?{query}") == (413, 64, 65)


async def test_a_query_that_is_not_understood_is_refused(door: Door) -> None:
    for query, path in (
        ("subject=abc", "subject"),
        ("subject=sha256:xyz", "subject[0].digest.sha256"),
        ("kind=sbom", "query"),
        ("subject", "subject"),
    ):
        answer = await door.http.post(f"/v1/evidence?{query}", content=b"<testsuites/>")
        assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "malformed", path)


async def test_a_statement_takes_no_named_subject(door: Door) -> None:
    statement = statements.test_result()
    for body in (door.envelope(statement), statements.statement_bytes(statement), json.dumps({"bundle": statement})):
        answer = await door.http.post(f"/v1/evidence?subject=sha256:{'0' * 64}", content=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "malformed", "subject")
