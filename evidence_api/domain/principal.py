"""Who is asking, and for which tenant: the two arguments nothing below the edges goes without."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TenantScope:
    """The tenant every store function takes. Made by authentication or by the operator's CLI alone."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `kind` is token | operator; `rights` e.g. {"evidence:write", "read"}."""

    kind: str
    id: str
    tenant: TenantScope
    rights: frozenset[str]
