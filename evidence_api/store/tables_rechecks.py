"""The table of later checks, as store/tables.py has the others."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_TEXT: Any = Text
_BIG: Any = BigInteger


class RecheckRow(SQLModel, table=True):
    """What verifying one stored piece of evidence again said."""

    __tablename__ = "recheck"
    __table_args__ = (CheckConstraint("status IN ('verified', 'unsupported', 'failed', 'unsigned')"),)
    tenant_id: UUID = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True, sa_type=_BIG)
    root_digest: str = Field(primary_key=True, sa_type=_TEXT)
    trust_digest: str = Field(primary_key=True, sa_type=_TEXT)
    checked_at: datetime = Field(sa_type=_MOMENT)
    status: str = Field(sa_type=_TEXT)
    code: str = Field(sa_type=_TEXT)
    message: str = Field(sa_type=_TEXT)
    signer: str = Field(sa_type=_TEXT)
