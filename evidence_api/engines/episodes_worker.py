"""The reader's own process: one file of episodes in, one file of their numbers out, then it ends.

Started by engines/episode_reader.py and killed by it when time is up. A Parquet file is decoded by a library of
another language from bytes that others wrote: what goes wrong there ends this process, not the server's.
Each line on stdout is JSON: {"rows", "share"} while it reads, then {"done": rows} or {"refused": …}.
"""

import resource
import sys
from pathlib import Path

import orjson

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.episodes import RowReader, episode_rows

try:
    from evidence_api.formats.episodes_parquet import parquet_rows
except ModuleNotFoundError:  # the base install reads JSON Lines only
    PARQUET: RowReader | None = None
else:
    PARQUET = parquet_rows

OUT_OF_MEMORY = 12  # the exit code of a process that ran into its memory limit


def main(source: str, target: str, memory: int) -> int:
    """Read `source` into `target`: rows of four doubles, in the machine's byte order."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    rows = 0
    try:
        with Path(source).open("rb") as file, Path(target).open("wb") as out:
            for some in episode_rows(file, progress=_tell, parquet=PARQUET):
                out.write(some.tobytes())
                rows += len(some)
    except EvidenceError as fault:
        _say({"refused": {"code": fault.code, "message": fault.message, "fields": fault.fields}})
    except MemoryError:
        return OUT_OF_MEMORY
    else:
        _say({"done": rows})
    return 0


def _tell(rows: int, share: float) -> None:
    _say({"rows": rows, "share": share})


def _say(told: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
