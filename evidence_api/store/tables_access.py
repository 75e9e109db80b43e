"""The tables of who read what, as store/tables.py has the others."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_TEXT: Any = Text
_BIG: Any = BigInteger


class AccessAuditRow(SQLModel, table=True):
    """One authenticated read, or one refusal."""

    __tablename__ = "access_audit"
    __table_args__ = (
        Index("access_audit_by_principal", "tenant_id", "principal_id", "sequence"),
        Index("access_audit_by_time", "tenant_id", "at"),
    )
    tenant_id: UUID = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=_MOMENT)
    request_id: str = Field(sa_type=_TEXT)
    principal_kind: str = Field(sa_type=_TEXT)
    principal_id: str = Field(sa_type=_TEXT)
    action: str = Field(sa_type=_TEXT)
    method: str = Field(sa_type=_TEXT)
    path: str = Field(sa_type=_TEXT)
    document: str = Field(sa_type=_TEXT)
    operation: str = Field(sa_type=_TEXT)
    variables: str = Field(sa_type=_TEXT)
    cost: int | None = Field(sa_type=_BIG)
    tree_size: int | None = Field(sa_type=_BIG)
    result: str = Field(sa_type=_TEXT)
    status: int
    code: str = Field(sa_type=_TEXT)
    count: int = Field(sa_type=_BIG)


class AccessBatchRow(SQLModel, table=True):
    """A run of rows as one statement in the log commits to it."""

    __tablename__ = "access_batch"
    __table_args__ = (
        Index("access_batch_waiting", "tenant_id", "first", postgresql_where=text("evidence_id IS NULL")),
    )
    tenant_id: UUID = Field(primary_key=True)
    first: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs={"autoincrement": False})
    last: int = Field(sa_type=_BIG)
    root: bytes = Field(sa_type=LargeBinary)
    leaf_hashes: bytes = Field(sa_type=LargeBinary)
    evidence_id: bytes | None = Field(sa_type=LargeBinary)
