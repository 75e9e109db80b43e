"""API tokens: opaque, recognisable offline by their checksum, stored only as a hash.

Form (GitHub's): `evs_<kind>_` + 30 random base62 digits (178 bits) + 6 base62 digits of CRC-32 over
what stands before. A secret scanner can tell a real token from noise without asking anybody.
"""

import hashlib
import re
import secrets
import zlib

from evidence_api.domain.errors import Unauthenticated

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"evs_[a-z]{2,12}_[0-9A-Za-z]{36}\Z")
_RANDOM_DIGITS = 30
_CHECK_DIGITS = 6

RIGHTS = (
    *("evidence:write", "evidence:read", "pack:build", "pack:read", "decide", "policy:read"),
    *("access:read", "action:ask", "override:record", "document:write"),
)
# What a token holds unless its maker says otherwise: who may see who read what is to be said.
ORDINARY_RIGHTS = tuple(right for right in RIGHTS if right != "access:read")
AUDITOR_RIGHTS = ("evidence:read", "pack:read")  # the most an auditor's token holds


def new_token(kind: str = "api") -> str:
    """A fresh token of the operating system's randomness. Shown once, never stored."""
    head = f"evs_{kind}_" + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_DIGITS))
    return head + _checksum(head)


def token_hash(token: str) -> bytes:
    """The 32 bytes the store keeps. Raises Unauthenticated unless form and checksum hold, so that
    a mistyped token costs no query."""
    if not _FORM.match(token) or _checksum(token[:-_CHECK_DIGITS]) != token[-_CHECK_DIGITS:]:
        raise Unauthenticated("not a token of this server: the form is evs_<kind>_<36 characters>")
    return hashlib.sha256(token.encode("ascii")).digest()


def _checksum(head: str) -> str:
    value = zlib.crc32(head.encode("ascii"))
    digits = []
    for _ in range(_CHECK_DIGITS):
        value, digit = divmod(value, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
