"""What policies allowed and denied: counts of the server's own gates by the hour, and of the decisions in the log.

The gates' counts come from memory, in bulk. Decisions that were asked for, and those of agents' decision logs, are
evidence of kind opa: they are counted where they are, so each exactly once.
"""

from collections.abc import Mapping
from datetime import datetime

from evidence_api.domain.policy_telemetry import Hit, Overriding, ReasonCount
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

MAX_ROWS = 5_000  # of one answer
MAX_REASONS = 50
MAX_OVERRIDES = 500

# An event of an agent's log names its area where it asked our policies; others are told apart by their package.
_SAID = """
WITH said AS (
  SELECT COALESCE(facts->>'area', regexp_replace(facts->>'rule', '/[^/]*$', '')) AS area, facts->'rules' AS rules,
    facts->'reasons' AS reasons, facts->>'result' = 'allow' AS allow, received
  FROM evidence
  WHERE tenant_id = $1 AND kind = 'opa' AND received >= $2 AND received < $3 AND facts ? 'result' AND facts ? 'rule'
)
"""
_HITS = f"""{_SAID}
SELECT area, rule, allow, sum(hits)::bigint AS hits, min(first) AS first FROM (
  SELECT area, rule, allow, sum(hits) AS hits, min(hour) AS first FROM policy_hit
    WHERE tenant_id = $1 AND hour >= $2 AND hour < $3 GROUP BY area, rule, allow
  UNION ALL
  SELECT area, '', allow, count(*), min(received) FROM said GROUP BY area, allow
  UNION ALL
  SELECT area, rule, allow, count(*), min(received) FROM said
    CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(rules) WHEN 'array' THEN rules ELSE '[]' END) AS rule
    GROUP BY area, rule, allow
) AS counted GROUP BY area, rule, allow ORDER BY hits DESC, area, rule, allow LIMIT {MAX_ROWS}
"""  # noqa: S608  constant texts
_REASONS = f"""{_SAID}
SELECT area, reason, sum(hits)::bigint AS hits FROM (
  SELECT area, reason, sum(hits) AS hits FROM policy_reason
    WHERE tenant_id = $1 AND hour >= $2 AND hour < $3 AND reason <> '' GROUP BY area, reason
  UNION ALL
  SELECT area, reason, count(*) FROM said
    CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(reasons) WHEN 'array' THEN reasons ELSE '[]' END)
      AS reason WHERE NOT allow GROUP BY area, reason
) AS counted GROUP BY area, reason ORDER BY hits DESC, area, reason LIMIT {MAX_REASONS}
"""  # noqa: S608  constant texts


async def add(
    connection: Connection,
    scope: TenantScope,
    hour: datetime,
    hits: Mapping[tuple[str, str, bool], int],
    reasons: Mapping[tuple[str, str], int],
) -> None:
    """Add to the counts of an hour: hits by (area, rule, allow), reasons by (area, reason)."""
    named = sorted(hits)  # in one order, so that two processes wait for each other instead of stopping each other
    await connection.execute(
        "INSERT INTO policy_hit (tenant_id, hour, area, rule, allow, hits) "
        "SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::boolean[], $6::bigint[]) "
        "ON CONFLICT (tenant_id, hour, area, rule, allow) DO UPDATE SET hits = policy_hit.hits + EXCLUDED.hits",
        *(scope.id, hour, [one[0] for one in named], [one[1] for one in named], [one[2] for one in named]),
        [hits[one] for one in named],
    )
    if reasons:
        told = sorted(reasons)
        await connection.execute(
            "INSERT INTO policy_reason (tenant_id, hour, area, reason, hits) "
            "SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[]) "
            "ON CONFLICT (tenant_id, hour, area, reason) DO UPDATE SET hits = policy_reason.hits + EXCLUDED.hits",
            *(scope.id, hour, [one[0] for one in told], [one[1] for one in told], [reasons[one] for one in told]),
        )


async def counted(connection: Connection, scope: TenantScope, since: datetime, until: datetime) -> tuple[Hit, ...]:
    """All hits from `since` to before `until`, both at full hours; the most first."""
    rows = await connection.fetch(_HITS, scope.id, since, until)
    return tuple(Hit(row["area"], row["rule"], row["allow"], row["hits"], row["first"]) for row in rows)


async def reasons(
    connection: Connection, scope: TenantScope, since: datetime, until: datetime
) -> tuple[ReasonCount, ...]:
    """What denials of that time were told with, the most frequent first."""
    rows = await connection.fetch(_REASONS, scope.id, since, until)
    return tuple(ReasonCount(row["area"], row["reason"], row["hits"]) for row in rows)


async def overrides(
    connection: Connection, scope: TenantScope, since: datetime, until: datetime
) -> tuple[Overriding, ...]:
    """The verified overrides of policy rules that arrived in that time, oldest first."""
    rows = await connection.fetch(
        "SELECT id, received, facts->>'rule' AS rule, facts->>'owner' AS owner, facts->>'approver' AS approver, "
        "facts->>'reason' AS reason, facts->>'until' AS until FROM evidence "
        "WHERE tenant_id = $1 AND kind = 'override' AND status = 'verified' AND facts ? 'rule' "
        "AND received >= $2 AND received < $3 ORDER BY leaf_index LIMIT $4",
        *(scope.id, since, until, MAX_OVERRIDES),
    )
    return tuple(
        Overriding(
            rule=row["rule"],
            evidence=id_text(row["id"]),
            at=row["received"],
            owner=row["owner"] or "",
            approver=row["approver"] or "",
            reason=row["reason"] or "",
            until=row["until"] or "",
        )
        for row in rows
    )
