"""Command line, last step: shows an answer, a wait or a failure, and picks the exit code.

Answers go to stdout, everything else to stderr. With `--json` both are JSON: an answer is one value, a
failure `{"error": {"code", "message", "fields", "faults"}}`. The exit codes are

    0  done, and the answer is yes
    1  done, and the answer is no: refused, not verified, faults found
    2  used wrongly, or of a type this program cannot check
    3  not decided: something outside did not answer, trying again may help
"""

import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from evidence_api.domain.errors import EvidenceError, InvalidSource, Undecided

OK, NO, USAGE, UNDECIDED = 0, 1, 2, 3

_SOON = 1.0  # seconds; what takes longer shows how far it is
_WIDTH_OF_A_FILE = 160  # output that is not a terminal has no width of its own

# Control characters but tab and line feed, and those that turn the direction of writing.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

# The one translation table of this edge: a code first, then the class, then "the answer is no".
_CODES: Mapping[str, int] = {
    "usage": USAGE,
    "no_identity": USAGE,
    "extra_missing": USAGE,
    "system_library_missing": USAGE,
    "no_such_kind": USAGE,
    "unsupported": USAGE,
    "unreadable_file": USAGE,
    "unwritable_file": USAGE,
    "invalid_setting": USAGE,
    "internal": UNDECIDED,
}
_CLASSES: Sequence[tuple[type[EvidenceError], int]] = ((Undecided, UNDECIDED), (EvidenceError, NO))


def stdout() -> Console:
    """The console answers are printed on."""
    return _console(stderr=False)


def stderr() -> Console:
    """The console progress, notes and failures are printed on."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, soft_wrap=False, width=None if stream.isatty() else _WIDTH_OF_A_FILE)


def print_json(value: Any) -> None:  # noqa: ANN401  any JSON value
    """Print one JSON value, indented, on stdout. Sets, tuples, dates, enums and dataclasses are understood."""
    sys.stdout.write(
        orjson.dumps(value, default=_jsonable, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n"
    )


def _json(value: object) -> str:
    return orjson.dumps(value, default=_jsonable, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n"


def _jsonable(value: object) -> object:
    """What orjson does not know by itself: sets become sorted lists, mappings dictionaries, the rest text."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print rows under their columns on stdout; cells are shown as they are, without markup."""
    table = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*(escape(shown(cell)) for cell in row))
    stdout().print(table)


def print_fields(fields: Iterable[tuple[str, object]], *, title: str = "", style: str = "") -> None:
    """Print what is known of one thing on stdout: a name and a value a line, long values folded beside their names.
    What has no value is left out."""
    grid = Table.grid("name", "value", padding=(0, 2, 0, 0), pad_edge=False)
    grid.columns[0].no_wrap = True
    grid.columns[1].overflow = "fold"
    for name, value in fields:
        if value is not None and value != "":
            grid.add_row(f"[bold]{escape(name)}[/bold]", escape(shown(value)))
    console = stdout()
    if title:
        console.print(shown(title), style=f"bold {style}".rstrip(), markup=False, no_wrap=True, overflow="ellipsis")
    console.print(Padding(grid, (0, 0, 0, 2)))


def shown(value: object) -> str:
    """A value as text that cannot steer a terminal: evidence is written by others. Lists are shown without brackets."""
    listed = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", listed)


def say(text: str) -> None:
    """Print one line for people on stdout, without markup."""
    stdout().print(shown(text), markup=False)


def say_unbroken(text: str) -> None:
    """Print one line for people to copy: it is not broken to fit, whatever the width."""
    stdout().print(shown(text), markup=False, soft_wrap=True)


def print_document(body: bytes) -> None:
    """Print a document on stdout as it is, not a character of it broken to fit."""
    sys.stdout.write(body.decode() + "\n")


def note(text: str) -> None:
    """Print one line beside the answer, on stderr."""
    stderr().print(text, markup=False)


@contextmanager
def waiting(what: str, *, quiet: bool = False) -> Iterator[None]:
    """Show that something is under way: a spinner on a terminal, and afterwards how long it took."""
    if quiet:
        yield
        return
    console, started = stderr(), time.monotonic()
    if console.is_terminal:
        with console.status(escape(what)):
            yield
    else:
        yield
    console.print(f"{what}: {time.monotonic() - started:.1f} s", markup=False)


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Count something under way: after a second on a terminal a bar, and afterwards how long it took. What is yielded
    is called with how many more are done."""
    console, started = stderr(), time.monotonic()
    bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), console=console)
    task = bar.add_task(what, total=total)

    def done(count: int) -> None:
        bar.advance(task, count)
        late = time.monotonic() - started > _SOON
        if late and console.is_terminal and not quiet and not bar.live.is_started:
            bar.start()

    try:
        yield done
    finally:
        if bar.live.is_started:
            bar.stop()
    if not quiet:
        console.print(f"{what}: {bar.tasks[0].completed:.0f} in {time.monotonic() - started:.1f} s", markup=False)


def exit_code(fault: EvidenceError) -> int:
    """The exit code of a failure, from the one table above."""
    codes = {one.code for one in fault.faults} if isinstance(fault, InvalidSource) else {fault.code}
    if codes and codes <= _CODES.keys():
        return max(_CODES[code] for code in codes)
    return next(code for kind, code in _CLASSES if isinstance(fault, kind))


def fail(fault: EvidenceError, *, as_json: bool) -> NoReturn:
    """Print a failure on stderr and leave with its exit code."""
    if as_json:
        sys.stderr.write(
            orjson.dumps({"error": failure(fault)}, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n"
        )
    else:
        stderr().print("\n".join(_lines(fault)), markup=False, soft_wrap=True)
    raise typer.Exit(exit_code(fault)) from fault


def failure(fault: EvidenceError) -> dict[str, Any]:
    """A failure as JSON: {"code", "message", "fields"} and, for a source that does not load, "faults"."""
    shape: dict[str, Any] = {"code": fault.code, "message": fault.message, "fields": fault.fields}
    if isinstance(fault, InvalidSource):
        shape["faults"] = [asdict(one) for one in fault.faults]
    return shape


def _lines(fault: EvidenceError) -> list[str]:
    """`error[code]: sentence`, then each field or each fault on a line of its own."""
    if isinstance(fault, InvalidSource):
        return [f"error[{fault.code}]: {len(fault.faults)} found", *(f"  {one}" for one in fault.faults)]
    return [
        f"error[{fault.code}]: {fault.message}",
        *(f"  {name}: {_flat(value)}" for name, value in fault.fields.items() if value not in (None, "", [])),
    ]


def _flat(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@contextmanager
def edge(*, as_json: bool) -> Iterator[None]:
    """Every command runs inside: a failure becomes lines on stderr and an exit code, never a traceback."""
    try:
        yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except EvidenceError as fault:
        fail(fault, as_json=as_json)
    except typer.TyperException as fault:
        if not fault.format_message():  # a group named without a command has already printed its help
            raise typer.Exit(USAGE) from fault
        fail(EvidenceError(fault.format_message(), code="usage"), as_json=as_json)
    except OSError as fault:
        path = str(fault.filename) if fault.filename else None
        fail(EvidenceError(fault.strerror or str(fault), code="unreadable_file", path=path), as_json=as_json)
    except Exception as fault:  # noqa: BLE001  the last line of defence: one line instead of a traceback
        _crash(fault, as_json=as_json)


def _crash(fault: Exception, *, as_json: bool) -> NoReturn:
    """A fault of this program's own: one line that says where. `python -X dev` shows the traceback instead."""
    if sys.flags.dev_mode:
        raise fault
    frames = traceback.extract_tb(fault.__traceback__)
    where = next((f"{f.filename}:{f.lineno}" for f in reversed(frames) if "evidence_api" in f.filename), "")
    fail(EvidenceError(f"{type(fault).__name__}: {fault}", code="internal", at=where), as_json=as_json)
