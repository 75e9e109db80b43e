"""Episodes of uploaded artifacts: read beside the server, with a progress others can see."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from evidence_api.domain.decisions.off_policy import Episodes
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Malformed, TooLarge, VerificationFailed
from evidence_api.domain.reading import ReadingProgress
from evidence_api.engines.episode_reader import EpisodeReader
from evidence_api.formats import episodes
from evidence_api.store import artifacts, reperformances
from evidence_api.store.reading_progress import reading_progress
from evidence_api.use_cases.episode_artifacts import EpisodeArtifacts
from tests.support.episodes import columns, drawn, json_lines, parquet
from tests.web.conftest import Door

LEAF = 7


@pytest.fixture
def reading(door: Door) -> EpisodeArtifacts:
    return EpisodeArtifacts(door.application.database, door.application.artifacts, EpisodeReader())


async def put(door: Door, body: bytes) -> str:
    digest = digest_of(body)
    answer = await door.http.put(f"/v1/artifacts/{digest}", content=body)
    assert answer.status_code == 201, answer.text
    return digest


async def wait_for(door: Door, digest: str) -> None:
    async with door.application.database.tenant(door.scope) as connection:
        await reperformances.enlist(connection, door.scope, LEAF, digest)


async def progress(door: Door) -> ReadingProgress:
    async with door.application.database.reading(door.scope) as connection:
        return (await reading_progress(connection, door.scope, [LEAF]))[LEAF]


@pytest.mark.parametrize("write", [json_lines, parquet])
async def test_a_large_artifact_is_read_and_says_how_far_it_is(
    door: Door, reading: EpisodeArtifacts, write: Callable[[Episodes], bytes]
) -> None:
    wanted = drawn(40_000)
    digest = await put(door, write(wanted))
    async with door.application.database.reading(door.scope) as connection:
        stored = await artifacts.find(connection, door.scope, digest)
    assert stored is not None
    assert stored.location  # it is in the blob store, not in a row
    await wait_for(door, digest)
    assert await progress(door) == ReadingProgress(digest, begun=False, rows=0, share=0.0)
    told: list[int] = []
    with capture_logs() as lines:
        found = await reading.of(door.scope, digest, lambda rows, _: told.append(rows))
    assert found is not None
    assert columns(found) == columns(wanted)
    assert told[-1] == 40_000
    assert await progress(door) == ReadingProgress(digest, begun=False, rows=40_000, share=1.0)
    events = [line["event"] for line in lines if line.get("artifact") == digest]
    assert (events[0], events[-2:]) == ("episodes_reading", ["episodes_progress", "episodes_read"])


async def test_what_was_never_uploaded_is_none_and_so_is_another_tenants(
    door: Door, rival: Door, reading: EpisodeArtifacts
) -> None:
    digest = await put(door, json_lines(drawn(3)))
    assert await reading.of(door.scope, "sha256:" + "0" * 64) is None
    assert await reading.of(rival.scope, digest) is None
    assert len(await reading.of(door.scope, digest) or ()) == 3


async def test_what_holds_no_episodes_is_refused(door: Door, reading: EpisodeArtifacts) -> None:
    digest = await put(door, b'{"eval": 0.9}\n')
    with pytest.raises(Malformed) as caught:
        await reading.of(door.scope, digest)
    assert (caught.value.fields["line"], caught.value.fields["column"]) == (1, "costUSD")


async def test_what_is_too_large_is_not_fetched(
    door: Door, reading: EpisodeArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await put(door, json_lines(drawn(3)))
    monkeypatch.setattr(episodes, "MAX_BYTES", 100)
    with pytest.raises(TooLarge) as caught, capture_logs() as lines:
        await reading.of(door.scope, digest)
    assert (caught.value.fields["path"], caught.value.fields["limit"]) == ("episodesArtifact", 100)
    assert "episodes_reading" not in [line["event"] for line in lines]


async def test_bytes_that_the_store_changed_are_not_read(door: Door, reading: EpisodeArtifacts) -> None:
    digest = await put(door, json_lines(drawn(3)))
    async with door.application.database.operator(door.scope) as connection:
        await connection.execute("UPDATE artifact SET content = $1", json_lines(drawn(4)))
    with pytest.raises(VerificationFailed) as caught:
        await reading.of(door.scope, digest)
    assert caught.value.code == "stored_bytes"
