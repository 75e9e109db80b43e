"""`evidence-api tenant webhook`: where a tenant is told when its budget runs out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.errors import NotFound

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Where a tenant is told when its budget runs out (HTTPS, signed)."
)


@app.command("set")
def set_webhook(
    url: Annotated[str, typer.Argument(help="https:// and the rest.")],
    tenant: Tenant,
    secret: Annotated[
        Path | None, typer.Option(help="File with the secret that signs messages; one is made and shown if left out.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Tell this URL, in place of the one before. Each message is signed: header Evidence-Signature is
    t=<seconds>,v1=<hex HMAC-SHA256 of "<t>." and the body, by the secret>."""
    given = None if secret is None else secret.read_text().strip()

    async def use(application: Application) -> dict[str, Any]:
        made = await application.webhooks.put(await application.tenancy.named(tenant), url, given)
        return {"url": made.url, "secret": made.secret} if given is None else {"url": made.url}

    show([operate(use)], under="webhooks", as_json=json)


@app.command("show")
def show_webhook(tenant: Tenant, json: AsJson = False) -> None:
    """Show the URL, and what became of the newest messages."""

    async def use(application: Application) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        found, messages = await application.webhooks.get(await application.tenancy.named(tenant))
        webhook = {} if found is None else {"url": found.url, "changed": found.changed}
        return webhook, [
            {
                "message": str(one.id),
                "created": one.created,
                "attempts": one.attempts,
                "outcome": one.outcome,
                "delivered": one.delivered,
                "next": one.due,
            }
            for one in messages
        ]

    webhook, messages = operate(use)
    if json:
        output.print_json({"webhook": webhook or None, "messages": messages})
        return
    output.say(webhook["url"] if webhook else "no webhook")
    show(messages, under="messages", as_json=False)


@app.command("remove")
def remove_webhook(tenant: Tenant, json: AsJson = False) -> None:
    """Tell nobody any more; what waits is dropped."""

    async def use(application: Application) -> bool:
        return await application.webhooks.remove(await application.tenancy.named(tenant))

    if not operate(use):
        raise NotFound(f"tenant {tenant} has no webhook")
    show([{"removed": True}], under="webhooks", as_json=json)
