"""The tables of budgets, webhooks and models' token buckets, as SQLModel metadata (store/tables.py says what for)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, Numeric, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_TEXT: Any = Text
_BIG: Any = BigInteger
_MONEY: Any = Numeric


class BudgetRow(SQLModel, table=True):
    """What was spent of a budget, and its limit."""

    __tablename__ = "budget"
    tenant_id: UUID = Field(primary_key=True)
    period: str = Field(primary_key=True, sa_type=_TEXT)
    scope: str = Field(primary_key=True, sa_type=_TEXT)
    limit_usd: Decimal = Field(sa_type=_MONEY)
    spent_usd: Decimal = Field(sa_type=_MONEY)
    entries: int = Field(sa_type=_BIG)
    newest_leaf: int = Field(sa_type=_BIG)
    changed_at: datetime = Field(sa_type=_MOMENT)


class BudgetEntryRow(SQLModel, table=True):
    """One amount, once however many events name it."""

    __tablename__ = "budget_entry"
    __table_args__ = (Index("budget_entry_by_leaf", "tenant_id", "period", "scope", "leaf_index", "entry_id"),)
    tenant_id: UUID = Field(primary_key=True)
    period: str = Field(primary_key=True, sa_type=_TEXT)
    scope: str = Field(primary_key=True, sa_type=_TEXT)
    entry_id: str = Field(primary_key=True, sa_type=_TEXT)
    usd: Decimal = Field(sa_type=_MONEY)
    leaf_index: int = Field(sa_type=_BIG)


class BudgetAlertRow(SQLModel, table=True):
    """One level that was reached under one limit, and the evidence of it."""

    __tablename__ = "budget_alert"
    __table_args__ = (Index("budget_alert_due", "tenant_id", "due_at", postgresql_where=text("evidence_id IS NULL")),)
    tenant_id: UUID = Field(primary_key=True)
    period: str = Field(primary_key=True, sa_type=_TEXT)
    scope: str = Field(primary_key=True, sa_type=_TEXT)
    limit_usd: Decimal = Field(primary_key=True, sa_type=_MONEY)
    level: str = Field(primary_key=True, sa_type=_TEXT)
    spent_usd: Decimal = Field(sa_type=_MONEY)
    entries: int = Field(sa_type=_BIG)
    crossed_at: datetime = Field(sa_type=_MOMENT)
    statement: str | None = Field(sa_type=_TEXT)
    evidence_id: bytes | None = Field(sa_type=LargeBinary)
    attempts: int
    due_at: datetime = Field(sa_type=_MOMENT)


class WebhookRow(SQLModel, table=True):
    """Where a tenant is told, and the secret it knows us by."""

    __tablename__ = "webhook"
    tenant_id: UUID = Field(primary_key=True)
    url: str = Field(sa_type=_TEXT)
    secret: str = Field(sa_type=_TEXT)
    changed_at: datetime = Field(sa_type=_MOMENT)


class WebhookDeliveryRow(SQLModel, table=True):
    """One message: to be delivered, delivered, or given up."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_due", "tenant_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )
    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    body: str = Field(sa_type=_TEXT)
    created_at: datetime = Field(sa_type=_MOMENT)
    due_at: datetime | None = Field(sa_type=_MOMENT)
    attempts: int
    delivered_at: datetime | None = Field(sa_type=_MOMENT)
    outcome: str = Field(sa_type=_TEXT)


class ModelBucketRow(SQLModel, table=True):
    """How many calls of a model a tenant has left."""

    __tablename__ = "model_bucket"
    tenant_id: UUID = Field(primary_key=True)
    model: str = Field(primary_key=True, sa_type=_TEXT)
    level: int = Field(sa_type=_BIG)
    burst: int
    refill_per_minute: int
    moved_at: datetime = Field(sa_type=_MOMENT)
