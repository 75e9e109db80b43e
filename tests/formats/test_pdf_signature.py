"""The signature dictionary: written once, read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.errors import PackRejected
from evidence_api.formats.pdf_signature import HOLE_DIGITS, fill_hole, open_range, signature_dictionary, split_signed

DICTIONARY = signature_dictionary(name="acme", reason="Audit pack", modified="D:20260301120000Z")
FILE = b"%PDF-1.7\n1 0 obj\n" + DICTIONARY + b"\nendobj\n%%EOF\n"
CMS = b"\x30\x82\x00\x03abc"


def signed(cms: bytes = CMS) -> bytes:
    opened, hole = open_range(FILE)
    return fill_hole(opened, hole, cms)


def test_what_is_filled_in_is_read_back() -> None:
    split = split_signed(signed())
    assert split.cms == CMS
    assert bytes(split.before) + b"<" + CMS.hex().encode().ljust(HOLE_DIGITS, b"0") + b">" + bytes(split.after) == (
        signed()
    )


def test_the_length_of_the_file_does_not_change() -> None:
    assert len(signed()) == len(FILE)


def test_names_cannot_break_out_of_their_string() -> None:
    written = signature_dictionary(name="a) /Contents (\\\n\u00e9", reason="r", modified="D:2026")
    assert b"/Name (a? /Contents ????)" in written


@pytest.mark.parametrize("rendered", [b"", FILE.replace(b"/ByteRange", b"/Nothing"), FILE + FILE])
def test_a_file_without_exactly_one_empty_signature_cannot_be_signed(rendered: bytes) -> None:
    with pytest.raises(PackRejected) as refused:
        open_range(rendered)
    assert refused.value.code == "signature_placeholder"


def test_a_signature_too_long_for_its_place_is_refused() -> None:
    with pytest.raises(PackRejected) as refused:
        signed(b"\x30" * HOLE_DIGITS)
    assert refused.value.code == "signature_too_long"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"%PDF-1.7", b"%PDF-1.6", "not_a_pdf"),
        (b"%%EOF\n", b"%%EOF\r", "not_a_pdf"),
        (b"/ByteRange", b"/ByteRangE", "not_signed"),
        (b"/ByteRange [0 ", b"/ByteRange [1 ", "signature_range"),
        (b"/Contents <3082", b"/Contents <3182", "signature_hole"),
        (b"/Contents <3082", b"/Contents [3082", "signature_range"),
        (b"0>", b"1>", "signature_hole"),
        (b"0>", b"0)", "signature_hole"),
        (b"0>", b" >", "signature_hole"),
        (b"30820003", b"3082ffff", "signature_hole"),
    ],
)
def test_any_other_shape_is_refused(old: bytes, new: bytes, code: str) -> None:
    assert old in signed()
    with pytest.raises(PackRejected) as refused:
        split_signed(signed().replace(old, new))
    assert refused.value.code == code


@given(st.binary(max_size=400))
def test_any_bytes_give_a_code_and_nothing_else(content: bytes) -> None:
    with pytest.raises(PackRejected):
        split_signed(b"%PDF-1.7\n" + content + b"%%EOF\n")
