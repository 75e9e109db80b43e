"""The tables of trust rules and upload tokens as SQLModel metadata (store/tables.py says what for)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_WORDS: Any = ARRAY(Text)


class TrustRuleRow(SQLModel, table=True):
    """Whose evidence a tenant takes."""

    __tablename__ = "trust_rule"
    __table_args__ = (
        Index(
            "trust_rule_by_name",
            "tenant_id",
            "name",
            unique=True,
            postgresql_where=text("revoked_at IS NULL AND name <> ''"),
        ),
    )
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenant.id")
    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    issuer: str = Field(sa_type=Text)
    identity: str = Field(sa_type=Text)
    claims: dict[str, Any] = Field(sa_type=JSONB)
    key_id: str = Field(sa_type=Text)
    predicate_types: list[str] = Field(sa_type=_WORDS, nullable=False)
    subjects: list[str] = Field(sa_type=_WORDS, nullable=False)
    allow: list[str] = Field(sa_type=_WORDS, nullable=False)
    created_at: datetime = Field(sa_type=_MOMENT)
    revoked_at: datetime | None = Field(sa_type=_MOMENT)


class UploadToken(SQLModel, table=True):
    """Tokens that CI jobs got for theirs, by hash; each also says that the job's token is spent."""

    __tablename__ = "upload_token"
    __table_args__ = (UniqueConstraint("tenant_id", "issuer", "jti"),)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    id: UUID = Field(primary_key=True)
    hash: bytes = Field(sa_type=LargeBinary, unique=True)
    issuer: str = Field(sa_type=Text)
    jti: bytes = Field(sa_type=LargeBinary)
    identity: str = Field(sa_type=Text)
    claims: dict[str, Any] = Field(sa_type=JSONB)
    rules: list[str] = Field(sa_type=_WORDS, nullable=False)
    decision_id: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=_MOMENT)
    expires_at: datetime = Field(sa_type=_MOMENT)
