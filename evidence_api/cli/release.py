"""`evidence-api release`: what a release's verdicts are, why, and what to do about them; over HTTP, with a token."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from evidence_api.cli import output, release_cards, release_queries
from evidence_api.cli.client import Client
from evidence_api.cli.credentials import DEFAULT_SERVER, Server, Token
from evidence_api.cli.files import give
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.verdict import Outcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Read a release's verdicts: which controls failed, why, who can fix it, which criteria that touches.\n\n"
    "Needs a server and a token with the right evidence:read (EVIDENCE_SERVER, EVIDENCE_TOKEN).\n\n"
    "Exit codes: 0 answered, 1 there is no such thing or it is refused, 2 used wrongly, 3 no answer.",
)

_PASSED = frozenset({"PASS", "NOT_APPLICABLE"})
_CARDS = 10

Reference = Annotated[
    str, typer.Argument(metavar="RELEASE", help="name (the newest of it), name@version, or evidence id.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write it to this file; else it is printed.")]


@app.command("list")
def list_releases(
    token: Token = "",
    server: Server = DEFAULT_SERVER,
    *,
    name: Annotated[str, typer.Option(help="Only releases of this name.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """List the newest releases with how many of their controls had which outcome."""
    with reader(server, token) as client:
        found = release_queries.releases(client, limit, name or None)
    if json:
        output.print_json({"releases": found})
    else:
        release_cards.show_list(found)


@app.command("show")
def show(
    release: Reference,
    token: Token = "",
    server: Server = DEFAULT_SERVER,
    *,
    outcome: Annotated[
        list[Outcome] | None, typer.Option(help="Only these outcomes; may be repeated. Default: all that did not pass.")
    ] = None,
    cards: Annotated[int, typer.Option(min=0, help="How many are told in full.")] = _CARDS,
    json: AsJson = False,
) -> None:
    """Show what did not pass, worst first: why, who owns it, what to do, which criteria, which evidence.

    What did not apply and what passed is counted; --outcome pass lists it.
    """
    wanted = [one.name for one in outcome or ()] or [one.name for one in Outcome if one.name not in _PASSED]
    with reader(server, token) as client:
        found = release_queries.assessed(client, release)
        listed = worst_first(list(release_queries.findings(client, found["assessment"]["id"], wanted)))
    if json:
        output.print_json({**found, "findings": listed})
    else:
        release_cards.show_release(found, listed, cards)


@app.command("explain")
def explain(
    release: Reference,
    control: Annotated[str, typer.Argument(metavar="CONTROL", help="The control's id, e.g. IG-SC-5.")],
    token: Token = "",
    server: Server = DEFAULT_SERVER,
    *,
    json: AsJson = False,
) -> None:
    """Explain one verdict whole: what is asked, the rows looked at, what each says, how to fetch each."""
    with reader(server, token) as client:
        found = release_queries.assessed(client, release)
        finding = release_queries.finding(client, found, control)
    if json:
        output.print_json({"release": found, "finding": finding})
    else:
        release_cards.show_finding(found, finding)


@app.command("vsa")
def vsa(
    release: Reference, token: Token = "", server: Server = DEFAULT_SERVER, *, out: Out = None, json: AsJson = False
) -> None:
    """Fetch the verdict as a signed SLSA verification summary: PASSED or FAILED, for other tools.

    PASSED: at least one control passed, and none is fail, error, missing, stale or needs_review.
    Check it with `evidence-api inspect FILE --key KEY`, KEY from `evidence-api release key`.
    It says what the newest assessment says, and is in no log unless somebody submits it.
    """
    _fetch(server, token, release, "vsa", out, as_json=json)


@app.command("svr")
def svr(
    release: Reference, token: Token = "", server: Server = DEFAULT_SERVER, *, out: Out = None, json: AsJson = False
) -> None:
    """Fetch the controls that passed as a signed in-toto simple verification result, for other tools."""
    _fetch(server, token, release, "svr", out, as_json=json)


@app.command("key")
def key(token: Token = "", server: Server = DEFAULT_SERVER, *, out: Out = None, json: AsJson = False) -> None:
    """Fetch the public key that the server signs its own evidence, VSAs and SVRs with."""
    with reader(server, token) as client:
        pem = client.get("/v1/evidence-key")
    give(pem, out, {"key": pem.decode()}, as_json=json)


def reader(server: str, token: str) -> Client:
    """A client that reads. Raises EvidenceError `usage` without a token."""
    if not token:
        raise EvidenceError("give --token or set EVIDENCE_TOKEN; see `evidence-api token create`", code="usage")
    return Client(server, token)


def worst_first(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Findings by outcome, severity, tier and control."""
    return sorted(found, key=release_cards.rank)


def _fetch(server: str, token: str, reference: str, form: str, out: Path | None, *, as_json: bool) -> None:
    with reader(server, token) as client:
        found = release_queries.assessed(client, reference)
        envelope = client.get(f"/v1/releases/{found['evidenceId']}/{form}")
    told = {"release": f"{found['name']}@{found['version']}", "envelope": orjson.loads(envelope)}
    give(envelope, out, told, as_json=as_json)
