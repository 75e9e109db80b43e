"""`evidence-api reverify`: stored evidence verified again, against a newer trusted root and whom is trusted today."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, operate
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.recheck import STATUSES, Choice, RecheckReport
from evidence_api.engines.sigstore import BundleVerifier
from evidence_api.engines.sigstore_root import trusted_root as configured_root
from evidence_api.use_cases.recheck import Progress as Told
from evidence_api.use_cases.recheck import Rechecker

Reports = Mapping[str, RecheckReport]


def reverify(
    *,
    trusted_root: Annotated[
        Path | None, typer.Option(help="Sigstore trusted root (JSON) to check against; else the server's.")
    ] = None,
    tenant: Annotated[str, typer.Option(envvar="EVIDENCE_TENANT", help="One tenant; else all.")] = "",
    evidence: Annotated[str, typer.Option(help="One evidence id, sha256:HEX; needs --tenant.")] = "",
    kind: Annotated[str, typer.Option(help="Evidence of one kind, e.g. provenance.")] = "",
    json: AsJson = False,
) -> None:
    """Verify stored evidence again, and record the result beside it.

    Nothing that is stored changes, and no verdict. What was checked on the same grounds before is not checked again,
    so an interrupted run goes on where it stopped. Exit code 0: all that was verified when it came in is verified
    now. 1: something is not.
    """
    if evidence and not tenant:
        raise typer.BadParameter("an evidence id belongs to a tenant: give --tenant", param_hint="--evidence")
    choice = Choice(evidence or None, kind or None)
    given = None if trusted_root is None else trusted_root.read_bytes()

    async def use(application: Application) -> Reports:
        verifier = BundleVerifier(configured_root(application.settings.trusted_root) if given is None else given)
        tenancy = application.tenancy
        scopes = [await tenancy.named(tenant)] if tenant else await tenancy.every()
        return {scope.name: await _run(application, scope, choice, verifier, quiet=json) for scope in scopes}

    reports = operate(use)
    if json:
        output.print_json({"tenants": [_shape(name, report) for name, report in reports.items()]})
    else:
        _show(reports)
    if any(report.lost for report in reports.values()):
        raise typer.Exit(output.NO)


async def _run(
    application: Application, scope: TenantScope, choice: Choice, verifier: BundleVerifier, *, quiet: bool
) -> RecheckReport:
    rechecker = Rechecker(application.database, verifier, application.clock)
    with _bar(f"verifying {scope.name} again", quiet=quiet) as told:
        return await rechecker.run(scope, choice, told)


@contextmanager
def _bar(what: str, *, quiet: bool) -> Iterator[Told]:
    """A progress bar over the bodies, on stderr and on terminals alone."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = output.stderr()
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda checked, whole: progress.update(task, completed=checked, total=whole)


def _shape(name: str, report: RecheckReport) -> dict[str, Any]:
    return {
        "tenant": name,
        "trustedRoot": report.grounds.root_digest,
        "trust": report.grounds.trust_digest,
        "counts": report.counts,
        "erased": report.erased,
        "changes": report.changes,
        "changed": [
            {
                "evidence": one.evidence_id,
                "kind": one.kind,
                "then": one.then,
                "now": one.now,
                "code": one.code,
                "message": one.message,
            }
            for one in report.changed
        ],
    }


def _show(reports: Reports) -> None:
    output.print_table(
        ("tenant", *STATUSES, "erased", "changed"),
        [
            (name, *(report.counts[status] for status in STATUSES), report.erased, report.changes)
            for name, report in reports.items()
        ],
    )
    for name, report in reports.items():
        for one in report.changed:
            why = f" ({one.code}: {one.message})" if one.code else ""
            output.say(f"{name} {one.evidence_id} {one.kind}: {one.then} when it came in, {one.now} now{why}")
        if report.changes > len(report.changed):
            output.note(f"{name}: {report.changes - len(report.changed)} more changed")
