from collections.abc import Iterator
from hashlib import sha256
from itertools import repeat
from pathlib import Path

import pytest

from evidence_api.domain.errors import EvidenceError, TooLarge
from evidence_api.engines import artifact_files
from evidence_api.engines.artifact_files import ArtifactFiles

BODY = b"episodes"
DIGEST = "sha256:" + sha256(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize("name", [DIGEST, DIGEST[7:], DIGEST[7:].upper(), f"{DIGEST[7:]}.jsonl", "within/z.jsonl", "0"])
def test_a_file_is_found_by_its_bytes_whatever_its_name(folder: Path, name: str) -> None:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(BODY)
    assert ArtifactFiles([folder]).find(DIGEST) == file
    assert ArtifactFiles([folder / "a", file]).find(DIGEST) == file


def test_a_file_named_by_its_digest_is_looked_at_first(folder: Path) -> None:
    (folder / f"sha256:{DIGEST[7:]}").write_bytes(BODY)
    hashed: list[Path] = []
    assert ArtifactFiles([folder], hashed.append).find(DIGEST) is not None
    assert [file.name for file in hashed] == [DIGEST]


def test_each_file_is_hashed_once_and_only_when_needed(folder: Path) -> None:
    hashed: list[Path] = []
    files = ArtifactFiles([folder], hashed.append)
    assert files.find("sha256:" + sha256(b"b").hexdigest()) == folder / "b"
    assert [file.name for file in hashed] == ["a", "b"]
    assert files.find("sha256:" + sha256(b"a").hexdigest()) == folder / "a"
    assert files.find(DIGEST) is None
    assert files.find(DIGEST) is None
    assert [file.name for file in hashed] == ["a", "b", "c"]


def test_a_name_is_no_proof(folder: Path) -> None:
    (folder / DIGEST[7:]).write_bytes(b"something else")
    assert ArtifactFiles([folder]).find(DIGEST) is None


def test_a_path_that_is_not_there_is_refused_once_it_is_needed(tmp_path: Path) -> None:
    files = ArtifactFiles([tmp_path / "absent"])
    with pytest.raises(EvidenceError) as caught:
        files.find(DIGEST)
    assert (caught.value.code, caught.value.fields["path"]) == ("unreadable_file", str(tmp_path / "absent"))


def test_there_is_a_limit_to_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_files, "MAX_FILES", 2)
    with pytest.raises(TooLarge) as caught:
        ArtifactFiles([folder]).find(DIGEST)
    assert caught.value.fields["limit"] == 2


def test_no_more_files_are_listed_than_may_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_files, "MAX_FILES", 2)

    def endless(self: Path, _: str) -> Iterator[Path]:
        yield from repeat(self / "a")

    monkeypatch.setattr(Path, "rglob", endless)
    with pytest.raises(TooLarge):
        ArtifactFiles([folder]).find(DIGEST)
