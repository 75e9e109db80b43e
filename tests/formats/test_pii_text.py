"""What is found in a text, and what only looks like it."""

import pytest

from evidence_api.domain.pii import PLACEHOLDERS
from evidence_api.engines.secrets import find_secrets
from evidence_api.formats.pii_text import find

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLW9mLXRoaXM"
KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"


def words(text: str) -> list[tuple[str, str]]:
    return [(span.detector.value, text[span.start : span.end]) for span in find(text, find_secrets)]


@pytest.mark.parametrize(
    ("text", "detector", "value"),
    [
        ("by Jane <jane.roe+ci@example.org>", "email", "jane.roe+ci@example.org"),
        ("mailto:jane@example.co.uk.", "email", "jane@example.co.uk"),
        ("call +49 30 901820 today", "phone", "+49 30 901820"),
        ("tel:+14155552671", "phone", "+14155552671"),
        ("card 4111 1111 1111 1111.", "payment_card", "4111 1111 1111 1111"),
        ("378282246310005", "payment_card", "378282246310005"),
        ("SSN 219-09-9999", "national_id", "219-09-9999"),
        ("BSN: 111222333", "national_id", "111222333"),
        ("RSSMRA85T10A562S", "national_id", "RSSMRA85T10A562S"),
        ("id AKIAIOSFODNN7EXAMPLQ", "secret", "AKIAIOSFODNN7EXAMPLQ"),
        ("ghp_" + "a1B2" * 9, "secret", "ghp_" + "a1B2" * 9),
        (f"Authorization: Bearer {JWT}", "secret", JWT),
        (f"before {KEY} after", "secret", KEY),
        ("https://jane:hunter22@host.example/x", "secret", "hunter22"),
    ],
)
def test_found(text: str, detector: str, value: str) -> None:
    assert words(text) == [(detector, value)]


@pytest.mark.parametrize(
    "text",
    [
        "pkg:npm/%40angular/core@16.2.beta",
        "git@github.com:owner/repository.git",
        "https://github.com/o/r/.github/workflows/release.yml@refs/tags/v1.2.io",
        "registry.example/image@sha256:" + "0" * 64,
        "1.0.0+20240101120000",
        "2026-11-21T00:00:00+01:00",
        "sha256:" + "4" * 64,
        "4111-1111-1111-1112",
        "111222333 without a word beside it",
        "run 12345678901234567890",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "jane@nowhere.invalid",
        *(f"x {placeholder} y" for placeholder in PLACEHOLDERS.values()),
    ],
)
def test_not_found(text: str) -> None:
    assert words(text) == []


def test_a_key_without_an_end_is_secret_to_the_end_of_its_string() -> None:
    (span,) = find("x -----BEGIN RSA PRIVATE KEY-----\nMIIE", find_secrets)
    assert (span.start, span.end) == (2, 38)


def test_a_redacted_secret_is_not_found_again() -> None:
    assert words("https://jane:[redacted:secret]@host.example/x") == []


def test_of_what_overlaps_the_secret_counts() -> None:
    assert [detector for detector, _ in words("ftp://u:jane@roe.example@host.example")][:1] == ["secret"]
