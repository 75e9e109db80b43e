"""Verifying, step 3 of a bundle: who the certificate says has signed, and whether the rules name them.

Source: Fulcio, docs/oid-info.md: 1.3.6.1.4.1.57264.1.8 is the OIDC issuer as a DER string, .1.1 the older raw form;
docs/certificate-specification.md: exactly one subject alternative name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore.errors import VerificationError

from evidence_api.domain.digest import digest_of
from evidence_api.domain.verification import CertificateSigner
from evidence_api.engines.sigstore_claims import claims_of

_ISSUER_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_V2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_OTHER_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """Trust certificates of exactly this OIDC issuer and exactly this identity. None trusts every identity of the
    issuer, for a caller who then compares the certificate's claims with what it expects. `name` is for people."""

    issuer: str
    identity: str | None
    name: str = field(default="", compare=False)

    def names(self, signer: CertificateSigner) -> bool:
        """Whether this is the signer meant."""
        return self.issuer == signer.issuer and self.identity in {None, signer.identity}


@dataclass(frozen=True, slots=True)
class AnyIdentity:
    """Check everything but who signed. Only for looking at a bundle, never for taking it in."""


Identities: TypeAlias = Sequence[IdentityRule] | AnyIdentity


class StepFailed(VerificationError):
    """A step of our own inside the library's plan; `code` names it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class IdentityPolicy:
    """The library's verification policy: the signer must be named by one of the rules. One a verification;
    `signer` is whom the certificate names, None until it was read."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self.signer: CertificateSigner | None = None

    def verify(self, cert: x509.Certificate) -> None:
        """Raises StepFailed untrusted_identity or certificate_profile."""
        self.signer = signer = signer_of(cert)
        if isinstance(self._identities, AnyIdentity):
            return
        if not any(rule.names(signer) for rule in self._identities):
            raise StepFailed(
                "untrusted_identity",
                f"no trust rule names {signer.identity} of {signer.issuer}: signer not trusted here"
                + _closest(self._identities, signer),
            )


def _closest(rules: Sequence[IdentityRule], signer: CertificateSigner) -> str:
    """The rule that came closest and what differed, as the end of a sentence: one of the same issuer, if there is."""
    rule = min(rules, key=lambda rule: (rule.issuer != signer.issuer, rule.name), default=None)
    if rule is None:
        return ""
    called = rule.name or rule.identity or rule.issuer
    if rule.issuer != signer.issuer:
        return f"; closest is rule '{called}': issuer: expected {rule.issuer}, got {signer.issuer}"
    return f"; closest is rule '{called}': identity: expected {rule.identity}, got {signer.identity}"


def signer_of(certificate: x509.Certificate) -> CertificateSigner:
    """The identity a certificate states. Raises StepFailed certificate_profile when it states none, or several."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        identities = [
            *names.get_values_for_type(x509.RFC822Name),
            *names.get_values_for_type(x509.UniformResourceIdentifier),
            *(one.value.decode() for one in names.get_values_for_type(x509.OtherName) if one.type_id == _OTHER_NAME),
        ]
        issuers = {text for text in (_issuer(certificate, _ISSUER_V2), _issuer(certificate, _ISSUER_V1)) if text}
        claims = claims_of(certificate)
    except (ValueError, x509.ExtensionNotFound) as fault:
        raise StepFailed("certificate_profile", f"the certificate's identity is not readable: {fault}") from fault
    if len(identities) != 1 or len(issuers) != 1:
        found = f"{len(identities)} identities and {len(issuers)} issuers"
        raise StepFailed("certificate_profile", f"the certificate states {found}, not one of each")
    digest = digest_of(certificate.public_bytes(Encoding.DER))
    return CertificateSigner(issuers.pop(), identities[0], digest, claims)


def _issuer(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    """The issuer in one of its two encodings, "" if the certificate does not have it."""
    try:
        extension = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return ""
    raw = extension.public_bytes()
    return asn1.decode_der(str, raw) if oid == _ISSUER_V2 else raw.decode()
