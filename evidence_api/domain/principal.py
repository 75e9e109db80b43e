"""Who is asking, and for which tenant: the two arguments nothing below the edges goes without."""

from dataclasses import dataclass
from uuid import UUID

from evidence_api.domain.ci_identity import CiIdentity

SERVER = "server"  # the kind of the server itself, sending what it has derived


@dataclass(frozen=True, slots=True)
class TenantScope:
    """The tenant every store function takes. Made by authentication or by the operator's CLI alone."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `kind` is token | uploader | operator | server; `rights` e.g. {"evidence:write"}.

    `uploader` is the CI job an uploader's token was exchanged for; None for all others.
    """

    kind: str
    id: str
    tenant: TenantScope
    rights: frozenset[str]
    uploader: CiIdentity | None = None
