"""`evidence-api catalog import-oscal`: an OSCAL catalog or profile becomes a framework file of a catalog."""

import json as json_text
import sys
from pathlib import Path
from typing import Annotated

import typer

from evidence_api.cli import output
from evidence_api.domain.control import Framework
from evidence_api.domain.errors import EvidenceError, TooLarge
from evidence_api.engines.files import write_file
from evidence_api.formats.framework_names import LICENCES, OWN, licence_of
from evidence_api.formats.framework_yaml import framework_yaml
from evidence_api.formats.oscal_document import MAX_BYTES, OscalDocument, one_line, read_document
from evidence_api.formats.oscal_framework import REFS, ImportedFramework, describe, import_framework

File = Annotated[Path, typer.Argument(help="An OSCAL catalog or profile, JSON.")]
Id = Annotated[str, typer.Option("--id", help="The framework's id in your catalog, e.g. own-rules.")]
Title = Annotated[str, typer.Option(help="Its title as auditors are shown it.")]
Sources = Annotated[
    list[Path] | None,
    typer.Option(help="For a profile: the catalog it selects from. Repeat for several; profiles may be among them."),
]
Aliases = Annotated[list[str] | None, typer.Option(help="What mappings may call it instead of its id. Repeatable.")]
Licence = Annotated[
    str, typer.Option(help="own (your own words), public_domain, cc0, apache-2.0, by_permission (its owner lets you).")
]
Credit = Annotated[str, typer.Option(help="Whom to credit. Default: title and version of the document.")]
Edition = Annotated[str, typer.Option(help="The edition. Default: the version of the document.")]
Refs = Annotated[str, typer.Option(help="Name criteria by label or id; auto: by labels where all have one.")]
WithText = Annotated[bool, typer.Option("--text/--no-text", help="Take the statements of controls, too.")]
Out = Annotated[
    Path | None, typer.Option("--output", "-o", help="The file to write. Default: print it.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def import_oscal(
    file: File,
    framework: Id,
    title: Title,
    *,
    catalog: Sources = None,
    alias: Aliases = None,
    licence: Licence = "by_permission",
    credit: Credit = "",
    edition: Edition = "",
    refs: Refs = "auto",
    text: WithText = False,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Make a framework of an OSCAL catalog, or of a profile and the catalog it selects from.

    The file is written whole or not at all, and loads as it is: put it under frameworks/ of your catalog.
    """
    _check_options(licence, refs, text=text)
    document = _read(file)
    empty = Framework(
        id=framework,
        title=one_line(title),
        edition=one_line(edition) or document.version,
        licence=licence_of(licence),
        criteria=(),
        aliases=tuple(alias or ()),
        credit=one_line(credit) or f"{document.title}, version {document.version}",
    )
    imported = import_framework(document, _sources(catalog or []), empty, text=text, refs=refs)
    _show(imported, framework_yaml(imported.framework, imported.headings, describe(document, imported)), out, json=json)


def _show(imported: ImportedFramework, written: str, out: Path | None, *, json: bool) -> None:
    """Write or print the file; with a file or JSON, say what is in it."""
    criteria = len(imported.framework.criteria)
    if out is not None:
        write_file(out, written.encode())
    if json:
        shown = {"framework": imported.framework.id, "criteria": criteria, "withdrawn": imported.withdrawn}
        output.print_json({**shown, "file": str(out)} if out else {**shown, "yaml": written})
    elif out is not None:
        output.say(f"{out}: {criteria} criteria, {imported.withdrawn} withdrawn left out")
    else:
        sys.stdout.write(written)


def _check_options(licence: str, refs: str, *, text: bool) -> None:
    _one_of("--licence", licence, LICENCES)
    _one_of("--refs", refs, REFS)
    if text and licence_of(licence) == OWN:
        message = "with --licence own only ids and your own titles are shown, so there is no use for --text"
        raise EvidenceError(message, code="usage", option="--text")


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        listed = json_text.dumps(value[:80])
        raise EvidenceError(f"{option} {listed} is none of {', '.join(allowed)}", code="usage", option=option)


def _sources(paths: list[Path]) -> dict[str, OscalDocument]:
    """The documents a profile selects from, by file name: that is how its imports name them."""
    names = [path.stem for path in paths]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise EvidenceError(f"two files of --catalog are named {twice}", code="usage", option="--catalog")
    return {path.name: _read(path) for path in paths}


def _read(path: Path) -> OscalDocument:
    """One document; its size is known before it is read."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TooLarge(f"{path} is too large", limit=MAX_BYTES, value=size, path=str(path))
    return read_document(path.read_bytes(), what=str(path))
