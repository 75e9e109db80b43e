"""The tables of rates, as SQLModel metadata (store/tables.py says what for)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_TEXT: Any = Text
_BIG: Any = BigInteger


class RateLimitRow(SQLModel, table=True):
    """How a tenant is limited."""

    __tablename__ = "rate_limit"
    tenant_id: UUID = Field(primary_key=True)
    capacity: int = Field(sa_type=_BIG)
    restore: int = Field(sa_type=_BIG)
    mode: str = Field(sa_type=_TEXT)
    changed_at: datetime = Field(sa_type=_MOMENT)


class RateBucketRow(SQLModel, table=True):
    """What a tenant or one of its clients has left."""

    __tablename__ = "rate_bucket"
    tenant_id: UUID = Field(primary_key=True)
    client: str = Field(primary_key=True, sa_type=_TEXT)
    level: int = Field(sa_type=_BIG)
    moved_at: datetime = Field(sa_type=_MOMENT)
    full_at: datetime = Field(sa_type=_MOMENT)
    newest_client: str | None = Field(sa_type=_TEXT)
    newest_at: datetime | None = Field(sa_type=_MOMENT)
    other_at: datetime | None = Field(sa_type=_MOMENT)
