"""`evidence-api token exchange`: a CI job's OIDC token becomes an upload token. Needs nothing but the base install.

`submit` and `attest` exchange by themselves (--token-from-exchange); this is for what sends by other means. A job's
token can be exchanged once, and GitLab gives each job its tokens at the start, so one job exchanges each of them once.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from evidence_api.cli import output
from evidence_api.cli.client import Client
from evidence_api.cli.credentials import DEFAULT_SERVER, Audience, Server, job_token
from evidence_api.domain.ci_identity import audience as audience_of

_VARIABLE = "EVIDENCE_ID_TOKEN"  # what our job templates call it


def exchange(
    tenant: Annotated[str, typer.Option(envvar="EVIDENCE_TENANT", help="The tenant to upload for.")],
    server: Server = DEFAULT_SERVER,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help=f"Where the job's token is: github, env:NAME or file:PATH. Default: env:{_VARIABLE} if it is set, "
            "otherwise github.",
        ),
    ] = "",
    audience: Audience = "",
    *,
    out: Annotated[Path | None, typer.Option(help="Write the token to this file instead of printing it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Exchange the OIDC token of this CI job, once, for an upload token of fifteen minutes."""
    given = source or (f"env:{_VARIABLE}" if os.environ.get(_VARIABLE) else "github")
    with Client(server, "") as client:
        token = client.exchange(job_token(given, audience or audience_of(server, tenant)), tenant)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        typer.echo(f"::add-mask::{token}", err=True)  # from here on GitHub's log shows it as ***
    if out is not None:
        _write(out, token)
    if json:
        output.print_json({"tenant": tenant, "file": str(out)} if out else {"tenant": tenant, "token": token})
    elif out is None:
        typer.echo(token)  # as it is, on one line, however long


def _write(path: Path, token: str) -> None:
    """Readable by its owner alone, from the first byte on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(token)
