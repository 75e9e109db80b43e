"""`evidence-api attest`: a document a tool wrote becomes a signed statement about artifacts.

The plan:
  1. what the file is: a type of document by its shape or --type, a predicate with --predicate-type, or a statement
  2. what it is about: each --subject, or what the document names itself
  3. the statement, read again as the server will read it                       formats/attesting.py
  4. its signature: a key file, a key at a URI, Sigstore, or none on purpose    engines/
  5. the result goes to stdout, to --out, or to the server, and the receipt is checked
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import orjson
import typer

from evidence_api.cli import output, signing
from evidence_api.cli.credentials import DEFAULT_SERVER, Audience, FromExchange, Sending, Server, Tenant, Token, connect
from evidence_api.cli.sending import Outgoing, Result, send_one
from evidence_api.cli.submit import LogKey, show
from evidence_api.domain.errors import EvidenceError, Malformed
from evidence_api.domain.statement import Subject
from evidence_api.formats import attesting
from evidence_api.formats.statement import read_resource
from evidence_api.formats.upload import DocumentUpload, StatementUpload, identity, recognise

_TYPE_HELP = f"What the file is; told by its shape if not given. One of: {', '.join(attesting.names())}."


@dataclass(frozen=True, slots=True)
class _Made:
    """What is to be signed: the statement's bytes, what it is said to be, and about what."""

    payload: bytes
    type: str
    predicate_type: str
    subjects: Sequence[Subject]


File = Annotated[
    Path, typer.Argument(metavar="FILE", help="SBOM, test report, scan, … or a predicate or statement as JSON.")
]
Kind = Annotated[str, typer.Option("--type", metavar="TYPE", help=_TYPE_HELP)]
PredicateType = Annotated[
    str,
    typer.Option(
        metavar="URI",
        help="The file is a predicate of this type (JSON) and no document: a decision, for instance "
        "urn:evidence-api:router-decision:v1. `evidence-api kinds list` names our own.",
    ),
]
Subjects = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE|DIGEST", help="What it is about: a file, sha256:HEX or NAME=sha256:HEX; repeatable."),
]
Out = Annotated[Path | None, typer.Option(help="Write the result to this file instead of stdout.")]
Submit = Annotated[bool, typer.Option("--submit", help="Send it, check the receipt.", rich_help_panel="Server")]
Json = Annotated[bool, typer.Option("--json", help="Say what was made as JSON.")]


def attest(  # one parameter for each option
    file: File,
    *,
    kind: Kind = "",
    predicate_type: PredicateType = "",
    subject: Subjects = None,
    key: signing.Key = "",
    kms: signing.Kms = "",
    public_key: signing.Public = None,
    keyless: signing.Keyless = False,
    identity_token: signing.IdentityToken = "",
    trust_config: signing.TrustConfig = None,
    unsigned: signing.Nobody = False,
    out: Out = None,
    submit: Submit = False,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    token_from_exchange: FromExchange = "",
    tenant: Tenant = "",
    audience: Audience = "",
    log_key: LogKey = None,
    json: Json = False,
) -> None:
    """Make a signed statement of a document.

    evidence-api attest sbom.cdx.json --subject dist/app.tar.gz --key signer.pem --out sbom.dsse.json

    evidence-api attest junit.xml --subject sha256:… --keyless --submit --token-from-exchange github --tenant acme
    """
    asked = signing.Asked(key, kms, public_key, keyless, identity_token, trust_config, unsigned)
    signing.check_one(asked)
    made = _statement(file, kind, predicate_type, [subject_of(one) for one in subject or ()])
    to = Sending(server, token, token_from_exchange, tenant, audience)
    # Who may not send is told before anything is signed: a keyless signature is public and stays in its log.
    with connect(to) if submit else nullcontext() as client:
        body = signing.sign(made.payload, asked)
        told = _told(file, made, body, out)
        result = send_one(client, Outgoing(str(out or file), 0, body), log_key) if client is not None else None
    _show(told, body, result, as_json=json)


def _statement(file: Path, kind: str, predicate_type: str, subjects: Sequence[Subject]) -> _Made:
    body = file.read_bytes()
    if predicate_type:
        if kind:
            raise EvidenceError("give either --type or --predicate-type", code="usage")
        payload = attesting.attest_predicate(predicate_type, body, _some(subjects))
        return _Made(payload, "predicate", predicate_type, subjects)
    if not kind and _is_statement(body):
        if subjects:
            raise EvidenceError("a statement names its subjects itself; leave out --subject", code="usage")
        statement, _ = attesting.read_back(body)
        return _Made(body, "statement", statement.predicate_type, statement.subjects)
    chosen = attesting.chosen_type(kind, body)
    about = _some(subjects or attesting.named_subjects(chosen, body))
    return _Made(attesting.attest_document(chosen, body, about), chosen.name, chosen.predicate_type, about)


def _is_statement(body: bytes) -> bool:
    """Raises EvidenceError for what is signed already."""
    try:
        found = recognise(body)
    except Malformed:
        return False  # the reason follows from asking for its type
    if not isinstance(found, StatementUpload | DocumentUpload):
        raise EvidenceError("the file is signed already; `evidence-api submit` sends it", code="usage")
    return isinstance(found, StatementUpload)


def _some(subjects: Sequence[Subject]) -> Sequence[Subject]:
    if not subjects:
        raise EvidenceError(
            "the file does not say what it is about: give --subject, a file or sha256:HEX", code="usage"
        )
    return subjects


def subject_of(text: str) -> Subject:
    """A file's name and digest, or a digest with or without a name. Raises EvidenceError `usage`, Malformed."""
    path = Path(text)
    if path.is_file():
        with path.open("rb") as stream:
            return Subject(path.name, MappingProxyType({"sha256": file_digest(stream, "sha256").hexdigest()}))
    name, _, digest = text.rpartition("=")
    algorithm, colon, value = digest.partition(":")
    if not colon:
        raise EvidenceError(f"neither a file nor a digest such as sha256:HEX: {text[:200]!r}", code="usage")
    return read_resource({"name": name, "digest": {algorithm: value}}, "subject")


def _told(file: Path, made: _Made, body: bytes, out: Path | None) -> dict[str, Any]:
    """What was made, written to `out` if that is given."""
    if out is not None:
        out.write_bytes(body)
    return {
        **({} if out is None else {"out": str(out)}),
        "file": str(file),
        "type": made.type,
        "predicateType": made.predicate_type,
        "subjects": [{"name": one.name, "digests": list(one.digests)} for one in made.subjects],
        "evidence": identity(recognise(body)),
    }


def _show(told: dict[str, Any], body: bytes, result: Result | None, *, as_json: bool) -> None:
    if as_json:
        sent = {} if result is None else {"sent": result.to_json()}
        output.print_json({**told, "document": orjson.loads(body), **sent})
    elif result is not None:
        show([result])
    elif "out" in told:
        output.say(f"{told['out']}: {told['type']} about {len(told['subjects'])} subject(s), {told['evidence']}")
    else:
        output.print_document(body)
    if result is not None and result.fault:
        raise typer.Exit(output.exit_code(result.fault))
