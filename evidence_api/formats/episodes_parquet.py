"""Reading logged episodes from Parquet (pyarrow, of the server's install): the row reader of formats/episodes.py.

Only the four columns are read, a run of rows at a time, on one thread. Floats, integers and decimals are numbers;
every other type, a null, a column that is absent or there twice is refused.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence_api.domain.decisions.off_policy import ROWS_AT_ONCE, RowFault, first_fault
from evidence_api.domain.errors import Malformed
from evidence_api.formats.episodes import NAMES, Progress, Rows, check_rows, refused

_AT = "episodesArtifact"


def parquet_rows(file: BinaryIO, progress: Progress) -> Iterator[Rows]:
    """Checked rows. Raises Malformed (`row`, counted from 1, and `column`), TooLarge."""
    try:
        with pq.ParquetFile(file) as parquet:
            yield from _read(parquet, progress)
    except pa.ArrowMemoryError:
        raise  # a limit of this process, not a fault of the file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
        said = str(fault).partition("\n")[0][:200]
        raise Malformed(f"the artifact is no Parquet that can be read: {said}", path=_AT) from fault


def _read(parquet: pq.ParquetFile, progress: Progress) -> Iterator[Rows]:
    total = parquet.metadata.num_rows
    check_rows(total)
    _check_schema(parquet.schema_arrow)
    start = 0
    for batch in parquet.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(NAMES), use_threads=False):
        rows = _rows(batch, start)
        start += len(rows)
        progress(start, min(1.0, start / max(total, 1)))
        yield rows


def _check_schema(schema: pa.Schema) -> None:
    for name in NAMES:
        found = schema.get_all_field_indices(name)
        if len(found) != 1:
            why = "is missing" if not found else f"is there {len(found)} times"
            raise Malformed(f"column {name} {why}", path=f"{_AT}.{name}", column=name)
        kind = schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            raise Malformed(f"column {name} holds {kind}, where numbers are needed", path=f"{_AT}.{name}", column=name)


def _rows(batch: pa.RecordBatch, start: int) -> Rows:
    columns = [batch.column(batch.schema.get_field_index(name)) for name in NAMES]
    for name, column in zip(NAMES, columns, strict=True):
        if column.null_count:
            row = start + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
            raise refused(RowFault(row, name, "is null"), row + 1, unit="row", code=Malformed.default_code)
    arrays = [column.cast(pa.float64(), safe=False).to_numpy() for column in columns]
    fault = first_fault(arrays)
    if fault is not None:
        raise refused(fault, start + fault.row + 1, unit="row")
    return np.column_stack(arrays)
