"""Reading, third step: the signed payload as an in-toto statement, strict about what it is about.

Source: in-toto attestation framework, spec/v1/statement.md, resource_descriptor.md, digest_set.md and
spec/v0.1.0 (Statement v0.1). Unknown fields are ignored, as the specification's parsing rules ask.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.statement import Statement, Subject
from evidence_api.formats import strict_json

VERSIONS: Mapping[str, str] = {
    "https://in-toto.io/Statement/v1": "v1",
    "https://in-toto.io/Statement/v0.1": "v0.1",
}
MAX_SUBJECTS = 100_000
MAX_DIGESTS = 32
_MAX_NAME = 4096

# Hex digits by algorithm (digest_set.md). A Git object is named by SHA-1, or SHA-256 in newer repositories.
_HEX_LENGTHS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("md5",), (32,)),
    **dict.fromkeys(("sha1", "ripemd160"), (40,)),
    **dict.fromkeys(("sha224", "sha512_224", "sha3_224"), (56,)),
    **dict.fromkeys(("sha256", "sha512_256", "sha3_256", "sm3", "gost", "dirHash1"), (64,)),
    **dict.fromkeys(("sha384", "sha3_384"), (96,)),
    **dict.fromkeys(("sha512", "sha3_512"), (128,)),
    **dict.fromkeys(("gitCommit", "gitTree", "gitBlob", "gitTag"), (40, 64)),
}
_HEX = re.compile(r"[0-9a-f]+\Z")
_ALGORITHM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,63}\Z")
_OPAQUE = re.compile(r"[\x21-\x7e]{1,1024}\Z")  # the value of an algorithm we do not know
_TYPE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*[:/][\x21-\x7e]{1,2000}\Z")


def parse_statement(payload: bytes) -> Statement:
    """Read a statement. Raises Malformed with the path of what is wrong, TooLarge over a bound."""
    return read_statement(strict_json.load_object(payload, what="payload"))


def read_statement(document: Mapping[str, Any]) -> Statement:
    """Read a statement already parsed. Raises as parse_statement."""
    kind = document.get("_type")
    version = VERSIONS.get(kind) if isinstance(kind, str) else None
    if version is None:
        raise Malformed(f"not an in-toto statement: _type is {str(kind)[:80]!r}", path="_type", value=str(kind)[:200])
    predicate_type = document.get("predicateType")
    if not isinstance(predicate_type, str) or not _TYPE_URI.match(predicate_type):
        raise Malformed("predicateType is not a URI", path="predicateType", value=str(predicate_type)[:200])
    predicate = document.get("predicate")
    if predicate is None:  # optional in v1, null in the attestations PyPI publishes
        predicate = {}
    if not isinstance(predicate, dict):
        raise Malformed("predicate is not an object", path="predicate")
    return Statement(version, predicate_type, _subjects(document.get("subject")), MappingProxyType(predicate))


def subject_digests(subject: Subject) -> tuple[str, ...]:
    """The subject's digests as "algorithm:hex", sorted. A 40-digit `gitCommit` is the commit's SHA-1: `sha1`."""
    return subject.digests


def read_resource(value: object, path: str) -> Subject:
    """Read a resource descriptor: at least one of name, uri, digest, every digest well-formed. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(f"{path} is not an object", path=path)
    name, uri, digest = (value.get(key) for key in ("name", "uri", "digest"))
    for key, text in (("name", name), ("uri", uri)):
        if text is not None and not isinstance(text, str):
            raise Malformed(f"{path}.{key} is not text", path=f"{path}.{key}")
    if not (name or uri or digest):
        raise Malformed(f"{path} has neither name, uri nor digest", path=path)
    shown = str(name or uri or "")
    if len(shown) > _MAX_NAME:
        raise TooLarge(f"{path}.name is too long", path=f"{path}.name", limit=_MAX_NAME, value=len(shown))
    return Subject(shown, MappingProxyType({}) if digest is None else _digests(digest, f"{path}.digest"))


def _subjects(value: object) -> tuple[Subject, ...]:
    if not isinstance(value, list) or not value:
        raise Malformed("subject is not a list with at least one entry", path="subject")
    if len(value) > MAX_SUBJECTS:
        raise TooLarge("too many subjects", path="subject", limit=MAX_SUBJECTS, value=len(value))
    subjects = []
    for index, entry in enumerate(value):
        subject = read_resource(entry, f"subject[{index}]")
        if not subject.digest:
            raise Malformed(f"subject[{index}] has no digest", path=f"subject[{index}].digest")
        subjects.append(subject)
    return tuple(subjects)


def _digests(value: object, path: str) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise Malformed(f"{path} is not an object", path=path)
    if len(value) > MAX_DIGESTS:
        raise TooLarge("too many digests", path=path, limit=MAX_DIGESTS, value=len(value))
    for algorithm, text in value.items():
        _check_digest(algorithm, text, f"{path}.{algorithm[:80]}")
    return MappingProxyType(value)


def _check_digest(algorithm: str, text: object, path: str) -> None:
    if not _ALGORITHM.match(algorithm):
        raise Malformed(f"{path} is not an algorithm's name", path=path)
    lengths = _HEX_LENGTHS.get(algorithm)
    if lengths is None:
        if not isinstance(text, str) or not _OPAQUE.match(text):
            raise Malformed(f"{path} is not printable text without spaces", path=path)
    elif not isinstance(text, str) or not _HEX.match(text):
        raise Malformed(f"{path} is not lower-case hex", path=path, value=str(text)[:200])
    elif len(text) not in lengths:
        wanted = " or ".join(map(str, lengths))
        raise Malformed(f"{path} has {len(text)} hex digits, not {wanted}", path=path, limit=wanted, value=len(text))
