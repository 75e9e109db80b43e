"""Create the index of vulnerabilities: which drift statement tells of which, under every name."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
FOLLOWER = "vulnerabilities"
TABLE = """
CREATE TABLE vulnerability (
  tenant_id uuid NOT NULL,
  name text NOT NULL,              -- any of its names, in capitals
  leaf_index bigint NOT NULL,      -- the drift statement's place in the log
  id text NOT NULL,                -- the name the statement gives it first
  standing text NOT NULL CHECK (standing IN ('affected', 'undecided', 'ruled_out')),
  severity text NOT NULL,          -- the worst of its components'; '' if not rated
  packages text[] NOT NULL,        -- package@version, the first hundred
  PRIMARY KEY (tenant_id, name, leaf_index)
)"""
SEEN = """EXISTS (SELECT FROM evidence e
  WHERE e.tenant_id = vulnerability.tenant_id AND e.leaf_index = vulnerability.leaf_index)"""


def upgrade() -> None:
    """The index is made from the log by a follower, which begins at the first leaf."""
    op.execute(TABLE)
    op.execute("ALTER TABLE vulnerability ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE vulnerability FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON vulnerability USING ({OWN}) WITH CHECK ({OWN})")
    op.execute(
        f"CREATE POLICY granted_rows ON vulnerability AS RESTRICTIVE FOR SELECT TO evidence_auditor USING ({SEEN})"
    )
    op.execute("GRANT SELECT, INSERT ON vulnerability TO evidence_app")
    op.execute("GRANT SELECT ON vulnerability TO evidence_auditor")


def downgrade() -> None:
    """The follower's place goes too, or the index would stay empty when it is made again."""
    op.execute("DROP TABLE vulnerability")
    op.execute("ALTER TABLE log_follower NO FORCE ROW LEVEL SECURITY")
    op.execute(f"DELETE FROM log_follower WHERE name = '{FOLLOWER}'")  # noqa: S608  a constant
    op.execute("ALTER TABLE log_follower FORCE ROW LEVEL SECURITY")
