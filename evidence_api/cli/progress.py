"""`evidence-api catalog progress`: how far all releases are assessed again after a change of the rules."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, operate
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.store.reassessments import Progress as Change

_POLL_SECONDS = 1.0
_BAR = 20  # characters

Latest = Mapping[TenantScope, Change]


def progress(
    *,
    tenant: Annotated[str, typer.Option(envvar="EVIDENCE_TENANT", help="One tenant; else all.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Stay, and show a bar, until all of it is done.")] = False,
    json: AsJson = False,
) -> None:
    """Show how many releases have been assessed under the newest rules, and at what rate.

    The server does the work; this only looks. Without --wait it looks once.
    """

    async def look(application: Application) -> list[dict[str, Any]]:
        latest = await _latest(application, tenant)
        if wait:
            latest = await _follow(application, tenant, latest, quiet=json)
        now = application.clock.now()
        return [_record(scope, one, now) for scope, one in latest.items()]

    records = operate(look)
    if json:
        output.print_json({"reassessments": records})
    elif records:
        columns = ("tenant", "progress", "releases", "verdicts/s", "begun", "finished", "catalog")
        output.print_table(columns, [_cells(record) for record in records])
    else:
        output.say("nothing was assessed again yet: no catalog or policy has changed")


async def _latest(application: Application, tenant: str) -> Latest:
    """The newest change of each tenant that had one. Raises NotFound."""
    scopes = [await application.tenancy.named(tenant)] if tenant else await application.tenancy.every()
    found = {scope: await application.backlog.progress(scope) for scope in scopes}
    return {scope: changes[0] for scope, changes in found.items() if changes}


async def _follow(application: Application, tenant: str, latest: Latest, *, quiet: bool) -> Latest:
    """Look again every second until nothing is under way; a bar for each tenant on a terminal."""
    console = output.stderr()
    shown = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )
    with shown:
        move = _mover(shown)
        while True:
            for scope, one in latest.items():
                move(scope.name, one)
            if all(one.finished_at for one in latest.values()):
                return latest
            await asyncio.sleep(_POLL_SECONDS)
            latest = await _latest(application, tenant)


def _mover(shown: Progress) -> Callable[[str, Change], None]:
    """Moves the bar of a tenant, making it when it is first seen."""
    bars: dict[str, Any] = {}

    def move(name: str, one: Change) -> None:
        if name not in bars:
            bars[name] = shown.add_task(name, total=one.releases)
        shown.update(bars[name], completed=one.done, total=one.releases)

    return move


def _record(scope: TenantScope, one: Change, now: datetime) -> dict[str, Any]:
    return {
        "tenant": scope.name,
        "catalog": one.catalog_digest,
        "policyBundle": one.policy_digest,
        "releases": one.releases,
        "done": one.done,
        "verdicts": one.done * one.controls,
        "verdictsPerSecond": round(one.rate(now)),
        "begun": format_rfc3339(one.begun_at),
        "finished": format_rfc3339(one.finished_at) if one.finished_at else None,
    }


def _cells(record: Mapping[str, Any]) -> list[object]:
    share = record["done"] / record["releases"] if record["releases"] else 1.0
    full = int(share * _BAR)
    return [
        record["tenant"],
        f"{'█' * full}{'░' * (_BAR - full)} {share:.0%}",
        f"{record['done']} of {record['releases']}",
        record["verdictsPerSecond"],
        record["begun"],
        record["finished"] or "under way",
        record["catalog"],
    ]
