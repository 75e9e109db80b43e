"""Keys elsewhere: what a service says wrong is one of our errors, and a good one signs like any other signer."""

from pathlib import Path

import pytest
from securesystemslib.signer import (  # type: ignore[attr-defined]  # not in an __all__
    SIGNER_FOR_URI_SCHEME,
    CryptoSigner,
)

from evidence_api.domain.errors import EvidenceError, Malformed, Undecided
from evidence_api.domain.verification import Verified
from evidence_api.engines import kms
from evidence_api.engines.keys import EnvelopeSigner, verify_envelope
from evidence_api.engines.kms import SCHEMES, KmsSigner
from evidence_api.formats.dsse import IN_TOTO

KEY = EnvelopeSigner.generate("ecdsa-p256")


@pytest.fixture
def uri(tmp_path: Path) -> str:
    path = tmp_path / "key.pem"
    path.write_bytes(KEY.to_pem())
    return f"file2:{path}"


def test_an_envelope_is_signed_by_the_key_at_the_uri(uri: str) -> None:
    signer = KmsSigner(uri, KEY.public_key.pem.encode())
    envelope = signer.sign(IN_TOTO, b"{}")
    assert signer.public_key == KEY.public_key
    assert isinstance(verify_envelope(envelope, [KEY.public_key]), Verified)


def test_the_service_is_asked_for_the_public_half_where_it_can_be(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = CryptoSigner.from_priv_key_uri(uri, kms._loaded(KEY.public_key.pem.encode()))
    asked: list[str] = []

    def public_half(key: str) -> tuple[str, object]:
        asked.append(key)
        return uri, held.public_key

    class Held:
        @staticmethod
        def from_priv_key_uri(*_: object) -> CryptoSigner:
            return held

    monkeypatch.setattr(kms, "_ASKED", {"awskms": public_half})
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "awskms", Held)
    envelope = KmsSigner("awskms:alias/release").sign(IN_TOTO, b"{}")
    assert asked == ["alias/release"]
    assert isinstance(verify_envelope(envelope, [KEY.public_key]), Verified)


@pytest.mark.parametrize("fault", [RuntimeError("denied"), ConnectionError("no route"), KeyError("x")])
def test_a_service_that_fails_leaves_it_undecided(uri: str, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    signer = KmsSigner(uri, KEY.public_key.pem.encode())

    def failing(*_: object) -> None:
        raise fault

    monkeypatch.setattr(CryptoSigner, "sign", failing)
    with pytest.raises(Undecided) as caught:
        signer.sign(IN_TOTO, b"{}")
    assert caught.value.code == "kms_failed"
    monkeypatch.setattr(CryptoSigner, "from_priv_key_uri", failing)
    with pytest.raises(EvidenceError) as caught_at_start:
        KmsSigner(uri, KEY.public_key.pem.encode())
    assert caught_at_start.value.code == "kms_failed"


@pytest.mark.parametrize(("given", "public"), [("floppy:a", True), ("", True), ("hv:k/1", False), ("file2:x", False)])
def test_what_names_no_key_is_malformed(given: str, public: bool) -> None:  # noqa: FBT001  a parameter of the test
    with pytest.raises(Malformed):
        KmsSigner(given, KEY.public_key.pem.encode() if public else None)


def test_every_scheme_says_what_to_install() -> None:
    assert set(SCHEMES) <= set(SIGNER_FOR_URI_SCHEME)
    assert all(SCHEMES.values())
