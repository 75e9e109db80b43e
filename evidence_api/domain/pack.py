"""The audit pack: one release's verdicts with everything needed to derive them again, and what is absent.

`use_cases/packs.py` fills a `PackContents`; `formats/pack.py` writes it as JSON and artifacts;
`formats/pack_pages` prints it; `use_cases/verify_pack.py` reads it back and believes none of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from evidence_api.domain.assessment import DERIVATION, Assessment
from evidence_api.domain.control import Catalog
from evidence_api.domain.digest import digest_of
from evidence_api.domain.evidence import Evidence, Release


class PackStatus(StrEnum):
    """complete: every artifact is inside. partial: some evidence body is absent, and named.

    refused: a verdict could not be derived again from what is inside; such a pack is never written.
    """

    COMPLETE = "complete"
    PARTIAL = "partial"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Redaction:
    """What leaves in the place of a body that may not: the signed payload with placeholders in it, what they stand for
    (each "path: detector (what)"), and the reasons of the policy."""

    copy: bytes = field(repr=False)
    found: tuple[str, ...]
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackedEvidence:
    """One record with its exact bytes, its leaf and the RFC 6962 inclusion proof (32-byte hashes, leaf
    to root) to the pack's checkpoint. `body` is None once erased, or where a redacted copy takes its place: the record
    then says what the copy says, and digest, leaf and proof stay those of the original."""

    evidence: Evidence
    body: bytes | None = field(repr=False)
    leaf: bytes = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)
    redaction: Redaction | None = None


@dataclass(frozen=True, slots=True)
class PackedKey:
    """A public key evidence was verified with: the name it is registered under, and its PEM."""

    name: str
    pem: str


@dataclass(frozen=True, slots=True)
class PackedIdentity:
    """An identity rule evidence was verified with: OIDC issuer and the certificate's SAN, exactly."""

    issuer: str
    identity: str


@dataclass(frozen=True, slots=True)
class PackedTrust:
    """What signatures are checked against; `trusted_root` are the bytes of the Sigstore trusted root."""

    keys: tuple[PackedKey, ...] = ()
    identities: tuple[PackedIdentity, ...] = ()
    trusted_root: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PackedPolicy:
    """The policy bundle: Rego modules (file name -> text), data (JSON bytes), and the digest of both."""

    digest: str
    modules: Mapping[str, str] = field(repr=False)
    data: bytes = field(default=b"{}", repr=False)


@dataclass(frozen=True, slots=True)
class PackContents:
    """Everything a pack is made of. The only moment in it is the assessment's, so that the same inputs
    give the same bytes. `log_key` is the log's note verifier key; `rego` the generated package of the
    catalog; `software` names what made the pack (name -> version); `derivation` how its verdicts were derived."""

    tenant: str
    log_origin: str
    log_key: str
    checkpoint: str = field(repr=False)
    release: Release
    evidence: tuple[PackedEvidence, ...] = field(repr=False)
    assessment: Assessment = field(repr=False)
    catalog: Catalog = field(repr=False)
    rego: str = field(repr=False)
    policy: PackedPolicy
    trust: PackedTrust = field(repr=False)
    software: Mapping[str, str]
    derivation: int = DERIVATION


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of the pack. `relationship` is PDF 2.0's AFRelationship: Source | Data | Supplement | Alternative."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    description: str
    relationship: str = "Data"

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the content."""
        return digest_of(self.content)


@dataclass(frozen=True, slots=True)
class Absent:
    """An artifact the pack should hold and does not, with the reason; `vital` ones refuse the pack."""

    name: str
    reason: str
    vital: bool


@dataclass(frozen=True, slots=True)
class Completeness:
    """How many of the artifacts are present, by opening each one, and which are not."""

    present: int
    absent: tuple[Absent, ...]

    @property
    def total(self) -> int:
        """How many artifacts the pack is made of."""
        return self.present + len(self.absent)

    @property
    def status(self) -> PackStatus:
        """The one word for it."""
        if any(item.vital for item in self.absent):
            return PackStatus.REFUSED
        return PackStatus.PARTIAL if self.absent else PackStatus.COMPLETE

    @property
    def line(self) -> str:
        """The sentence on the verdict page."""
        return f"{self.present} of {self.total} artifacts present and verified"


def period_of(contents: PackContents) -> tuple[datetime, datetime] | None:
    """First and last moment the evidence is about (its effective time, else when it was received)."""
    moments = [item.evidence.effective or item.evidence.received for item in contents.evidence]
    return (min(moments), max(moments)) if moments else None
