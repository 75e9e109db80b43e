"""Trust rules: rows in, domain objects out. Ended rules stay on record, and no longer count."""

from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import orjson

from evidence_api.domain.errors import Conflict, NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.registry import RegisteredRule
from evidence_api.domain.trust_rule import TrustRule
from evidence_api.store.session import Connection

_COLUMNS = "id, name, issuer, identity, claims, key_id, predicate_types, subjects, allow, created_at, revoked_at"


async def add(connection: Connection, scope: TenantScope, rule: TrustRule, *, at: datetime) -> UUID:
    """Put a rule into force; gives its new id. Raises Conflict when an active one has its name."""
    added: UUID | None = await connection.fetchval(
        "INSERT INTO trust_rule (tenant_id, id, name, issuer, identity, claims, key_id, predicate_types, subjects, "
        "allow, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
        "ON CONFLICT (tenant_id, name) WHERE revoked_at IS NULL AND name <> '' DO NOTHING RETURNING id",
        *(scope.id, uuid4(), rule.name, rule.issuer, rule.identity, orjson.dumps(dict(rule.claims)).decode()),
        *(rule.key_id, rule.predicate_types, rule.subjects, rule.allow, at),
    )
    if added is None:
        raise Conflict(f"there is a trust rule {rule.name!r} already", name=rule.name)
    return added


async def restore(connection: Connection, scope: TenantScope, rule_id: UUID, *, name: str) -> None:
    """Put an ended rule back into force, under a name. Raises NotFound, Conflict when another has the name."""
    taken = await connection.fetchval(
        "SELECT 1 FROM trust_rule WHERE tenant_id = $1 AND name = $2 AND name <> '' AND revoked_at IS NULL",
        *(scope.id, name),
    )
    if taken:
        raise Conflict(f"there is a trust rule {name!r} already", name=name)
    found = await connection.fetchval(
        "UPDATE trust_rule SET revoked_at = NULL, name = $3 WHERE tenant_id = $1 AND id = $2 RETURNING 1",
        *(scope.id, rule_id, name),
    )
    if found is None:
        raise NotFound(f"no trust rule {rule_id}")


async def revoke(connection: Connection, scope: TenantScope, rule_id: UUID, at: datetime) -> None:
    """End a rule from now on. Raises NotFound."""
    found = await connection.fetchval(
        "UPDATE trust_rule SET revoked_at = coalesce(revoked_at, $3) WHERE tenant_id = $1 AND id = $2 RETURNING 1",
        *(scope.id, rule_id, at),
    )
    if found is None:
        raise NotFound(f"no trust rule {rule_id}")


async def active(connection: Connection, scope: TenantScope) -> tuple[TrustRule, ...]:
    """The rules in force, oldest first."""
    return tuple(one.rule for one in await every(connection, scope) if one.revoked is None)


async def every(connection: Connection, scope: TenantScope) -> tuple[RegisteredRule, ...]:
    """All rules ever made, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM trust_rule WHERE tenant_id = $1 ORDER BY created_at, id",  # noqa: S608  constant
        scope.id,
    )
    return tuple(map(_rule, rows))


def _rule(row: asyncpg.Record) -> RegisteredRule:
    rule = TrustRule(
        id=row["id"],
        name=row["name"],
        issuer=row["issuer"],
        identity=row["identity"],
        claims=orjson.loads(row["claims"]),
        key_id=row["key_id"],
        predicate_types=tuple(row["predicate_types"]),
        subjects=tuple(row["subjects"]),
        allow=tuple(row["allow"]),
    )
    return RegisteredRule(rule, row["created_at"], row["revoked_at"])
