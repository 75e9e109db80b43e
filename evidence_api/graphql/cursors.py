"""Paging arguments of a connection become a Window; positions become opaque cursors bound to their filter."""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from evidence_api.domain.digest import canonical
from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.page import Window

MAX_PAGE = 100
_LONGEST = 4096  # characters: the position may be a pair of names
_SEPARATOR = "."


def filter_hash(field: str, **filters: object) -> str:
    """Sixteen hex digits that name a list and the filter it is read with (JSON values)."""
    return hashlib.sha256(canonical([field, filters])).hexdigest()[:16]


def encode_cursor(position: str, filtered_by: str) -> str:
    """The opaque cursor of one position in the list named by `filtered_by`."""
    return urlsafe_b64encode(f"1{_SEPARATOR}{filtered_by}{_SEPARATOR}{position}".encode()).rstrip(b"=").decode()


def cursor_prefix(filtered_by: str) -> str:
    """What every cursor of that list begins with: the base64 of version and hash, 18 bytes that leave no remainder."""
    return urlsafe_b64encode(f"1{_SEPARATOR}{filtered_by}".encode()).decode()


def decode_cursor(cursor: str, filtered_by: str, argument: str) -> str:
    """The position in a cursor. Raises Malformed `bad_cursor` or `cursor_of_another_list`."""
    try:
        plain = urlsafe_b64decode(cursor[:_LONGEST] + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as fault:
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=argument) from fault
    version, _, rest = plain.partition(_SEPARATOR)
    hashed, _, position = rest.partition(_SEPARATOR)
    if version != "1" or not position or len(cursor) > _LONGEST:
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=argument)
    if hashed != filtered_by:
        raise Malformed("the cursor belongs to another list or filter", code="cursor_of_another_list", path=argument)
    return position


class Paging(NamedTuple):
    """The four arguments of a connection as they were given."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None


def window_of(paging: Paging, filtered_by: str) -> Window:
    """Check the four arguments. Raises Malformed `page_size_missing`, TooLarge `page_size` and cursor faults."""
    first, after, last, before = paging
    if (first is None) == (last is None):
        raise Malformed(
            f"give exactly one of `first` and `last`, 1 to {MAX_PAGE}", code="page_size_missing", limit=MAX_PAGE
        )
    size = page_size("first", first) if first is not None else page_size("last", last or 0)
    return Window(
        size=size,
        backward=first is None,
        after=None if after is None else decode_cursor(after, filtered_by, "after"),
        before=None if before is None else decode_cursor(before, filtered_by, "before"),
    )


def page_size(argument: str, size: int) -> int:
    """The size itself if it is 1 to 100. Raises TooLarge `page_size`."""
    if not 1 <= size <= MAX_PAGE:
        raise TooLarge(
            f"`{argument}` must be 1 to {MAX_PAGE}, not {size}",
            code="page_size",
            path=argument,
            limit=MAX_PAGE,
            value=size,
        )
    return size
