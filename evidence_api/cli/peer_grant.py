"""`evidence-api peer grant`: what a peer may ask, and how much of it, until when."""

from typing import Annotated, Any
from uuid import UUID

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli.auditor_grant import SaidGrant, grant_of
from evidence_api.cli.operating import AsJson, operate, show
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.peers import PeerGrant
from evidence_api.domain.principal import ReadGrant
from evidence_api.formats import read_grant

_NEVER = "never"


def grant(  # noqa: PLR0917  one argument per option
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="The tenant it may ask about.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the peer is called here.")],
    expires: Annotated[
        str, typer.Option(help="When the grant ends: 90d, P90D, 2027-01-31, or `never`.", metavar="WHEN")
    ],
    document: Annotated[
        list[str] | None,
        typer.Option(metavar="DIGEST", help="sha256:HEX of a GraphQL document it may run, and no others; repeat it."),
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Type with an id it may read (Release), no others; repeat it.")
    ] = None,
    framework: Annotated[list[str] | None, typer.Option(help="Framework it may see, no others; repeat it.")] = None,
    release: Annotated[
        list[str] | None, typer.Option(help="Release it may see, by name, no others; repeat it.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="It sees what was received from then on.")] = None,
    until: Annotated[
        str | None, typer.Option(help="It sees what was received before; a day counts to its end.")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=1, help="Cost units a second it may spend. Default: as any client of the tenant.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Let a peer ask, in place of what was granted before. A list that is left out leaves that side open."""

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        known = {one.id: one.aliases for one in application.catalog.frameworks}
        lasting = "1d" if expires == _NEVER else expires
        said = SaidGrant(framework or (), release or (), since, until, lasting)
        base = grant_of(said, known, application.clock.now())
        reading = ReadGrant(
            id=UUID(int=0),
            frameworks=base.frameworks,
            releases=base.releases,
            since=base.since,
            until=base.until,
            not_after=None if expires == _NEVER else base.not_after,
            documents=frozenset(document or ()),
            types=frozenset(type_ or ()),
        )
        return grant_record(await application.peering.grant(scope, name, PeerGrant(reading, rate)))

    if not expires:
        raise EvidenceError("say when it ends with --expires", code="usage")
    show([{"name": name, **operate(use)}], under="grants", as_json=json)


def grant_record(grant: PeerGrant) -> dict[str, Any]:
    """What was granted, as it is shown."""
    return {
        **read_grant.grant_record(grant.reading),
        "documents": sorted(grant.reading.documents),
        "types": sorted(grant.reading.types),
        "rate": grant.cost_rate,
    }
