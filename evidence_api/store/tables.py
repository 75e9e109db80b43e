"""The tables as SQLModel metadata: what Alembic compares with the migrated database, so that neither drifts.

No row is read or written through these classes: the noun files beside this one speak SQL and return domain objects.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlmodel import Field, SQLModel

metadata = SQLModel.metadata

_MOMENT: Any = TIMESTAMP(timezone=True)
_WORDS: Any = ARRAY(Text)


def _key(kind: Any = None) -> Any:  # noqa: ANN401  SQLModel fields are untyped by design
    return Field(primary_key=True) if kind is None else Field(primary_key=True, sa_type=kind)


def _of(kind: Any, **more: Any) -> Any:  # noqa: ANN401  the same
    return Field(sa_type=kind, **more)


def _tenant(*, primary_key: bool = True, references: bool = False) -> Any:  # noqa: ANN401  the same
    return Field(primary_key=primary_key, foreign_key="tenant.id") if references else Field(primary_key=primary_key)


class Tenant(SQLModel, table=True):
    """The operator's directory of tenants."""

    __tablename__ = "tenant"
    id: UUID = _key()
    name: str = _of(Text, unique=True)
    created_at: datetime = _of(_MOMENT)


class CatalogVersion(SQLModel, table=True):
    """A catalog by content."""

    __tablename__ = "catalog_version"
    digest: str = _key(Text)
    sources: dict[str, Any] = _of(JSONB)
    rego: str = _of(Text)
    first_used: datetime = _of(_MOMENT)


class PolicyVersion(SQLModel, table=True):
    """A policy bundle by content."""

    __tablename__ = "policy_version"
    digest: str = _key(Text)
    modules: dict[str, Any] = _of(JSONB)
    data: dict[str, Any] = _of(JSONB)
    first_used: datetime = _of(_MOMENT)


class ApiToken(SQLModel, table=True):
    """API tokens, by hash."""

    __tablename__ = "api_token"
    tenant_id: UUID = _tenant(primary_key=False, references=True)
    id: UUID = _key()
    hash: bytes = _of(LargeBinary, unique=True)
    name: str = _of(Text)
    rights: list[str] = _of(_WORDS, nullable=False)
    created_at: datetime = _of(_MOMENT)
    expires_at: datetime | None = _of(_MOMENT)
    revoked_at: datetime | None = _of(_MOMENT)
    last_used_at: datetime | None = _of(_MOMENT)
    role: str = _of(Text)
    granted_frameworks: list[str] = _of(_WORDS, nullable=False)
    granted_releases: list[str] = _of(_WORDS, nullable=False)
    granted_from: datetime | None = _of(_MOMENT)
    granted_until: datetime | None = _of(_MOMENT)


class VerificationKey(SQLModel, table=True):
    """Public keys a tenant trusts."""

    __tablename__ = "verification_key"
    tenant_id: UUID = _tenant(references=True)
    key_id: str = _key(Text)
    name: str = _of(Text)
    algorithm: str = _of(Text)
    pem: str = _of(Text)
    created_at: datetime = _of(_MOMENT)
    revoked_at: datetime | None = _of(_MOMENT)


class LogHead(SQLModel, table=True):
    """The newest state of each tenant's log: the only row an append changes."""

    __tablename__ = "log_head"
    tenant_id: UUID = _tenant(references=True)
    origin: str = _of(Text, unique=True)
    tree_size: int = _of(BigInteger)
    root: bytes = _of(LargeBinary)
    frontier: bytes = _of(LargeBinary)
    checkpoint: str = _of(Text)
    updated_at: datetime = _of(_MOMENT)


class Tile(SQLModel, table=True):
    """Full tiles of 256 hashes."""

    __tablename__ = "tile"
    tenant_id: UUID = _tenant()
    level: int = _key(SmallInteger)
    index: int = _key(BigInteger)
    hashes: bytes = _of(LargeBinary)
    root: bytes = _of(LargeBinary)


class DecisionRow(SQLModel, table=True):
    """Answers of the gates, by content."""

    __tablename__ = "decision"
    __table_args__ = (Index("decision_by_time", "tenant_id", "decided_at", "id"),)
    tenant_id: UUID = _tenant()
    id: str = _key(Text)
    area: str = _of(Text)
    allow: bool
    rules: list[str] = _of(_WORDS, nullable=False)
    reasons: list[str] = _of(_WORDS, nullable=False)
    input: dict[str, Any] = _of(JSONB)
    input_digest: str = _of(Text)
    policy_digest: str = _of(Text)
    decided_at: datetime = _of(_MOMENT)


class Body(SQLModel, table=True):
    """The bytes received, by digest; content is NULL once erased."""

    __tablename__ = "body"
    tenant_id: UUID = _tenant()
    digest: bytes = _key(LargeBinary)
    size: int
    encoding: str = _of(Text)
    content: bytes | None = _of(LargeBinary)


class EvidenceRow(SQLModel, table=True):
    """One leaf of a tenant's log and what was read from its body."""

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index("evidence_by_kind", "tenant_id", "kind", "leaf_index"),
        Index("evidence_opa_by_time", "tenant_id", "received", postgresql_where=text("kind = 'opa'")),
        Index(
            "evidence_reperformance",
            *("tenant_id", "series", "leaf_index"),
            postgresql_where=text("kind = 'reperformance'"),
        ),
        Index(
            "evidence_unverified",
            *("tenant_id", "status", "leaf_index"),
            postgresql_where=text("status <> 'verified'"),
        ),
        Index(
            "evidence_disagreeing",
            *("tenant_id", "leaf_index"),
            postgresql_where=text("facts->>'reperformance' = 'disagrees'"),
        ),
    )
    tenant_id: UUID = _tenant()
    leaf_index: int = _key(BigInteger)
    id: bytes = _of(LargeBinary)
    leaf: bytes = _of(LargeBinary)
    leaf_hash: bytes = _of(LargeBinary)
    received: datetime = _of(_MOMENT)
    kind: str = _of(Text)
    predicate_type: str = _of(Text)
    media_type: str = _of(Text)
    body_digest: bytes = _of(LargeBinary)
    body_size: int
    status: str = _of(Text)
    signer: str = _of(Text)
    verification: dict[str, Any] = _of(JSONB)
    facts: dict[str, Any] = _of(JSONB)
    effective: datetime | None = _of(_MOMENT)
    collected: datetime | None = _of(_MOMENT)
    series: str = _of(Text)
    sources: list[str] = _of(_WORDS, nullable=False)
    decision_id: str = _of(Text)


class EvidenceSubject(SQLModel, table=True):
    """Which digests each piece of evidence is about."""

    __tablename__ = "evidence_subject"
    __table_args__ = (Index("evidence_subject_by_leaf", "tenant_id", "leaf_index", "position"),)
    tenant_id: UUID = _tenant()
    digest: str = _key(Text)
    leaf_index: int = _key(BigInteger)
    position: int = _key()
    name: str = _of(Text)


class SourceLink(SQLModel, table=True):
    """Verified provenance: subject was built from source."""

    __tablename__ = "source_link"
    __table_args__ = (Index("source_link_by_source", "tenant_id", "source"),)
    tenant_id: UUID = _tenant()
    subject: str = _key(Text)
    source: str = _key(Text)
    leaf_index: int = _key(BigInteger)


class ReleaseRow(SQLModel, table=True):
    """Verified release statements."""

    __tablename__ = "release"
    __table_args__ = (Index("release_by_name", "tenant_id", "name", "leaf_index"),)
    tenant_id: UUID = _tenant()
    id: bytes = _key(LargeBinary)
    leaf_index: int = _of(BigInteger)
    name: str = _of(Text)
    version: str = _of(Text)


class ReleaseSubject(SQLModel, table=True):
    """The digests of each release."""

    __tablename__ = "release_subject"
    __table_args__ = (Index("release_subject_by_release", "tenant_id", "release_id"),)
    tenant_id: UUID = _tenant()
    digest: str = _key(Text)
    release_id: bytes = _key(LargeBinary)


class Due(SQLModel, table=True):
    """Assessments owed."""

    __tablename__ = "due"
    __table_args__ = (Index("due_next", "tenant_id", "background", "leaf_index", "release_id"),)
    tenant_id: UUID = _tenant()
    release_id: bytes = _key(LargeBinary)
    kind: str = _key(Text)
    leaf_index: int = _of(BigInteger)
    claimed_until: datetime | None = _of(_MOMENT)
    background: bool


class AssessmentRow(SQLModel, table=True):
    """Assessments, by content; `findings` as store/findings.py packs them."""

    __tablename__ = "assessment"
    __table_args__ = (Index("assessment_by_release", "tenant_id", "release_id", "tree_size", "evaluated_at"),)
    tenant_id: UUID = _tenant()
    id: UUID = _key()
    release_id: bytes = _of(LargeBinary)
    tree_size: int = _of(BigInteger)
    evaluated_at: datetime = _of(_MOMENT)
    catalog_digest: str = _of(Text, foreign_key="catalog_version.digest")
    policy_digest: str = _of(Text)
    counts: dict[str, Any] = _of(JSONB)
    criteria: dict[str, Any] = _of(JSONB)
    notes: list[str] = _of(_WORDS, nullable=False)
    findings: bytes = _of(LargeBinary)


class PackRow(SQLModel, table=True):
    """Finished packs, by digest."""

    __tablename__ = "pack"
    tenant_id: UUID = _tenant(references=True)
    digest: str = _key(Text)
    release_id: bytes = _of(LargeBinary)
    assessment_id: UUID
    media_type: str = _of(Text)
    created_at: datetime = _of(_MOMENT)
    content: bytes = _of(LargeBinary)


class Refusal(SQLModel, table=True):
    """What was turned away at the door."""

    __tablename__ = "refusal"
    tenant_id: UUID = _tenant()
    id: int = Field(sa_column=SqlColumn(BigInteger, Identity(always=True), primary_key=True))
    at: datetime = _of(_MOMENT)
    token_id: UUID | None = None
    code: str = _of(Text)
    message: str = _of(Text)
    body_digest: bytes = _of(LargeBinary)
    body_size: int
