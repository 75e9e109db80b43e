"""Reading logged episodes, too many for a statement: JSON Lines, or Parquet, into four columns of numbers.

A line, or a row, is {eval, costUSD, pBehavior, pTarget}; other members are passed over. The file is read once, a
mebibyte at a time, so memory is that of the rows alone (and of one run of them where the caller keeps them elsewhere).
Whole runs of lines are checked at once; only a run that is not plainly right is read again line by line, strictly, and
refused by line and column. Parquet needs pyarrow, which the base install has not: whoever has it passes its reader.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from evidence_api.domain.decisions.off_policy import COLUMNS, Episodes, RowFault, first_fault
from evidence_api.domain.decisions.reperforming import OUT_OF_DOMAIN
from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge
from evidence_api.formats.strict_json import load

Progress: TypeAlias = Callable[[int, float], None]  # rows read so far, share of the file (0 to 1)
Rows: TypeAlias = NDArray[np.float64]  # n x 4, in the order of COLUMNS
RowReader: TypeAlias = Callable[[BinaryIO, Progress], Iterator[Rows]]

NAMES = tuple(name for name, *_ in COLUMNS)
MAX_ROWS = 50_000_000
MAX_BYTES = 16 * 2**30
MAX_LINE = 2**20  # bytes
PARQUET_MAGIC = b"PAR1"
_CHUNK = 2**20  # bytes read at a time
_QUOTED = tuple(f'"{name}"'.encode() for name in NAMES)
_NUMBERS = frozenset((float, int))
_AT = "episodesArtifact"


def untold(_rows: int, _share: float) -> None:
    """Progress nobody asked for."""


def read_episodes(file: BinaryIO, *, progress: Progress = untold, parquet: RowReader | None = None) -> Episodes:
    """All episodes of a seekable file, into memory: 32 bytes each, twice that while they are put together. Raises what
    `episode_rows` does."""
    rows = np.concatenate(list(episode_rows(file, progress=progress, parquet=parquet)))
    return episodes_of(rows)


def episode_lines(episodes: Episodes) -> Iterator[bytes]:
    """The JSON Lines of episodes, for whoever uploads them."""
    columns = (column.tolist() for column in (episodes.eval, episodes.cost, episodes.behaviour, episodes.target))
    for row in zip(*columns, strict=True):
        yield orjson.dumps(dict(zip(NAMES, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)


def episodes_of(rows: Rows) -> Episodes:
    """The columns of rows that have been checked."""
    return Episodes(*(rows[:, index] for index in range(len(NAMES))))


def episode_rows(file: BinaryIO, *, progress: Progress = untold, parquet: RowReader | None = None) -> Iterator[Rows]:
    """Checked rows, some ten thousand at a time, in bounded memory. The bytes say which format it is.

    Raises Malformed (`line` or `row`, both counted from 1, and `column`; `out_of_domain` for a number that is no
    probability, amount or finite), TooLarge (50 million rows, 16 GiB, a mebibyte a line), EvidenceError
    `extra_missing` (Parquet without a reader for it).
    """
    size = file.seek(0, 2)
    file.seek(0)
    check_size(size)
    magic = file.read(len(PARQUET_MAGIC))
    file.seek(0)
    if magic != PARQUET_MAGIC:
        read = _lines_reader(size)
    elif parquet is not None:
        read = parquet
    else:
        raise EvidenceError(
            "episodes in Parquet need more than the base install",
            code="extra_missing",
            install="pip install evidence-api[server]",
            missing="pyarrow",
        )
    count = 0
    for rows in read(file, progress):
        count += len(rows)
        check_rows(count)
        yield rows
    if not count:
        raise Malformed("the artifact holds no episode", path=_AT)


def check_size(size: int) -> None:
    """Of the file, in bytes. Raises TooLarge."""
    if size > MAX_BYTES:
        raise TooLarge(f"the episodes take {size} bytes, of {MAX_BYTES} at most", path=_AT, limit=MAX_BYTES, value=size)


def check_rows(count: int) -> None:
    """Raises TooLarge."""
    if count > MAX_ROWS:
        said = f"the artifact holds {count} episodes or more, of {MAX_ROWS} at most"
        raise TooLarge(said, path=_AT, limit=MAX_ROWS, value=count)


def refused(fault: RowFault, number: int, *, unit: str, code: str = OUT_OF_DOMAIN) -> Malformed:
    """One value as a refusal; `number` counts lines or rows (`unit`) from 1."""
    message = f"{unit} {number}: {fault.column}: {fault.why}"
    return Malformed(message, code=code, path=f"{_AT}.{fault.column}", column=fault.column, **{unit: number})


def _lines_reader(size: int) -> RowReader:
    def read(file: BinaryIO, progress: Progress) -> Iterator[Rows]:
        number, count, rest = 1, 0, b""
        while chunk := file.read(_CHUNK):
            whole, newline, tail = chunk.rpartition(b"\n")
            if not newline:
                rest += tail
                _check_line(rest, number)
                continue
            lines = (rest + whole).split(b"\n")
            rest = tail
            rows = _rows(lines, number)
            number, count = number + len(lines), count + len(rows)
            progress(count, file.tell() / size)
            yield rows
        if rest.strip():
            rows = _rows([rest], number)
            progress(count + len(rows), 1.0)
            yield rows

    return read


def _check_line(line: bytes, number: int) -> None:
    if len(line) > MAX_LINE:
        said = f"line {number} takes more than {MAX_LINE} bytes"
        raise TooLarge(said, path=_AT, line=number, limit=MAX_LINE, value=len(line))


def _rows(lines: Sequence[bytes], first: int) -> Rows:
    """The rows of some lines; blank ones are passed over."""
    rows = _plainly(lines)
    if rows is not None:
        return rows
    read = [_row(line, number) for number, line in enumerate(lines, first) if line.strip()]
    return np.array(read, dtype=np.float64).reshape(-1, len(NAMES))


def _plainly(lines: Sequence[bytes]) -> Rows | None:
    """All of the lines at once, where each is plainly an episode: no name is escaped or written twice."""
    if max(map(len, lines)) > MAX_LINE:
        return None
    try:
        documents = [orjson.loads(line) for line in lines if line.strip()]
        columns = [[document[name] for document in documents] for name in NAMES]
    except (ValueError, TypeError, KeyError):
        return None
    text = b"\n".join(lines)
    if b"\\" in text or any(text.count(name) != len(documents) for name in _QUOTED):
        return None
    if any(not _NUMBERS.issuperset(map(type, column)) for column in columns):
        return None
    arrays = [np.array(column, dtype=np.float64) for column in columns]
    return None if first_fault(arrays) is not None else np.column_stack(arrays)


def _row(line: bytes, number: int) -> list[float]:
    """One line, read strictly. Raises Malformed, TooLarge."""
    _check_line(line, number)
    document = _document(line, number)
    for name in NAMES:
        if name not in document:
            raise refused(RowFault(number, name, "is missing"), number, unit="line", code=Malformed.default_code)
        if type(document[name]) not in _NUMBERS:
            why = f"a number is needed, not {str(document[name])[:80]!r}"
            raise refused(RowFault(number, name, why), number, unit="line", code=Malformed.default_code)
    row = [float(document[name]) for name in NAMES]
    fault = first_fault([np.array([value]) for value in row])
    if fault is not None:
        raise refused(fault, number, unit="line")
    return row


def _document(line: bytes, number: int) -> dict[str, Any]:
    try:
        document = load(line, what=f"line {number}")
    except (Malformed, TooLarge) as fault:
        name = _no_number(line)
        if name:
            why = "NaN and infinities are no JSON numbers"
            raise refused(RowFault(number, name, why), number, unit="line") from fault
        raise type(fault)(fault.message, code=fault.code, **{**fault.fields, "path": _AT, "line": number}) from fault
    if not isinstance(document, dict):
        raise Malformed(f"line {number}: an episode is an object", path=_AT, line=number)
    return document


def _no_number(line: bytes) -> str:
    """The column whose value is NaN or infinite, as some writers of JSON have it; "" if that is not the fault."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    values = document if isinstance(document, dict) else {}
    return next((n for n in NAMES if isinstance(values.get(n), float) and not isfinite(values[n])), "")
