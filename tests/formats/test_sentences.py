"""Sentences of two machines: last digits may part, words, names and counts may not."""

import pytest

from evidence_api.formats.sentences import same_sentence


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("ratio -58.17 over 5 bins", "ratio -58.18 over 5 bins"),
        ("costs $1,000.00.", "costs $999.99."),  # one digit more on one side
        ("psi 1e+04, 3 of 4", "psi 9999, 3 of 4"),
        ("psi 0.3 (limit 0.299)", "psi 0.299 (limit 0.3)"),  # zeros at the end are not shown
        ("in [0.1, 0.25]", "in [0.1, 0.26]"),
        ("69 % of them, 69% in all", "70 % of them, 68% in all"),
        ("1235 ms", "1234 ms"),
    ],
)
def test_one_unit_of_the_last_shown_digit_is_no_difference(said: str, again: str) -> None:
    assert same_sentence(said, again)
    assert same_sentence(again, said)


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("ratio -58.17", "ratio -58.19"),
        ("psi 0.3 here", "psi 0.2 there"),
        ("psi 0.3", "psi 0.15"),
        ("2 of 3", "3 of 3"),  # nobody rounds counts
        ("picked gpt-5", "picked gpt-6"),
        ("picked impl@2", "picked impl@3"),
        ("v1.2.3", "v1.2.4"),
        ("since 2026-11-21T10:00:00Z", "since 2027-11-21T10:00:00Z"),
        ("sha256:12", "sha256:13"),
        ("9e999", "8e999"),
        ("1e-999", "2e999"),
        ("none", "none 1"),
        ("1 2", "1"),
    ],
)
def test_everything_else_is_one(said: str, again: str) -> None:
    assert not same_sentence(said, again)
    assert not same_sentence(again, said)


@pytest.mark.parametrize("said", [None, 1, ["x"], {}])
def test_what_is_no_text_is_no_sentence(said: object) -> None:
    assert not same_sentence(said, "x")


def test_a_number_of_any_length_takes_no_time() -> None:
    assert not same_sentence("1" * 500_000, "2" * 500_000)
    assert not same_sentence("1," * 250_000, "2," * 250_000)
