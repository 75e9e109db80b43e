"""The tables of raw artifacts and of Archivista's names for envelopes, as store/tables.py has the others."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_BIG: Any = BigInteger
_BYTES: Any = LargeBinary
_WORDS: Any = ARRAY(Text)


class Artifact(SQLModel, table=True):
    """A file by its digest: its bytes, or where the blob store has them."""

    __tablename__ = "artifact"
    __table_args__ = (CheckConstraint("(content IS NULL) = (location <> '')"),)
    tenant_id: UUID = Field(primary_key=True)
    digest: bytes = Field(primary_key=True, sa_type=_BYTES)
    size: int = Field(sa_type=_BIG)
    content: bytes | None = Field(sa_type=_BYTES)
    location: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=_MOMENT)
    token_id: UUID | None


class EnvelopeGitoid(SQLModel, table=True):
    """An envelope's bytes by their git object id."""

    __tablename__ = "envelope_gitoid"
    __table_args__ = (Index("envelope_gitoid_by_leaf", "tenant_id", "leaf_index"),)
    tenant_id: UUID = Field(primary_key=True)
    gitoid: bytes = Field(primary_key=True, sa_type=_BYTES)
    leaf_index: int = Field(sa_type=_BIG)
    body_digest: bytes = Field(sa_type=_BYTES)
    collection: str | None = Field(sa_type=Text)
    attestations: list[str] = Field(sa_type=_WORDS)


class GitoidProgress(SQLModel, table=True):
    """How far into the log the gitoids go."""

    __tablename__ = "gitoid_progress"
    tenant_id: UUID = Field(primary_key=True)
    next_leaf: int = Field(sa_type=_BIG)
