"""Command line: who signs what `attest` makes. Exactly one way has to be chosen, being nobody among them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from evidence_api.domain.errors import EvidenceError, VerificationFailed
from evidence_api.domain.verification import Verified
from evidence_api.engines.keyless import sign_keyless
from evidence_api.engines.keys import EnvelopeSigner, verify_envelope
from evidence_api.engines.kms import KmsSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope

_PANEL = "Who signs (one of these)"

Key = Annotated[
    str, typer.Option(metavar="PEM|env:NAME", help="Private key: a file, or a variable.", rich_help_panel=_PANEL)
]
Kms = Annotated[
    str,
    typer.Option(metavar="URI", help="Key elsewhere: gcpkms:, awskms:, azurekms:, hv:, hsm:", rich_help_panel=_PANEL),
]
Public = Annotated[
    Path | None,
    typer.Option(help="Public half (PEM) of the --kms key, where it cannot be asked for.", rich_help_panel=_PANEL),
]
Keyless = Annotated[
    bool, typer.Option("--keyless", help="Sigstore, as the identity of this CI job.", rich_help_panel=_PANEL)
]
IdentityToken = Annotated[
    str,
    typer.Option(
        envvar="SIGSTORE_ID_TOKEN",
        help="OIDC token for --keyless instead of the ambient one.",
        rich_help_panel=_PANEL,
    ),
]
TrustConfig = Annotated[
    Path | None, typer.Option(help="Client trust config of a Sigstore of your own.", rich_help_panel=_PANEL)
]
Nobody = Annotated[
    bool, typer.Option("--unsigned", help="Nobody; it will count for no control.", rich_help_panel=_PANEL)
]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as given; empty is not given."""

    key: str = ""  # a file, or env:NAME
    kms: str = ""
    public_key: Path | None = None
    keyless: bool = False
    identity_token: str = ""
    trust_config: Path | None = None
    unsigned: bool = False


def check_one(asked: Asked) -> None:
    """Raises EvidenceError `usage` unless exactly one way is chosen."""
    ways = {"--key": asked.key, "--kms": asked.kms, "--keyless": asked.keyless, "--unsigned": asked.unsigned}
    given = [name for name, value in ways.items() if value]
    if len(given) != 1:
        found = f"not {' and '.join(given)}" if given else "none is given"
        raise EvidenceError(f"say who signs with one of {', '.join(ways)}; {found}", code="usage")


def sign(payload: bytes, asked: Asked) -> bytes:
    """The statement as it goes out: an envelope, a Sigstore bundle, or bare. Raises EvidenceError, Undecided."""
    if asked.unsigned:
        return payload
    if asked.keyless:
        return sign_keyless(payload, token=asked.identity_token, trust_config=asked.trust_config)
    signer = _kms(asked) if asked.kms else EnvelopeSigner.from_pem(_private(asked.key))
    envelope = signer.sign(IN_TOTO, payload)
    # A key service given the other half of another key signs well and is believed by nobody.
    if not isinstance(verify_envelope(envelope, [signer.public_key]), Verified):
        raise VerificationFailed("the signature is not one of the public key that was given", code="bad_signature")
    return encode_envelope(envelope)


def _kms(asked: Asked) -> KmsSigner:
    return KmsSigner(asked.kms, asked.public_key.read_bytes() if asked.public_key else None, _pin)


def _pin(name: str) -> str:
    """What a hardware token is locked with: from EVIDENCE_KEY_PIN, or asked of whoever sits here."""
    return os.environ.get("EVIDENCE_KEY_PIN") or str(typer.prompt(name, hide_input=True, err=True))


def _private(key: str) -> bytes:
    form, _, name = key.partition(":")
    if form != "env" or Path(key).exists():
        return Path(key).read_bytes()
    found = os.environ.get(name, "")
    if not found:
        raise EvidenceError(f"the variable {name} holds no key", code="usage")
    return found.encode()
