"""PAdES: a pack's PDF signed and checked as a whole (ETSI EN 319 142-1, baseline B-B), without a network.

pyHanko makes the CMS; formats/pdf_signature.py decides where it lies. The check reads no PDF structure at
all: the bytes outside the hole are hashed, and inside the hole only one spelling is accepted, so every
single byte of the file is either covered by the signature or fixed.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.sign.signers.pdf_cms import Signer

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import PackRejected
from evidence_api.engines.pack_key import PackKey, public_key_of
from evidence_api.formats.pdf_signature import SignedRange, fill_hole, open_range, split_signed

_OID_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_OID_DATA = bytes.fromhex("06092a864886f70d010701")
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")  # RFC 5758, 3.2: without parameters
_SHA256 = (
    bytes.fromhex("300b0609608648016503040201"),  # without parameters (RFC 5754, 2)
    bytes.fromhex("300d06096086480165030402010500"),  # with NULL
)
_ONE = b"\x02\x01\x01"
_ATTRIBUTES = frozenset({"content_type", "message_digest", "signing_certificate_v2"})
_SHORT = 0x80  # lengths below are one byte (X.690, 8.1.3.4)


@dataclass(frozen=True, slots=True)
class PdfSigner:
    """Who signed the whole file: the certificate (DER)."""

    certificate: bytes

    @property
    def fingerprint(self) -> str:
        """`sha256:<hex>` of the certificate."""
        return digest_of(self.certificate)


async def sign_pdf(rendered: bytes, key: PackKey) -> bytes:
    """The rendered PDF with its hole filled. The same input and key give the same bytes.

    Raises PackRejected when the PDF has no room for a signature.
    """
    opened, hole = open_range(rendered)
    split = _covered(opened, hole)
    content = await _CmsSigner(key).async_sign(_digest(split), "sha256", use_pades=True)
    return fill_hole(opened, hole, content.dump())


def verify_pdf(content: bytes) -> PdfSigner:
    """Check that one signature covers every byte of the file.

    Cheap checks first. Raises PackRejected: `not_a_pdf`, `not_signed`, `signature_range`, `signature_hole`,
    `signature_cms`, `file_digest`, `signer_certificate`, `file_signature`.
    """
    # 1. the shape: one header, one signature dictionary, a range over all but the hole, zeros after the CMS
    split = split_signed(content)
    # 2. the digest of the file is somewhere in the CMS; where it must be is checked in 4
    digest = _digest(split)
    if digest not in split.cms:
        raise PackRejected("the file is not the one that was signed", code="file_digest")
    # 3. the CMS is the one there can be for its certificate, attributes and signature (RFC 5652, 5.1)
    parts = _read_cms(split.cms)
    # 4. the attributes are those of PAdES B-B (EN 319 142-1, 6.3): content type, digest, certificate, once each
    _check_attributes(parts, digest)
    # 5. the signature is over these attributes, by that certificate's key (RFC 5652, 5.4)
    try:
        public_key_of(parts.certificate).verify(
            parts.signature, _der(0x31, parts.attributes), ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature as fault:
        raise PackRejected("the file's signature is not by the key it names", code="file_signature") from fault
    return PdfSigner(parts.certificate)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What varies in the CMS: the certificate (DER), the contents of the signed attributes, the signature."""

    certificate: bytes
    attributes: bytes
    signature: bytes
    parsed: Any


class _CmsSigner(Signer):
    """pyHanko's CMS builder with our deterministic ECDSA in the place of the raw signature."""

    def __init__(self, key: PackKey) -> None:
        self._key = key
        super().__init__(signing_cert=x509.Certificate.load(key.certificate))

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: FBT001, FBT002  pyHanko's signature
        """DER-encoded ECDSA over SHA-256 of the data."""
        del digest_algorithm, dry_run
        return self._key.sign(data)


def _covered(opened: bytes, hole: int) -> SignedRange:
    view = memoryview(opened)
    end = opened.index(b">", hole) + 1
    return SignedRange(b"", view[:hole], view[end:])


def _digest(split: SignedRange) -> bytes:
    state = hashlib.sha256(split.before)
    state.update(split.after)
    return state.digest()


def _der(tag: int, *parts: bytes) -> bytes:
    """One DER element: tag, shortest length, contents."""
    contents = b"".join(parts)
    size = len(contents)
    if size < _SHORT:
        return bytes([tag, size]) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _SHORT | len(length)]) + length + contents


def _read_cms(cms_bytes: bytes) -> _Parts:
    """Take the parts out, put them together again, and compare: any other byte is refused.

    Raises PackRejected `signature_cms`.
    """
    try:
        signed = cms.ContentInfo.load(cms_bytes, strict=True)["content"]
        signer = signed["signer_infos"][0]
        certificate = signed["certificates"][0].chosen
        parts = _Parts(certificate.dump(), signer["signed_attrs"].contents, signer["signature"].native, signer)
        issuer, serial = certificate.issuer.dump(), certificate["tbs_certificate"]["serial_number"].dump()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as fault:
        raise PackRejected(f"the signature's CMS cannot be read: {str(fault)[:200]}", code="signature_cms") from fault
    if cms_bytes not in {_assembled(parts, issuer, serial, algorithm) for algorithm in _SHA256}:
        raise PackRejected("the signature's CMS is not as packs write it", code="signature_cms")
    return parts


def _assembled(parts: _Parts, issuer: bytes, serial: bytes, sha256: bytes) -> bytes:
    """The CMS of these parts: detached, version 1, one certificate, one signer, no unsigned attributes."""
    signer = _der(
        0x30,
        _ONE,
        _der(0x30, issuer, serial),
        sha256,
        _der(0xA0, parts.attributes),
        _ECDSA_SHA256,
        _der(0x04, parts.signature),
    )
    signed = _der(
        0x30,
        _ONE,
        _der(0x31, sha256),
        _der(0x30, _OID_DATA),
        _der(0xA0, parts.certificate),
        _der(0x31, signer),
    )
    return _der(0x30, _OID_SIGNED_DATA, _der(0xA0, signed))


def _check_attributes(parts: _Parts, digest: bytes) -> None:
    """The three attributes, and in them the file's digest and the certificate's (ESSCertIDv2, RFC 5035).

    Raises PackRejected: `signature_cms`, `file_digest`, `signer_certificate`.
    """
    try:
        pairs = [(item["type"].native, item["values"]) for item in parts.parsed["signed_attrs"]]
        single = {name: values[0] for name, values in pairs if len(values) == 1}
        if len(pairs) != len(_ATTRIBUTES) or set(single) != _ATTRIBUTES or single["content_type"].native != "data":
            raise PackRejected("the signed attributes are not those of PAdES B-B", code="signature_cms")
        named = single["signing_certificate_v2"]["certs"]
        first = named[0]
        same_file = single["message_digest"].native == digest
        same_certificate = (
            len(named) == 1
            and first["hash_algorithm"]["algorithm"].native == "sha256"
            and first["cert_hash"].native == hashlib.sha256(parts.certificate).digest()
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as fault:
        raise PackRejected(f"the signed attributes cannot be read: {str(fault)[:200]}", code="signature_cms") from fault
    if not same_file:
        raise PackRejected("the file is not the one that was signed", code="file_digest")
    if not same_certificate:
        raise PackRejected("the certificate is not the one the signature names", code="signer_certificate")
