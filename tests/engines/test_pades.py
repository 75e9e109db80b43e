"""A PDF signed as a whole: intact it verifies, here and elsewhere; with any one byte changed it does not."""

import io
import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from evidence_api.domain.errors import PackRejected
from evidence_api.domain.pack import Artifact
from evidence_api.engines.pack_key import PackKey, generate_pack_key
from evidence_api.engines.pades import sign_pdf, verify_pdf
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.formats.pdf_signature import HOLE_DIGITS

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = "<html><head><title>t</title></head><body><p>A page.</p></body></html>"


@pytest.fixture(scope="module")
def key() -> PackKey:
    return generate_pack_key("acme", now=AT)


@pytest.fixture(scope="module")
async def rendered() -> bytes:
    file = Artifact("a.txt", "text/plain", b"content " * 100, "a file")
    return await PdfRenderer().render(PAGE, [file], at=AT, signer="acme")


@pytest.fixture(scope="module")
async def signed(rendered: bytes, key: PackKey) -> bytes:
    return await sign_pdf(rendered, key)


def refusal(content: bytes) -> str:
    try:
        verify_pdf(content)
    except PackRejected as fault:
        return fault.code
    return "accepted"


def survivors(signed: bytes, positions: Sequence[int], bits: Sequence[int]) -> list[int]:
    """The positions at which some flipped bit goes unnoticed: there must be none."""
    damaged = bytearray(signed)
    found = []
    for position in positions:
        for bit in bits:
            damaged[position] = signed[position] ^ 1 << bit
            if refusal(bytes(damaged)) == "accepted":
                found.append(position)
        damaged[position] = signed[position]
    return found


def test_an_intact_file_names_its_signer(signed: bytes, key: PackKey) -> None:
    assert verify_pdf(signed).fingerprint == key.fingerprint


async def test_the_same_file_and_key_give_the_same_bytes(rendered: bytes, signed: bytes, key: PackKey) -> None:
    assert await sign_pdf(rendered, key) == signed


async def test_another_implementation_agrees(signed: bytes, key: PackKey) -> None:
    certificate = next(iter(load_certs_from_pemder_data(key.certificate)))
    (embedded,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    context = ValidationContext(trust_roots=[certificate], moment=AT, allow_fetching=False)
    status = await async_validate_pdf_signature(embedded, signer_validation_context=context)
    assert status.intact
    assert status.valid
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE


def test_no_changed_byte_survives(signed: bytes) -> None:
    """Every byte of the file, one bit each; then every bit of the signature dictionary, the CMS, and past it."""
    chance = random.Random(20260301)  # noqa: S311  bits, not keys
    assert [at for at in range(len(signed)) if survivors(signed, [at], [chance.randrange(8)])] == []
    start = signed.index(b"/Type /Sig ") - 40
    hole = signed.index(b"/Contents <") + len(b"/Contents <")
    used = hole + len(signed[hole : hole + HOLE_DIGITS].rstrip(b"0"))
    assert survivors(signed, range(start, used + 4), range(8)) == []


def test_upper_case_digits_are_another_file(signed: bytes) -> None:
    hole = signed.index(b"/Contents <") + len(b"/Contents <")
    upper = signed[:hole] + signed[hole : hole + HOLE_DIGITS].upper() + signed[hole + HOLE_DIGITS :]
    assert refusal(upper) == "signature_hole"


def test_nothing_may_follow_precede_or_be_appended(signed: bytes) -> None:
    assert refusal(signed + b" ") == "not_a_pdf"
    assert refusal(b"\n" + signed) == "not_a_pdf"
    assert refusal(signed + b"1 0 obj\n<<>>\nendobj\nstartxref\n0\n%%EOF\n") == "signature_range"
    assert refusal(signed + signed) == "not_signed"
    assert refusal(b"") == "not_a_pdf"


def test_a_signature_over_another_file_is_refused(signed: bytes) -> None:
    changed = signed.replace(b"/Reason (Audit pack)", b"/Reason (Other pack)")
    assert refusal(changed) == "file_digest"


def test_a_rendered_file_without_signature_is_refused(rendered: bytes) -> None:
    assert refusal(rendered) == "signature_range"


async def test_the_cms_of_another_key_does_not_fit(rendered: bytes, signed: bytes) -> None:
    other = await sign_pdf(rendered, generate_pack_key("acme", now=AT))
    assert verify_pdf(other).fingerprint != verify_pdf(signed).fingerprint
