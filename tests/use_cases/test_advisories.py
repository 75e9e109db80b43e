"""Importing OSV feeds: what is taken in, what is left out, and that importing again changes nothing."""

import json
import zipfile
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from evidence_api.domain.errors import Malformed, StoreUnavailable, TooLarge
from evidence_api.domain.principal import TenantScope
from evidence_api.engines import feed_files
from evidence_api.store import advisories
from evidence_api.store.advisories import Merged
from evidence_api.store.session import Database
from evidence_api.use_cases.advisories import Advisories
from tests.support.checked import SteppingClock


def record(
    number: int, name: str = "left-pad", *, modified: str = "2026-01-02T00:00:00Z", **more: object
) -> dict[str, Any]:
    return {
        "schema_version": "1.7.0",
        "id": f"PYSEC-2026-{number}",
        "modified": modified,
        "summary": "Something is wrong.",
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": name},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}],
            }
        ],
        **more,
    }


def zipped(path: Path, *records: Any) -> Path:  # noqa: ANN401  records, or what stands in their place
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, one in enumerate(records):
            archive.writestr(f"{number}.json", one if isinstance(one, bytes) else json.dumps(one))
    return path


async def found(database: Database, *packages: tuple[str, str]) -> list[str]:
    async with database.anonymous() as connection:
        return [json.loads(content)["id"] for content in await advisories.about(connection, packages)]


@pytest.fixture
def register(database: Database, clock: SteppingClock) -> Advisories:
    return Advisories(database, clock)


async def test_every_form_of_a_feed_is_read(register: Advisories, database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps(record(1)))
    (folder / "list.json").write_text(json.dumps([record(2), record(3, "other")]))
    (folder / "lines.jsonl").write_text(f"{json.dumps(record(4))}\n\n{json.dumps(record(5))}\n")
    zipped(folder / "all.zip", record(6), record(7))
    seen: list[tuple[int, int]] = []
    report = await register.import_feed([folder], lambda read, whole: seen.append((read, whole)))
    assert report.merged == Merged(added=7)
    assert report.files == 4
    assert seen[-1][0] == seen[-1][1] > 0
    assert await found(database, ("npm", "left-pad")) == [f"PYSEC-2026-{number}" for number in (1, 2, 4, 5, 6, 7)]
    assert await found(database, ("npm", "other"), ("PyPI", "left-pad")) == ["PYSEC-2026-3"]


async def test_importing_again_changes_nothing(register: Advisories, tmp_path: Path) -> None:
    feed = zipped(tmp_path / "all.zip", record(1), record(2))
    first = await register.import_feed([feed])
    again = await register.import_feed([feed])
    assert (again.merged, again.made) == (Merged(unchanged=2), None)
    assert await register.status() == first.made


async def test_the_newest_version_of_a_record_counts(register: Advisories, database: Database, tmp_path: Path) -> None:
    feed = zipped(tmp_path / "1.zip", record(1), record(2), record(1, "elsewhere", modified="2026-01-01T00:00:00Z"))
    before = await register.import_feed([feed])
    assert before.merged == Merged(added=2, older=1)
    later = zipped(
        tmp_path / "2.zip",
        record(1, "renamed", modified="2026-01-03T00:00:00Z"),
        record(2, modified="2026-01-03T00:00:00Z", withdrawn="2026-01-03T00:00:00Z"),
    )
    after = await register.import_feed([later])
    assert after.merged == Merged(changed=2, withdrawn=1)
    assert (before.made, after.made) != (None, None)
    assert before.made is not None
    assert after.made is not None
    assert (after.made.records, after.made.feed_digest != before.made.feed_digest) == (2, True)
    assert await found(database, ("npm", "left-pad")) == []
    assert await found(database, ("npm", "renamed")) == ["PYSEC-2026-1"]
    assert (await register.import_feed([feed])).merged == Merged(older=3)


async def test_the_order_of_importing_does_not_matter_to_the_digest(
    register: Advisories, database: Database, tmp_path: Path
) -> None:
    one, two = zipped(tmp_path / "1.zip", record(1)), zipped(tmp_path / "2.zip", record(2))
    await register.import_feed([one, two])
    straight = await register.status()
    async with database.operator() as owner:
        await owner.execute("TRUNCATE advisory, advisory_package, advisory_import")
    await register.import_feed([two])
    await register.import_feed([one])
    back = await register.status()
    assert straight is not None
    assert back is not None
    assert straight.feed_digest == back.feed_digest


async def test_what_is_no_record_is_named_and_holds_up_nothing(register: Advisories, tmp_path: Path) -> None:
    feed = zipped(tmp_path / "all.zip", b"{", record(1), {"id": "nonsense"}, b"[" * 100, record(2))
    report = await register.import_feed([feed])
    assert report.merged == Merged(added=2)
    assert report.refused == 3
    assert {one.code for one in report.named} == {"malformed"}
    assert all(str(feed) in one.place for one in report.named)


async def test_bombs_and_what_is_no_feed_are_refused_whole(
    register: Advisories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Malformed):
        await register.import_feed([tmp_path / "absent.zip"])
    with pytest.raises(Malformed):
        await register.import_feed([tmp_path])
    (tmp_path / "feed.txt").touch()
    with pytest.raises(Malformed):
        await register.import_feed([tmp_path / "feed.txt"])
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and nothing else")
    with pytest.raises(Malformed):
        await register.import_feed([tmp_path / "broken.zip"])
    bomb = zipped(tmp_path / "bomb.zip", record(1), record(2, details="x" * 3_000_000))
    for limit in ("MAX_RECORD", "MAX_TOTAL"):
        with monkeypatch.context() as lower:
            lower.setattr(feed_files, limit, 1_000_000)
            with pytest.raises(TooLarge) as refused:
                await register.import_feed([bomb])
        assert refused.value.fields["limit"] == 1_000_000
    with monkeypatch.context() as lower:
        lower.setattr(feed_files, "_UNRATED", 1000)
        with pytest.raises(TooLarge) as refused:
            await register.import_feed([bomb])
    assert refused.value.fields["limit"] == feed_files.MAX_RATIO
    assert await register.status() is None


@pytest.mark.parametrize("table", ["advisory", "advisory_package", "advisory_import"])
async def test_the_application_cannot_write_the_register(database: Database, scope: TenantScope, table: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        async with database.tenant(scope) as connection:
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608  a name of ours
    assert isinstance(refused.value.__cause__, asyncpg.InsufficientPrivilegeError)
