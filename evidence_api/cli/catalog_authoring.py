"""`evidence-api catalog fmt` and `catalog schema`: what authors of a catalog have their editors run."""

from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from evidence_api.cli import output
from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.engines.files import rewrite
from evidence_api.formats.catalog_format import format_source
from evidence_api.formats.catalog_schema import catalog_schema

_SUFFIXES = frozenset({".yaml", ".yml"})


def fmt(
    path: Annotated[Path, typer.Argument(help="A file of a catalog, or a folder of such files.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where a file would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write every `where` in its canonical spelling, and leave every other character alone.

    Nothing is written when a file is not YAML or a condition does not load: `catalog check` says what to repair.
    """
    files = _files(path)
    changed = {name: pair for name, pair in _formatted(files).items() if pair[0] != pair[1]}
    shown = {str(name): _difference(str(name), *pair) for name, pair in changed.items()} if diff else {}
    if not (check or diff):
        for name, (_, after) in changed.items():
            rewrite(name, after.encode())
    if json:
        output.print_json({"files": len(files), "changed": [str(name) for name in changed], "diff": shown})
    else:
        _tell(list(changed), len(files), shown, wrote=not (check or diff))
    if check and changed:
        raise typer.Exit(output.NO)


def _files(path: Path) -> list[Path]:
    """The catalog's files, from first to last. Raises InvalidSource where there is none."""
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.suffix in _SUFFIXES)
    if not files:
        hint = "name a file or folder of a catalog, e.g. controls"
        raise InvalidSource([SourceFault(str(path), 1, 1, "no_folder", "there is no YAML file here", hint)])
    return files


def _formatted(files: list[Path]) -> dict[Path, tuple[str, str]]:
    """Each file's text before and after. Raises InvalidSource with the faults of all of them."""
    texts: dict[Path, tuple[str, str]] = {}
    faults: list[SourceFault] = []
    for name in files:
        try:
            before = name.read_bytes().decode()  # line ends as they are
            texts[name] = before, format_source(before, str(name))
        except UnicodeDecodeError as fault:
            message = f"not UTF-8 at byte {fault.start}"
            faults.append(SourceFault(str(name), 1, 1, "encoding", message, "save the file as UTF-8"))
        except InvalidSource as invalid:
            faults += invalid.faults
    if faults:
        raise InvalidSource(faults)
    return texts


def _difference(name: str, before: str, after: str) -> str:
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _tell(changed: list[Path], count: int, shown: dict[str, str], *, wrote: bool) -> None:
    for difference in shown.values():
        typer.echo(difference, nl=False)
    for name in changed:
        typer.echo(f"{'formatted' if wrote else 'would format'} {name}", err=bool(shown))
    if not shown:
        typer.echo(f"{len(changed)} of {count} files {'formatted' if wrote else 'would change'}")


def schema(json: Annotated[bool, typer.Option("--json", help="The same: a schema is JSON.")] = False) -> None:  # noqa: ARG001  every command has it
    """Print the JSON Schema of a catalog's documents, for editors to complete and check by."""
    output.print_json(catalog_schema())
