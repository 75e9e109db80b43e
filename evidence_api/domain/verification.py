"""What became of the signature checks on one piece of evidence: a closed union of four results.

Unknown is not absent is not failed: `Unsupported` (we cannot check it) and `Unsigned` (nothing to
check) are results of their own, and neither counts for controls.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signed with a key registered for the tenant. `key_id` is sha256:<hex> of its SubjectPublicKeyInfo."""

    key_id: str
    algorithm: str
    name: str = ""

    @property
    def label(self) -> str:
        """How people are shown the signer."""
        return f"key {self.name or self.key_id[:19]}"


@dataclass(frozen=True, slots=True)
class CertificateSigner:
    """Signed with a short-lived certificate: OIDC issuer and the identity in the certificate's SAN."""

    issuer: str
    identity: str
    certificate: str  # sha256:<hex> of the DER certificate

    @property
    def label(self) -> str:
        """How people are shown the signer."""
        return self.identity


Signer: TypeAlias = KeySigner | CertificateSigner


@dataclass(frozen=True, slots=True)
class Verified:
    """Every check held. `signed_at` is a verified timestamp (None for a bare key signature);
    `trust_root` the digest of the keys or trusted root used; `checks` the steps done, in order."""

    signer: Signer
    trust_root: str
    checks: tuple[str, ...]
    signed_at: datetime | None = None

    status = "verified"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Well-formed, but of a type we cannot check; `what` names it (e.g. "log entry intoto 0.0.2")."""

    what: str
    code: str = "unsupported"

    status = "unsupported"


@dataclass(frozen=True, slots=True)
class Failed:
    """A check did not hold. `code` names the check (domain/errors.py, or the step's own name)."""

    code: str
    message: str

    status = "failed"


@dataclass(frozen=True, slots=True)
class Unsigned:
    """There is no signature to check."""

    code: str = "unsigned"

    status = "unsigned"


Verification: TypeAlias = Verified | Unsupported | Failed | Unsigned
