"""What a request brings: its body, read within bounds, unpacked where it came compressed.

    Content-Length over the limit            refused before a byte is read
    more bytes than the limit, however sent  refused while they arrive
    Content-Encoding: gzip                   unpacked as it arrives; refused at the limit, or at 100 bytes for each one
                                             received once it is past 1 MiB: what grows so much holds nothing
    any other Content-Encoding               refused with 415

Sources: RFC 9110 sections 8.4 and 15.5.16, RFC 1952 (a gzip file may have several members).
"""

import asyncio
import zlib
from typing import TypeAlias

from starlette.requests import Request
from starlette.types import Receive, Scope

from evidence_api.domain.errors import Malformed, TooLarge, UnsupportedMedia

MAX_RATIO = 100  # unpacked bytes for each byte received
RATIO_FREE = 2**20  # bytes that may be unpacked whatever they came from
_STEP = 256 * 1024  # bytes unpacked before the bounds are looked at again
_IN_A_THREAD = 16 * 1024  # compressed bytes that may unpack into more than the loop should wait for
_GZIP = 16 + zlib.MAX_WBITS

Headers: TypeAlias = dict[bytes, bytes]


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, refused as soon as it is known to pass `limit` bytes. Raises TooLarge, Malformed,
    UnsupportedMedia."""
    return await receive_body(headers_of(request.scope), request.receive, limit)


def headers_of(scope: Scope) -> Headers:
    """The headers by their lower-case names."""
    return dict(scope["headers"])


async def receive_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """`read_body` of a bare connection."""
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding != b"identity":
        return await _receive_packed(encoding, headers, receive, limit)
    _check_declared(headers, limit)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        chunk, more = await _next(receive, size)
        size += len(chunk)
        if size > limit:
            raise _passed(limit, size)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _receive_packed(encoding: bytes, headers: Headers, receive: Receive, limit: int) -> bytes:
    named = encoding.strip().lower()
    if named not in {b"gzip", b"x-gzip"}:
        shown = encoding[:80].decode("latin-1")
        raise UnsupportedMedia(f"bodies in the encoding {shown!r} are not read, gzip is", code="unsupported_encoding")
    _check_declared(headers, limit)
    unpacking = _Unpacking(limit)
    received = 0
    more = True
    while more:
        chunk, more = await _next(receive, received)
        received += len(chunk)
        if received > limit:
            raise _passed(limit, received)
        if len(chunk) > _IN_A_THREAD:
            await asyncio.to_thread(unpacking.feed, chunk)
        else:
            unpacking.feed(chunk)
    return unpacking.finish()


class _Unpacking:
    """A gzip body on its way. Never holds more than the limit and one step."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._received = 0
        self._size = 0
        self._parts: list[bytes] = []
        self._member = zlib.decompressobj(_GZIP)

    def feed(self, chunk: bytes) -> None:
        """Unpack one more piece. Raises TooLarge (the limit, the ratio), Malformed (no gzip)."""
        self._received += len(chunk)
        try:
            while chunk:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP)
                part = self._member.decompress(chunk, _STEP)
                chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
                self._keep(part)
        except zlib.error as fault:
            raise Malformed(f"the body is not gzip: {fault}", path="body", value=self._received) from fault

    def finish(self) -> bytes:
        """What came out. Raises Malformed when the end is missing."""
        if not self._member.eof:
            raise Malformed(
                f"the gzip body ends early, after {self._received} bytes", code="truncated_body", value=self._received
            )
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise TooLarge(
                f"the body unpacks into more than {self._limit} bytes", limit=self._limit, value=self._size, path="body"
            )
        if self._size > RATIO_FREE and self._size > MAX_RATIO * self._received:
            raise TooLarge(
                f"the body unpacks into more than {MAX_RATIO} times what was received",
                code="compression_ratio",
                limit=MAX_RATIO,
                value=self._size // self._received,
                path="body",
            )
        self._parts.append(part)


async def _next(receive: Receive, received: int) -> tuple[bytes, bool]:
    """The next piece, and whether more follow. Raises Malformed when the sender has gone."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Malformed(f"the body ended early, after {received} bytes", path="body", value=received)
    return message.get("body", b""), message.get("more_body", False)


def _check_declared(headers: Headers, limit: int) -> None:
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(
            f"the body has {int(declared)} bytes, at most {limit} are taken", limit=limit, value=int(declared)
        )


def _passed(limit: int, size: int) -> TooLarge:
    return TooLarge(f"the body passed {limit} bytes, the most that is taken", limit=limit, value=size)
