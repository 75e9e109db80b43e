"""Command line, operators: runs one use case against the operator's own database and prints what it gave."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

from evidence_api.bootstrap import Application, open_application
from evidence_api.cli import output
from evidence_api.cli.logs import configure_logs
from evidence_api.settings import Settings

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Tenant = Annotated[str, typer.Option(envvar="EVIDENCE_TENANT", help="The tenant's name.")]


def operate(use: Callable[[Application], Awaitable[T]]) -> T:
    """Open the application of the environment's settings, use it once, close it."""

    async def once() -> T:
        async with open_application(Settings.from_environment()) as application:
            return await use(application)

    configure_logs()
    return asyncio.run(once())


def show(records: Sequence[Mapping[str, Any]], *, under: str, as_json: bool) -> None:
    """Print records: a table whose columns are their members, or {under: [...]} as JSON."""
    if as_json:
        output.print_json({under: records})
    elif records:
        output.print_table(list(records[0]), [[_cell(value) for value in record.values()] for record in records])
    else:
        output.say(f"no {under}")


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case frozenset():
            return " ".join(sorted(value))
        case _:
            return value
