"""Signing without a key of one's own: Sigstore gives a certificate for minutes to whoever an OIDC token names.

The plan:
  1. the token: given, or the ambient one of the CI job (GitHub, GitLab, Buildkite, CircleCI, Google Cloud)
  2. the instance: the public one, by its TUF repository, or a client trust config of a private one
  3. certificate, signature, transparency log entry, timestamp, by sigstore-python
Without a network only step 1 is done, and what is missing is said.
"""

from pathlib import Path

from sigstore.dsse import Statement
from sigstore.errors import Error as SigstoreError
from sigstore.models import ClientTrustConfig
from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken, detect_credential
from sigstore.sign import SigningContext

from evidence_api.domain.errors import EvidenceError, Malformed, Undecided


class _Read(Statement):
    """A statement that formats/statement.py has read. The base class would refuse subjects named by a git commit."""

    def __init__(self, payload: bytes) -> None:
        self._contents = payload


def sign_keyless(payload: bytes, *, token: str = "", trust_config: Path | None = None) -> bytes:
    """Sign a statement; the Sigstore bundle as JSON. `payload` is one that formats/statement.py reads.

    Raises EvidenceError `no_identity` (no token, or one that is not usable), Malformed (the trust config), Undecided
    `sigstore_failed` (a service of the instance did not answer, or refused).
    """
    identity = _identity(token)
    config = _from_file(trust_config) if trust_config is not None else None
    try:
        context = SigningContext.from_trust_config(config or ClientTrustConfig.production())
        with context.signer(identity) as signer:
            return signer.sign_dsse(_Read(payload)).to_json().encode()
    except ExpiredIdentity as fault:
        raise EvidenceError("the identity token has expired", code="no_identity") from fault
    except Exception as fault:  # the services' clients share no class of errors
        text = f"Sigstore did not sign: {type(fault).__name__}: {fault}"
        raise Undecided(text, code="sigstore_failed") from fault


def _identity(token: str) -> IdentityToken:
    try:
        found = token or detect_credential()
        if not found:
            raise EvidenceError(
                "nothing here says who signs: give an identity token, or run where a CI job has one "
                "(GitHub: permissions: id-token: write; GitLab: id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore)",
                code="no_identity",
            )
        return IdentityToken(found)
    except (IdentityError, ExpiredIdentity) as fault:
        raise EvidenceError(f"the identity token is not usable: {fault}", code="no_identity") from fault


def _from_file(path: Path) -> ClientTrustConfig:
    try:
        return ClientTrustConfig.from_json(path.read_text(encoding="utf-8"))
    except (SigstoreError, ValueError) as fault:
        raise Malformed(f"not a Sigstore client trust config: {fault}", path=str(path)) from fault
