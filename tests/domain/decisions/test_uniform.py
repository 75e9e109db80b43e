"""Chance from words: the published recipe, its bounds, and that it is spread evenly."""

import hashlib

import pytest

from evidence_api.domain.decisions import uniform as module
from evidence_api.domain.decisions.uniform import uniform


def test_it_is_the_first_eight_bytes_of_the_digest() -> None:
    first = hashlib.sha256(b"s3:pr-9:policy").hexdigest()[:16]
    assert uniform("s3", "pr-9", "policy") == (int(first, 16) >> 11) / 2**53


def test_words_beyond_ascii_are_utf_8() -> None:
    first = hashlib.sha256(b"s:\xc3\xa4").hexdigest()[:16]
    assert uniform("s", "ä") == (int(first, 16) >> 11) / 2**53


@pytest.mark.parametrize(("byte", "bound"), [(b"\x00", 2**-53), (b"\xff", 1 - 2**-53)])
def test_it_never_reaches_zero_or_one(byte: bytes, bound: float, monkeypatch: pytest.MonkeyPatch) -> None:
    class Digest:
        def digest(self) -> bytes:
            return byte * 32

    monkeypatch.setattr(module, "sha256", lambda _: Digest())
    assert uniform("x") == bound


def test_it_is_spread_evenly() -> None:
    drawn = [uniform("seed", str(number)) for number in range(4000)]
    for tenth in range(10):
        assert 330 < sum(tenth / 10 <= one < (tenth + 1) / 10 for one in drawn) < 470
