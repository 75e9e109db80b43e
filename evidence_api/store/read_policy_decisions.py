"""Reading the gates' decisions: each distinct answer once, in the order in which it was given first."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from evidence_api.domain.decision_reading import DecisionFilter, DecisionView, decision_position
from evidence_api.domain.errors import Malformed
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.store.reads import Arguments
from evidence_api.store.session import Connection

_PLAIN = "d.id, d.area, d.allow, d.rules, d.reasons, d.input_digest, d.policy_digest, d.decided_at"


async def page(
    connection: Connection, scope: TenantScope, chosen: DecisionFilter, window: Window, *, with_input: bool
) -> Page[DecisionView]:
    """One page, oldest first."""
    arguments = Arguments(scope)
    where = ["d.tenant_id = $1", *_conditions(arguments, chosen)]
    for argument, bound, sign in (("after", window.after, ">"), ("before", window.before, "<")):
        if bound is not None:
            moment, identity = _position(bound, argument)
            where.append(f"(d.decided_at, d.id) {sign} ({arguments.put(moment)}, {arguments.put(identity)})")
    direction = "DESC" if window.backward else "ASC"
    rows = await connection.fetch(
        f"SELECT {_columns(with_input=with_input)} FROM decision d WHERE {' AND '.join(where)} "  # noqa: S608  constant texts, numbered arguments
        f"ORDER BY d.decided_at {direction}, d.id {direction} LIMIT {arguments.put(window.size + 1)}",
        *arguments,
    )
    return cut([_view(row) for row in rows], window)


async def by_ids(connection: Connection, scope: TenantScope, ids: Sequence[str]) -> dict[str, DecisionView]:
    """Decisions by id, with their inputs."""
    rows = await connection.fetch(
        f"SELECT {_columns(with_input=True)} FROM decision d WHERE d.tenant_id = $1 AND d.id = ANY ($2::text[])",  # noqa: S608  constant texts
        *(scope.id, [one for one in ids if "\0" not in one]),
    )
    return {row["id"]: _view(row) for row in rows}


async def moment(connection: Connection, _scope: TenantScope) -> datetime:
    """When this snapshot was taken, by the database's clock."""
    now: datetime = await connection.fetchval("SELECT now()")
    return now


def _columns(*, with_input: bool) -> str:
    return f"{_PLAIN}, d.input::text AS input" if with_input else _PLAIN


def _conditions(arguments: Arguments, chosen: DecisionFilter) -> list[str]:
    where = []
    if chosen.area is not None:
        where.append(f"d.area = {arguments.put(chosen.area)}")
    if chosen.allow is not None:
        where.append(f"d.allow = {arguments.put(chosen.allow)}")
    if chosen.rule is not None:
        where.append(f"{arguments.put(chosen.rule)} = ANY (d.rules)")
    if chosen.since is not None:
        where.append(f"d.decided_at >= {arguments.put(chosen.since)}")
    if chosen.until is not None:
        where.append(f"d.decided_at < {arguments.put(chosen.until)}")
    return where


def _position(text: str, argument: str) -> tuple[datetime, str]:
    """Raises Malformed `bad_cursor`."""
    try:
        return decision_position(text)
    except (ValueError, OverflowError) as fault:
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=argument) from fault


def _view(row: asyncpg.Record) -> DecisionView:
    return DecisionView(
        id=row["id"],
        area=row["area"],
        allow=row["allow"],
        rules=tuple(row["rules"]),
        reasons=tuple(row["reasons"]),
        input_digest=row["input_digest"],
        policy_digest=row["policy_digest"],
        decided=row["decided_at"],
        input=row.get("input"),
    )
