"""`evidence-api peer grant`: what a peer may ask, and how much of it, until when."""

from dataclasses import replace
from typing import Annotated, Any, TypeAlias

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli.auditor_grant import SaidGrant, grant_of
from evidence_api.cli.operating import AsJson, operate, show
from evidence_api.domain.peers import PeerGrant
from evidence_api.formats import read_grant

_NEVER = "never"


Tenant: TypeAlias = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant it may ask about.")]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="What the peer is called here.")]
Expires: TypeAlias = Annotated[
    str, typer.Option(help="When the grant ends: 90d, P90D, 2027-01-31, or `never`.", metavar="WHEN")
]
Documents: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="DIGEST", help="sha256:HEX of a GraphQL document it may run, and no others; repeat it."),
]
Types: TypeAlias = Annotated[
    list[str] | None, typer.Option("--type", help="GraphQL type it may read (Release, Budget), no others; repeat it.")
]
Frameworks: TypeAlias = Annotated[list[str] | None, typer.Option(help="Framework it may see, no others; repeat it.")]
Releases: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="Release it may see, by name, no others; repeat it.")
]
From: TypeAlias = Annotated[str | None, typer.Option("--from", help="It sees what was received from then on.")]
Until: TypeAlias = Annotated[
    str | None, typer.Option(help="It sees what was received before; a day counts to its end.")
]
Rate: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Cost units a second it may spend. Default: as any client of the tenant.")
]


def grant(  # noqa: PLR0917  one argument per option
    tenant: Tenant,
    name: Name,
    expires: Expires,
    document: Documents = None,
    type_: Types = None,
    framework: Frameworks = None,
    release: Releases = None,
    since: From = None,
    until: Until = None,
    rate: Rate = None,
    json: AsJson = False,
) -> None:
    """Let a peer ask, in place of what was granted before. A list that is left out leaves that side open."""
    lasting = "1d" if expires == _NEVER else expires
    said = SaidGrant(framework or (), release or (), since, until, lasting)

    async def use(application: Application) -> dict[str, Any]:
        known = {one.id: one.aliases for one in application.catalog.frameworks}
        read = grant_of(said, known, application.clock.now())
        read = replace(
            read,
            not_after=None if expires == _NEVER else read.not_after,
            documents=frozenset(document or ()),
            types=frozenset(type_ or ()),
        )
        scope = await application.tenancy.named(tenant)
        return grant_record(await application.peering.grant(scope, name, PeerGrant(read, rate)))

    show([{"name": name, **operate(use)}], under="grants", as_json=json)


def grant_record(grant: PeerGrant) -> dict[str, Any]:
    """What was granted, as it is shown."""
    return {
        **read_grant.grant_record(grant.reading),
        "documents": sorted(grant.reading.documents),
        "types": sorted(grant.reading.types),
        "rate": grant.cost_rate,
    }
