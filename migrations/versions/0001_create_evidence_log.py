"""Create the evidence log: tables and functions (the .sql file beside this one), row-level security, and grants."""

import re
from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
READ_ADD = "SELECT, INSERT"
# What the application may do. The log itself (evidence, tiles) can only grow; of a body only the content may change,
# for erasure: a replaced one would not match its digest, which every read checks.
GRANTS = {
    "api_token": f"{READ_ADD}, UPDATE (revoked_at)",
    "verification_key": f"{READ_ADD}, UPDATE (name, revoked_at)",
    "identity_rule": f"{READ_ADD}, UPDATE (name, revoked_at)",
    "log_head": "SELECT, UPDATE (tree_size, root, frontier, checkpoint, updated_at)",
    "tile": READ_ADD,
    "decision": READ_ADD,
    "body": f"{READ_ADD}, UPDATE (content)",
    "evidence": READ_ADD,
    "evidence_subject": READ_ADD,
    "source_link": READ_ADD,
    "release": READ_ADD,
    "release_subject": READ_ADD,
    "due": f"{READ_ADD}, UPDATE (leaf_index, claimed_until), DELETE",
    "assessment": READ_ADD,
    "finding": READ_ADD,
    "pack": READ_ADD,
    "refusal": READ_ADD,
}
SHARED_GRANTS = {"tenant": "SELECT", "catalog_version": READ_ADD, "policy_version": READ_ADD}
TOKEN_LOOKUP = "hash = presented_token()"  # noqa: S105  a condition, not a secret


def upgrade() -> None:
    for statement in _statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")):
        op.execute(statement)
    for table, rights in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {rights} ON {table} TO evidence_app")
    op.execute(f"CREATE POLICY presented ON api_token FOR SELECT USING ({TOKEN_LOOKUP})")
    for table, rights in SHARED_GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO evidence_app")


def downgrade() -> None:
    for table in reversed([*SHARED_GRANTS, *GRANTS]):
        op.execute(f"DROP TABLE {table} CASCADE")
    for function in ("append_at", "append_batch", "lock_log", "presented_token", "current_tenant"):
        op.execute(f"DROP FUNCTION {function}")


def _statements(script: str) -> list[str]:
    """Split at semicolons that end a line, outside $$ bodies: the driver prepares one statement at a time."""
    parts = re.split(r"(\$\$.*?\$\$)", script, flags=re.DOTALL)
    marked = "".join(part if part.startswith("$$") else re.sub(r";[ \t]*(?=\n|\Z)", "\0", part) for part in parts)
    return [statement for statement in map(str.strip, marked.split("\0")) if statement]
