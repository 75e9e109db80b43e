"""Who is asking, and for which tenant: the two arguments nothing below the edges goes without."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from evidence_api.domain.ci_identity import CiIdentity

SERVER = "server"  # the kind of the server itself, sending what it has derived


@dataclass(frozen=True, slots=True)
class TenantScope:
    """The tenant every store function takes. Made by authentication or by the operator's CLI alone."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ReadGrant:
    """What an auditor or a peer was let see, and until when. An empty set leaves that side open.

    `since` <= received < `until` bounds the evidence; `not_after` ends the grant itself.
    """

    id: UUID
    frameworks: frozenset[str] = frozenset()  # references, e.g. aicpa-tsc
    releases: frozenset[str] = frozenset()  # names of releases
    since: datetime | None = None
    until: datetime | None = None
    not_after: datetime | None = None
    documents: frozenset[str] = frozenset()  # digests of persisted documents; of peers
    types: frozenset[str] = frozenset()  # of the GraphQL schema, of those with an id; of peers


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `kind` is token | auditor | uploader | peer | operator | server; `rights` e.g.
    {"evidence:write"}.

    `uploader` is the CI job an uploader's token was exchanged for; `grant` is what an auditor or peer may see. None for
    all others.
    """

    kind: str
    id: str
    tenant: TenantScope
    rights: frozenset[str]
    uploader: CiIdentity | None = None
    grant: ReadGrant | None = None
