"""Witness's attestation collections, as far as Archivista's clients ask for them: a name and the types inside.

Source: in-toto/witness, attestation-collection v0.1; git's object format for gitoids (SHA-256 over a blob header
and the bytes).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from evidence_api.domain.errors import Refused
from evidence_api.formats import strict_json

_COLLECTION = "/attestation-collection/v0.1"  # under whichever host the project has at the time


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: its name and the types of the attestations in it, in order, each once."""

    name: str
    types: tuple[str, ...]


def gitoid_of(body: bytes) -> str:
    """The git object id of those bytes, in hex."""
    return sha256(b"blob %d\x00" % len(body) + body).hexdigest()


def read_collection(payload: bytes) -> Collection | None:
    """The collection a signed statement holds; None when it holds none, or one that is not of the form."""
    try:
        statement = strict_json.load_object(payload)
    except Refused:
        return None
    predicate = statement.get("predicate")
    if not str(statement.get("predicateType", "")).endswith(_COLLECTION) or not isinstance(predicate, dict):
        return None
    listed = predicate.get("attestations")
    types = dict.fromkeys(filter(None, map(_type, listed if isinstance(listed, list) else [])))
    return Collection(str(predicate.get("name", ""))[:1024], tuple(types))


def _type(attestation: Any) -> str:  # noqa: ANN401  any JSON value
    named = attestation.get("type") if isinstance(attestation, Mapping) else None
    return named[:1024] if isinstance(named, str) else ""
