"""The pack as a document: `PackContents` -> the JSON index and back. Files stand beside it, by name.

The index ("format": "evidence-pack/v1") holds every record, proof and verdict, names each file it rests on,
and ends with a manifest of all of them: name, type, size, SHA-256. Reading believes nothing: what is bound
to a file is read from that file, and the caller has checked the manifest (formats/pack_file.py).
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence_api.domain.assessment import DERIVATION
from evidence_api.domain.control import Catalog
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EvidenceError, PackRejected
from evidence_api.domain.evidence import Release
from evidence_api.domain.pack import (
    Artifact,
    PackContents,
    PackedEvidence,
    PackedIdentity,
    PackedKey,
    PackedPolicy,
    PackedTrust,
    Redaction,
    period_of,
)
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.pack_artifacts import (
    CHECKPOINT_NAME,
    LOG_KEY_NAME,
    POLICY_DATA_NAME,
    REGO_NAME,
    TRUSTED_ROOT_NAME,
    artifacts_of,
    completeness_of,
    evidence_name,
    key_name,
    redacted_name,
)
from evidence_api.formats.pack_decisions import decisions_document
from evidence_api.formats.pack_waivers import waivers_document
from evidence_api.formats.records import (
    assessment_from_json,
    assessment_to_json,
    evidence_from_json,
    evidence_to_json,
)

FORMAT = "evidence-pack/v1"
_DERIVATIONS = range(1, DERIVATION + 1)  # those that can still be derived again, word for word
_NAME = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[A-Za-z0-9_][A-Za-z0-9_.@+ -]*(?:/[A-Za-z0-9_.@+ -]+)*\Z")
_MAX_NAME = 200

Json = dict[str, Any]


def pack_document(contents: PackContents, *, certificate: bytes) -> Json:
    """The index of a pack signed with this certificate (DER)."""
    found = completeness_of(contents)
    period = period_of(contents)
    return {
        "format": FORMAT,
        "derivation": contents.derivation,
        "tenant": contents.tenant,
        "release": _release_document(contents.release),
        "period": None if period is None else {"from": format_rfc3339(period[0]), "to": format_rfc3339(period[1])},
        "completeness": {
            "status": found.status.value,
            "present": found.present,
            "total": found.total,
            "absent": [{"name": item.name, "reason": item.reason} for item in found.absent],
        },
        "log": {"origin": contents.log_origin, "checkpoint": CHECKPOINT_NAME, "key": LOG_KEY_NAME},
        "assessment": assessment_to_json(contents.assessment),
        "waivers": waivers_document(contents),
        "decisions": decisions_document(contents),
        "evidence": [_evidence_document(item) for item in contents.evidence],
        **_rules_document(contents),
        "trust": _trust_document(contents.trust),
        "software": dict(contents.software),
        "signer": {"certificate": encode(certificate), "fingerprint": digest_of(certificate)},
        "manifest": [_entry(file) for file in artifacts_of(contents)],
    }


def _release_document(release: Release) -> Json:
    return {
        "id": release.id,
        "name": release.name,
        "version": release.version,
        "digests": list(release.digests),
        "leafIndex": release.leaf_index,
    }


def _rules_document(contents: PackContents) -> Json:
    return {
        "catalog": {
            "digest": contents.catalog.digest,
            "sources": sorted(contents.catalog.sources),
            "rego": REGO_NAME,
        },
        "policy": {
            "digest": contents.policy.digest,
            "modules": sorted(contents.policy.modules),
            "data": POLICY_DATA_NAME,
        },
    }


def _trust_document(trust: PackedTrust) -> Json:
    return {
        "keys": [{"name": key.name, "artifact": key_name(key.pem)} for key in trust.keys],
        "identities": [{"issuer": rule.issuer, "identity": rule.identity} for rule in trust.identities],
        "trustedRoot": None if trust.trusted_root is None else TRUSTED_ROOT_NAME,
    }


def _evidence_document(item: PackedEvidence) -> Json:
    document = {
        "record": evidence_to_json(item.evidence),
        "artifact": None if item.body is None else evidence_name(item.evidence),
        "leaf": encode(item.leaf),
        "proof": [encode(step) for step in item.proof],
    }
    if item.redaction is not None:
        document["redaction"] = {
            "artifact": redacted_name(item.evidence),
            "found": list(item.redaction.found),
            "because": list(item.redaction.because),
        }
    return document


def _entry(file: Artifact) -> Json:
    return {
        "name": file.name,
        "mediaType": file.media_type,
        "description": file.description,
        "relationship": file.relationship,
        "size": len(file.content),
        "digest": file.digest,
    }


def encode(value: bytes) -> str:
    """Standard base64 with padding."""
    return b64encode(value).decode("ascii")


def decode(text: str, what: str) -> bytes:
    """Standard base64 in its one spelling. Raises PackRejected `base64`."""
    try:
        value = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise PackRejected(f"{what} is not base64", code="base64") from fault
    if encode(value) != text:
        raise PackRejected(f"{what} is not base64 in its one spelling", code="base64")
    return value


def is_safe_name(name: str) -> bool:
    """A relative path of plain characters, without `.` and `..` steps: safe to unpack anywhere."""
    return len(name) <= _MAX_NAME and _NAME.match(name) is not None


def read_contents(document: Mapping[str, Any], files: Mapping[str, bytes]) -> PackContents:
    """The contents of an index and its files (name -> bytes), which must agree with its manifest already.

    Raises PackRejected: `format`, `derivation`, `document` (not of this shape), `artifact_missing`, `catalog` (does not
    load).
    """
    if document.get("format") != FORMAT:
        raise PackRejected(f"not a pack of the format {FORMAT}", code="format", value=str(document.get("format"))[:80])
    derivation = document.get("derivation")
    if type(derivation) is not int or derivation not in _DERIVATIONS:
        raise PackRejected(
            f"its verdicts are of derivation {str(derivation)[:20]}, and this program knows those up to "
            f"{DERIVATION}: verify it with the version it names, {str(document.get('software'))[:300]}",
            code="derivation",
        )
    try:
        return _contents(document, _Files(files))
    except PackRejected:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, UnicodeDecodeError) as fault:
        raise PackRejected(f"the index is not of this shape: {str(fault)[:200]}", code="document") from fault
    except EvidenceError as fault:
        raise PackRejected(f"the index is not of this shape: {fault.message[:500]}", code="document") from fault


@dataclass(frozen=True, slots=True)
class _Files:
    """The pack's files by name. A name the index uses and nobody attached is `artifact_missing`."""

    held: Mapping[str, bytes]

    def content(self, name: str) -> bytes:
        if name not in self.held:
            raise PackRejected(f"the pack names a file it does not hold: {name[:200]}", code="artifact_missing")
        return self.held[name]

    def text(self, name: str) -> str:
        return self.content(name).decode("utf-8")


def _contents(document: Mapping[str, Any], files: _Files) -> PackContents:
    policy = document["policy"]
    return PackContents(
        tenant=_text(document["tenant"]),
        log_origin=_text(document["log"]["origin"]),
        log_key=files.text(LOG_KEY_NAME).removesuffix("\n"),
        checkpoint=files.text(CHECKPOINT_NAME),
        release=_read_release(document["release"]),
        evidence=tuple(_read_evidence(item, files) for item in document["evidence"]),
        assessment=assessment_from_json(document["assessment"]),
        catalog=_read_catalog(document["catalog"], files),
        rego=files.text(REGO_NAME),
        policy=PackedPolicy(
            _text(policy["digest"]),
            {_text(name): files.text(f"policy/{name}") for name in policy["modules"]},
            files.content(POLICY_DATA_NAME),
        ),
        trust=_read_trust(document["trust"], files),
        software={_text(name): _text(version) for name, version in document["software"].items()},
        derivation=document["derivation"],
    )


def _read_release(release: Mapping[str, Any]) -> Release:
    return Release(
        id=_text(release["id"]),
        name=_text(release["name"]),
        version=_text(release["version"]),
        digests=tuple(_text(value) for value in release["digests"]),
        leaf_index=int(release["leafIndex"]),
    )


def _read_catalog(catalog: Mapping[str, Any], files: _Files) -> Catalog:
    sources = {_text(name): files.text(f"catalog/{name}") for name in catalog["sources"]}
    try:
        return load_catalog(sources, recorded=True)
    except EvidenceError as fault:
        raise PackRejected(f"the catalog does not load: {fault.message[:500]}", code="catalog") from fault


def _read_trust(trust: Mapping[str, Any], files: _Files) -> PackedTrust:
    return PackedTrust(
        keys=tuple(PackedKey(_text(key["name"]), files.text(key["artifact"])) for key in trust["keys"]),
        identities=tuple(
            PackedIdentity(_text(rule["issuer"]), _text(rule["identity"])) for rule in trust["identities"]
        ),
        trusted_root=None if trust["trustedRoot"] is None else files.content(TRUSTED_ROOT_NAME),
    )


def _read_evidence(item: Mapping[str, Any], files: _Files) -> PackedEvidence:
    return PackedEvidence(
        evidence=evidence_from_json(item["record"]),
        body=None if item["artifact"] is None else files.content(item["artifact"]),
        leaf=decode(item["leaf"], "a leaf"),
        proof=tuple(decode(step, "a proof") for step in item["proof"]),
        redaction=None if item.get("redaction") is None else _read_redaction(item["redaction"], files),
    )


def _read_redaction(redaction: Mapping[str, Any], files: _Files) -> Redaction:
    return Redaction(
        copy=files.content(redaction["artifact"]),
        found=tuple(map(_text, redaction["found"])),
        because=tuple(map(_text, redaction["because"])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {type(value).__name__}")
    return value
