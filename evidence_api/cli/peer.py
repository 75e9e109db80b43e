"""`evidence-api peer`: organisations that may ask a tenant signed questions. Keys are pinned after somebody compared
their fingerprints with what the peer says of them some other way; then something is granted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, operate, show
from evidence_api.cli.peer_grant import grant, grant_record
from evidence_api.cli.peer_key import key
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.peers import Peer
from evidence_api.formats.jwks import FederationKey, parse_jwks, to_jwks
from evidence_api.use_cases.peering import compared

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Organisations that may ask signed questions.")
app.command("grant")(grant)
app.command("key")(key)

TenantName = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant it may ask about.")]
PeerName = Annotated[str, typer.Argument(metavar="NAME", help="What the peer is called here.")]
KeySet = Annotated[str, typer.Option("--jwks", metavar="URL|FILE", help="Its key set, at a URL (https) or in a file.")]
Fingerprints = Annotated[
    list[str] | None,
    typer.Option(
        "--fingerprint", help="Of a key that was compared: that key is pinned without asking; may be repeated."
    ),
]


@app.command("enrol")
def enrol(
    tenant: TenantName, name: PeerName, jwks: KeySet, fingerprint: Fingerprints = None, json: AsJson = False
) -> None:
    """Pin the keys of a new peer, once their fingerprints were compared. It may ask nothing before `peer grant`."""

    async def use(application: Application) -> Peer:
        scope = await application.tenancy.named(tenant)
        listed = await _keys(application, jwks)
        chosen = _confirmed(listed, fingerprint or (), name, as_json=json)
        return await application.peering.enrol(scope, name, jwks if _is_url(jwks) else "", chosen)

    show([_record(operate(use))], under="peers", as_json=json)


@app.command("refresh")
def refresh(
    tenant: TenantName,
    name: PeerName,
    jwks: Annotated[
        str | None, typer.Option(metavar="URL|FILE", help="Its key set; without it, where the last one came from.")
    ] = None,
    fingerprint: Fingerprints = None,
    json: AsJson = False,
) -> None:
    """Show what a peer's key set has that is not pinned yet, and pin what was compared, beside its old keys. One that
    was revoked is pinned again only where it is named."""

    async def use(application: Application) -> dict[str, Any]:
        scope = await application.tenancy.named(tenant)
        source = jwks or (await application.peering.named(scope, name)).source
        if not source:
            raise EvidenceError("its keys came in a file: give the new one with --jwks", code="usage")
        changes = await application.peering.changes(scope, name, await _keys(application, source))
        peer = changes.peer
        pinned: tuple[FederationKey, ...] = ()
        if changes.new or (fingerprint and changes.ended):
            listed = (*changes.new, *changes.ended) if fingerprint else changes.new
            pinned = _confirmed(listed, fingerprint or (), name, as_json=json)
            peer = await application.peering.pin(scope, name, pinned)
        return {
            **_record(peer),
            "pinned": [one.key_id for one in pinned],
            "gone": [one.key_id for one in changes.gone],
            "ended": [one.key_id for one in changes.ended if one not in pinned],
        }

    found = operate(use)
    show([found], under="peers", as_json=json)
    if found["gone"] and not json:
        output.note(f"no longer listed there: {', '.join(found['gone'])}; end them with `peer revoke --key`")
    if found["ended"] and not json:
        output.note(f"revoked here, and still listed there: {', '.join(found['ended'])}")


@app.command("look")
def look(
    registry: Annotated[str, typer.Argument(metavar="URL", help="A registry: the URL of one card or key set a line.")],
    json: AsJson = False,
) -> None:
    """Show the fingerprints of those a registry lists. Nothing is stored: each is enrolled by itself."""

    async def use(application: Application) -> list[dict[str, Any]]:
        found = await application.peering.look(registry)
        return [_looked_at(url, what) for url, what in found.items()]

    show(operate(use), under="agents", as_json=json)


@app.command("list")
def list_peers(tenant: TenantName, json: AsJson = False) -> None:
    """List a tenant's peers, ended ones too: their keys' fingerprints and what was granted."""

    async def use(application: Application) -> tuple[Peer, ...]:
        return await application.peering.every(await application.tenancy.named(tenant))

    show([_record(one) for one in operate(use)], under="peers", as_json=json)


@app.command("revoke")
def revoke(
    tenant: TenantName,
    name: PeerName,
    key_id: Annotated[
        str | None, typer.Option("--key", metavar="FINGERPRINT", help="End this key alone; the peer goes on.")
    ] = None,
    json: AsJson = False,
) -> None:
    """End a peer, or one of its keys, now. The next question is refused."""

    async def use(application: Application) -> str:
        return str(await application.peering.revoke(await application.tenancy.named(tenant), name, key_id))

    show([{"id": operate(use), "name": name, "revoked": key_id or "all"}], under="peers", as_json=json)


@app.command("fingerprint")
def fingerprint(json: AsJson = False) -> None:
    """Print the fingerprint of this server's own key, for those who enrol it or list it in federation.yaml."""

    async def use(application: Application) -> FederationKey:
        return application.federation.key

    own = operate(use)
    if json:
        output.print_json({"fingerprint": own.key_id, "jwks": to_jwks([own])})
    else:
        output.say_unbroken(own.key_id)


def _looked_at(url: str, found: tuple[FederationKey, ...] | EvidenceError) -> dict[str, Any]:
    if isinstance(found, EvidenceError):
        return {"url": url, "keys": [], "why": f"{found.code}: {found.message}"}
    return {"url": url, "keys": [one.key_id for one in found], "why": ""}


async def _keys(application: Application, source: str) -> tuple[FederationKey, ...]:
    if _is_url(source):
        return await application.peering.fetch(source)
    return _from_file(source)


def _from_file(source: str) -> tuple[FederationKey, ...]:
    try:
        return parse_jwks(Path(source).read_bytes(), what=source)
    except OSError as fault:
        raise EvidenceError(f"{source}: {fault.strerror}", code="unreadable_file", path=source) from fault


def _is_url(source: str) -> bool:
    return "://" in source


def _confirmed(
    keys: Sequence[FederationKey], fingerprints: Sequence[str], name: str, *, as_json: bool
) -> tuple[FederationKey, ...]:
    """The keys that were compared: those named, or all, if a person at a terminal says so."""
    if fingerprints:
        return compared(keys, fingerprints)
    if not as_json:
        for one in keys:
            output.note(f"key of {name}: {one.key_id}")
    if as_json or not typer.get_text_stream("stdin").isatty():
        raise EvidenceError(
            "compare the fingerprints with what the peer says of them, then give each with --fingerprint",
            code="fingerprint_needed",
            value=[one.key_id for one in keys],
        )
    if not typer.confirm("Does the peer say the same fingerprints, some other way than this one?", err=True):
        raise EvidenceError("nothing was stored", code="fingerprint_mismatch")
    return tuple(keys)


def _record(peer: Peer) -> dict[str, Any]:
    return {
        "id": str(peer.id),
        "name": peer.name,
        "keys": [one.key_id for one in peer.keys if one.revoked is None],
        "source": peer.source,
        "created": peer.created,
        "revoked": peer.revoked,
        "grant": None if peer.grant is None else grant_record(peer.grant),
    }
