"""The tables of what people asked for, and of assessments in the order of their commits, as SQLModel metadata."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_TEXT: Any = Text
_BIG: Any = BigInteger
_BYTES: Any = LargeBinary


class ActionRequestRow(SQLModel, table=True):
    """What somebody asked, what policy said of it, and where that is in the log."""

    __tablename__ = "action_request"
    __table_args__ = (
        Index("action_request_open", "tenant_id", "requested_at", postgresql_where=text("evidence_id IS NULL")),
    )
    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    principal: str = Field(sa_type=_TEXT)
    action: str = Field(sa_type=_TEXT)
    question: str = Field(sa_type=_TEXT)
    statement: str = Field(sa_type=_TEXT)
    allow: bool
    requested_at: datetime = Field(sa_type=_MOMENT)
    evidence_id: bytes | None = Field(sa_type=_BYTES)


class PackRequestRow(SQLModel, table=True):
    """One pack that was asked for, and how far it is."""

    __tablename__ = "pack_request"
    __table_args__ = (
        Index("pack_request_by_time", "tenant_id", "requested_at", "id"),
        Index("pack_request_due", "tenant_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )
    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    release_id: bytes = Field(sa_type=_BYTES)
    redact: bool
    requested_by: str = Field(sa_type=_TEXT)
    justification: str = Field(sa_type=_TEXT)
    requested_at: datetime = Field(sa_type=_MOMENT)
    status: str = Field(sa_type=_TEXT)
    due_at: datetime | None = Field(sa_type=_MOMENT)
    attempts: int
    finished_at: datetime | None = Field(sa_type=_MOMENT)
    completeness: str = Field(sa_type=_TEXT)
    json_digest: str | None = Field(sa_type=_TEXT)
    pdf_digest: str | None = Field(sa_type=_TEXT)
    code: str = Field(sa_type=_TEXT)
    reason: str = Field(sa_type=_TEXT)


class AssessmentHeadRow(SQLModel, table=True):
    """How many assessments of a tenant are numbered."""

    __tablename__ = "assessment_head"
    tenant_id: UUID = Field(primary_key=True)
    position: int = Field(sa_type=_BIG)


class AssessmentEventRow(SQLModel, table=True):
    """An assessment's number."""

    __tablename__ = "assessment_event"
    __table_args__ = (UniqueConstraint("tenant_id", "assessment_id"),)
    tenant_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=_BIG)
    assessment_id: UUID
    release_id: bytes = Field(sa_type=_BYTES)
