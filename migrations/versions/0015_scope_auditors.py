"""Auditors: what their tokens may see, held by policies of a role of their own (the .sql file beside this one).

Whatever reads for a grant runs as `evidence_auditor` with the grant bound to the transaction (store/session.py). The
policies here are restrictive and FOR that role alone: they take away from `own_rows`, and cost nobody else anything.
What that role may not see at all it has no right to: a table made later is out of its reach until a migration names it.
"""

import re
from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

AUDITOR = "evidence_auditor"
_OF_LEAF = "EXISTS (SELECT FROM evidence e WHERE e.tenant_id = {table}.tenant_id AND e.leaf_index = {table}.leaf_index)"
_OF_RELEASE = "EXISTS (SELECT FROM release r WHERE r.tenant_id = {table}.tenant_id AND r.id = {table}.release_id)"
_LEAF_GRANTED = "((SELECT every_release_granted()) OR leaf_index IN (SELECT granted_leaves()))"
_WHOLE = "(SELECT whole_grant())"
# Table -> which of the tenant's rows a grant lets be seen. Subqueries run under these policies too.
SEEN = {
    "evidence": f"""received >= (SELECT granted_from()) AND received < (SELECT granted_until())
        AND leaf_index >= (SELECT first_granted_leaf()) AND leaf_index <= (SELECT last_granted_leaf())
        AND {_LEAF_GRANTED}""",
    "evidence_subject": _OF_LEAF,
    "source_link": f"{_LEAF_GRANTED} AND known_in_time(leaf_index)",
    "recheck": _OF_LEAF,
    "waiting_decision": _OF_LEAF,
    "envelope_gitoid": _OF_LEAF,
    "sbom_index": _OF_LEAF,
    "sbom_component": _OF_LEAF,
    "component": """EXISTS (SELECT FROM sbom_component l
        WHERE l.tenant_id = component.tenant_id AND l.component_id = component.id)""",
    "body": """digest IN (SELECT e.body_digest FROM evidence e WHERE e.tenant_id = current_tenant())
        OR digest IN (SELECT g.body_digest FROM envelope_gitoid g WHERE g.tenant_id = current_tenant())""",
    "decision": "id IN (SELECT e.decision_id FROM evidence e WHERE e.tenant_id = current_tenant())",
    "artifact": """EXISTS (SELECT FROM evidence_subject s WHERE s.tenant_id = artifact.tenant_id
        AND s.digest = 'sha256:' || encode(artifact.digest, 'hex'))""",
    "release": """((SELECT every_release_granted()) OR name IN (SELECT granted_releases()))
        AND known_in_time(leaf_index)""",
    "release_subject": _OF_RELEASE,
    "assessment": f"""evaluated_at >= (SELECT granted_from()) AND evaluated_at < (SELECT granted_until())
        AND {_OF_RELEASE}""",
    # A pack holds the verdicts of every framework.
    "pack": """(SELECT every_framework_granted()) AND EXISTS (SELECT FROM assessment a
        WHERE a.tenant_id = pack.tenant_id AND a.id = pack.assessment_id)""",
    # What is the tenant's as a whole is for whoever was let see the whole.
    "trust_ledger": _WHOLE,
    "trust_step": _WHOLE,
    "budget": _WHOLE,
    "budget_entry": _WHOLE,
    "budget_alert": _WHOLE,
    "model_bucket": _WHOLE,
    "policy_hit": _WHOLE,
    "policy_reason": _WHOLE,
    "verification_key": _WHOLE,
    "trust_rule": _WHOLE,
}
# Heads and hashes prove what is seen, and say nothing of what is not.
PROVING = ("log_head", "tile")
# The operator's, the same for every tenant.
SHARED = ("catalog_version", "policy_version", "advisory", "advisory_package", "advisory_import")
FUNCTIONS = (
    *("leaf_hashes", "known_in_time", "last_granted_leaf", "first_granted_leaf", "granted_leaves", "granted_releases"),
    *("whole_grant", "every_framework_granted", "every_release_granted", "granted_until", "granted_from", "read_grant"),
)
COLUMNS = (
    "role text NOT NULL DEFAULT 'token'",
    "granted_frameworks text[] NOT NULL DEFAULT '{}'",
    "granted_releases text[] NOT NULL DEFAULT '{}'",
    "granted_from timestamptz",
    "granted_until timestamptz",
)
LIMITED = """ALTER TABLE api_token ADD CONSTRAINT auditors_are_limited CHECK (
  role = 'auditor' AND expires_at IS NOT NULL
  OR role = 'token' AND granted_frameworks = '{}' AND granted_releases = '{}' AND granted_from IS NULL
    AND granted_until IS NULL)"""


def upgrade() -> None:
    for column in COLUMNS:
        op.execute(f"ALTER TABLE api_token ADD COLUMN {column}")
    op.execute(LIMITED)
    for statement in _statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")):
        op.execute(statement)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {AUDITOR}")
    for table, seen in SEEN.items():
        op.execute(
            f"CREATE POLICY granted_rows ON {table} AS RESTRICTIVE FOR SELECT TO {AUDITOR} "
            f"USING ({seen.format(table=table)})"
        )
    for table in (*SEEN, *PROVING, *SHARED):
        op.execute(f"GRANT SELECT ON {table} TO {AUDITOR}")


def downgrade() -> None:
    """Tokens of auditors end here: without their limits they would be anybody's."""
    for table in (*SEEN, *PROVING, *SHARED):
        op.execute(f"REVOKE SELECT ON {table} FROM {AUDITOR}")  # noqa: S608  names from above
    for table in SEEN:
        op.execute(f"DROP POLICY granted_rows ON {table}")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {AUDITOR}")
    op.execute("UPDATE api_token SET revoked_at = coalesce(revoked_at, now()) WHERE role = 'auditor'")
    op.execute("ALTER TABLE api_token DROP CONSTRAINT auditors_are_limited")
    for column in COLUMNS:
        op.execute(f"ALTER TABLE api_token DROP COLUMN {column.split()[0]}")


def _statements(script: str) -> list[str]:
    """Split at semicolons that end a paragraph: the driver prepares one statement at a time."""
    return [statement.strip() for statement in re.split(r";[ \t]*\n(?=\n|\Z)", script) if statement.strip()]
