"""HTTP fields with structure (RFC 9651), first step of reading a signature: text to values and back, strictly.

Values are those of the library http-sf: int, Decimal, str, bool, bytes, datetime (a Date), Token, DisplayString. An
item is (value, parameters), an inner list ([items], parameters), a dictionary {key: item or inner list}.
"""

from typing import Any, Literal, TypeAlias

import http_sf
from http_sf import DisplayString, StructuredFieldError, Token

from evidence_api.domain.errors import Malformed, TooLarge

__all__ = ["DisplayString", "Token", "parse", "parse_field", "serialise"]

Kind: TypeAlias = Literal["item", "list", "dictionary"]

MAX_CHARACTERS = 64 * 1024  # of one field; a signature has some 300
_SHOWN = 80

# Fields of RFC 9421, 9440 and 9530; the library knows those of RFC 9110 and some more.
_KINDS: dict[str, Kind] = {
    "accept-signature": "dictionary",
    "client-cert": "item",
    "client-cert-chain": "list",
    "content-digest": "dictionary",
    "repr-digest": "dictionary",
    "signature": "dictionary",
    "signature-input": "dictionary",
    "want-content-digest": "dictionary",
    "want-repr-digest": "dictionary",
}


def parse(text: str, kind: Kind, *, name: str = "field", once: bool = False) -> Any:  # noqa: ANN401  any structured value
    """The value of a field whose lines were joined with ", ". Raises Malformed `structured_field`, TooLarge.

    `once` also refuses a dictionary or parameters in which a key stands twice, of which others would take the last.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(f"{name} is too long", path=name, limit=MAX_CHARACTERS, value=len(text))
    try:
        return http_sf.parse(_bytes(text), tltype=kind, on_duplicate_key=_refuse if once else None)
    except (StructuredFieldError, ValueError, OverflowError) as fault:
        raise Malformed(f"{name} is not a {kind} of RFC 9651: {fault}", code="structured_field", path=name) from fault


def parse_field(text: str, name: str) -> Any:  # noqa: ANN401  any structured value
    """The value of the field of that lower-case name, of the type it is registered with. Raises Malformed."""
    try:
        return http_sf.parse(_bytes(text), name=name, tltype=_KINDS.get(name))
    except KeyError as fault:
        raise Malformed(
            f"whether {name[:_SHOWN]} has structure is not known", code="structured_field", path=name[:_SHOWN]
        ) from fault
    except (StructuredFieldError, ValueError, OverflowError) as fault:
        raise Malformed(f"{name} is not as RFC 9651 has it: {fault}", code="structured_field", path=name) from fault


def serialise(value: Any) -> str:  # noqa: ANN401  any structured value
    """The one canonical text of a value (RFC 9651 section 4.1). Raises Malformed for what cannot be written.

    "" is an empty list or dictionary: no field is sent.
    """
    if isinstance(value, list | dict) and not value:
        return ""
    try:
        if isinstance(value, tuple) and isinstance(value[0], list):  # an inner list is only written inside something
            return http_sf.ser({"a": value}).removeprefix("a=")
        return http_sf.ser(value)
    except (StructuredFieldError, ValueError, TypeError, OverflowError, ArithmeticError, AttributeError) as fault:
        raise Malformed(f"cannot be written as a structured field: {fault}", code="structured_field") from fault


def _bytes(text: str) -> bytes:
    """What is not ASCII fails in the parser, lone surrogates too."""
    return text.encode("utf-8", "surrogatepass")


def _refuse(key: str, context: str) -> None:
    msg = f"{key!r} stands twice in {context}"
    raise StructuredFieldError(msg)
