"""The wire to a worker process: frames of questions one way, as many answers the other, in order.

A frame is its length (4 bytes, big-endian), then marshal's form of (what is told, questions) or of [answers]. Both ends
are the same interpreter running the same code, and nobody else has the channel: that is what marshal needs.
"""

import marshal
import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

Plain: TypeAlias = Any  # what marshal takes: None, booleans, numbers, texts, bytes, and tuples, lists, dicts of these

LENGTH = struct.Struct("!I")


def frame(content: Plain) -> bytes:
    """A message as it goes over the channel."""
    packed = marshal.dumps(content)
    return LENGTH.pack(len(packed)) + packed


def unframe(packed: bytes | memoryview) -> Plain:
    """What came in a frame, without its length."""
    return marshal.loads(packed)  # noqa: S302  from the process we started, or that started us


class Frames:
    """Puts frames together from the pieces they arrive in."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes | memoryview) -> Sequence[Plain]:
        """The messages that are whole now. `data` may be used again afterwards."""
        held: bytes | bytearray | memoryview = data  # mostly a frame comes whole, and is not copied
        if self._held:
            self._held += data
            held = self._held
        found, at = [], 0
        while len(held) - at >= LENGTH.size:
            end = at + LENGTH.size + LENGTH.unpack_from(held, at)[0]
            if len(held) < end:
                break
            found.append(unframe(memoryview(held)[at + LENGTH.size : end]))
            at = end
        if at or held is data:
            self._held = bytearray(held[at:])
        return found
