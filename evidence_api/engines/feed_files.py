"""Files of an advisory feed: the records inside JSON, JSON Lines, zip archives and folders of them, one at a time.

Archives come from elsewhere, so nothing is unpacked to disk and nothing is trusted about sizes: every record is read
up to its own limit, all of them up to a total, whatever the archive's directory says.
"""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from evidence_api.domain.errors import Malformed, TooLarge

MAX_RECORD = 16 * 2**20  # bytes of one record
MAX_RECORDS = 4_000_000  # of one import
MAX_TOTAL = 32 * 2**30  # bytes of one import, unpacked
MAX_RATIO = 250  # unpacked to packed bytes of one archive beyond its first 64 MiB; JSON packs some 10 to 30 times
_UNRATED = 64 * 2**20
_JSON, _LINES, _ARCHIVE = ".json", ".jsonl", ".zip"
_SUFFIXES = (_JSON, _LINES, _ARCHIVE)


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One record as found. `place` names it for people (file, archive member, line); `read` are the bytes of the
    files and archives passed so far, of `feed_size` in all."""

    place: str
    content: bytes
    read: int


def feed_files(paths: list[Path]) -> list[Path]:
    """The files to read, sorted inside each folder. Raises Malformed (nothing there, or another suffix)."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(one for one in path.rglob("*") if one.suffix.lower() in _SUFFIXES and one.is_file())
        elif not path.is_file():
            raise Malformed(f"{path}: there is no such file or folder", path=str(path), code="unreadable_file")
        elif path.suffix.lower() not in _SUFFIXES:
            raise Malformed(f"{path}: not one of {', '.join(_SUFFIXES)}", path=str(path))
        else:
            files.append(path)
    if not files:
        raise Malformed(f"no {', '.join(_SUFFIXES)} file to import", path=", ".join(map(str, paths)))
    return files


def feed_size(files: list[Path]) -> int:
    """Bytes of the files as they lie there: what progress is measured by."""
    return sum(file.stat().st_size for file in files)


def feed_entries(files: list[Path]) -> Iterator[FeedEntry]:
    """Every record of the files. Raises TooLarge (record, number, total, ratio), Malformed (a damaged archive)."""
    passed = total = count = 0
    for file in files:
        for place, content, inside in _entries_of(file):
            count, total = count + 1, total + len(content)
            if count > MAX_RECORDS:
                raise TooLarge(f"{place}: too many records", path=place, limit=MAX_RECORDS, value=count)
            if total > MAX_TOTAL:
                raise TooLarge(f"{place}: too many bytes unpacked", path=place, limit=MAX_TOTAL, value=total)
            yield FeedEntry(place, content, passed + inside)
        passed += file.stat().st_size


def _entries_of(file: Path) -> Iterator[tuple[str, bytes, int]]:
    match file.suffix.lower():
        case ".zip":
            yield from _members(file)
        case ".jsonl":
            with file.open("rb") as stream:
                yield from _lines(str(file), stream)
        case _:
            with file.open("rb") as stream:
                yield str(file), _bounded(stream, str(file)), 0


def _members(file: Path) -> Iterator[tuple[str, bytes, int]]:
    """The JSON members of an archive, in its order; bytes inside are counted by what is packed."""
    packed = unpacked = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if member.is_dir() or not member.filename.lower().endswith(_JSON):
                    continue
                place = f"{file}:{member.filename[:200]}"
                with archive.open(member) as stream:
                    content = _bounded(stream, place)
                packed, unpacked = packed + member.compress_size, unpacked + len(content)
                if unpacked > _UNRATED + MAX_RATIO * packed:
                    raise TooLarge(
                        f"{place}: the archive unpacks to more than {MAX_RATIO} times its size",
                        path=place,
                        limit=MAX_RATIO,
                        value=unpacked // max(packed, 1),
                    )
                yield place, content, packed
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as fault:
        raise Malformed(f"{file}: not a readable zip archive: {fault}", path=str(file)) from fault


def _lines(name: str, stream: IO[bytes]) -> Iterator[tuple[str, bytes, int]]:
    number = read = 0
    while line := stream.readline(MAX_RECORD + 1):
        number, read = number + 1, read + len(line)
        place = f"{name}:{number}"
        if len(line) > MAX_RECORD:
            raise TooLarge(f"{place}: the record is too long", path=place, limit=MAX_RECORD, value=len(line))
        if line.strip():
            yield place, line, read


def _bounded(stream: IO[bytes], place: str) -> bytes:
    content = stream.read(MAX_RECORD + 1)
    if len(content) > MAX_RECORD:
        raise TooLarge(f"{place}: the record is too large", path=place, limit=MAX_RECORD, value=len(content))
    return content
