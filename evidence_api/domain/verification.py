"""What became of the signature checks on one piece of evidence: a closed union of four results.

Unknown is not absent is not failed: `Unsupported` (we cannot check it) and `Unsigned` (nothing to
check) are results of their own, and neither counts for controls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
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
    """Signed with a short-lived certificate: OIDC issuer and the identity in the certificate's SAN.

    `claims` are what else the issuer vouched for: repository, workflow, ref, environment and their unchangeable ids,
    by the names of engines/sigstore_claims.py. Empty for evidence that was recorded before they were kept.
    """

    issuer: str
    identity: str
    certificate: str  # sha256:<hex> of the DER certificate
    claims: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", MappingProxyType(dict(self.claims)))

    def __reduce__(self) -> tuple[object, ...]:
        # A read-only mapping does not pickle, and signers come back from worker processes.
        return CertificateSigner, (self.issuer, self.identity, self.certificate, dict(self.claims))

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
