"""Looking for personal data in a text: e-mail addresses, phone numbers, payment cards, national ids, and secrets.

Pure and without a clock: the same text gives the same spans. Secrets are found by whatever is given for them
(engines/secrets.py), so that this needs no engine.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import phonenumbers

from evidence_api.domain.pii import PLACEHOLDERS, Detector, Span
from evidence_api.formats.pii_numbers import NATIONAL_IDS, is_card

SecretFinder: TypeAlias = Callable[[str], Iterable[Span]]

_REDACTED = frozenset(PLACEHOLDERS.values())

# An address as people write it (RFC 5321 lengths). Behind a slash stands a package, a branch or an image instead.
_EMAIL = re.compile(r"(?<![\w.+/%-])[\w.+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}\b")
_NOBODY = (".invalid",)  # RFC 2606: no such domain is ever somebody's
_REMOTE = re.compile(r"git@[^\s:]+:")  # a repository by SSH, which is written like an address
_PHONE = re.compile(r"(?<![\w.+])\+[1-9](?:[ ().-]{0,2}\d){6,14}(?![\w])")
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-])(?!\.\d)")
_NEAR = 40  # characters on either side in which a word must stand that says what a number is
_IDS = tuple(
    (one, re.compile(rf"(?<![\w.-]){one.pattern}(?![\w-])"), re.compile(one.beside, re.IGNORECASE))
    for one in NATIONAL_IDS
)


def find(text: str, secrets: SecretFinder) -> tuple[Span, ...]:
    """Everything found, in order and without overlaps: of two that overlap a secret comes before a card, a card before
    a national id, then phone, then address; what was redacted already is not found again."""
    found = [*secrets(text), *_cards(text), *_national_ids(text), *_phones(text), *_emails(text)]
    return _apart([one for one in found if text[one.start : one.end] not in _REDACTED])


def _apart(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The first of those that overlap, in the order given."""
    kept: list[Span] = []
    for span in spans:
        at = bisect_left(kept, span.end, key=lambda one: one.start)
        if at == 0 or kept[at - 1].end <= span.start:
            kept.insert(at, span)
    return tuple(kept)


def _emails(text: str) -> Iterator[Span]:
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        address = match.group().lower()
        if not address.endswith(_NOBODY) and not _REMOTE.match(text, match.start()):
            yield Span(*match.span(), Detector.EMAIL, "address")


def _phones(text: str) -> Iterator[Span]:
    """Numbers with their country code; a number without one cannot be told from any other."""
    if "+" not in text:
        return
    for match in _PHONE.finditer(text):
        try:
            number = phonenumbers.parse(match.group(), None)
        except phonenumbers.NumberParseException:
            continue  # a plus and digits, and not a phone number
        if phonenumbers.is_valid_number(number):
            yield Span(*match.span(), Detector.PHONE, f"+{number.country_code}")


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        if is_card(re.sub(r"\D", "", match.group())):
            yield Span(*match.span(), Detector.PAYMENT_CARD, "number")


def _national_ids(text: str) -> Iterator[Span]:
    for kind, pattern, beside in _IDS:
        if kind.beside and not beside.search(text):
            continue
        for match in pattern.finditer(text):
            near = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
            if (not kind.beside or beside.search(near)) and kind.holds(match.group()):
                yield Span(*match.span(), Detector.NATIONAL_ID, kind.name)
