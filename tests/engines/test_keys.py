"""Registered keys: every algorithm, hints that are never trusted, bounds, signers."""

import subprocess
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # not in an __all__

from evidence_api.domain.errors import Malformed
from evidence_api.domain.verification import Failed, KeySigner, Verified
from evidence_api.engines.keys import EnvelopeSigner, NoteSigner, load_public_key, verify_envelope
from evidence_api.formats.dsse import IN_TOTO, Envelope, Signature, pae
from tests.support.keys import TestKey, fresh_keys

KEYS = fresh_keys()
PAYLOAD = b'{"a": 1}'


def code_of(envelope: Envelope, *keys: TestKey) -> str:
    result = verify_envelope(envelope, tuple(key.public() for key in keys))
    return result.code if isinstance(result, Failed) else result.status


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_each_algorithm_verifies_and_names_its_signer(algorithm: str) -> None:
    key = KEYS[algorithm].public("ci")
    result = verify_envelope(KEYS[algorithm].envelope(PAYLOAD), (key,))
    assert isinstance(result, Verified)
    assert result.signer == KeySigner(key.key_id, algorithm, "ci")
    assert result.signed_at is None


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_one_changed_byte_of_payload_type_or_payload_fails(algorithm: str) -> None:
    key = KEYS[algorithm]
    envelope = key.envelope(PAYLOAD, keyid=key.public().key_id)
    assert code_of(replace(envelope, payload=PAYLOAD + b" "), key) == "bad_signature"
    assert code_of(replace(envelope, payload_type="text/plain"), key) == "bad_signature"


@given(st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_no_made_up_signature_verifies_or_breaks_a_key(sig: bytes) -> None:
    envelope = Envelope(IN_TOTO, PAYLOAD, (Signature("", sig),))
    assert code_of(envelope, *KEYS.values()) == "unknown_key"


def test_a_hint_orders_the_keys_and_is_never_believed() -> None:
    signer, other = KEYS["ecdsa-p256"], KEYS["ed25519"]
    for keyid in ("", "nonsense", signer.public().key_id, other.public().key_id):
        envelope = signer.envelope(PAYLOAD, keyid=keyid)
        result = verify_envelope(envelope, (other.public(), signer.public()))
        assert isinstance(result, Verified)
        assert isinstance(result.signer, KeySigner)
        assert result.signer.key_id == signer.public().key_id
    assert code_of(signer.envelope(PAYLOAD, keyid=other.public().key_id), other) == "bad_signature"
    assert code_of(signer.envelope(PAYLOAD, keyid=signer.public().key_id), other) == "unknown_key"
    assert code_of(signer.envelope(PAYLOAD)) == "unknown_key"


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
def test_key_ids_of_securesystemslib_are_known(algorithm: str) -> None:
    made = CryptoSigner.generate_ed25519() if algorithm == "ed25519" else CryptoSigner.generate_ecdsa()
    private = serialization.load_pem_private_key(made.private_bytes, None)
    assert isinstance(private, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey)
    assert made.public_key.keyid in TestKey(private).public().hints
    assert code_of(Envelope(IN_TOTO, PAYLOAD, (Signature(made.public_key.keyid, b"x"),)), TestKey(private)) == (
        "bad_signature"
    )


def test_one_good_signature_among_strangers_is_enough() -> None:
    good, stranger = KEYS["ed25519"], KEYS["ecdsa-p384"]
    envelope = Envelope(
        IN_TOTO, PAYLOAD, stranger.envelope(PAYLOAD).signatures * 15 + good.envelope(PAYLOAD).signatures
    )
    assert code_of(envelope, good) == "verified"


@pytest.mark.parametrize("salt", [0, 20, 32])
def test_rsa_pss_with_any_salt(salt: int) -> None:
    key = KEYS["rsa-pss-sha256"]
    envelope = Envelope(IN_TOTO, PAYLOAD, (Signature("", key.sign(pae(IN_TOTO, PAYLOAD), salt=salt)),))
    assert code_of(envelope, key) == "verified"


def test_rsa_pkcs1_padding_is_refused() -> None:
    private = KEYS["rsa-pss-sha256"].private
    assert isinstance(private, rsa.RSAPrivateKey)
    sig = private.sign(pae(IN_TOTO, PAYLOAD), padding.PKCS1v15(), hashes.SHA256())
    assert code_of(Envelope(IN_TOTO, PAYLOAD, (Signature("", sig),)), KEYS["rsa-pss-sha256"]) == "unknown_key"


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_a_signature_over_the_raw_payload_is_bad_not_unknown(algorithm: str) -> None:
    key = KEYS[algorithm]
    raw = Envelope(IN_TOTO, PAYLOAD, (Signature("", key.sign(PAYLOAD)),))
    result = verify_envelope(raw, (key.public(),))
    assert isinstance(result, Failed)
    assert result.code == "bad_signature"
    assert "raw payload" in result.message


def test_bounds_are_refused_by_name() -> None:
    key = KEYS["ed25519"]
    assert code_of(Envelope(IN_TOTO, PAYLOAD, ()), key) == "zero_signatures"
    assert code_of(Envelope(IN_TOTO, PAYLOAD, key.envelope(PAYLOAD).signatures * 17), key) == "too_many_signatures"
    assert code_of(key.envelope(PAYLOAD), *[key] * 65) == "too_many_keys"


def test_the_root_of_trust_is_the_set_of_keys() -> None:
    one, two = KEYS["ed25519"].public(), KEYS["ecdsa-p256"].public()
    envelope = KEYS["ed25519"].envelope(PAYLOAD)
    roots = {verify_envelope(envelope, ring).trust_root for ring in ((one,), (one, two), (two, one))}  # type: ignore[union-attr]
    assert len(roots) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        lambda: TestKey(ec.generate_private_key(ec.SECP521R1())).pem,
        lambda: TestKey(rsa.generate_private_key(65537, 1024)).pem,  # noqa: S505  weak on purpose
        lambda: KEYS["ed25519"].private_pem,
    ],
)
def test_other_keys_do_not_load(make: object) -> None:
    assert callable(make)
    with pytest.raises(Malformed):
        load_public_key(make())


def test_key_id_is_the_digest_openssl_gives() -> None:
    pem = KEYS["ecdsa-p256"].pem
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, capture_output=True, check=True)
    digest = subprocess.run(["sha256sum"], input=der.stdout, capture_output=True, check=True).stdout.split()[0]
    assert load_public_key(pem).key_id == f"sha256:{digest.decode()}"


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
def test_a_signer_signs_what_verifies_and_survives_its_pem(algorithm: str) -> None:
    made = EnvelopeSigner.generate("ed25519" if algorithm == "ed25519" else "ecdsa-p256", name="build")
    again = EnvelopeSigner.from_pem(made.to_pem().decode(), name="build")
    assert again.public_key == made.public_key
    envelope = again.sign(IN_TOTO, PAYLOAD)
    assert envelope.signatures[0].keyid == made.public_key.key_id
    result = verify_envelope(envelope, (load_public_key(made.public_key.pem, "build"),))
    assert isinstance(result, Verified)
    assert result.signer.label == "key build"


@pytest.mark.parametrize("algorithm", ["ecdsa-p384", "rsa-pss-sha256"])
def test_other_supported_keys_sign_too(algorithm: str) -> None:
    signer = EnvelopeSigner.from_pem(KEYS[algorithm].private_pem)
    assert code_of(signer.sign(IN_TOTO, PAYLOAD), KEYS[algorithm]) == "verified"


def test_a_note_signer_makes_plain_ed25519_signatures() -> None:
    signer = NoteSigner.from_pem(NoteSigner.generate().to_pem())
    key = ed25519.Ed25519PublicKey.from_public_bytes(signer.public_key)
    key.verify(signer.sign(b"note\n"), b"note\n")
    with pytest.raises(Malformed):
        NoteSigner.from_pem(KEYS["ecdsa-p256"].private_pem)


@pytest.mark.parametrize("pem", [b"", b"x", KEYS["ed25519"].pem])
def test_what_is_no_private_key_is_malformed(pem: bytes) -> None:
    with pytest.raises(Malformed):
        EnvelopeSigner.from_pem(pem)
