"""The table of persisted documents, as SQLModel metadata (store/tables.py says what for)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_TEXT: Any = Text


class PersistedDocumentRow(SQLModel, table=True):
    """One text a tenant registered."""

    __tablename__ = "persisted_document"
    tenant_id: UUID = Field(primary_key=True)
    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    text: str = Field(sa_type=_TEXT)
    name: str = Field(sa_type=_TEXT)
    registered_by: str = Field(sa_type=_TEXT)
    registered_at: datetime = Field(sa_type=_MOMENT)
