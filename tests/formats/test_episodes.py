import io
import math
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.decisions.off_policy import Episodes
from evidence_api.domain.errors import EvidenceError, Malformed, Refused, TooLarge
from evidence_api.formats import episodes as module
from evidence_api.formats.episodes import NAMES, episode_rows, read_episodes
from evidence_api.formats.episodes_parquet import parquet_rows
from tests.support.episodes import columns, drawn, json_lines, parquet, parquet_of

GOOD = b'{"eval":0.9,"costUSD":0.1,"pBehavior":0.5,"pTarget":0.25}'


def read(body: bytes) -> Episodes:
    return read_episodes(io.BytesIO(body), parquet=parquet_rows)


def refusal(body: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        read(body)
    return caught.value


@pytest.mark.parametrize("write", [json_lines, parquet])
def test_what_is_written_is_read(write: Any) -> None:  # noqa: ANN401  either writer
    wanted = drawn(40_000)
    assert columns(read(write(wanted))) == columns(wanted)


@pytest.mark.parametrize("write", [json_lines, parquet])
def test_progress_is_told_on_the_way_to_the_end(write: Any) -> None:  # noqa: ANN401  either writer
    told: list[tuple[int, float]] = []
    body = write(drawn(70_000))
    read_episodes(io.BytesIO(body), parquet=parquet_rows, progress=lambda rows, share: told.append((rows, share)))
    assert len(told) > 1
    assert told == sorted(told)
    assert told[-1] == (70_000, 1.0)
    assert 0 < told[0][1] < 1


@pytest.mark.parametrize("write", [json_lines, parquet])
def test_a_file_is_read_in_runs_of_bounded_size(write: Any) -> None:  # noqa: ANN401  either writer
    body = write(drawn(80_000))
    runs = [len(rows) for rows in episode_rows(io.BytesIO(body), parquet=parquet_rows)]
    assert sum(runs) == 80_000
    assert max(runs) <= 65_536


def test_lines_as_other_writers_have_them() -> None:
    spaced = b'{ "task": "a\\"b", "pTarget": 0, "pBehavior": 1, "costUSD": 2e0, "eval": -1, "x": [1, {"eval": 3}] }'
    found = columns(read(b"\r\n".join([GOOD, b"", b"  ", spaced])))
    assert found == {"eval": [0.9, -1], "costUSD": [0.1, 2], "pBehavior": [0.5, 1], "pTarget": [0.25, 0]}


def test_a_column_named_with_escapes_is_that_column() -> None:
    assert columns(read(GOOD.replace(b"eval", b"ev\\u0061l")))["eval"] == [0.9]


def line(**changes: object) -> bytes:
    return orjson.dumps({**orjson.loads(GOOD), **changes})


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        (line(eval=None), "eval"),
        (line(eval="0.9"), "eval"),
        (line(eval=True), "eval"),
        (line(eval=[0.9]), "eval"),
        (line(eval=1e308), "eval"),
        (line(costUSD=-0.1), "costUSD"),
        (line(pBehavior=0), "pBehavior"),
        (line(pBehavior=1.1), "pBehavior"),
        (line(pTarget=-1e-9), "pTarget"),
        (line(pTarget=2), "pTarget"),
        (GOOD.replace(b"0.25", b"NaN"), "pTarget"),
        (GOOD.replace(b"0.25", b"-Infinity"), "pTarget"),
        (GOOD.replace(b"0.25", b"1e999"), "pTarget"),
        (b'{"eval":0.9,"pBehavior":0.5,"pTarget":0.25}', "costUSD"),
        (b'{"extra":{"eval":1},"costUSD":0.1,"pBehavior":0.5,"pTarget":0.25}', "eval"),
    ],
)
def test_a_line_that_is_no_episode_is_refused_by_line_and_column(bad: bytes, column: str) -> None:
    fault = refusal(b"\n".join([GOOD, b"", GOOD, bad, GOOD]))
    assert isinstance(fault, Malformed)
    assert (fault.fields["line"], fault.fields["column"]) == (4, column)
    assert fault.fields["path"] == f"episodesArtifact.{column}"
    assert fault.message.startswith(f"line 4: {column}: ")


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"7",
        b"null",
        b"[0.9,0.1,0.5,0.25]",
        GOOD + b"," + GOOD,
        GOOD[:-1] + b',"eval":0.9}',  # twice: one reader believes the first, another the last
        GOOD[:-1] + b',"\\u0065val":0.8}',
        GOOD[:-1] + b',"x":' + b"[" * 100 + b"]" * 100 + b',"eval":0.9}',
        b"\xff" + GOOD,
    ],
)
def test_a_line_that_is_no_plain_object_is_refused_by_line(bad: bytes) -> None:
    fault = refusal(b"\n".join([GOOD, bad, GOOD]))
    assert fault.fields["line"] == 2
    assert str(fault.fields["path"]).startswith("episodesArtifact")


def test_the_first_faulty_line_is_named_wherever_the_runs_part() -> None:
    lines = json_lines(drawn(30_000)).splitlines()
    lines[25_000] = line(eval=None)
    lines[29_000] = b"{"
    assert refusal(b"\n".join(lines)).fields["line"] == 25_001


@pytest.mark.parametrize("body", [b"", b"\n \n"])
def test_no_episode_at_all_is_refused(body: bytes) -> None:
    assert refusal(body).message == "the artifact holds no episode"


def test_a_parquet_without_rows_is_refused() -> None:
    assert refusal(parquet_of({name: pa.array([], pa.float64()) for name in NAMES})).code == "malformed"


def test_a_line_of_a_mebibyte_is_the_longest() -> None:
    space = b" " * (2**20 - len(GOOD))
    assert len(read(GOOD + b"\n" + space + GOOD)) == 2
    assert refusal(GOOD + b"\n" + space + b" " + GOOD + b"\n" + GOOD).fields["line"] == 2


def test_lines_rows_and_files_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = refusal(GOOD + b"\n" + b" " * (3 * 2**20) + GOOD)
    assert (endless.code, endless.fields["line"], endless.fields["limit"]) == ("too_large", 2, 2**20)
    monkeypatch.setattr(module, "MAX_ROWS", 9)
    for body in (json_lines(drawn(10)), parquet(drawn(10))):
        fault = refusal(body)
        assert isinstance(fault, TooLarge)
        assert (fault.fields["limit"], fault.fields["value"]) == (9, 10)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    assert refusal(json_lines(drawn(10))).fields["limit"] == 100


def test_parquet_without_its_reader_names_what_to_install() -> None:
    with pytest.raises(EvidenceError) as caught:
        read_episodes(io.BytesIO(parquet(drawn(3))))
    assert caught.value.code == "extra_missing"
    assert caught.value.fields["install"] == "pip install evidence-api[server]"


def test_parquet_of_other_number_types_is_read() -> None:
    body = parquet_of(
        {
            "task": ["a", "b"],
            "pTarget": pa.array([0, 1], pa.int8()),
            "pBehavior": pa.array([0.5, 0.25], pa.float32()),
            "costUSD": pa.array([Decimal("0.10"), Decimal("2.50")], pa.decimal128(10, 2)),
            "eval": pa.array([1, 2], pa.uint64()),
        }
    )
    found = columns(read(body))
    assert found == {"eval": [1, 2], "costUSD": [0.1, 2.5], "pBehavior": [0.5, 0.25], "pTarget": [0, 1]}


@pytest.mark.parametrize(
    ("column", "values", "row"),
    [
        ("eval", [0.9, math.nan, 0.9], 2),
        ("eval", [0.9, 0.9, math.inf], 3),
        ("costUSD", [0.1, None, 0.1], 2),
        ("costUSD", [-0.1, 0.1, 0.1], 1),
        ("pBehavior", [0.5, 0.0, 0.5], 2),
        ("pTarget", [0.5, 0.5, 1.5], 3),
    ],
)
def test_a_parquet_row_that_is_no_episode_is_refused_by_row_and_column(
    column: str, values: list[float | None], row: int
) -> None:
    fault = refusal(parquet_of({**columns(drawn(3)), column: values}))
    assert (fault.fields["row"], fault.fields["column"]) == (row, column)
    assert fault.fields["path"] == f"episodesArtifact.{column}"


@pytest.mark.parametrize(
    "values", [["0.9"] * 3, [True] * 3, [None] * 3, [[0.9]] * 3, pa.array([1, 2, 3], pa.timestamp("s"))]
)
def test_a_parquet_column_of_another_type_is_refused(values: Any) -> None:  # noqa: ANN401  anything arrow can hold
    fault = refusal(parquet_of({**columns(drawn(3)), "eval": values}))
    assert fault.fields["column"] == "eval"


def test_a_parquet_column_that_is_missing_or_there_twice_is_refused() -> None:
    named = columns(drawn(3))
    missing = refusal(parquet_of({name: named[name] for name in NAMES[:3]}))
    assert missing.message == "column pTarget is missing"
    written = io.BytesIO()
    twice = pa.Table.from_arrays([pa.array(named[name]) for name in (*NAMES, "eval")], names=[*NAMES, "eval"])
    pa.parquet.write_table(twice, written)
    assert refusal(written.getvalue()).message == "column eval is there 2 times"


def test_broken_parquet_is_refused() -> None:
    whole = parquet(drawn(1_000))
    for broken in (b"PAR1", b"PAR1" + b"\0" * 100, whole[:-100], whole[:500] + whole[600:], b"PAR1" + GOOD):
        assert refusal(broken).code == "malformed"


def code_of(body: bytes) -> str:
    """Of the refusal; "read" where there is none and every number is one."""
    try:
        found = read(body)
    except Refused as fault:
        return fault.code
    return "read" if np.isfinite(found.eval).all() else "not a number"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_files_are_read_or_refused_and_nothing_else(junk: bytes, at: int) -> None:
    for whole in (json_lines(drawn(5)), parquet(drawn(5))):
        damaged = whole[:at] + junk + whole[at + len(junk) :]
        assert code_of(damaged) in {"read", "malformed", "out_of_domain", "too_large"}
