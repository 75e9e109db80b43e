"""Artifacts over HTTP, on a real database and a folder for the large ones."""

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from evidence_api.domain.errors import VerificationFailed
from evidence_api.domain.principal import Principal
from evidence_api.use_cases.artifacts import ROW_BYTES
from tests.web.conftest import Door

SMALL = b"a small file"
LARGE = bytes(range(256)) * (ROW_BYTES // 256) + b"and a bit"


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


async def _put(door: Door, content: bytes, digest: str = "") -> httpx.Response:
    return await door.http.put(f"/v1/artifacts/{digest or _digest(content)}", content=content)


def _blobs(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(("content", "files"), [(b"", 0), (SMALL, 0), (LARGE, 1)])
async def test_what_was_put_comes_back(door: Door, tmp_path: Path, content: bytes, files: int) -> None:
    put = await _put(door, content)
    assert put.status_code == 201
    assert put.json() == {"digest": _digest(content), "size": len(content), "created": True}
    got = await door.http.get(put.headers["location"])
    assert (got.status_code, got.content) == (200, content)
    assert got.headers["content-length"] == str(len(content))
    assert len(_blobs(tmp_path)) == files


@pytest.mark.parametrize("content", [SMALL, LARGE])
async def test_putting_it_again_changes_nothing(door: Door, tmp_path: Path, content: bytes) -> None:
    await _put(door, content)
    before = _blobs(tmp_path)
    again = await _put(door, content)
    assert (again.status_code, again.json()["created"]) == (200, False)
    assert _blobs(tmp_path) == before


@pytest.mark.parametrize("content", [SMALL, LARGE])
async def test_bytes_of_another_digest_are_refused_and_nothing_is_left(
    door: Door, tmp_path: Path, content: bytes
) -> None:
    wrong = _digest(b"something else")
    refused = await _put(door, content, wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "artifact_digest")
    assert refused.json()["value"] == _digest(content)
    assert (await door.http.head(f"/v1/artifacts/{wrong}")).status_code == 404
    assert _blobs(tmp_path) == []


async def test_a_broken_upload_leaves_nothing_and_repeating_it_works(door: Door, tmp_path: Path) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield LARGE[: ROW_BYTES + 1]
        raise ConnectionResetError

    writer = Principal("token", str(uuid4()), door.scope, frozenset({"evidence:write"}))
    with pytest.raises(ConnectionResetError):
        await door.application.artifacts.put(writer, _digest(LARGE), half())
    assert _blobs(tmp_path) == []
    assert (await door.http.head(f"/v1/artifacts/{_digest(LARGE)}")).status_code == 404
    assert (await _put(door, LARGE)).status_code == 201
    assert len(_blobs(tmp_path)) == 1


async def test_over_the_limit_is_refused_with_limit_and_value(door: Door, tmp_path: Path) -> None:
    door.application.artifacts.limit = len(LARGE) - 1

    async def undeclared() -> AsyncIterator[bytes]:
        yield LARGE

    for refused in (
        await _put(door, LARGE),
        await door.http.put(f"/v1/artifacts/{_digest(LARGE)}", content=undeclared()),
    ):
        assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
        assert (refused.json()["limit"], refused.json()["value"]) == (len(LARGE) - 1, len(LARGE))
    assert _blobs(tmp_path) == []


async def test_a_changed_blob_never_looks_whole(door: Door, tmp_path: Path) -> None:
    await _put(door, LARGE)
    (blob,) = _blobs(tmp_path)
    blob.write_bytes(LARGE[:-1] + b"X")
    scope, artifacts = door.scope, door.application.artifacts
    size, chunks = await artifacts.open(scope, _digest(LARGE))
    seen: list[int] = []

    async def read() -> None:
        async for chunk in chunks:
            seen.append(len(chunk))  # noqa: PERF401  what came before the fault is what matters

    with pytest.raises(VerificationFailed, match="not the one of this digest"):
        await read()
    assert sum(seen) < size


async def test_another_tenant_has_its_own(door: Door, rival: Door) -> None:
    await _put(door, SMALL)
    assert (await rival.http.get(f"/v1/artifacts/{_digest(SMALL)}")).status_code == 404
    assert (await _put(rival, SMALL)).json()["created"] is True


async def test_a_digest_that_is_none_is_refused(door: Door) -> None:
    refused = await door.http.put("/v1/artifacts/sha256:abc", content=b"")
    assert (refused.status_code, refused.json()["code"]) == (422, "malformed")


async def test_who_has_it_need_not_fetch_it(door: Door) -> None:
    await _put(door, SMALL)
    got = await door.http.get(f"/v1/artifacts/{_digest(SMALL)}", headers={"If-None-Match": f'"{_digest(SMALL)}"'})
    assert (got.status_code, got.content) == (304, b"")


async def test_what_a_crash_left_is_swept_after_a_day_and_nothing_else(door: Door, tmp_path: Path) -> None:
    await _put(door, LARGE)
    (kept,) = _blobs(tmp_path)
    lost, young = kept.with_name("lost"), kept.with_name("young")
    lost.write_bytes(b"half an upload")
    young.write_bytes(b"an upload under way")
    now = door.application.clock.now().timestamp()
    os.utime(lost, (0, now - 2 * 86_400))
    os.utime(young, (0, now))
    await door.application.artifacts.sweep(door.scope)
    assert sorted(_blobs(tmp_path)) == sorted([kept, young])
