"""Signature worker: verifies on another core, one batch after the other, and can say nothing but good or bad.

Started by engines/signature_process.py as `python -m evidence_api.engines.signature_worker FD`. It reads batches from
the socket FD and answers each; end of file (the server is gone) ends it. It holds no secrets and opens nothing.

A batch: its length (4 bytes, big-endian), then marshal's form of [(public key as PEM, signature, signed bytes), …].
Both ends are the same interpreter and nobody else has the channel, which is what marshal needs. The answer: its length,
then one byte for each item, 1 for a good signature.
"""

import marshal
import socket
import struct
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature

from evidence_api.domain.errors import Malformed
from evidence_api.engines.keys import PublicKey, load_public_key

Item: TypeAlias = tuple[str, bytes, bytes]  # public key as PEM, signature, what it should be over

LENGTH = struct.Struct("!I")
GOOD = b"\x01"[0]
_KEPT_KEYS = 1024


def answers_to(items: Iterable[Item]) -> bytes:
    """One byte for each item, in order."""
    return bytes([GOOD if _is_good(*item) else 0 for item in items])


def frame(content: bytes) -> bytes:
    """A batch or an answer as it goes over the channel."""
    return LENGTH.pack(len(content)) + content


def _is_good(pem: str, signature: bytes, signed: bytes) -> bool:
    try:
        _key(pem).verify(signature, signed)
    except (InvalidSignature, Malformed):
        return False
    return True


@lru_cache(maxsize=_KEPT_KEYS)
def _key(pem: str) -> PublicKey:
    return load_public_key(pem)


def _read(channel: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, or none at the end."""
    read = bytearray()
    while len(read) < size:
        part = channel.recv(min(size - len(read), 1 << 20))
        if not part:
            return b""
        read += part
    return bytes(read)


def serve(channel: socket.socket) -> None:
    """Answer batches until the channel is closed."""
    while head := _read(channel, LENGTH.size):
        batch: list[Item] = marshal.loads(_read(channel, LENGTH.unpack(head)[0]))  # noqa: S302  from our own server
        channel.sendall(frame(answers_to(batch)))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        serve(given)
