"""Looking for personal data: numbers that carry a check, so that most of what only looks like one is none.

Payment cards: ISO/IEC 7812-1 (issuer prefixes and lengths, Luhn). National identification numbers: each country's own
published check; where that is weak, or there is none, the number counts only beside a word that says what it is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_CARD_PREFIXES: tuple[tuple[int, int, frozenset[int]], ...] = (
    # first prefix, last prefix, lengths
    (4, 4, frozenset({13, 16, 19})),
    (51, 55, frozenset({16})),
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),
    (37, 37, frozenset({15})),
    (300, 305, frozenset({14})),
    (36, 36, frozenset({14})),
    (38, 39, frozenset({14})),
    (6011, 6011, frozenset({16, 19})),
    (644, 659, frozenset({16, 19})),
    (3528, 3589, frozenset({16, 19})),
    (62, 62, frozenset({16, 17, 18, 19})),
)


@dataclass(frozen=True, slots=True)
class NationalId:
    """One country's number: how it is written, its check, and the words it must stand beside ("" needs none)."""

    name: str
    pattern: str
    holds: Callable[[str], bool]
    beside: str = ""


def is_card(digits: str) -> bool:
    """Whether these digits are a payment card's number: a known issuer's prefix and length, and the Luhn check."""
    known = any(
        len(digits) in lengths and first <= int(digits[: len(str(first))]) <= last
        for first, last, lengths in _CARD_PREFIXES
    )
    return known and len(set(digits)) > 1 and luhn(digits)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right doubled, its digits added; the sum ends in 0."""
    doubled = (int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _us_ssn(text: str) -> bool:
    """No area 000, 666 or 9xx, no group 00, no serial 0000 (Social Security Administration)."""
    area, group, serial = text.split("-")
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def _es_dni(text: str) -> bool:
    """The letter is the number modulo 23; X, Y, Z of foreigners stand for 0, 1, 2."""
    body = text[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == text[-1]


_IT_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)


def _it_codice_fiscale(text: str) -> bool:
    """Odd places by a table, even ones by their order; the sum modulo 26 is the last letter (DM 23/12/1976)."""
    even = {sign: at for at, sign in enumerate("0123456789")} | {chr(65 + at): at for at in range(26)}
    total = sum(even[sign] if at % 2 else _IT_ODD[sign] for at, sign in enumerate(text[:15]))
    return chr(65 + total % 26) == text[15]


def _fr_nir(text: str) -> bool:
    """97 minus the first 13 digits modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    plain = text.replace(" ", "").replace("2A", "19").replace("2B", "18")
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


def _de_tax_id(text: str) -> bool:
    """Eleven digits, ISO 7064 MOD 11,10; exactly one digit is repeated among the first ten."""
    digits = _digits(text)
    first = digits[:10]
    if digits[0] == "0" or len(set(first)) not in {8, 9}:
        return False
    product = 10
    for digit in first:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def _nl_bsn(text: str) -> bool:
    return _weighted(_digits(text), (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _pl_pesel(text: str) -> bool:
    return _weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def _br_cpf(text: str) -> bool:
    digits = _digits(text)
    for size in (9, 10):
        check = _weighted(digits[:size], tuple(range(size + 1, 1, -1))) * 10 % 11 % 10
        if check != int(digits[size]):
            return False
    return len(set(digits)) > 1


_D = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_P = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")


def _in_aadhaar(text: str) -> bool:
    """Verhoeff's check (Verhoeff 1969) over twelve digits, the first neither 0 nor 1."""
    check = 0
    for at, digit in enumerate(reversed(_digits(text))):
        check = int(_D[check][int(_P[at % 8][int(digit)])])
    return check == 0


def _always(text: str) -> bool:  # noqa: ARG001  the word beside it is the check
    return True


NATIONAL_IDS: tuple[NationalId, ...] = (
    NationalId("us-ssn", r"\d{3}-\d{2}-\d{4}", _us_ssn),
    NationalId(
        "uk-nino",
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:\d{2} ?){3}[A-D]",
        _always,
        beside="insurance|nino",
    ),
    NationalId("es-dni", r"[XYZ\d]\d{7}[A-HJ-NP-TV-Z]", _es_dni, beside="dni|nie|nif|documento"),
    NationalId("it-codice-fiscale", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", _it_codice_fiscale),
    NationalId("fr-nir", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _fr_nir),
    NationalId("de-tax-id", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _de_tax_id, beside="steuer|tax|idnr"),
    NationalId("nl-bsn", r"\d{9}", _nl_bsn, beside="bsn|burgerservice|sofi"),
    NationalId("pl-pesel", r"\d{11}", _pl_pesel, beside="pesel"),
    NationalId("br-cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", _br_cpf),
    NationalId("in-aadhaar", r"[2-9]\d{3} ?\d{4} ?\d{4}", _in_aadhaar, beside="aadhaar|uidai"),
)
