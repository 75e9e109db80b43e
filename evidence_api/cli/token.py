"""`evidence-api token`: the API tokens of a tenant. A token's text is shown once, when it is made."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.auditor_grant import SaidGrant, grant_of
from evidence_api.cli.exchange import exchange
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.domain.registry import RegisteredToken
from evidence_api.domain.token import AUDITOR_RIGHTS, ORDINARY_RIGHTS, RIGHTS
from evidence_api.formats.read_grant import grant_record
from evidence_api.use_cases.registry import Registry
from evidence_api.use_cases.tenancy import NewToken

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Create, list and revoke API tokens.")
app.command("exchange")(exchange)


class Role(StrEnum):
    """Whose token it is."""

    TOKEN = "token"  # noqa: S105  a word, not a secret
    AUDITOR = "auditor"


@app.command("create")
def create(  # noqa: PLR0917  one argument per option
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What it is for, e.g. the pipeline that uses it.")],
    right: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(RIGHTS)}; repeat it. Default: all the role may have, but access:read."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="How long it is valid. Default: no end.")] = None,
    role: Annotated[Role, typer.Option(help="`auditor` reads, within the limits below.")] = Role.TOKEN,
    framework: Annotated[
        list[str] | None, typer.Option(help="Of an auditor: sees this framework's criteria and controls; repeat it.")
    ] = None,
    release: Annotated[
        list[str] | None, typer.Option(help="Of an auditor: sees releases of this name alone; repeat it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Of an auditor: sees what was received from then on (2026-01-01).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Of an auditor: sees what was received before; a day counts to its end.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Of an auditor, who must have it: when the token ends (90d, 2027-01-31).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a token and print it; it cannot be shown again."""
    said = SaidGrant(framework or (), release or (), since, until, expires)
    _check_options(role, said, days)

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        return _shown(await _made(application, scope, name, right, said if role is Role.AUDITOR else days))

    _print(operate(use), as_json=json)


def _print(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.print_json(made)
    else:
        output.say(made["token"])
        output.note(f"id {made['id']}; keep the token now, only its hash is stored")


def _check_options(role: Role, said: SaidGrant, days: int | None) -> None:
    if role is Role.TOKEN and said.given:
        raise EvidenceError(
            "--framework, --release, --from, --until and --expires are of auditors: add --role auditor", code="usage"
        )
    if role is Role.AUDITOR and days is not None:
        raise EvidenceError("an auditor's token ends with --expires, not --days", code="usage")


async def _made(
    application: Application, scope: TenantScope, name: str, right: list[str] | None, ends: SaidGrant | int | None
) -> NewToken:
    """An auditor's with what was said of its grant, another's with the days it is valid."""
    if isinstance(ends, SaidGrant):
        known = {one.id: one.aliases for one in application.catalog.frameworks}
        grant = grant_of(ends, known, application.clock.now())
        return await application.tenancy.create_auditor(scope, name, right or AUDITOR_RIGHTS, grant)
    lifetime = timedelta(days=ends) if ends else None
    return await application.tenancy.create_token(scope, name, right or ORDINARY_RIGHTS, lifetime)


def _shown(made: NewToken) -> dict[str, Any]:
    registered = made.registered
    shown = {"token": made.token, "id": registered.id, "rights": registered.rights, "expires": registered.expires}
    return shown if registered.grant is None else shown | {"grant": grant_record(registered.grant)}


@app.command("list")
def list_tokens(tenant: Tenant, json: AsJson = False) -> None:
    """List the tokens, ended ones too; never their text."""

    async def use(application: Application) -> tuple[RegisteredToken, ...]:
        return await _registry(application).tokens(await application.tenancy.named(tenant))

    records = [
        {
            "id": token.id,
            "name": token.name,
            "role": "token" if token.grant is None else "auditor",
            "rights": token.rights,
            "created": token.created,
            "expires": token.expires,
            "revoked": token.revoked,
            "lastUsed": token.last_used,
            "sees": "" if token.grant is None else _limits(token.grant, as_json=json),
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


def _limits(grant: ReadGrant, *, as_json: bool) -> object:
    """What an auditor sees: the record, or a line of it."""
    record = grant_record(grant)
    if as_json:
        return {name: record[name] for name in ("frameworks", "releases", "from", "until")}
    named = [*record["frameworks"], *record["releases"]]
    return f"{', '.join(named) or 'everything'}, {record['from'] or 'ever'} to {record['until'] or 'now'}"


def _registry(application: Application) -> Registry:
    return Registry(application.database, application.clock)
