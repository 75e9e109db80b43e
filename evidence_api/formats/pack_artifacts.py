"""The files of a pack: what each is called, and which of them are absent.

`artifacts_of` is the one place that names them; the manifest, the PDF's attachments and the JSON
pack's `artifacts` all follow it, in the byte order of the names.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from evidence_api.domain.digest import digest_of
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.pack import Absent, Artifact, Completeness, PackContents, PackedEvidence
from evidence_api.domain.verification import KeySigner, Verified
from evidence_api.formats.pack_readme import README
from evidence_api.formats.upload import BUNDLE_MEDIA_TYPES, PEP740_MEDIA_TYPE

README_NAME = "README.txt"
CHECKPOINT_NAME = "log/checkpoint.txt"
LOG_KEY_NAME = "log/key.txt"
REGO_NAME = "catalog.rego"
POLICY_DATA_NAME = "policy/data.json"
TRUSTED_ROOT_NAME = "trust/trusted-root.json"

_JSON, _XML, _TEXT = "application/json", "application/xml", "text/plain"
_REGO, _YAML = "text/x-rego", "application/yaml"
_WITH_ROOT = frozenset({*BUNDLE_MEDIA_TYPES, PEP740_MEDIA_TYPE})
_NAMED = 3  # findings of a redaction that its line names
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]+)-----END PUBLIC KEY-----\n?\Z")


def evidence_name(evidence: Evidence) -> str:
    """`evidence/000012-provenance-0123456789ab.json`: leaf, kind, start of the body's digest; `.xml` for XML."""
    short = evidence.body_digest.removeprefix("sha256:")[:12]
    suffix = "xml" if _is_xml(evidence) else "json"
    return f"evidence/{evidence.leaf_index:06d}-{evidence.kind}-{short}.{suffix}"


def redacted_name(evidence: Evidence) -> str:
    """The same with `-redacted` before the suffix, for the copy that leaves in the place of the body."""
    stem, _, suffix = evidence_name(evidence).rpartition(".")
    return f"{stem}-redacted.{suffix}"


def _is_xml(evidence: Evidence) -> bool:
    return evidence.media_type.endswith("xml")


def key_name(pem: str) -> str:
    """`trust/keys/<first 16 hex digits of the digest of the key>.pem`."""
    return f"trust/keys/{key_id_of(pem).removeprefix('sha256:')[:16]}.pem"


def key_id_of(pem: str) -> str:
    """`sha256:<hex>` of the SubjectPublicKeyInfo inside a PEM; of the text itself if it is no such PEM."""
    found = _PEM.match(pem)
    if found is not None:
        try:
            return digest_of(base64.b64decode(found.group(1).replace("\n", ""), validate=True))
        except binascii.Error:
            return digest_of(pem.encode())
    return digest_of(pem.encode())


def artifacts_of(contents: PackContents) -> tuple[Artifact, ...]:
    """Every file the pack holds, sorted by name."""
    files = [*_fixed(contents), *_catalog(contents), *_policy(contents), *_trust(contents), *_bodies(contents)]
    return tuple(sorted(files, key=lambda artifact: artifact.name))


def _fixed(contents: PackContents) -> list[Artifact]:
    return [
        Artifact(README_NAME, _TEXT, README.encode(), "How to verify this pack", "Supplement"),
        Artifact(CHECKPOINT_NAME, _TEXT, contents.checkpoint.encode(), "Signed checkpoint of the log"),
        Artifact(LOG_KEY_NAME, _TEXT, f"{contents.log_key}\n".encode(), "Verifier key of the log"),
        Artifact(REGO_NAME, _REGO, contents.rego.encode(), "The catalog as Rego, generated", "Source"),
    ]


def _catalog(contents: PackContents) -> list[Artifact]:
    return [
        Artifact(f"catalog/{file}", _YAML, text.encode(), "Catalog source", "Source")
        for file, text in contents.catalog.sources.items()
    ]


def _policy(contents: PackContents) -> list[Artifact]:
    data = Artifact(POLICY_DATA_NAME, _JSON, contents.policy.data, "Data of the policy bundle", "Source")
    return [data] + [
        Artifact(f"policy/{file}", _REGO, text.encode(), "Module of the policy bundle", "Source")
        for file, text in contents.policy.modules.items()
    ]


def _trust(contents: PackContents) -> list[Artifact]:
    keys = {key_name(key.pem): key for key in contents.trust.keys}
    files = [
        Artifact(name, "application/x-pem-file", key.pem.encode(), f"Public key {key.name or 'without a name'}")
        for name, key in keys.items()
    ]
    if contents.trust.trusted_root is not None:
        files.append(Artifact(TRUSTED_ROOT_NAME, _JSON, contents.trust.trusted_root, "Sigstore trusted root"))
    return files


def _bodies(contents: PackContents) -> list[Artifact]:
    return [
        Artifact(
            evidence_name(item.evidence),
            _XML if _is_xml(item.evidence) else _JSON,
            item.body,
            f"Evidence {item.evidence.kind}, leaf {item.evidence.leaf_index}, as received",
            "Data",
        )
        for item in contents.evidence
        if item.body is not None
    ] + [
        Artifact(
            redacted_name(item.evidence),
            _XML if _is_xml(item.evidence) else _JSON,
            item.redaction.copy,
            f"Evidence {item.evidence.kind}, leaf {item.evidence.leaf_index}, redacted copy of what was signed",
            "Alternative",
        )
        for item in contents.evidence
        if item.redaction is not None
    ]


def completeness_of(contents: PackContents) -> Completeness:
    """Open every artifact and name what is absent or is not what its record says.

    pack.json, the index of all, is not counted: without it there is no pack.
    """
    absent = [fault for item in contents.evidence if (fault := _body_fault(item)) is not None]
    absent += _vital_faults(contents)
    wrong = {fault.name for fault in absent}
    present = sum(artifact.name not in wrong for artifact in artifacts_of(contents))
    return Completeness(present, tuple(sorted(absent, key=lambda fault: fault.name)))


def _body_fault(item: PackedEvidence) -> Absent | None:
    name = evidence_name(item.evidence)
    if item.body is None:
        if item.redaction is not None:
            told = ", ".join(item.redaction.found[:_NAMED]) + (
                " and more" if len(item.redaction.found) > _NAMED else ""
            )
            reason = f"redacted before it left ({told}); its digest, leaf and inclusion proof remain"
            return Absent(name, reason, vital=False)
        if item.evidence.erased:
            return Absent(name, "erased; its leaf and inclusion proof remain", vital=False)
        return Absent(name, "the bytes are not in the store", vital=True)
    if digest_of(item.body) != item.evidence.body_digest:
        return Absent(name, "the bytes in the store are not those received", vital=True)
    return None


def _vital_faults(contents: PackContents) -> list[Absent]:
    missing = {
        CHECKPOINT_NAME: bool(contents.checkpoint),
        LOG_KEY_NAME: bool(contents.log_key),
        REGO_NAME: bool(contents.rego),
        "catalog/": bool(contents.catalog.sources),
    }
    faults = [Absent(name, "not recorded", vital=True) for name, there in missing.items() if not there]
    known = {key_id_of(key.pem) for key in contents.trust.keys}
    for key_id in sorted(_key_signers(contents) - known):
        name = f"trust/keys/{key_id.removeprefix('sha256:')[:16]}.pem"
        faults.append(Absent(name, "the key some evidence was verified with", vital=True))
    if contents.trust.trusted_root is None and any(map(rests_on_trusted_root, _records(contents))):
        faults.append(Absent(TRUSTED_ROOT_NAME, "some evidence was verified with it", vital=True))
    return faults


def _key_signers(contents: PackContents) -> set[str]:
    return {
        item.evidence.verification.signer.key_id
        for item in contents.evidence
        if isinstance(item.evidence.verification, Verified) and isinstance(item.evidence.verification.signer, KeySigner)
    }


def _records(contents: PackContents) -> Iterator[Evidence]:
    return (item.evidence for item in contents.evidence if item.body is not None)


def rests_on_trusted_root(evidence: Evidence) -> bool:
    """Whether its signature can only be checked with a trusted root: any bundle, whatever its result was."""
    return evidence.media_type in _WITH_ROOT
