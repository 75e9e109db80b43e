"""`evidence-api evidence`: one record of the log, what it says and who signed it, and its exact bytes; over HTTP."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.cli import output, release_queries
from evidence_api.cli.credentials import DEFAULT_SERVER, Server, Token
from evidence_api.cli.decision_lines import decision_lines
from evidence_api.cli.files import give
from evidence_api.cli.release import reader
from evidence_api.cli.release_cards import moment, signed, subject_lines
from evidence_api.domain.digest import digest_of, parse_digest
from evidence_api.domain.errors import EvidenceError, Malformed, NotFound, VerificationFailed
from evidence_api.formats.upload import BundleUpload, EnvelopeUpload, recognise

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Show one piece of evidence, fetch its exact bytes.\n\n"
    "Needs a server and a token with the right evidence:read (EVIDENCE_SERVER, EVIDENCE_TOKEN).\n\n"
    "Exit codes: 0 answered, 1 there is no such thing or it is refused, 2 used wrongly, 3 no answer.",
)

_SHORT = re.compile(r"(sha256:)?[0-9a-f]{6,63}…?\Z")

Identity = Annotated[str, typer.Argument(metavar="ID", help="The evidence id, sha256:<64 hex digits>.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@app.command("show")
def show(id: Identity, token: Token = "", server: Server = DEFAULT_SERVER, *, json: AsJson = False) -> None:  # noqa: A002  what it is called
    """Show what a piece of evidence is about, what it says, who signed it and how that was checked."""
    named = _identity(id)
    with reader(server, token) as client:
        found = release_queries.evidence(client, named)
    if json:
        output.print_json(found)
        return
    output.print_fields(_fields(found), title=f"{found['kind']} at leaf {found['leafIndex']}")
    output.say("")
    output.print_table(("fact", "value"), [(name, _value(value)) for name, value in found["facts"].items()])
    if not found["erased"]:
        output.say("\nthe bytes as received, and the signed document in them:")
        output.say_unbroken(f"  evidence-api evidence get -o FILE {named}")
        output.say_unbroken(f"  evidence-api evidence get --payload {named}")


@app.command("get")
def get(
    id: Identity,  # noqa: A002  what it is called
    token: Token = "",
    server: Server = DEFAULT_SERVER,
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write them to this file; else to stdout.")] = None,
    payload: Annotated[bool, typer.Option("--payload", help="Only the signed document inside, unpacked.")] = False,
    json: AsJson = False,
) -> None:
    """Fetch the bytes exactly as they were received, and check that they have the digest on record.

    `evidence-api inspect FILE --key KEY` verifies them again, with no server. --json needs --out.
    """
    if json and out is None:
        raise EvidenceError("--json tells of the file: give --out too", code="usage")
    named = _identity(id)
    with reader(server, token) as client:
        found = release_queries.evidence(client, named)
        if found["erased"]:
            raise NotFound("the bytes were erased; the record, its digests and proofs stay", code="erased")
        digest = found["body"]["digest"]
        content = client.get(f"/v1/blobs/{digest}")
    if digest_of(content) != digest:
        raise VerificationFailed(f"what came has the digest {digest_of(content)}", code="body_digest", value=digest)
    content = payload_of(content) if payload else content
    give(content, out, {"evidence": named, "mediaType": found["body"]["mediaType"]}, as_json=json)


def payload_of(body: bytes) -> bytes:
    """The signed document inside an upload; what is no envelope and no bundle of one is that document itself."""
    upload = recognise(body)
    envelope = upload.envelope if isinstance(upload, EnvelopeUpload | BundleUpload) else None
    return body if envelope is None else envelope.payload


def _identity(text: str) -> str:
    """An evidence id. Raises Malformed; sentences shorten ids, so that is said."""
    if _SHORT.match(text):
        raise Malformed(f"{text} is a shortened id; `evidence-api release explain` shows it whole", path="ID")
    return parse_digest(text)


def _fields(found: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    verification, body = found["verification"], found["body"]
    yield "id", found["evidenceId"]
    yield "predicate", found["predicateType"]
    yield "signer", f"{found['status'].lower()}, {signed(found)}" if verification["signer"] else signed(found)
    yield "checks", ", ".join(verification["checks"])
    yield "why not", ": ".join(filter(None, (verification["code"], verification["message"])))
    yield "trust root", verification["trustRoot"]
    for name, label in (("effective", "of"), ("collected", "signed"), ("received", "received")):
        yield label, moment(found[name]) if found[name] else ""
    if found["decision"]:
        yield from decision_lines(found["decision"])
    yield "series", found["series"]
    yield "about", "\n".join(subject_lines(found["subjects"]))
    yield "built from", "\n".join(found["sources"])
    for check in found["rechecks"]:
        why = f" ({check['code']}: {check['message']})" if check["code"] else ""
        yield "checked again", f"{moment(check['checkedAt'])} {check['status'].lower()}{why}"
    yield "bytes", "erased" if found["erased"] else f"{body['size']:,}, {body['mediaType']}\n{body['digest']}"


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
