"""`evidence-api peer key`: a key to ask with, its key set and its fingerprint. The base install is enough."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from evidence_api.cli import output
from evidence_api.domain.errors import EvidenceError
from evidence_api.engines.files import kept_secret, write_file
from evidence_api.engines.http_signatures import MessageSigner
from evidence_api.formats.jwks import to_jwks


def key(
    file: Annotated[Path, typer.Argument(help="The private key (PEM, Ed25519); made if it is not there.")],
    *,
    jwks: Annotated[Path | None, typer.Option(help="Write its key set there, to publish or to send.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Print the fingerprint of a key to ask other organisations with, and make the key if there is none."""
    signer = load_signer(file, make=True)
    if jwks is not None:
        write_file(jwks, orjson.dumps(to_jwks([signer.public]), option=orjson.OPT_INDENT_2) + b"\n")
    if json:
        output.print_json({"file": str(file), "fingerprint": signer.key_id, "jwks": to_jwks([signer.public])})
    else:
        output.say_unbroken(signer.key_id)


def load_signer(file: Path, *, make: bool = False) -> MessageSigner:
    """The key in a file. Raises EvidenceError `unreadable_file`, Malformed."""
    try:
        pem = kept_secret(file, lambda: MessageSigner.generate().to_pem()) if make else file.read_bytes()
    except OSError as fault:
        raise EvidenceError(f"{file}: {fault.strerror}", code="unreadable_file", path=str(file)) from fault
    return MessageSigner.from_pem(pem)
