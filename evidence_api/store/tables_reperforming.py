"""The tables of reperforming decisions, as SQLModel metadata (store/tables.py says what for)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Double, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_DOUBLES: Any = ARRAY(Double)


class LogFollowerRow(SQLModel, table=True):
    """How far in the log a follower is."""

    __tablename__ = "log_follower"
    tenant_id: UUID = Field(primary_key=True)
    name: str = Field(primary_key=True, sa_type=Text)
    next_leaf: int = Field(sa_type=BigInteger)


class TrustLedgerRow(SQLModel, table=True):
    """Where trust in an arm stands, and how well it predicted."""

    __tablename__ = "trust_ledger"
    tenant_id: UUID = Field(primary_key=True)
    key: bytes = Field(primary_key=True, sa_type=LargeBinary)
    arm: str = Field(sa_type=Text)
    context: str = Field(sa_type=Text)
    a: float = Field(sa_type=Double)
    b: float = Field(sa_type=Double)
    updates: int = Field(sa_type=BigInteger)
    discontinuities: int = Field(sa_type=BigInteger)
    squared: float = Field(sa_type=Double)
    bins: list[float] = Field(sa_type=_DOUBLES, nullable=False)
    leaf_index: int = Field(sa_type=BigInteger)


class TrustStepRow(SQLModel, table=True):
    """One update of a ledger, whether it moved it or not."""

    __tablename__ = "trust_step"
    __table_args__ = (Index("trust_step_by_ledger", "tenant_id", "key", "leaf_index"),)
    tenant_id: UUID = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True, sa_type=BigInteger)
    evidence_id: bytes = Field(sa_type=LargeBinary)
    key: bytes = Field(sa_type=LargeBinary)
    continuous: bool
    success: bool
    claimed_a: float = Field(sa_type=Double)
    claimed_b: float = Field(sa_type=Double)
    before_a: float = Field(sa_type=Double)
    before_b: float = Field(sa_type=Double)
    after_a: float = Field(sa_type=Double)
    after_b: float = Field(sa_type=Double)


class WaitingDecisionRow(SQLModel, table=True):
    """Decisions that an artifact is needed for."""

    __tablename__ = "waiting_decision"
    tenant_id: UUID = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True, sa_type=BigInteger)
    artifact: bytes = Field(sa_type=LargeBinary)
    claimed_until: datetime | None = Field(sa_type=_MOMENT)
    rows_read: int = Field(sa_type=BigInteger)
    share_read: float = Field(sa_type=Double)
