"""The signature dictionary of a pack's PDF as bytes: an empty one to render, and the strict reading of a full one.

The PDF has one revision and one signature (ISO 32000-1, 12.8.1; ETSI EN 319 142-1): the byte range is
everything but the hexadecimal string of /Contents, and that string has exactly one spelling, so that no
byte of the file can be other than it is:

  [0, a) covered   '<'   hex digits, lower case, then zeros   '>'   [b, end of file) covered

An uncovered byte outside this shape is refused here; a covered one by the digest (engines/pades.py).
"""

import re
from dataclasses import dataclass

from evidence_api.domain.errors import PackRejected

HOLE_DIGITS = 6144  # 3 KiB of CMS: certificate, three attributes and a P-256 signature are about 1 KiB
_EMPTY_RANGE = b"/ByteRange [0 0 0 0]" + b" " * 27
_RANGE = re.compile(rb"/ByteRange \[0 (0|[1-9][0-9]{0,9}) (0|[1-9][0-9]{0,9}) (0|[1-9][0-9]{0,9})\]( *)/Contents <")
_HEX = re.compile(rb"[0-9a-f]*\Z")
_HEADER, _TRAILER = b"%PDF-1.7\n", b"%%EOF\n"


@dataclass(frozen=True, slots=True)
class SignedRange:
    """A PDF split at its signature: the CMS bytes, and the two covered parts."""

    cms: bytes
    before: memoryview
    after: memoryview


def signature_dictionary(*, name: str, reason: str, modified: str) -> bytes:
    """The dictionary with its hole still empty. Text is ASCII without parentheses and backslashes."""
    return (
        b"<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached"
        b" /Name (" + _plain(name) + b") /Reason (" + _plain(reason) + b") /M (" + modified.encode() + b")"
        b" /Reference [<</Type /SigRef /TransformMethod /DocMDP"
        b" /TransformParams <</Type /TransformParams /P 1 /V /1.2>>>>] "
        + _EMPTY_RANGE
        + b"/Contents <"
        + b"0" * HOLE_DIGITS
        + b">>>"
    )


def _plain(text: str) -> bytes:
    return re.sub(r"[^ -~]|[()\\]", "?", text).encode()


def open_range(rendered: bytes) -> tuple[bytes, int]:
    """A rendered PDF with the byte range filled in, and where its hole (the '<') begins.

    Raises PackRejected `signature_placeholder` when there is not exactly one empty dictionary.
    """
    start = rendered.find(_EMPTY_RANGE)
    if start < 0 or rendered.count(b"/ByteRange") != 1:
        raise PackRejected("the rendered PDF has not exactly one empty signature", code="signature_placeholder")
    hole = start + len(_EMPTY_RANGE) + len(b"/Contents ")
    end = hole + HOLE_DIGITS + 2
    written = b"/ByteRange [0 %d %d %d]" % (hole, end, len(rendered) - end)
    return rendered[:start] + written.ljust(len(_EMPTY_RANGE)) + rendered[start + len(_EMPTY_RANGE) :], hole


def fill_hole(opened: bytes, hole: int, cms: bytes) -> bytes:
    """The signed PDF. Raises PackRejected `signature_too_long` when the CMS does not fit."""
    digits = cms.hex().encode()
    if len(digits) > HOLE_DIGITS:
        raise PackRejected("the signature is longer than its place", code="signature_too_long", limit=HOLE_DIGITS)
    return opened[: hole + 1] + digits.ljust(HOLE_DIGITS, b"0") + opened[hole + 1 + HOLE_DIGITS :]


def split_signed(content: bytes) -> SignedRange:
    """Check the shape of a signed PDF to the byte and split it. Nothing cryptographic happens here.

    Raises PackRejected: `not_a_pdf`, `not_signed`, `signature_range`, `signature_hole`.
    """
    # 1. one header, one trailer: nothing before, nothing after
    if not content.startswith(_HEADER) or not content.endswith(_TRAILER):
        raise PackRejected("not a PDF as packs are written: header or end of file differ", code="not_a_pdf")
    # 2. exactly one signature dictionary
    if content.count(b"/ByteRange") != 1:
        raise PackRejected("the file has not exactly one signature", code="not_signed")
    found = _RANGE.search(content)
    if found is None:
        raise PackRejected("the signature dictionary is not written as packs write it", code="signature_range")
    # 3. the range is the whole file but the hole, and the hole is where the range says
    hole = found.end() - 1
    end = hole + HOLE_DIGITS + 2
    written = b"/ByteRange [0 %d %d %d]" % (hole, end, len(content) - end)
    if content[found.start() : hole] != written.ljust(len(_EMPTY_RANGE)) + b"/Contents ":
        raise PackRejected("the signature does not cover the whole file", code="signature_range")
    # 4. the hole: one hexadecimal string, then zeros to its end (they are covered by nothing else)
    if content[hole : hole + 1] != b"<" or content[end - 1 : end] != b">":
        raise PackRejected("the signature's value is not one hexadecimal string", code="signature_hole")
    digits = content[hole + 1 : end - 1]
    if _HEX.match(digits) is None:
        raise PackRejected("the signature's value is not lower-case hexadecimal", code="signature_hole")
    value = bytes.fromhex(digits.decode("ascii"))
    length = _der_length(value)
    if any(value[length:]):
        raise PackRejected("the padding after the signature is not zero", code="signature_hole")
    view = memoryview(content)
    return SignedRange(value[:length], view[:hole], view[end:])


def _der_length(value: bytes) -> int:
    """Length of the DER sequence a CMS is: 30 82 hh ll (X.690, 8.1.3), the only form of its size."""
    if value[:2] != b"\x30\x82":
        raise PackRejected("the signature's value is not a CMS structure", code="signature_hole")
    length = 4 + int.from_bytes(value[2:4], "big")
    if length > len(value):
        raise PackRejected("the signature's value is cut off", code="signature_hole")
    return length
