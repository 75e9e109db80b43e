"""What a certificate claims, read under neutral names."""

from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from evidence_api.engines.sigstore_claims import CLAIMS, claims_of
from evidence_api.engines.sigstore_identity import StepFailed, signer_of
from tests.support.sigstore_authorities import new_key

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(*extensions: tuple[int, bytes]) -> x509.Certificate:
    key = new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_AT)
        .not_valid_after(_AT + timedelta(minutes=10))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("me@example.com")]), critical=True)
    )
    for last, value in extensions:
        oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{last}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(key, hashes.SHA256())


def text(value: str) -> bytes:
    return bytes(core.UTF8String(value).dump())


def test_every_claim_is_read_under_its_name() -> None:
    found = claims_of(certificate(*((last, text(f"value {last}")) for last in CLAIMS)))
    assert found == {name: f"value {last}" for last, name in CLAIMS.items()}
    assert found["source_repository_id"] == "value 15"
    assert found["source_repository_owner_id"] == "value 17"


def test_absent_and_empty_claims_are_left_out() -> None:
    assert claims_of(certificate((8, text("issuer")), (23, text("")))) == {}


@pytest.mark.parametrize("value", [b"raw text", bytes(core.OctetString(b"x").dump()), b"\x0c\x01\xff"])
def test_a_claim_that_is_no_utf8_string_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        claims_of(certificate((15, value)))
    with pytest.raises(StepFailed) as refused:
        signer_of(certificate((8, text("https://issuer.example")), (15, value)))
    assert refused.value.code == "certificate_profile"


def test_a_signer_carries_them() -> None:
    signer = signer_of(certificate((8, text("https://issuer.example")), (14, text("refs/heads/main"))))
    assert dict(signer.claims) == {"source_ref": "refs/heads/main"}
