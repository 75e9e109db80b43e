"""Command line, `schema`: print the GraphQL schema, or compare it with the one on record."""

import difflib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from evidence_api.cli import output
from evidence_api.graphql.evolution import evolve
from evidence_api.graphql.schema import schema_text

app = typer.Typer(name="schema", help="Print the GraphQL schema, compare it.", no_args_is_help=True)

_DEFAULT = Path("schema.graphql")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command()
def export(
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of standard output.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the schema in the definition language."""
    text = schema_text()
    if output_file is not None:
        output_file.write_text(text, encoding="utf-8")
    if as_json:
        output.print_json({"schema": text} if output_file is None else {"written": str(output_file)})
    elif output_file is None:
        typer.echo(text, nl=False)
    else:
        output.say(f"wrote {output_file}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The schema on record.", exists=True, dir_okay=False)] = _DEFAULT,
    against: Annotated[
        Path | None,
        typer.Option(help="A released schema: breaking changes to it are refused.", exists=True, dir_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the schema on record with what this program serves: exit code 1 if they differ, or if a deprecation does
    not say when it ends. With `--against`, also if something is gone that was not announced twelve months before."""
    recorded = file.read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        recorded.splitlines(), schema_text().splitlines(), str(file), "this program", lineterm=""
    )
    difference = list(lines)
    released = recorded if against is None else against.read_text(encoding="utf-8")
    change = evolve(released, schema_text(), datetime.now(UTC).date())
    breaking = () if against is None else change.breaking
    dangerous, removed = ((), ()) if against is None else (change.dangerous, change.removed)
    good = not difference and not breaking and not change.faults
    told = {"breaking": breaking, "deprecations": change.faults, "dangerous": dangerous, "removed": removed}
    if as_json:
        output.print_json({"equal": not difference, "difference": difference, **told, "allowed": good})
    else:
        output.say("\n".join(difference) if difference else f"{file} is what this program serves")
        for word, lines_of in told.items():
            for line in lines_of:
                output.say(f"{word}: {line}")
    if not good:
        raise typer.Exit(output.NO)
