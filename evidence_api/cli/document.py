"""`evidence-api document`: the GraphQL documents a tenant registered, which clients name by digest."""

from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.digest import parse_digest
from evidence_api.domain.errors import Malformed
from evidence_api.domain.persisted_document import PersistedDocument
from evidence_api.graphql.registration import check_document

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Register, list and remove GraphQL documents.")


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="The text of the document.", exists=True, dir_okay=False)],
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    json: AsJson = False,
) -> None:
    """Register a document under the SHA-256 of its text. It must be valid, and cost no more than one may."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise Malformed(f"{file} is not UTF-8: {fault}", path=str(file)) from fault

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        made, created = await application.documents.add(
            scope, text, name=name or file.name, by="operator", check=check_document
        )
        return {**_record(made), "created": created}

    show([operate(use)], under="documents", as_json=json)


@app.command("list")
def list_documents(tenant: Tenant, json: AsJson = False) -> None:
    """List the documents, newest first."""

    async def use(application: Application) -> tuple[PersistedDocument, ...]:
        return await application.documents.every(await application.tenancy.named(tenant))

    show([_record(one) for one in operate(use)], under="documents", as_json=json)


@app.command("remove")
def remove(
    digest: Annotated[str, typer.Argument(help="sha256:<64 hex digits>, as `document list` shows it.")],
    tenant: Tenant,
    json: AsJson = False,
) -> None:
    """Take a document out. A running server may take it for a few seconds more."""

    async def use(application: Application) -> None:
        await application.documents.remove(await application.tenancy.named(tenant), parse_digest(digest))

    operate(use)
    show([{"removed": digest}], under="documents", as_json=json)


def _record(document: PersistedDocument) -> dict[str, Any]:
    return {
        "digest": document.digest,
        "name": document.name,
        "registeredBy": document.registered_by,
        "registeredAt": document.registered_at,
    }
