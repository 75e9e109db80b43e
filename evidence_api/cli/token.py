"""`evidence-api token`: the API tokens of a tenant. A token's text is shown once, when it is made."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.exchange import exchange
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.registry import RegisteredToken
from evidence_api.domain.token import RIGHTS
from evidence_api.use_cases.registry import Registry

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Create, list and revoke API tokens.")
app.command("exchange")(exchange)


@app.command("create")
def create(
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What it is for, e.g. the pipeline that uses it.")],
    right: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(RIGHTS)}; repeat it. Default: all.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="How long it is valid. Default: no end.")] = None,
    json: AsJson = False,
) -> None:
    """Make a token and print it; it cannot be shown again."""

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        lifetime = timedelta(days=days) if days else None
        made = await application.tenancy.create_token(scope, name, right or list(RIGHTS), lifetime)
        registered = made.registered
        return {"token": made.token, "id": registered.id, "rights": registered.rights, "expires": registered.expires}

    made = operate(use)
    if json:
        output.print_json(made)
    else:
        output.say(made["token"])
        output.note(f"id {made['id']}; keep the token now, only its hash is stored")


@app.command("list")
def list_tokens(tenant: Tenant, json: AsJson = False) -> None:
    """List the tokens, ended ones too; never their text."""

    async def use(application: Application) -> tuple[RegisteredToken, ...]:
        return await _registry(application).tokens(await application.tenancy.named(tenant))

    records = [
        {
            "id": token.id,
            "name": token.name,
            "rights": token.rights,
            "created": token.created,
            "expires": token.expires,
            "revoked": token.revoked,
            "lastUsed": token.last_used,
        }
        for token in operate(use)
    ]
    show(records, under="tokens", as_json=json)


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="The id that `token list` shows.", metavar="ID")],
    tenant: Tenant,
    json: AsJson = False,
) -> None:
    """End a token. A running server may take it for a few seconds more."""

    async def use(application: Application) -> None:
        await _registry(application).revoke_token(await application.tenancy.named(tenant), token)

    operate(use)
    show([{"revoked": token}], under="tokens", as_json=json)


def _registry(application: Application) -> Registry:
    return Registry(application.database, application.clock)
