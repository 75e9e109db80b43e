"""Upload tokens: what a CI job got for its OIDC token. A row also says that the OIDC token is spent, for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg
import orjson

from evidence_api.domain.ci_identity import CiIdentity
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.store.session import Connection

KIND = "uploader"
RIGHTS = frozenset({"evidence:write"})


@dataclass(frozen=True, slots=True)
class NewUploadToken:
    """What is recorded of one: `token_hash` SHA-256 of its text, `jti` of the OIDC token, `rules` ids of the trust
    rules that named the job, `decision` the id of the answer that did."""

    token_hash: bytes
    jti: str
    uploader: CiIdentity
    rules: Sequence[str]
    decision: str
    created: datetime
    expires: datetime


async def add(connection: Connection, scope: TenantScope, token: NewUploadToken) -> UUID | None:
    """Record it, which spends the OIDC token: None when that was spent before. Of several at once exactly one wins,
    the others wait for it."""
    added: UUID | None = await connection.fetchval(
        "INSERT INTO upload_token (tenant_id, id, hash, issuer, jti, identity, claims, rules, decision_id, created_at, "
        "expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
        "ON CONFLICT (tenant_id, issuer, jti) DO NOTHING RETURNING id",
        *(scope.id, uuid4(), token.token_hash, token.uploader.issuer, sha256(token.jti.encode()).digest()),
        *(token.uploader.identity, orjson.dumps(dict(token.uploader.claims)).decode(), list(token.rules)),
        *(token.decision, token.created, token.expires),
    )
    return added


async def presented(connection: Connection, token_hash: bytes, at: datetime) -> Principal | None:
    """Who presents this token, on a connection that sees it alone; None: unknown or expired."""
    row = await connection.fetchrow(
        "SELECT k.id, k.issuer, k.identity, k.claims, t.id AS tenant_id, t.name AS tenant "
        "FROM upload_token k JOIN tenant t ON t.id = k.tenant_id WHERE k.hash = $1 AND k.expires_at > $2",
        *(token_hash, at),
    )
    return None if row is None else _principal(row)


def _principal(row: asyncpg.Record) -> Principal:
    scope = TenantScope(id=row["tenant_id"], name=row["tenant"])
    uploader = CiIdentity(row["issuer"], row["identity"], orjson.loads(row["claims"]))
    return Principal(kind=KIND, id=str(row["id"]), tenant=scope, rights=RIGHTS, uploader=uploader)
