"""Global ids: every node's opaque name, base64url of "1:" type ":" public key.

The key is a digest, a UUID or a reference of the catalog: no tenant and no row number is inside, so an
id tells its holder nothing, and the same evidence has the same id wherever it is kept.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

_VERSION = "1"
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class GlobalId:
    """A decoded id: the name of a GraphQL type, and the key that names one object of it."""

    type: str
    key: str


def encode_id(type_name: str, key: str) -> str:
    """The opaque id, without padding."""
    return urlsafe_b64encode(f"{_VERSION}:{type_name}:{key}".encode()).rstrip(b"=").decode()


def decode_id(text: str) -> GlobalId | None:
    """What an id names; None for anything else, which is then simply not found."""
    if len(text) > _LONGEST:
        return None
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    version, _, rest = plain.partition(":")
    type_name, colon, key = rest.partition(":")
    if version != _VERSION or not colon or encode_id(type_name, key) != text:
        return None
    return GlobalId(type_name, key)


def key_of(text: str, type_name: str) -> str | None:
    """The public key in `text`, which is a global id of that type or the key itself; None for another type's id."""
    decoded = decode_id(text)
    if decoded is None:
        return text
    return decoded.key if decoded.type == type_name else None
