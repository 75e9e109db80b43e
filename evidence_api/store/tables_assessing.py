"""The tables of assessing again, as SQLModel metadata (store/tables.py says what for)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)


class TimerRow(SQLModel, table=True):
    """When time alone can change what was found of a release."""

    __tablename__ = "timer"
    __table_args__ = (Index("timer_next", "tenant_id", "moves_at", postgresql_where=text("moves_at IS NOT NULL")),)
    tenant_id: UUID = Field(primary_key=True)
    release_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    tree_size: int = Field(sa_type=BigInteger)
    moves_at: datetime | None = Field(sa_type=_MOMENT)


class ReassessmentRow(SQLModel, table=True):
    """How far all of a tenant's releases are assessed again."""

    __tablename__ = "reassessment"
    tenant_id: UUID = Field(primary_key=True)
    cause: str = Field(primary_key=True, sa_type=Text)
    catalog_digest: str = Field(sa_type=Text)
    policy_digest: str = Field(sa_type=Text)
    controls: int
    releases: int = Field(sa_type=BigInteger)
    begun_at: datetime = Field(sa_type=_MOMENT)
    finished_at: datetime | None = Field(sa_type=_MOMENT)
