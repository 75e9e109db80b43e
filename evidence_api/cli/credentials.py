"""Command line: who sends. An API token, or one exchanged for the OIDC token the CI job has anyway.

    --token evs_…                          as it is
    --token-from-exchange github           asks GitHub for the job's token (permissions: id-token: write)
    --token-from-exchange env:NAME         the token is in a variable (GitLab: id_tokens)
    --token-from-exchange file:PATH        the token is in a file (a mounted service account token)

Sources: GitHub, "OpenID Connect reference", Methods for requesting the OIDC token; GitLab CI/CD, `id_tokens`.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer

from evidence_api.cli.client import Client
from evidence_api.domain.ci_identity import audience as audience_of
from evidence_api.domain.errors import EvidenceError, Undecided

DEFAULT_SERVER = "http://127.0.0.1:8080"
_ASK_URL, _ASK_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_TIMEOUT = 10.0

_PANEL = "Server"

Server = Annotated[
    str, typer.Option(envvar="EVIDENCE_SERVER", help="URL of the server.", show_envvar=True, rich_help_panel=_PANEL)
]
Token = Annotated[
    str,
    typer.Option(envvar="EVIDENCE_TOKEN", help="API token; see `evidence-api token create`.", rich_help_panel=_PANEL),
]
FromExchange = Annotated[
    str,
    typer.Option(
        "--token-from-exchange",
        metavar="SOURCE",
        help="Exchange the CI job's OIDC token for an upload token: github, env:NAME or file:PATH.",
        rich_help_panel=_PANEL,
    ),
]
Tenant = Annotated[
    str, typer.Option(envvar="EVIDENCE_TENANT", help="Whose evidence it is, for the exchange.", rich_help_panel=_PANEL)
]
Audience = Annotated[
    str,
    typer.Option(
        envvar="EVIDENCE_AUDIENCE",
        help="Audience to ask GitHub's token for; the server's public URL and the tenant if not given.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class Sending:
    """Where uploads go, and who sends them: a token, or the source of one to exchange."""

    server: str
    token: str = ""
    source: str = ""
    tenant: str = ""
    audience: str = ""


def connect(asked: Sending) -> Client:
    """A client that may upload. Raises EvidenceError `usage`, `no_identity`; what the exchange raised."""
    if asked.source and not asked.tenant:
        raise EvidenceError("--token-from-exchange needs --tenant", code="usage")
    if not asked.source and not asked.token:
        raise EvidenceError("give --token or --token-from-exchange", code="usage")
    client = Client(asked.server, "" if asked.source else asked.token)
    if asked.source:
        try:
            audience = asked.audience or audience_of(asked.server, asked.tenant)
            client.exchange(job_token(asked.source, audience), asked.tenant)
        except EvidenceError:
            client.close()
            raise
    return client


def job_token(source: str, audience: str) -> str:
    """The OIDC token of the CI job. Raises EvidenceError `usage`, `no_identity`, Undecided `unreachable`."""
    form, _, place = source.partition(":")
    match form:
        case "github" if not place:
            return _of_github(audience)
        case "env" if place:
            found = os.environ.get(place, "").strip()
        case "file" if place:
            found = Path(place).read_text(encoding="utf-8").strip()
        case _:
            raise EvidenceError(f"not github, env:NAME or file:PATH: {source[:80]!r}", code="usage")
    if not found:
        raise EvidenceError(f"{source} holds no token", code="no_identity", value=source)
    return found


def _of_github(audience: str) -> str:
    url, bearer = os.environ.get(_ASK_URL), os.environ.get(_ASK_TOKEN)
    if not url or not bearer:
        raise EvidenceError(
            "this job may not ask for a token: it needs `permissions: id-token: write`", code="no_identity"
        )
    try:
        answer = httpx.get(
            httpx.URL(url).copy_merge_params({"audience": audience}),
            headers={"Authorization": f"Bearer {bearer}"},
            timeout=_TIMEOUT,
        )
        answer.raise_for_status()
        return str(answer.json()["value"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as fault:
        raise Undecided(f"GitHub gave no token: {type(fault).__name__}: {fault}", code="unreachable") from fault
