"""`evidence-api osv`: the register of advisories that releases are matched with, filled from OSV feeds and shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, operate
from evidence_api.store.advisories import FeedImport
from evidence_api.use_cases.advisories import ImportReport
from evidence_api.use_cases.advisories import Progress as Told

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Advisories: import an OSV feed, show what is in.")


@app.command("import")
def import_feed(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER...", help="JSON, JSON Lines or zip files of OSV records.")
    ],
    json: AsJson = False,
) -> None:
    """Import advisories, as the public dumps have them (all.zip), in one transaction.

    The same files again change nothing. When something changed, the current releases are matched again in the
    background. Records that are not OSV are left out and named; exit code 1 when that was all of them.
    """
    with _bar(quiet=json) as told:

        async def use(application: Application) -> ImportReport:
            return await application.advisories.import_feed(paths, told)

        report = operate(use)
    if json:
        output.print_json(_report(report))
    else:
        _show(report)
    if report.refused and not any(asdict(report.merged).values()):
        raise typer.Exit(output.NO)


@app.command("status")
def status(json: AsJson = False) -> None:
    """Show how many advisories are in force, and since when."""

    async def use(application: Application) -> FeedImport | None:
        return await application.advisories.status()

    last = operate(use)
    if json:
        output.print_json({"feed": None if last is None else _import(last)})
    elif last is None:
        output.say("no advisories: import some with `evidence-api osv import all.zip`")
    else:
        output.say(f"{last.records:,} advisories, imported {last.imported_at:%Y-%m-%d %H:%M} UTC\n{last.feed_digest}")


def _show(report: ImportReport) -> None:
    merged = report.merged
    output.say(
        f"{merged.added:,} added, {merged.changed:,} changed, {merged.withdrawn:,} of them withdrawn; "
        f"{merged.unchanged:,} unchanged, {merged.older:,} older than what is in"
    )
    if report.made is not None:
        output.say(f"{report.made.records:,} advisories in force\n{report.made.feed_digest}")
    for one in report.named:
        output.note(f"left out: {one.place}: {one.code}: {one.message}")
    if report.refused > len(report.named):
        output.note(f"left out: {report.refused - len(report.named):,} more")


def _report(report: ImportReport) -> dict[str, Any]:
    return {
        "files": report.files,
        **asdict(report.merged),
        "refused": report.refused,
        "refusals": [asdict(one) for one in report.named],
        "feed": None if report.made is None else _import(report.made),
    }


def _import(made: FeedImport) -> dict[str, Any]:
    return {"digest": made.feed_digest, "records": made.records, "importedAt": made.imported_at}


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Told]:
    """A progress bar over the bytes of the files, on stderr and on terminals alone."""
    columns = (TextColumn("importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = output.stderr()
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task("importing", total=None)
        yield lambda read, whole: progress.update(task, completed=read, total=whole)
