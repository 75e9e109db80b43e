"""What a tenant has registered: API tokens, verification keys and trust rules, as its administrators see them."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from evidence_api.domain.principal import ReadGrant
from evidence_api.domain.trust_rule import TrustRule


@dataclass(frozen=True, slots=True)
class RegisteredToken:
    """An API token, without its secret. `expires` and `revoked` are None while it has no end; `last_used` is the hour
    in which it was last used, None before that; `grant` is what an auditor's may see, None for all others."""

    id: UUID
    name: str
    rights: frozenset[str]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None = None
    grant: ReadGrant | None = None


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A public key evidence may be signed with. `key_id` is sha256:<hex> of its SubjectPublicKeyInfo."""

    key_id: str
    name: str
    algorithm: str
    pem: str = field(repr=False)
    created: datetime
    revoked: datetime | None


@dataclass(frozen=True, slots=True)
class RegisteredIdentity:
    """A certificate identity (SAN, exactly) of an OIDC issuer that evidence may be signed by: a plain trust rule."""

    id: UUID
    issuer: str
    identity: str
    name: str
    created: datetime
    revoked: datetime | None


@dataclass(frozen=True, slots=True)
class RegisteredRule:
    """A trust rule and the time it is or was in force."""

    rule: TrustRule
    created: datetime
    revoked: datetime | None
