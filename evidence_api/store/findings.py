"""The findings of one assessment as they are stored: one compressed value, of which single findings are read out.

A release of two hundred controls has some 250 kB of findings that say much the same again and again, and is assessed
again whenever evidence arrives: rows of their own would be most of what the database holds and most of what an
assessment costs. They are only ever read by assessment, so one value serves.

zstd of: one line of JSON, [[control, outcome, length], …] in the order of the assessment; then each finding's JSON
(formats/records.py, keys sorted) of that length in bytes, one after the other.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

import orjson
import zstandard

from evidence_api.domain.errors import VerificationFailed
from evidence_api.domain.verdict import Finding
from evidence_api.formats.records import finding_from_json, finding_outline, finding_to_json

MAX_SIZE = 2**28  # bytes of one assessment's findings; a catalog that says more in one is not a catalog
_LEVEL = 1
_BY_THREAD = threading.local()  # making a compressor costs more than using it; none is shared


@dataclass(frozen=True, slots=True)
class StoredFindings:
    """Unpacked, not yet read: `index` is (control, outcome, length) of each finding in order."""

    index: tuple[tuple[str, str, int], ...]
    texts: tuple[bytes, ...] = field(repr=False)

    def document(self, number: int) -> dict[str, Any]:
        """One finding as formats/records.py writes it."""
        found: dict[str, Any] = orjson.loads(self.texts[number])
        return found

    def outlines(self) -> tuple[Finding, ...]:
        """All of them without their queries: enough to take them over, text by text, into a later assessment."""
        return tuple(finding_outline(orjson.loads(text)) for text in self.texts)

    def every(self) -> tuple[Finding, ...]:
        """All of them, in order."""
        return tuple(finding_from_json(orjson.loads(text)) for text in self.texts)


def finding_text(finding: Finding) -> bytes:
    """One finding's JSON with sorted keys: its canonical form, unless a rule of the operator's gave it numbers."""
    return orjson.dumps(finding_to_json(finding), option=orjson.OPT_SORT_KEYS)


def pack_findings(findings: Sequence[Finding], texts: Iterable[bytes]) -> bytes:
    """The stored value of findings and their JSON."""
    listed = tuple(texts)
    index = [(one.control, one.outcome.value, len(text)) for one, text in zip(findings, listed, strict=True)]
    return _compressor().compress(b"\n".join((orjson.dumps(index), b"".join(listed))))


def unpack_findings(stored: bytes) -> StoredFindings:
    """The inverse. Raises VerificationFailed `stored_findings` where the database does not hold what was stored."""
    try:
        head, _, rest = zstandard.ZstdDecompressor().decompress(stored, MAX_SIZE).partition(b"\n")
        index = tuple((str(control), str(outcome), int(length)) for control, outcome, length in orjson.loads(head))
    except (zstandard.ZstdError, ValueError, TypeError) as fault:
        raise VerificationFailed("stored findings cannot be read", code="stored_findings") from fault
    ends = list(accumulate((length for _, _, length in index), initial=0))
    if ends[-1] != len(rest):
        raise VerificationFailed(
            "stored findings are cut short", code="stored_findings", limit=ends[-1], value=len(rest)
        )
    return StoredFindings(index, tuple(rest[start:end] for start, end in pairwise(ends)))


def _compressor() -> zstandard.ZstdCompressor:
    kept: zstandard.ZstdCompressor | None = getattr(_BY_THREAD, "compressor", None)
    if kept is None:
        kept = _BY_THREAD.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return kept
