"""Verification as a type: who signed, how and when that was checked, against which trust root."""

from typing import Annotated, TypeAlias, assert_never

import strawberry

from evidence_api.domain import verification as domain
from evidence_api.graphql.scalars import EvidenceStatus, Json, Time, VerificationMethod


@strawberry.type(description="Somebody who signs with a key registered for the tenant.")
class KeySigner:
    """domain.verification.KeySigner, for readers."""

    label: str = strawberry.field(description="How people are shown the signer.")
    key_id: str = strawberry.field(description="sha256:<hex> of the key's SubjectPublicKeyInfo.")
    algorithm: str = strawberry.field(description="The signature algorithm, e.g. ecdsa-p256.")
    name: str = strawberry.field(description='The name the key was registered under; "" if none.')


@strawberry.type(description="Somebody who signs with a short-lived certificate for an identity.")
class CertificateSigner:
    """domain.verification.CertificateSigner, for readers."""

    label: str = strawberry.field(description="How people are shown the signer.")
    issuer: str = strawberry.field(description="The OpenID issuer that vouched for the identity.")
    identity: str = strawberry.field(description="The identity in the certificate's SAN, e.g. a workflow's URL.")
    certificate: str = strawberry.field(description="sha256:<hex> of the certificate (DER).")
    claims: Json = strawberry.field(
        description="What else the issuer vouched for, by name: source_repository, source_ref, runner_environment, "
        "source_repository_id and others; those absent from the certificate are left out."
    )


Signer: TypeAlias = Annotated[
    KeySigner | CertificateSigner,
    strawberry.union("Signer", description="Who signed: the holder of a registered key, or of a certificate."),
]


@strawberry.type(description="What became of the signature checks on one piece of evidence, and how they were done.")
class Verification:
    """domain.verification.Verification, flattened for readers; what does not apply is null."""

    status: EvidenceStatus = strawberry.field(description="The result of all checks together.")
    method: VerificationMethod | None = strawberry.field(
        description="How the signer was established; null unless verified."
    )
    signer: Signer | None = strawberry.field(description="Who signed; null unless verified.")
    checks: list[str] = strawberry.field(description="The checks that held, in the order they were done.")
    trust_root: str | None = strawberry.field(
        description="Digest of the registered keys or the trusted root the checks relied on; null unless verified."
    )
    signed_at: Time | None = strawberry.field(
        description="A verified time of signing, from a transparency log or timestamp authority; null for a bare key."
    )
    verified_at: Time = strawberry.field(
        description="When this server did the checks: on receipt, before the evidence entered the log."
    )
    code: str | None = strawberry.field(description="Why it is not verified, as a stable code; null if it is.")
    message: str | None = strawberry.field(description="Why it is not verified, as a sentence; null if it is.")


def signer_of(signer: domain.Signer) -> KeySigner | CertificateSigner:
    """The signer of verified evidence."""
    match signer:
        case domain.KeySigner(key_id=key_id, algorithm=algorithm, name=name):
            return KeySigner(label=signer.label, key_id=key_id, algorithm=algorithm, name=name)
        case domain.CertificateSigner(issuer=issuer, identity=identity, certificate=certificate, claims=claims):
            return CertificateSigner(
                label=signer.label,
                issuer=issuer,
                identity=identity,
                certificate=certificate,
                claims=Json(dict(claims)),
            )
    assert_never(signer)


def verification_of(result: domain.Verification, verified_at: Time) -> Verification:
    """A stored result as a reader sees it. Failed evidence is never stored, so its status has no name here."""
    match result:
        case domain.Verified(signer=signer, trust_root=trust_root, checks=checks, signed_at=signed_at):
            by_key = isinstance(signer, domain.KeySigner)
            return Verification(
                status=EvidenceStatus.VERIFIED,
                method=VerificationMethod.REGISTERED_KEY if by_key else VerificationMethod.CERTIFICATE,
                signer=signer_of(signer),
                checks=list(checks),
                trust_root=trust_root,
                signed_at=None if signed_at is None else Time(signed_at),
                verified_at=verified_at,
                code=None,
                message=None,
            )
        case domain.Unsupported(what=what, code=code):
            return _not_verified(EvidenceStatus.UNSUPPORTED, verified_at, code, f"cannot be checked here: {what}")
        case domain.Unsigned(code=code):
            return _not_verified(EvidenceStatus.UNSIGNED, verified_at, code, "there is no signature")
        case domain.Failed(code=code, message=message):
            return _not_verified(EvidenceStatus(result.status), verified_at, code, message)
    assert_never(result)


def _not_verified(status: EvidenceStatus, verified_at: Time, code: str, message: str) -> Verification:
    return Verification(
        status=status,
        method=None,
        signer=None,
        checks=[],
        trust_root=None,
        signed_at=None,
        verified_at=verified_at,
        code=code,
        message=message,
    )
