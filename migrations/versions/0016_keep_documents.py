"""Documents that are persisted: GraphQL texts a tenant registered, by the SHA-256 of the text."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLE = """
CREATE TABLE persisted_document (
  tenant_id uuid NOT NULL,
  digest bytea NOT NULL,          -- SHA-256 of the text in UTF-8
  text text NOT NULL,
  name text NOT NULL,             -- what it is for, in the words of whoever registered it
  registered_by text NOT NULL,    -- kind and id of the principal
  registered_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, digest),
  CHECK (digest = sha256(convert_to(text, 'UTF8')))
)"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("ALTER TABLE persisted_document ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE persisted_document FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON persisted_document USING ({OWN}) WITH CHECK ({OWN})")
    op.execute("GRANT SELECT, INSERT, DELETE ON persisted_document TO evidence_app")


def downgrade() -> None:
    op.execute("DROP TABLE persisted_document")
