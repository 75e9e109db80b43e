"""The tables of peers as SQLModel metadata (store/tables.py says what for)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Double, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_WORDS: Any = ARRAY(Text)
_OF_PEER = (["tenant_id", "peer_id"], ["peer.tenant_id", "peer.id"])


class PeerRow(SQLModel, table=True):
    """Organisations that may ask a tenant signed questions."""

    __tablename__ = "peer"
    __table_args__ = (
        Index("peer_by_name", "tenant_id", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )
    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=_MOMENT)
    revoked_at: datetime | None = Field(sa_type=_MOMENT)


class PeerKeyRow(SQLModel, table=True):
    """Their keys, pinned."""

    __tablename__ = "peer_key"
    __table_args__ = (ForeignKeyConstraint(*_OF_PEER), Index("peer_key_by_peer", "tenant_id", "peer_id"))
    tenant_id: UUID = Field(primary_key=True)
    key_id: str = Field(primary_key=True, sa_type=Text)
    peer_id: UUID
    public: bytes = Field(sa_type=LargeBinary)
    pinned_at: datetime = Field(sa_type=_MOMENT)
    revoked_at: datetime | None = Field(sa_type=_MOMENT)


class PeerGrantRow(SQLModel, table=True):
    """What each may ask, and how much of it."""

    __tablename__ = "peer_grant"
    __table_args__ = (ForeignKeyConstraint(*_OF_PEER),)
    tenant_id: UUID = Field(primary_key=True)
    peer_id: UUID = Field(primary_key=True)
    id: UUID
    documents: list[str] = Field(sa_type=_WORDS, nullable=False)
    types: list[str] = Field(sa_type=_WORDS, nullable=False)
    frameworks: list[str] = Field(sa_type=_WORDS, nullable=False)
    releases: list[str] = Field(sa_type=_WORDS, nullable=False)
    granted_from: datetime | None = Field(sa_type=_MOMENT)
    granted_until: datetime | None = Field(sa_type=_MOMENT)
    not_after: datetime | None = Field(sa_type=_MOMENT)
    cost_rate: int | None
    level: float = Field(sa_type=Double)
    moved_at: datetime = Field(sa_type=_MOMENT)
    granted_at: datetime = Field(sa_type=_MOMENT)


class PeerNonceRow(SQLModel, table=True):
    """The nonces they used, until they could not be used anyway."""

    __tablename__ = "peer_nonce"
    __table_args__ = (Index("peer_nonce_expired", "tenant_id", "expires_at"),)
    tenant_id: UUID = Field(primary_key=True)
    key_id: str = Field(primary_key=True, sa_type=Text)
    nonce: str = Field(primary_key=True, sa_type=Text)
    expires_at: datetime = Field(sa_type=_MOMENT)
