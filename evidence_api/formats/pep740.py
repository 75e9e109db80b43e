"""Reading, beside the bundle: a PEP 740 attestation object put into the shape of a Sigstore bundle.

Source: PEP 740, "Attestation objects" and "Provenance objects". An attestation object holds the same certificate,
log entries and signature as a bundle of media type v0.3, under other names; nothing signed is changed by renaming.
"""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.errors import Malformed
from evidence_api.formats.dsse import IN_TOTO

VERSION = 1
BUNDLE_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def is_attestation(document: Mapping[str, Any]) -> bool:
    """Whether the document is shaped as a PEP 740 attestation object."""
    return "verification_material" in document and "envelope" in document


def is_provenance(document: Mapping[str, Any]) -> bool:
    """Whether the document is shaped as a PEP 740 provenance object (attestations of one file, by publisher)."""
    return "attestation_bundles" in document


def to_bundle(document: Mapping[str, Any]) -> dict[str, Any]:
    """The Sigstore bundle (v0.3, JSON form) that an attestation object says. Raises Malformed with the path.

    `envelope.statement` is the DSSE payload, always of type application/vnd.in-toto+json (PEP 740).
    """
    _check_version(document)
    material = _object(document, "verification_material")
    envelope = _object(document, "envelope")
    entries = material.get("transparency_entries")
    path = "verification_material.transparency_entries"
    if not isinstance(entries, list) or not entries:
        raise Malformed(f"{path} is not a list with at least one entry", path=path)
    signature = _text(envelope, "signature", "envelope.signature")
    return {
        "mediaType": BUNDLE_MEDIA_TYPE,
        "verificationMaterial": {
            "certificate": {"rawBytes": _text(material, "certificate", "verification_material.certificate")},
            "tlogEntries": entries,
        },
        "dsseEnvelope": {
            "payload": _text(envelope, "statement", "envelope.statement"),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": signature}],
        },
    }


def attestations_of(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The attestation objects of a provenance object, in order. Raises Malformed with the path."""
    _check_version(document)
    bundles = document.get("attestation_bundles")
    if not isinstance(bundles, list):
        raise Malformed("attestation_bundles is not a list", path="attestation_bundles")
    found: list[Mapping[str, Any]] = []
    for index, bundle in enumerate(bundles):
        path = f"attestation_bundles[{index}].attestations"
        attestations = bundle.get("attestations") if isinstance(bundle, dict) else None
        if not isinstance(attestations, list) or not all(isinstance(one, dict) for one in attestations):
            raise Malformed(f"{path} is not a list of objects", path=path)
        found.extend(attestations)
    if not found:
        raise Malformed("the provenance object holds no attestation", path="attestation_bundles")
    return tuple(found)


def _check_version(document: Mapping[str, Any]) -> None:
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise Malformed(f"PEP 740 version {str(version)[:20]!r} is not {VERSION}", path="version")


def _object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise Malformed(f"{key} is not an object", path=key)
    return value


def _text(document: Mapping[str, Any], key: str, path: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{path} is not text", path=path)
    return value
