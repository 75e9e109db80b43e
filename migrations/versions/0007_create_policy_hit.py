"""Create the counts of what policies allowed and denied at the server's own gates, and the index by which those of the
decisions in the log are counted."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "policy_hit": """
CREATE TABLE policy_hit (
  tenant_id uuid NOT NULL,
  hour timestamptz NOT NULL,       -- the beginning of it
  area text NOT NULL,
  rule text NOT NULL,              -- '' counts the decisions themselves
  allow boolean NOT NULL,
  hits bigint NOT NULL,
  PRIMARY KEY (tenant_id, hour, area, rule, allow)
)""",
    "policy_reason": """
CREATE TABLE policy_reason (
  tenant_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  area text NOT NULL,
  reason text NOT NULL,            -- of denials; '' are all beyond the most that an hour keeps
  hits bigint NOT NULL,
  PRIMARY KEY (tenant_id, hour, area, reason)
)""",
}


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE (hits) ON {table} TO evidence_app")
    op.execute("CREATE INDEX evidence_opa_by_time ON evidence (tenant_id, received) WHERE kind = 'opa'")


def downgrade() -> None:
    op.execute("DROP INDEX evidence_opa_by_time")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
