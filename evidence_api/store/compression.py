"""Bodies in the store: zstd where that is smaller, else as they are. Digests are always of the bytes received."""

import threading
from hashlib import sha256

import zstandard

from evidence_api.domain.errors import VerificationFailed

IDENTITY = "identity"
ZSTD = "zstd"
_LEVEL = 1
_WORTH_COMPRESSING = 128  # bytes
_BY_THREAD = threading.local()  # making a compressor costs twice what compressing an envelope does; none is shared


def encoded(body: bytes) -> tuple[str, bytes]:
    """(encoding, content)."""
    if len(body) >= _WORTH_COMPRESSING:
        content = _compressor().compress(body)
        if len(content) < len(body):
            return ZSTD, content
    return IDENTITY, body


def decoded(encoding: str, content: bytes, size: int, digest: bytes) -> bytes:
    """The bytes received. Raises VerificationFailed "stored_bytes" when what is stored does not have their digest."""
    try:
        body = content if encoding == IDENTITY else zstandard.ZstdDecompressor().decompress(content, size)
    except zstandard.ZstdError as fault:
        raise VerificationFailed(
            "a stored body does not decompress", code="stored_bytes", value=digest.hex()
        ) from fault
    if sha256(body).digest() != digest:
        raise VerificationFailed("a stored body does not have its digest", code="stored_bytes", value=digest.hex())
    return body


def _compressor() -> zstandard.ZstdCompressor:
    kept: zstandard.ZstdCompressor | None = getattr(_BY_THREAD, "compressor", None)
    if kept is None:
        kept = _BY_THREAD.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return kept
