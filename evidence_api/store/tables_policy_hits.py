"""The tables of what policies allowed and denied, as store/tables.py has the others."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_TEXT: Any = Text
_BIG: Any = BigInteger


class PolicyHitRow(SQLModel, table=True):
    """How often a rule spoke at the server's own gates, by the hour."""

    __tablename__ = "policy_hit"
    tenant_id: UUID = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=_MOMENT)
    area: str = Field(primary_key=True, sa_type=_TEXT)
    rule: str = Field(primary_key=True, sa_type=_TEXT)
    allow: bool = Field(primary_key=True)
    hits: int = Field(sa_type=_BIG)


class PolicyReasonRow(SQLModel, table=True):
    """What was told of denials there, by the hour."""

    __tablename__ = "policy_reason"
    tenant_id: UUID = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=_MOMENT)
    area: str = Field(primary_key=True, sa_type=_TEXT)
    reason: str = Field(primary_key=True, sa_type=_TEXT)
    hits: int = Field(sa_type=_BIG)
