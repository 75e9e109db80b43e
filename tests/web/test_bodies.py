"""Bodies are read within bounds: each refusal names the limit and the value, and comes before the memory is spent."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from evidence_api.domain.errors import EvidenceError
from evidence_api.settings import Settings
from evidence_api.web.bodies import MAX_RATIO, RATIO_FREE, Headers, receive_body
from tests.support import statements
from tests.web.conftest import Door

GZIP: Headers = {b"content-encoding": b"gzip"}
MIB = 2**20
TEXT = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big").hex().encode() for number in range(400_000))  # 3.2 MB


async def read(body: bytes, headers: Headers, *, limit: int = 64 * MIB, piece: int = 64 * 1024) -> bytes:
    pieces = [body[at : at + piece] for at in range(0, len(body), piece)] or [b""]
    messages = iter(
        {"type": "http.request", "body": one, "more_body": number < len(pieces)} for number, one in enumerate(pieces, 1)
    )

    async def receive() -> Message:
        return next(messages)

    return await receive_body(headers, receive, limit)


async def refusal(body: bytes, headers: Headers, *, limit: int = 64 * MIB) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        await read(body, headers, limit=limit)
    return caught.value


@pytest.mark.parametrize("piece", [1, 1000, 64 * 1024, 8 * MIB])
async def test_gzip_is_unpacked_however_it_is_cut(piece: int) -> None:
    body = TEXT if piece > 1 else TEXT[:5000]
    assert await read(gzip.compress(body, mtime=0), GZIP, piece=piece) == body


async def test_members_one_after_the_other_are_one_body() -> None:
    packed = gzip.compress(b"one ", mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(b"two", mtime=0)
    assert await read(packed, GZIP) == b"one two"
    assert await read(packed, GZIP, piece=1) == b"one two"


@pytest.mark.parametrize("encoding", [b"identity", b"GZIP", b"x-gzip"])
async def test_encodings_by_their_names(encoding: bytes) -> None:
    body = b"text" if encoding == b"identity" else gzip.compress(b"text", mtime=0)
    assert await read(body, {b"content-encoding": encoding}) == b"text"


async def test_what_is_highly_repetitive_is_free_up_to_a_mebibyte() -> None:
    body = b"a" * RATIO_FREE
    assert await read(gzip.compress(body, mtime=0), GZIP) == body


async def test_a_bomb_is_stopped_by_its_ratio() -> None:
    packed = gzip.compress(b"\0" * (48 * MIB), mtime=0)
    tracemalloc.start()
    fault = await refusal(packed, GZIP)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (fault.code, fault.fields["limit"]) == ("compression_ratio", MAX_RATIO)
    value = fault.fields["value"]
    assert isinstance(value, int)
    assert value >= MAX_RATIO
    assert most < 16 * MIB


async def test_unpacking_ends_at_the_limit() -> None:
    fault = await refusal(gzip.compress(TEXT, mtime=0), GZIP, limit=3 * MIB)
    assert (fault.code, fault.fields["limit"]) == ("too_large", 3 * MIB)
    value = fault.fields["value"]
    assert isinstance(value, int)
    assert 3 * MIB < value <= len(TEXT)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (gzip.compress(TEXT, mtime=0)[:-9], "truncated_body"),
        (gzip.compress(b"short", mtime=0)[:12], "truncated_body"),
        (b"", "truncated_body"),
        (b"{}", "malformed"),
        (gzip.compress(b"text", mtime=0) + b"more", "malformed"),
        (gzip.compress(b"text", mtime=0)[:-8] + b"\0" * 8, "malformed"),
    ],
)
async def test_what_is_not_gzip_to_its_end_is_refused(body: bytes, code: str) -> None:
    assert (await refusal(body, GZIP)).code == code


async def test_an_encoding_nobody_reads_is_415(door: Door) -> None:
    for encoding in ("br", "deflate", "zstd", "gzip, gzip", "compress"):
        answer = await door.http.post("/v1/evidence", content=b"{}", headers={"Content-Encoding": encoding})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")
        assert answer.headers["accept-encoding"] == "gzip"


async def test_a_packed_upload_is_kept_unpacked_and_is_the_same_evidence(door: Door) -> None:
    body = door.envelope(statements.test_result())
    packed = await door.http.post(
        "/v1/evidence", content=gzip.compress(body, mtime=0), headers={"Content-Encoding": "gzip"}
    )
    plain = await door.http.post("/v1/evidence", content=body)
    assert (packed.status_code, plain.status_code) == (201, 200)
    assert packed.json()["evidenceId"] == plain.json()["evidenceId"]


async def test_a_bomb_over_http_is_413(door: Door) -> None:
    bomb = gzip.compress(b" " * (1024 * 1024 * 40), mtime=0)
    for path in ("/v1/evidence", "/v1/decision-logs"):
        answer = await door.http.post(path, content=bomb, headers={"Content-Encoding": "gzip"})
        assert answer.status_code == 413
        assert answer.json()["code"] in {"compression_ratio", "too_large"}
        assert answer.json()["limit"]
        assert answer.json()["value"] > answer.json()["limit"]


def test_the_shipped_limit_is_64_mebibytes() -> None:
    assert Settings.model_fields["max_body"].default == 64 * MIB


@pytest.mark.parametrize("declared", [True, False])
async def test_a_byte_over_64_mebibytes_is_refused_declared_or_not(declared: bool) -> None:  # noqa: FBT001  a parameter of the test
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += MIB
            yield bytes(MIB)

    endless = pieces()

    async def receive() -> Message:
        return {"type": "http.request", "body": await anext(endless), "more_body": True}

    headers: Headers = {b"content-length": b"%d" % (64 * MIB + 1)} if declared else {}
    with pytest.raises(EvidenceError) as caught:
        await receive_body(headers, receive, 64 * MIB)
    assert (caught.value.code, caught.value.fields["limit"]) == ("too_large", 64 * MIB)
    assert caught.value.fields["value"] == (64 * MIB + 1 if declared else 65 * MIB)
    assert sent == (0 if declared else 65 * MIB)
