"""The tables of the index of components and of advisories, as store/tables.py has the others."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, Text, text
from sqlalchemy import Column as SqlColumn
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlmodel import Field, SQLModel

_MOMENT: Any = TIMESTAMP(timezone=True)
_BIG: Any = BigInteger
_BYTES: Any = LargeBinary
_WORDS: Any = ARRAY(Text)


class Component(SQLModel, table=True):
    """What SBOMs say of one component, by content."""

    __tablename__ = "component"
    __table_args__ = (
        Index("component_by_package", "tenant_id", "package"),
        Index("component_by_name", "tenant_id", "name"),
    )
    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    package: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    purl: str = Field(sa_type=Text)
    supplier: str = Field(sa_type=Text)
    licence: str = Field(sa_type=Text)
    hashes: list[str] = Field(sa_type=_WORDS, nullable=False)


class SbomComponentRow(SQLModel, table=True):
    """Which SBOMs have which components."""

    __tablename__ = "sbom_component"
    __table_args__ = (Index("sbom_component_by_sbom", "tenant_id", "leaf_index"),)
    tenant_id: UUID = Field(primary_key=True)
    component_id: UUID = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True, sa_type=_BIG)


class SbomIndexRow(SQLModel, table=True):
    """Which SBOMs are in the index."""

    __tablename__ = "sbom_index"
    __table_args__ = (
        Index("sbom_index_waiting", "tenant_id", "leaf_index", postgresql_where=text("components IS NULL")),
    )
    tenant_id: UUID = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True, sa_type=_BIG)
    components: int | None
    code: str = Field(sa_type=Text)
    claimed_until: datetime | None = Field(sa_type=_MOMENT)


class AdvisoryMatch(SQLModel, table=True):
    """The advisories a tenant's current releases were last matched with."""

    __tablename__ = "advisory_match"
    tenant_id: UUID = Field(primary_key=True)
    import_id: int = Field(sa_type=_BIG)


class AdvisoryRow(SQLModel, table=True):
    """Advisories, by content; one of each id is current."""

    __tablename__ = "advisory"
    __table_args__ = (Index("advisory_current", "id", unique=True, postgresql_where=text("current")),)
    digest: bytes = Field(primary_key=True, sa_type=_BYTES)
    id: str = Field(sa_type=Text)
    modified: datetime = Field(sa_type=_MOMENT)
    withdrawn: datetime | None = Field(sa_type=_MOMENT)
    size: int
    encoding: str = Field(sa_type=Text)
    content: bytes = Field(sa_type=_BYTES)
    current: bool
    imported_at: datetime = Field(sa_type=_MOMENT)


class AdvisoryPackage(SQLModel, table=True):
    """Packages that current advisories name."""

    __tablename__ = "advisory_package"
    __table_args__ = (Index("advisory_package_by_record", "digest"),)
    ecosystem: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
    digest: bytes = Field(primary_key=True, sa_type=_BYTES, foreign_key="advisory.digest")


class AdvisoryImport(SQLModel, table=True):
    """Imports that changed something."""

    __tablename__ = "advisory_import"
    id: int = Field(sa_column=SqlColumn(BigInteger, Identity(always=True), primary_key=True))
    feed_digest: str = Field(sa_type=Text)
    records: int
    added: int
    changed: int
    withdrawn: int
    imported_at: datetime = Field(sa_type=_MOMENT)
