"""Command line: the options of `evidence-api query`."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_PANEL = "Several organisations"

Query: TypeAlias = Annotated[
    Path | None, typer.Option("--query", "-q", allow_dash=True, help="File with the GraphQL document; - is stdin.")
]
Document: TypeAlias = Annotated[
    str | None, typer.Option(metavar="DIGEST", help="A persisted document in place of a text: sha256:HEX.")
]
Variables: TypeAlias = Annotated[str, typer.Option(metavar="JSON|@FILE", help="The document's variables.")]
Operation: TypeAlias = Annotated[str | None, typer.Option(help="Which operation, if the document has several.")]
As: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--as",
        metavar="KEY",
        envvar="EVIDENCE_PEER_KEY",
        help="Ask as the peer with this private key (`peer key`).",
        rich_help_panel=_PANEL,
    ),
]
Members: TypeAlias = Annotated[
    Path, typer.Option(help="The organisations: name, url, tenant, fingerprint.", rich_help_panel=_PANEL)
]
Names: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="Ask this one; repeat it. Default: all.", rich_help_panel=_PANEL)
]
Deadline: TypeAlias = Annotated[
    float, typer.Option(min=0.1, max=300, help="Seconds each may take.", rich_help_panel=_PANEL)
]
StaleAfter: TypeAlias = Annotated[
    str | None,
    typer.Option(help="A log that has stood still for longer is stale: 7d, PT12H.", rich_help_panel=_PANEL),
]
Remember: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Keep where each log stood; one that is shorter the next time is refused.",
        rich_help_panel=_PANEL,
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
