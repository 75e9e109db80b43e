"""Who is asking, and for which tenant: the two arguments nothing below the edges goes without."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from evidence_api.domain.ci_identity import CiIdentity

SERVER = "server"  # the kind of the server itself, sending what it has derived


@dataclass(frozen=True, slots=True)
class TenantScope:
    """The tenant every store function takes. Made by authentication or by the operator's CLI alone.

    With a grant, whoever reads in it sees no more than that (store/session.py), and nobody who passes it on can forget
    it. The tenant is the same one: scopes compare without it.
    """

    id: UUID
    name: str
    grant: "ReadGrant | None" = field(default=None, compare=False)

    @property
    def whole(self) -> "TenantScope":
        """The same tenant without a grant, for what the server does on its own account."""
        return self if self.grant is None else replace(self, grant=None)


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
    types: frozenset[str] = frozenset()  # of the GraphQL schema (graphql/granted.py); of peers


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `kind` is token | auditor | uploader | peer | operator | server; `rights` e.g.
    {"evidence:write"}.

    `uploader` is the CI job an uploader's token was exchanged for; `grant` is what an auditor or peer may see, and all
    that can be read in `tenant`. None for all others.
    """

    kind: str
    id: str
    tenant: TenantScope
    rights: frozenset[str]
    uploader: CiIdentity | None = None
    grant: ReadGrant | None = None

    def __post_init__(self) -> None:
        if self.tenant.grant != self.grant:
            object.__setattr__(self, "tenant", replace(self.tenant, grant=self.grant))
