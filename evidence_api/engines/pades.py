"""PAdES: a pack's PDF signed and checked as a whole (ETSI EN 319 142-1, baseline B-B), without a network.

pyHanko makes the CMS; formats/pdf_signature.py decides where it lies. The check reads no PDF structure at
all: the bytes outside the hole are hashed, and inside the hole only one spelling is accepted, so every
single byte of the file is either covered by the signature or fixed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asn1crypto import algos, cms, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.sign.signers.pdf_cms import Signer

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import PackRejected
from evidence_api.engines.pack_key import PackKey, public_key_of
from evidence_api.formats.pdf_signature import SignedRange, fill_hole, open_range, split_signed

_ECDSA = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
_SHA256 = frozenset(
    {
        bytes.fromhex("300b0609608648016503040201"),  # without parameters (RFC 5754, 2)
        bytes.fromhex("300d06096086480165030402010500"),  # with NULL
    }
)
_ATTRIBUTES = frozenset({"content_type", "message_digest", "signing_certificate_v2"})


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
    # 2. the CMS is in its one DER form and holds what PAdES B-B asks for, no more (EN 319 142-1, 6.3)
    signed, signer, certificate = _read_cms(split.cms)
    attributes = _attributes(signer)
    # 3. the digest signed is that of the file (RFC 5652, 5.4)
    if attributes["message_digest"].native != _digest(split):
        raise PackRejected("the file is not the one that was signed", code="file_digest")
    # 4. the certificate is the one the signer named (RFC 5035, ESSCertIDv2), and the only one
    _check_certificate(signed, signer, attributes, certificate)
    # 5. the signature is over these attributes, by that certificate's key
    try:
        public_key_of(certificate).verify(
            signer["signature"].native, signer["signed_attrs"].untag().dump(), ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature as fault:
        raise PackRejected("the file's signature is not by the key it names", code="file_signature") from fault
    return PdfSigner(certificate)


class _CmsSigner(Signer):  # type: ignore[misc]  # pyHanko's base is untyped
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


def _read_cms(der: bytes) -> tuple[Any, Any, bytes]:
    """SignedData, its one SignerInfo, and the one certificate (DER). Raises PackRejected `signature_cms`."""
    try:
        content = cms.ContentInfo.load(der, strict=True)
        kind = content["content_type"].native
        signed = content["content"]
        again = content.copy().dump(force=True)
        signer = signed["signer_infos"][0]
        certificate = signed["certificates"][0].chosen.dump()
        held = {
            "the structure is DER": again == der,
            "it is SignedData": kind == "signed_data",
            "version 1": signed["version"].native == "v1" and signer["version"].native == "v1",
            "one digest algorithm, SHA-256": [item.dump() for item in signed["digest_algorithms"]]
            == [signer["digest_algorithm"].dump()]
            and signer["digest_algorithm"].dump() in _SHA256,
            "detached": signed["encap_content_info"]["content_type"].native == "data"
            and signed["encap_content_info"]["content"].native is None,
            "one certificate, one signer": len(signed["certificates"]) == 1 and len(signed["signer_infos"]) == 1,
            "no revocation lists": signed["crls"].native is None,
            "no unsigned attributes": signer["unsigned_attrs"].native is None,
            "ECDSA with SHA-256": signer["signature_algorithm"].dump() == _ECDSA.dump(),
        }
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as fault:
        raise PackRejected(f"the signature's CMS cannot be read: {str(fault)[:200]}", code="signature_cms") from fault
    for claim, holds in held.items():
        if not holds:
            raise PackRejected(f"the signature's CMS is not as packs write it: {claim}", code="signature_cms")
    return signed, signer, certificate


def _attributes(signer: Any) -> Mapping[str, Any]:  # noqa: ANN401  asn1crypto is untyped
    """The signed attributes by name, each exactly once, one value each."""
    try:
        pairs = [(item["type"].native, item["values"]) for item in signer["signed_attrs"]]
        single = {name: values[0] for name, values in pairs if len(values) == 1}
    except (ValueError, TypeError, KeyError, IndexError) as fault:
        raise PackRejected(f"the signed attributes cannot be read: {str(fault)[:200]}", code="signature_cms") from fault
    if len(pairs) != len(_ATTRIBUTES) or set(single) != _ATTRIBUTES or single["content_type"].native != "data":
        raise PackRejected("the signed attributes are not those of PAdES B-B", code="signature_cms")
    return single


def _check_certificate(signed: Any, signer: Any, attributes: Mapping[str, Any], certificate: bytes) -> None:  # noqa: ANN401
    """The certificate hash in the signed attributes, and the issuer and serial number beside them."""
    del signed
    try:
        loaded = x509.Certificate.load(certificate, strict=True)
        named = attributes["signing_certificate_v2"]["certs"]
        first = named[0]
        holds = (
            len(named) == 1
            and first["hash_algorithm"]["algorithm"].native == "sha256"
            and first["cert_hash"].native == hashlib.sha256(certificate).digest()
            and signer["sid"].name == "issuer_and_serial_number"
            and signer["sid"].chosen["issuer"].dump() == loaded.issuer.dump()
            and signer["sid"].chosen["serial_number"].native == loaded.serial_number
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as fault:
        raise PackRejected(f"the signer cannot be read: {str(fault)[:200]}", code="signer_certificate") from fault
    if not holds:
        raise PackRejected("the certificate is not the one the signature names", code="signer_certificate")
