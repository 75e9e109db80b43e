"""Numbers with a check: the published examples hold, and no other last digit does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.formats.pii_numbers import NATIONAL_IDS, is_card, luhn

EXAMPLES = {
    "us-ssn": "219-09-9999",
    "uk-nino": "AB123456C",
    "es-dni": "12345678Z",
    "it-codice-fiscale": "RSSMRA85T10A562S",
    "fr-nir": "255081416802538",
    "de-tax-id": "86095742719",
    "nl-bsn": "111222333",
    "pl-pesel": "44051401359",
    "br-cpf": "529.982.247-25",
    "in-aadhaar": "234123412346",
}
CHECKED = sorted(EXAMPLES.keys() - {"us-ssn", "uk-nino"})
KINDS = {kind.name: kind for kind in NATIONAL_IDS}


@pytest.mark.parametrize("number", ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"])
def test_cards(number: str) -> None:
    assert is_card(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not is_card(wrong)


@pytest.mark.parametrize("number", ["0000000000000000", "4444444444444444", "1234567812345670", "41111111111111"])
def test_what_is_no_card(number: str) -> None:
    assert not is_card(number)


@given(st.text("0123456789", min_size=2, max_size=18))
def test_luhn_sees_every_single_wrong_digit(digits: str) -> None:
    last = next(digit for digit in "0123456789" if luhn(digits + digit))
    number = digits + last
    for at, digit in enumerate(number):
        assert not any(luhn(number[:at] + other + number[at + 1 :]) for other in "0123456789" if other != digit)


def test_every_kind_has_an_example() -> None:
    assert EXAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_hold(name: str) -> None:
    assert KINDS[name].holds(EXAMPLES[name])


@pytest.mark.parametrize("name", CHECKED)
def test_one_other_sign_does_not_hold(name: str) -> None:
    example = EXAMPLES[name]
    digit = next(at for at in range(len(example) - 1, -1, -1) if example[at].isdigit())
    others = [example[:digit] + sign + example[digit + 1 :] for sign in "0123456789" if sign != example[digit]]
    assert not any(KINDS[name].holds(other) for other in others)


@pytest.mark.parametrize("number", ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000"])
def test_numbers_nobody_was_given(number: str) -> None:
    assert not KINDS["us-ssn"].holds(number)
