"""Archivista's filters, the part its clients use: input types, and what they ask of the store."""

from typing import Any

import strawberry

from evidence_api.domain.errors import Malformed
from evidence_api.domain.gitoid import Search

# Clients ask for a digest without its algorithm; these are the ones it can have been given under.
ALGORITHMS = (
    *("sha256", "sha1", "sha512", "sha384", "sha224", "md5", "gitCommit", "gitTree", "gitBlob", "gitTag"),
    *("dirHash", "gitoid:sha1", "gitoid:sha256", "sha256:git", "sha1:git", "sha3_256", "sha3_512", "blake2b"),
)


@strawberry.input(name="AttestationWhereInput")
class AttestationWhere:
    """Which attestations of a collection."""

    type: str | None = None
    type_in: list[str] | None = None


@strawberry.input(name="AttestationCollectionWhereInput")
class CollectionWhere:
    """Which attestation collections."""

    name: str | None = None
    has_attestations_with: list[AttestationWhere] | None = None


@strawberry.input(name="SubjectDigestWhereInput")
class DigestWhere:
    """Which digests of a subject."""

    algorithm: str | None = None
    value: str | None = None
    value_in: list[str] | None = None


@strawberry.input(name="DsseWithWhereInput")
class NamedDsse:
    """One envelope, by its gitoid."""

    gitoid_sha256: str | None = None
    gitoid_sha256_in: list[str] | None = None


@strawberry.input(name="SubjectWithWhereInput")
class SubjectWith:
    """Which subjects a statement has."""

    has_subject_digests_with: list[DigestWhere] | None = None


@strawberry.input(name="StatementWhereInput")
class StatementWhere:
    """Which statements."""

    has_subjects_with: list[SubjectWith] | None = None
    has_attestation_collections_with: list[CollectionWhere] | None = None
    has_dsse_with: list[NamedDsse] | None = None


@strawberry.input(name="DsseWhereInput")
class DsseWhere:
    """Which envelopes."""

    gitoid_sha256: str | None = None
    gitoid_sha256_in: list[str] | None = None
    gitoid_sha256_not_in: list[str] | None = None
    has_statement_with: list[StatementWhere] | None = None


@strawberry.input(name="SubjectWhereInput")
class SubjectWhere:
    """Which subjects: those of the envelopes named."""

    has_statement_with: list[StatementWhere] | None = None


def search_of(where: DsseWhere) -> Search:
    """The filter as the store takes it. Raises Malformed for lists of alternatives nobody sends."""
    statement = only(where.has_statement_with, "hasStatementWith") or StatementWhere()
    if statement.has_dsse_with:
        raise Malformed("hasDsseWith filters subjects", path="where.hasStatementWith")
    subject = only(statement.has_subjects_with, "hasSubjectsWith") or SubjectWith()
    digest = only(subject.has_subject_digests_with, "hasSubjectDigestsWith") or DigestWhere()
    collection = only(statement.has_attestation_collections_with, "hasAttestationCollectionsWith") or CollectionWhere()
    attestation = only(collection.has_attestations_with, "hasAttestationsWith") or AttestationWhere()
    return Search(
        digests=_digests(digest),
        collection=collection.name or None,
        attestations=words_of(attestation.type, attestation.type_in),
        gitoids=words_of(where.gitoid_sha256, where.gitoid_sha256_in),
        without=words_of(None, where.gitoid_sha256_not_in),
    )


def _digests(asked: DigestWhere) -> tuple[str, ...]:
    """Every spelling "algorithm:hex" that matches; as the store has them, a commit's `gitCommit` is its `sha1`."""
    values = words_of(asked.value, asked.value_in)
    if asked.algorithm and not values:
        raise Malformed("a digest is asked for by its value", path="hasSubjectDigestsWith")
    algorithms = (asked.algorithm,) if asked.algorithm else ALGORITHMS
    spelt = [f"{algorithm}:{value}" for value in values for algorithm in algorithms]
    if asked.algorithm == "gitCommit":
        spelt += [f"sha1:{value}" for value in values]
    return tuple(spelt)


def words_of(one: str | None, several: list[str] | None) -> tuple[str, ...]:
    """Both forms of one filter; as Archivista has it, an empty list asks nothing."""
    return ((one,) if one is not None else ()) + tuple(several or ())


def only(given: list[Any] | None, name: str) -> Any:  # noqa: ANN401  one of the input types above
    """The one condition of a list; None for none. Raises Malformed for several."""
    if not given:
        return None
    if len(given) > 1:
        raise Malformed(f"{name} takes one condition here", path=name, limit=1, value=len(given))
    return given[0]
