"""`evidence-api access`: who read what of a tenant, and whether the rows are those its log commits to."""

import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.cli.since import moment_of
from evidence_api.domain.access_entry import AccessFilter, AccessRow
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.access_audit import row_leaf
from evidence_api.use_cases.access_records import AccessCheck, AccessRecords

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Show who read what, check it against the log.")

_MOST = 1_000
Since = Annotated[str, typer.Option(metavar="WHEN", help="How long ago (7d, 12h), a day, or an RFC 3339 time.")]
Who = Annotated[str, typer.Option(help="Of the caller of this id alone.")]
Refused = Annotated[bool, typer.Option("--refused", help="What was refused alone.")]


@app.command("list")
def list_access(
    tenant: Tenant,
    since: Since = "1d",
    principal: Who = "",
    *,
    refused: Refused = False,
    last: Annotated[int, typer.Option(min=1, max=_MOST, help="How many, the newest.")] = 50,
    json: AsJson = False,
) -> None:
    """List the newest reads and refusals."""

    async def use(application: Application) -> tuple[AccessRow, ...]:
        scope = await application.tenancy.named(tenant)
        chosen = _chosen(application, since, principal, refused=refused)
        return await AccessRecords(application.database).newest(scope, chosen, last)

    show([_told(row) for row in operate(use)], under="accesses", as_json=json)


@app.command("export")
def export(
    tenant: Tenant,
    since: Since = "36500d",
    principal: Who = "",
    *,
    refused: Refused = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write here instead of standard output.")] = None,
    json: AsJson = False,
) -> None:
    """Write all rows as JSON Lines: each line is the canonical JSON that the log commits to."""

    async def use(application: Application) -> int:
        scope = await application.tenancy.named(tenant)
        chosen = _chosen(application, since, principal, refused=refused)
        if out is None:
            return await _write(application, scope, chosen, sys.stdout.buffer)
        try:
            with out.open("wb") as file:
                return await _write(application, scope, chosen, file)
        except OSError as fault:
            raise EvidenceError(f"{out}: {fault.strerror}", code="unwritable_file", path=str(out)) from fault

    written = operate(use)
    if json and out is not None:
        output.print_json({"file": str(out), "rows": written})
    else:
        output.note(f"{written} rows")


@app.command("verify")
def verify(tenant: Tenant, json: AsJson = False) -> None:
    """Check that the rows are those the tenant's log commits to. Exit code 1: some are not."""

    async def use(application: Application) -> AccessCheck:
        return await AccessRecords(application.database).check(await application.tenancy.named(tenant))

    found = operate(use)
    if json:
        output.print_json({"ok": not found.faults, **_document(found)})
    else:
        for fault in found.faults:
            output.say(f"rows {fault.first} to {fault.last}: {fault.code}: {fault.message}")
        output.say(f"{found.rows} rows in {found.statements} statements of the log; {found.waiting} wait for theirs")
        output.say("NOT VERIFIED." if found.faults else "VERIFIED: the rows are those the log commits to.")
    raise typer.Exit(output.NO if found.faults else output.OK)


async def _write(application: Application, scope: TenantScope, chosen: AccessFilter, file: BinaryIO) -> int:
    written = 0
    async for row in AccessRecords(application.database).every(scope, chosen):
        file.write(row_leaf(row) + b"\n")
        written += 1
    file.flush()
    return written


def _chosen(application: Application, since: str, principal: str, *, refused: bool) -> AccessFilter:
    moment = moment_of(since, application.clock.now())
    return AccessFilter(principal=principal or None, refused=True if refused else None, since=moment)


def _told(row: AccessRow) -> dict[str, Any]:
    entry, notes = row.entry, row.entry.notes
    return {
        "sequence": row.sequence,
        "at": entry.at,
        "who": f"{entry.principal_kind} {entry.principal_id}",
        "what": f"{entry.method} {entry.path}",
        "operation": notes.operation,
        "document": notes.document,
        "status": entry.status,
        "code": notes.code,
        "count": entry.count,
    }


def _document(found: AccessCheck) -> dict[str, Any]:
    faults = [{"first": one.first, "last": one.last, "code": one.code, "message": one.message} for one in found.faults]
    return {"rows": found.rows, "statements": found.statements, "waiting": found.waiting, "faults": faults}
