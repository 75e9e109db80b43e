"""The table of the index of vulnerabilities, as store/tables.py has the others."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

_BIG: Any = BigInteger
_WORDS: Any = ARRAY(Text)


class Vulnerability(SQLModel, table=True):
    """One vulnerability by one of its names, as one drift statement tells it."""

    __tablename__ = "vulnerability"
    __table_args__ = (CheckConstraint("standing IN ('affected', 'undecided', 'ruled_out')"),)
    tenant_id: UUID = Field(primary_key=True)
    name: str = Field(primary_key=True, sa_type=Text)
    leaf_index: int = Field(primary_key=True, sa_type=_BIG)
    id: str = Field(sa_type=Text)
    standing: str = Field(sa_type=Text)
    severity: str = Field(sa_type=Text)
    packages: list[str] = Field(sa_type=_WORDS)
