"""The pack key: made, kept, loaded; and what a certificate must be."""

from datetime import UTC, datetime

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from evidence_api.domain.errors import Malformed, PackRejected
from evidence_api.engines.pack_key import (
    common_name,
    fingerprint_of_pem,
    generate_pack_key,
    key_id_of_certificate,
    load_pack_key,
    verify_pack_signature,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_key_survives_its_pem() -> None:
    key = generate_pack_key("acme", now=NOW)
    again = load_pack_key(key.to_pem())
    assert again.certificate == key.certificate
    assert again.sign(b"message") == key.sign(b"message")
    assert common_name(key.certificate) == "acme"


def test_signatures_verify_and_only_over_their_message() -> None:
    key = generate_pack_key("acme", now=NOW)
    verify_pack_signature(key.certificate, key.sign(b"message"), b"message")
    with pytest.raises(PackRejected) as refused:
        verify_pack_signature(key.certificate, key.sign(b"message"), b"another")
    assert refused.value.code == "pack_signature"


def test_the_raw_signature_is_es256_of_the_public_key_shown() -> None:
    key = generate_pack_key("acme", now=NOW)
    raw = key.sign_raw(b"header.payload")
    assert (len(raw), raw) == (64, key.sign_raw(b"header.payload"))
    algorithm = jwt.get_algorithm_by_name("ES256")
    public = algorithm.prepare_key(key.public_pem)
    assert algorithm.verify(b"header.payload", public, raw)
    assert not algorithm.verify(b"other", public, raw)
    assert key.key_id == key_id_of_certificate(key.certificate)


def test_a_certificate_not_signed_by_itself_is_refused() -> None:
    key = generate_pack_key("acme", now=NOW)
    damaged = key.certificate[:-1] + bytes([key.certificate[-1] ^ 1])
    with pytest.raises(PackRejected) as refused:
        verify_pack_signature(damaged, key.sign(b""), b"")
    assert refused.value.code == "signer_certificate"


def test_a_key_and_the_certificate_of_another_are_refused() -> None:
    first, second = generate_pack_key("a", now=NOW), generate_pack_key("b", now=NOW)
    mixed = (
        first.to_pem().partition(b"-----BEGIN CERTIFICATE")[0]
        + b"-----BEGIN CERTIFICATE"
        + (second.to_pem().partition(b"-----BEGIN CERTIFICATE")[2])
    )
    with pytest.raises(Malformed):
        load_pack_key(mixed)


def test_another_curve_is_refused() -> None:
    pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = generate_pack_key("a", now=NOW).to_pem().partition(b"-----BEGIN CERTIFICATE")[2]
    with pytest.raises(Malformed):
        load_pack_key(pem + b"-----BEGIN CERTIFICATE" + certificate)
    with pytest.raises(Malformed):
        load_pack_key(b"nothing")


def test_a_signer_is_pinned_by_certificate_or_public_key() -> None:
    key = generate_pack_key("acme", now=NOW)
    certificate = x509.load_der_x509_certificate(key.certificate)
    public = certificate.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert fingerprint_of_pem(certificate.public_bytes(serialization.Encoding.PEM)) == key.fingerprint
    assert fingerprint_of_pem(public) == key_id_of_certificate(key.certificate)
    with pytest.raises(Malformed):
        fingerprint_of_pem(b"nothing")
