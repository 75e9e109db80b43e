from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evidence_api.domain.errors import EvidenceError, StoreUnavailable
from evidence_api.engines.blobs import BlobStore

DIGEST = "ab" * 32
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs") if request.param == "folder" else f"memory://{tmp_path}")


async def _write(store: BlobStore, *chunks: bytes) -> str:
    writer = await store.create("acme", DIGEST)
    for chunk in chunks:
        await writer.write(chunk)
    return await writer.keep()


async def _read(store: BlobStore, location: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(location)])


async def test_what_is_kept_is_read_back(store: BlobStore) -> None:
    location = await _write(store, b"one ", b"two")
    assert await _read(store, location) == b"one two"


async def test_two_of_the_same_digest_do_not_meet(store: BlobStore) -> None:
    first, second = await _write(store, b"same"), await _write(store, b"same")
    await store.remove(first)
    assert await _read(store, second) == b"same"


async def test_what_is_discarded_is_gone(store: BlobStore) -> None:
    writer = await store.create("acme", DIGEST)
    await writer.write(b"half")
    await writer.discard()
    with pytest.raises(StoreUnavailable):
        await _read(store, writer.location)


async def test_a_sweep_removes_what_nobody_names(store: BlobStore) -> None:
    known, lost = await _write(store, b"known"), await _write(store, b"lost")
    assert await store.sweep("acme", {known}, before=LATER) == (lost,)
    assert await _read(store, known) == b"known"
    assert await store.sweep("acme", {known}, before=LATER) == ()


async def test_a_sweep_leaves_what_is_young_and_what_is_another_owner_s(store: BlobStore) -> None:
    location = await _write(store, b"under way")
    assert await store.sweep("acme", (), before=LATER - timedelta(days=2)) == ()
    assert await store.sweep("rival", (), before=LATER) == ()
    assert await _read(store, location) == b"under way"


def test_an_unknown_kind_of_store_is_named() -> None:
    with pytest.raises(EvidenceError) as refused:
        BlobStore("gopher://somewhere")
    assert refused.value.code == "blob_store"
