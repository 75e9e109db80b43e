"""Packs as files: the signed index, the JSON pack around it, and the manifest checked both ways.

    pack.json            {"pack": index, "signature": base64}                      an attachment of the PDF
    audit-pack.json      {"artifacts": {name: base64}, "pack": …, "signature": …}  the whole pack in one file

Both are RFC 8785 to the byte, so a file has one spelling. The signature is over the index; the manifest in
the index covers the artifacts: there is no byte of the file that neither covers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import EvidenceError, PackRejected
from evidence_api.domain.pack import Artifact
from evidence_api.formats.dsse import pae
from evidence_api.formats.pack import decode, encode, is_safe_name

PAYLOAD_TYPE = "application/vnd.evidence-api.pack.v1+json"
INDEX_NAME = "pack.json"
MAX_FILE = 1024 * 1024 * 1024
MAX_INDEX = 256 * 1024 * 1024
MAX_FILES = 50_000
_MEMBERS = ({"pack", "signature"}, {"artifacts", "pack", "signature"})


@dataclass(frozen=True, slots=True)
class SignedIndex:
    """An index, the bytes that are signed, the signature, and the artifacts if they were in the same file."""

    index: Mapping[str, Any] = field(repr=False)
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    artifacts: Mapping[str, bytes] | None = field(repr=False)


def signed_message(index: Mapping[str, Any]) -> bytes:
    """What is signed: the DSSE pre-authentication encoding of the canonical index."""
    return pae(PAYLOAD_TYPE, canonical(index))


def encode_index(index: Mapping[str, Any], signature: bytes) -> bytes:
    """pack.json: the index and its signature."""
    return canonical({"pack": index, "signature": encode(signature)})


def encode_pack(index: Mapping[str, Any], signature: bytes, artifacts: Iterable[Artifact]) -> bytes:
    """The whole pack as one JSON file."""
    held = {artifact.name: encode(artifact.content) for artifact in artifacts}
    return canonical({"artifacts": held, "pack": index, "signature": encode(signature)})


def read_pack_file(content: bytes, *, limit: int = MAX_FILE) -> SignedIndex:
    """Read pack.json or a JSON pack: its shape to the byte, no signature checked yet.

    Raises PackRejected: `too_large`, `not_json`, `not_canonical`, `document`, `base64`.
    """
    # 1. bounds, then the one spelling: repeated keys, white space, escapes, number forms all end here
    if len(content) > limit:
        raise PackRejected("the file is too large", code="too_large", limit=limit, value=len(content))
    try:
        loaded = orjson.loads(content)
    except orjson.JSONDecodeError as fault:
        raise PackRejected(f"not JSON: {fault}", code="not_json") from fault
    try:
        same = canonical(loaded) == content
    except EvidenceError as fault:
        raise PackRejected(fault.message, code="not_canonical") from fault
    if not same:
        raise PackRejected("the file is not in its canonical form (RFC 8785)", code="not_canonical")
    # 2. its members
    if not isinstance(loaded, dict) or loaded.keys() not in _MEMBERS or not isinstance(loaded["pack"], dict):
        raise PackRejected("not a pack: its members are pack, signature and perhaps artifacts", code="document")
    signer = loaded["pack"].get("signer")
    certificate = signer.get("certificate") if isinstance(signer, dict) else None
    if not isinstance(loaded["signature"], str) or not isinstance(certificate, str):
        raise PackRejected("the pack names no signer or has no signature", code="document")
    artifacts = loaded.get("artifacts")
    if artifacts is not None and not (
        isinstance(artifacts, dict) and all(isinstance(value, str) for value in artifacts.values())
    ):
        raise PackRejected("the artifacts are not base64 texts by name", code="document")
    return SignedIndex(
        index=loaded["pack"],
        message=signed_message(loaded["pack"]),
        signature=decode(loaded["signature"], "the signature"),
        certificate=decode(certificate, "the certificate"),
        artifacts=None if artifacts is None else {name: decode(value, name) for name, value in artifacts.items()},
    )


def check_manifest(index: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
    """The manifest and the files, both ways, byte for byte; the number of files.

    Raises PackRejected: `manifest` (its shape, unsafe or repeated names), `artifact_missing`, `artifact_extra`,
    `artifact_digest`.
    """
    entries = manifest_entries(index)
    for name in entries:
        if name not in files:
            raise PackRejected(f"in the manifest and not in the pack: {name}", code="artifact_missing", path=name)
    for name in files:
        if name not in entries:
            raise PackRejected(f"in the pack and not in the manifest: {name[:200]}", code="artifact_extra")
    for name, (size, digest) in entries.items():
        if len(files[name]) != size or digest_of(files[name]) != digest:
            raise PackRejected(f"not the bytes of the manifest: {name}", code="artifact_digest", path=name)
    return len(entries)


def manifest_entries(index: Mapping[str, Any]) -> Mapping[str, tuple[int, str]]:
    """Name -> (size, digest). Raises PackRejected `manifest`."""
    manifest = index.get("manifest")
    if not isinstance(manifest, list) or len(manifest) > MAX_FILES:
        raise PackRejected("the manifest is no list of files", code="manifest", limit=MAX_FILES)
    entries: dict[str, tuple[int, str]] = {}
    for entry in manifest:
        match entry:
            case {"name": str(name), "size": int(size), "digest": str(digest)} if is_safe_name(name):
                if name in entries or name == INDEX_NAME:
                    raise PackRejected(f"twice in the manifest: {name}", code="manifest", path=name)
                entries[name] = (size, digest)
            case _:
                raise PackRejected(f"not an entry of a manifest: {str(entry)[:200]}", code="manifest")
    return entries
