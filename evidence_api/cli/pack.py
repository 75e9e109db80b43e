"""`evidence-api pack`: audit packs of a release, built here, listed, and written to files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.digest import parse_digest
from evidence_api.engines.files import write_file

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Build, list and fetch audit packs.")

STEM = "audit-pack"
_SUFFIX = {"application/pdf": "pdf"}


@app.command("build")
def build(
    release: Annotated[str, typer.Option(help="The release: name, or name@version.")],
    tenant: Tenant,
    folder: Annotated[Path, typer.Option("--output", help="Folder the two files are written to.")] = Path(),
    redact: Annotated[
        bool, typer.Option("--redact", help="Put copies without them in the place of evidence with secrets in it.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Assess a release now and write audit-pack.pdf and audit-pack.json.

    The PDF carries the JSON and every byte of evidence: check it with `evidence-api verify`. Evidence that holds what
    policy does not let leave (data.export: secrets, card numbers …) stops the pack, or is redacted with --redact.
    Exit code 1 when the pack is refused.
    """

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        built = await application.packs.build(scope, release, redact=redact)
        files = [
            _write(folder, await application.packs.get(scope, digest))
            for digest in (built.json_digest, built.pdf_digest)
        ]
        return {"release": built.release, "status": built.status, "files": files}

    folder.mkdir(parents=True, exist_ok=True)
    with output.waiting(f"building the pack of {release}", quiet=json):
        made = operate(use)
    if json:
        output.print_json(made)
    else:
        output.say(f"{made['release']}: {made['status']}\n" + "\n".join(made["files"]))
    if made["status"] == "refused":
        raise typer.Exit(output.NO)


@app.command("list")
def list_packs(tenant: Tenant, json: AsJson = False) -> None:
    """List the newest packs."""

    async def use(application: Application) -> Any:  # noqa: ANN401  JSON records
        return await application.packs.newest(await application.tenancy.named(tenant))

    show(operate(use), under="packs", as_json=json)


@app.command("get")
def get(
    digest: Annotated[str, typer.Argument(help="The pack's digest, sha256:<hex>.")],
    tenant: Tenant,
    folder: Annotated[Path, typer.Option("--output", help="Folder the file is written to.")] = Path(),
    json: AsJson = False,
) -> None:
    """Write one pack to a file, exactly as signed."""
    named = parse_digest(digest)

    async def use(application: Application) -> str:
        pack = await application.packs.get(await application.tenancy.named(tenant), named)
        return _write(folder, pack)

    folder.mkdir(parents=True, exist_ok=True)
    written = operate(use)
    if json:
        output.print_json({"file": written, "digest": named})
    else:
        output.say(written)


def _write(folder: Path, pack: Any) -> str:  # noqa: ANN401  a stored pack
    target = folder / f"{STEM}.{_SUFFIX.get(pack.media_type, 'json')}"
    write_file(target, pack.content)
    return str(target)
