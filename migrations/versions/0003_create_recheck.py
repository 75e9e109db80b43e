"""Create the record of later verifications of stored evidence."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
RECHECK = """
CREATE TABLE recheck (
  tenant_id uuid NOT NULL,
  leaf_index bigint NOT NULL,
  root_digest text NOT NULL,       -- sha256:<hex> of the trusted root
  trust_digest text NOT NULL,      -- of the keys and identities trusted, and the number of the plan
  checked_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('verified', 'unsupported', 'failed', 'unsigned')),
  code text NOT NULL,              -- '' when it verified
  message text NOT NULL,
  signer text NOT NULL,            -- label; '' if nobody verified
  PRIMARY KEY (tenant_id, leaf_index, root_digest, trust_digest)
)"""


def upgrade() -> None:
    op.execute(RECHECK)
    op.execute("ALTER TABLE recheck ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE recheck FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON recheck USING ({OWN}) WITH CHECK ({OWN})")
    op.execute("GRANT SELECT, INSERT ON recheck TO evidence_app")


def downgrade() -> None:
    op.execute("DROP TABLE recheck")
