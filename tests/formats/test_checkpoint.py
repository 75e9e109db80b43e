import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.errors import BadSignature, EvidenceError, Malformed, TooLarge, UnknownKey
from evidence_api.formats.checkpoint import (
    MAX_BYTES,
    Checkpoint,
    NoteVerifier,
    checkpoint_text,
    format_note,
    parse_checkpoint,
    parse_note,
    parse_verifier,
    verify_checkpoint,
)
from tests.support.checked import TestSigner

SIGNER = TestSigner()
VERIFIER = NoteVerifier("log.test/acme", SIGNER.public_key)
CHECKPOINT = Checkpoint("log.test/acme", 42, bytes(range(32)))


def note(checkpoint: Checkpoint = CHECKPOINT, signer: TestSigner = SIGNER) -> str:
    text = checkpoint_text(checkpoint)
    return format_note(text, NoteVerifier(checkpoint.origin, signer.public_key), signer.sign(text))


def test_the_form_is_that_of_the_specification() -> None:
    lines = note().split("\n")
    assert lines[:4] == ["log.test/acme", "42", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert lines[4].startswith("\u2014 log.test/acme ")
    assert lines[5:] == [""]


def test_a_verifier_key_of_the_signed_note_specification() -> None:
    """The key that C2SP's signed-note page and Go's note package print as their example."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    verifier = parse_verifier(text)
    assert (verifier.name, verifier.key_id.hex()) == ("PeterNeumann", "c74f20a3")
    assert str(verifier) == text


def test_a_note_signed_elsewhere_verifies() -> None:
    """The example note of Go's note package, signed with the key above: both mean the same by them."""
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    signed = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        f"\n\u2014 PeterNeumann {signature}\n"
    )
    text, (line,) = parse_note(signed)
    verifier = parse_verifier("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert (line.name, line.key_id) == (verifier.name, verifier.key_id)
    Ed25519PublicKey.from_public_bytes(verifier.public).verify(line.signature, text)


def test_round_trip_with_extensions() -> None:
    extended = Checkpoint("log.test/acme", 7, bytes(32), ("one", "two three"))
    assert verify_checkpoint(note(extended), VERIFIER) == extended
    assert parse_checkpoint(note(extended).encode()) == extended


def test_other_signatures_are_passed_over() -> None:
    cosigned = note() + "\u2014 witness.test/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9\n"
    assert verify_checkpoint(cosigned, VERIFIER) == CHECKPOINT


def test_another_key_another_log_and_a_forged_line_are_told_apart() -> None:
    with pytest.raises(UnknownKey):
        verify_checkpoint(note(signer=TestSigner(b"\x08" * 32)), VERIFIER)
    with pytest.raises(UnknownKey):
        verify_checkpoint(note(Checkpoint("log.test/rival", 42, bytes(32))), VERIFIER)
    with pytest.raises(BadSignature):
        verify_checkpoint(note().replace("\n42\n", "\n43\n"), VERIFIER)
    short = format_note(checkpoint_text(CHECKPOINT), VERIFIER, b"short")
    with pytest.raises(BadSignature):
        verify_checkpoint(short, VERIFIER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n42\n", "\n042\n"),
        ("\n42\n", "\n-1\n"),
        ("\n42\n", "\n4 2\n"),
        ("\n42\n", "\n" + "9" * 20 + "\n"),
        ("\n42\n", "\n\u0664\u0662\n"),
        ("HR4fHh8=", "HR4fHh9="),
        ("Hh8=", "Hh8"),
        ("AAEC", "AA\tC"),
        ("AAEC", ""),
        ("log.test/acme\n42", "\n42"),
        ("\u2014 ", "- "),
        ("\u2014 ", "\u2014  "),
        ("\n\n\u2014", "\n\u2014"),
        ("=\n\n", "=\n\n\n"),
        ("\n42\n", "\r\n42\n"),
    ],
)
def test_what_is_not_exactly_a_checkpoint_is_refused(old: str, new: str) -> None:
    changed = note().replace(old, new)
    if changed == note():
        changed = note()[:-1]
    with pytest.raises(Malformed):
        parse_checkpoint(changed)


def test_bounds() -> None:
    with pytest.raises(TooLarge) as refused:
        parse_checkpoint("x" * (MAX_BYTES + 1))
    assert refused.value.fields["limit"] == MAX_BYTES
    with pytest.raises(TooLarge):
        parse_checkpoint(note() + "\u2014 w AAAAAAA=\n" * 64)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AAAA",
        "na me+c74f20a3+ARpc",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_wrong_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_verifier(text)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_a_checkpoint_or_a_coded_error(raw: bytes) -> None:
    try:
        checkpoint = parse_checkpoint(raw)
    except (Malformed, TooLarge):
        return
    assert checkpoint_text(checkpoint) in raw


@given(st.data())
def test_one_changed_byte_never_verifies_as_something_else(data: st.DataObject) -> None:
    raw = bytearray(note().encode())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EvidenceError):
        verify_checkpoint(bytes(raw), VERIFIER)
