"""`evidence-api tenant rate`: how much a tenant may ask for, in cost units."""

from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.errors import NotFound
from evidence_api.domain.rates import ENFORCE, MAX_CAPACITY, MAX_RESTORE, RateLimit

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="How much a tenant may ask for: cost units, an object is one."
)


@app.command("set")
def set_rate(
    tenant: Tenant,
    capacity: Annotated[int, typer.Option(min=1, max=MAX_CAPACITY, help="Units it may spend at once.")],
    restore: Annotated[int, typer.Option(min=1, max=MAX_RESTORE, help="Units that come back in a second.")],
    mode: Annotated[str, typer.Option(help="enforce, or measure: count what would be refused.")] = ENFORCE,
    json: AsJson = False,
) -> None:
    """Limit a tenant so from now on; its REST requests and uploads are charged too. One of its clients among several
    may have 60 % of it."""

    async def use(application: Application) -> RateLimit:
        scope = await application.tenancy.named(tenant)
        return await application.query_side.limits.put(scope, capacity, restore, mode)

    show([_record(operate(use), own=True)], under="rates", as_json=json)


@app.command("show")
def show_rate(tenant: Tenant, json: AsJson = False) -> None:
    """Show the limit that holds for a tenant."""

    async def use(application: Application) -> dict[str, Any]:
        own = await application.query_side.limits.get(await application.tenancy.named(tenant))
        return _record(own or application.query_side.limits.usual, own=own is not None)

    show([operate(use)], under="rates", as_json=json)


@app.command("remove")
def remove_rate(tenant: Tenant, json: AsJson = False) -> None:
    """Let the usual limit of the settings hold again."""

    async def use(application: Application) -> bool:
        return await application.query_side.limits.remove(await application.tenancy.named(tenant))

    if not operate(use):
        raise NotFound(f"tenant {tenant} has no limit of its own")
    show([{"removed": True}], under="rates", as_json=json)


def _record(limit: RateLimit, *, own: bool) -> dict[str, Any]:
    return {"capacity": limit.capacity, "restore": limit.restore, "mode": limit.mode, "own": own}
