"""Gitoids: git object ids of envelopes, the names and questions of Archivista's clients."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """One envelope's bytes and their gitoid (hex). `collection` is None when they hold no attestation collection."""

    gitoid: str
    leaf_index: int
    body_digest: bytes
    collection: str | None = None
    attestations: tuple[str, ...] = ()
    predicate_type: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for: all of it must hold; an empty part asks nothing. Digests are "algorithm:hex"."""

    digests: tuple[str, ...] = ()
    collection: str | None = None
    attestations: tuple[str, ...] = ()
    gitoids: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
