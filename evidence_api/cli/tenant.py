"""`evidence-api tenant`: tenants, whom each of them trusts to sign evidence, and where it is told."""

from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output, tenant_rate, webhook
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.registry import RegisteredIdentity, RegisteredKey
from evidence_api.engines.sigstore import IdentityRule
from evidence_api.use_cases.registry import Registry

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tenants, their keys and trusted identities.")
keys = typer.Typer(no_args_is_help=True, add_completion=False, help="Public keys that evidence may be signed with.")
identities = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Certificate identities that evidence may be signed by."
)
app.add_typer(keys, name="key")
app.add_typer(identities, name="identity")
app.add_typer(webhook.app, name="webhook")
app.add_typer(tenant_rate.app, name="rate")


@app.command("create")
def create(name: Annotated[str, typer.Argument(help="a-z, 0-9 and -, at most 63.")], json: AsJson = False) -> None:
    """Make a tenant with an empty, signed log; prints the key that checks its checkpoints."""

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.create(name)
        return {"name": scope.name, "id": scope.id, "logVerifier": str(application.tenancy.log_verifier(scope))}

    made = operate(use)
    if json:
        output.print_json(made)
    else:
        output.say(f"tenant {made['name']}\nlog verifier {made['logVerifier']}")


@app.command("list")
def list_tenants(json: AsJson = False) -> None:
    """List the tenants with the verifier keys of their logs."""

    async def use(application: Application) -> list[dict[str, Any]]:
        tenancy = application.tenancy
        return [
            {"name": scope.name, "id": scope.id, "logVerifier": str(tenancy.log_verifier(scope))}
            for scope in await tenancy.every()
        ]

    show(operate(use), under="tenants", as_json=json)


@keys.command("add")
def add_key(
    pem: Annotated[Path, typer.Argument(help="PEM file with an Ed25519, ECDSA P-256/P-384 or RSA public key.")],
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What people will read beside the signature.")] = "",
    json: AsJson = False,
) -> None:
    """Trust a public key."""
    content = pem.read_bytes()

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        key = await application.tenancy.add_key(scope, content, name)
        return {"key": key.key_id, "algorithm": key.algorithm, "name": key.name}

    show([operate(use)], under="keys", as_json=json)


@keys.command("list")
def list_keys(tenant: Tenant, json: AsJson = False) -> None:
    """List the keys, revoked ones too."""

    async def use(application: Application) -> tuple[RegisteredKey, ...]:
        return await _registry(application).keys(await application.tenancy.named(tenant))

    records = [
        {"key": key.key_id, "name": key.name, "algorithm": key.algorithm, "added": key.created, "revoked": key.revoked}
        for key in operate(use)
    ]
    show(records, under="keys", as_json=json)


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key's id, sha256:<hex>.")], tenant: Tenant, json: AsJson = False
) -> None:
    """Stop trusting a key from now on; what it verified stays verified."""

    async def use(application: Application) -> None:
        await _registry(application).revoke_key(await application.tenancy.named(tenant), key)

    operate(use)
    show([{"revoked": key}], under="keys", as_json=json)


@identities.command("add")
def add_identity(
    issuer: Annotated[str, typer.Option(help="OIDC issuer in the certificate, exactly.")],
    identity: Annotated[str, typer.Option(help="Subject alternative name in the certificate, exactly.")],
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What people will read beside the signature.")] = "",
    json: AsJson = False,
) -> None:
    """Trust certificates of this issuer with this identity."""

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        made = await application.tenancy.add_identity(scope, IdentityRule(issuer, identity), name)
        return {"id": made, "issuer": issuer, "identity": identity}

    show([operate(use)], under="identities", as_json=json)


@identities.command("list")
def list_identities(tenant: Tenant, json: AsJson = False) -> None:
    """List the trusted identities, revoked ones too."""

    async def use(application: Application) -> tuple[RegisteredIdentity, ...]:
        return await _registry(application).identities(await application.tenancy.named(tenant))

    records = [
        {"id": rule.id, "issuer": rule.issuer, "identity": rule.identity, "name": rule.name, "revoked": rule.revoked}
        for rule in operate(use)
    ]
    show(records, under="identities", as_json=json)


@identities.command("revoke")
def revoke_identity(
    rule: Annotated[str, typer.Argument(help="The id that `identity list` shows.")],
    tenant: Tenant,
    json: AsJson = False,
) -> None:
    """Stop trusting an identity from now on."""

    async def use(application: Application) -> None:
        await _registry(application).revoke_identity(await application.tenancy.named(tenant), rule)

    operate(use)
    show([{"revoked": rule}], under="identities", as_json=json)


def _registry(application: Application) -> Registry:
    return Registry(application.database, application.clock)
