"""`evidence-api catalog`: check the controls, list them, and show the Rego they compile to."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import catalog_authoring, output
from evidence_api.cli.import_oscal import import_oscal
from evidence_api.domain.control import Catalog, Control
from evidence_api.domain.errors import NotFound
from evidence_api.engines.files import read_texts, shipped
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.catalog_lint import lint
from evidence_api.formats.catalog_rego import compile_catalog, explain_catalog
from evidence_api.formats.where_types import nearest

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Check the controls, show what they compile to.")

app.command("import-oscal")(import_oscal)
app.command("fmt")(catalog_authoring.fmt)
app.command("schema")(catalog_authoring.schema)

SUFFIXES = (".yaml", ".yml")

Folder = Annotated[
    Path | None,
    typer.Argument(help="A folder of controls, or one file. Default: the controls shipped.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read(folder: Path | None) -> Catalog:
    """The catalog of a folder or a single file. Raises InvalidSource with every fault."""
    path = folder or shipped("controls")
    if path.is_file():
        sources = {name: text for name, text in read_texts(path.parent, (path.suffix,)).items() if name == path.name}
        return load_catalog(sources)
    return load_catalog(read_texts(path, SUFFIXES))


@app.command("check")
def check(
    folder: Folder = None,
    strict: Annotated[bool, typer.Option(help="Exit 1 on warnings too.")] = False,
    json: AsJson = False,
) -> None:
    """Load a catalog: every fault as file:line:column, or its counts and warnings."""
    catalog = read(folder)
    warnings = lint(catalog, datetime.now(UTC).date())
    counts = _counts(catalog)
    if json:
        named = {"name": catalog.name, "version": catalog.version}
        output.print_json({"digest": catalog.digest, **named, **counts, "warnings": warnings})
    else:
        for warning in warnings:
            typer.echo(f"warning: {warning}", err=True)  # on one line, however long: editors jump to its place
        output.say(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))
        called = " ".join(filter(None, ("catalog", catalog.name, catalog.version, catalog.digest)))
        output.say(f"{called} loads; {len(warnings)} warnings")
    if strict and warnings:
        raise typer.Exit(output.NO)


def _counts(catalog: Catalog) -> dict[str, int]:
    criteria = {(framework.id, one.ref) for framework in catalog.frameworks for one in framework.criteria}
    mapped = {(mapping.framework, mapping.ref) for mapping in catalog.mappings}
    return {
        "controls": len(catalog.controls),
        "frameworks": len(catalog.frameworks),
        "criteria": len(criteria),
        "mapped_criteria": len(criteria & mapped),
        "mappings": len(catalog.mappings),
        "waivers": len(catalog.waivers),
    }


@app.command("rego")
def rego(
    folder: Folder = None,
    control: Annotated[list[str] | None, typer.Option(help="Only this control; may be said again.")] = None,
    json: AsJson = False,
) -> None:
    """Print the Rego a catalog compiles to; any Rego engine gives the same raw outcomes from it.

    With --control only what decides that control, in the order people read it: its queries, the comparisons they make,
    the facts these read, the rules of counting.
    """
    catalog = _only(read(folder), control or [])
    module = explain_catalog(catalog) if control else compile_catalog(catalog)
    if json:
        output.print_json({"digest": catalog.digest, "rego": module})
    else:
        typer.echo(module, nl=False)


def _only(catalog: Catalog, names: list[str]) -> Catalog:
    """The catalog with these controls alone. Raises NotFound with the nearest control there is."""
    known = [control.id for control in catalog.controls]
    for name in names:
        if name not in known:
            raise NotFound(f"there is no control '{name[:80]}'", control=name[:80], fix=nearest(name, known))
    chosen = tuple(control for control in catalog.controls if control.id in names)
    return replace(catalog, controls=chosen) if names else catalog


@app.command("list")
def list_controls(folder: Folder = None, json: AsJson = False) -> None:
    """List the controls with the evidence they read and the criteria they bear on."""
    catalog = read(folder)
    rows = [_row(catalog, control) for control in catalog.controls]
    if json:
        output.print_json(rows)
    else:
        columns = ("id", "tier", "severity", "title", "kinds", "criteria")
        output.print_table(columns, [[_cell(row[name]) for name in columns] for row in rows])


def _row(catalog: Catalog, control: Control) -> dict[str, Any]:
    shown = {framework.id: framework for framework in catalog.frameworks}
    return {
        "id": control.id,
        "title": control.title,
        "tier": control.tier,
        "severity": control.severity,
        "owner": control.owner,
        "state": control.state,
        "kinds": sorted({query.kind for query in control.queries}),
        "policy": control.policy,
        "criteria": [shown[m.framework].shown(m.ref) for m in catalog.mappings if control.id in m.maps_to],
    }


def _cell(value: Any) -> str:  # noqa: ANN401  a cell of a row above
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


@app.command("replay")
def replay(json: AsJson = False) -> None:
    """Show what a candidate catalog or policy would change, and which factor changes it."""
    # A line of the help alone: cli/main.py runs cli/replay.py in its place, which needs the server's packages.


@app.command("progress")
def progress(json: AsJson = False) -> None:
    """Show how far all releases are assessed again after a change of the catalog or a policy."""
    # As above: cli/main.py runs cli/progress.py in its place.
