"""Create the register of raw artifacts, and of the gitoids under which Archivista's clients know envelopes."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "artifact": """
CREATE TABLE artifact (
  tenant_id uuid NOT NULL,
  digest bytea NOT NULL,           -- SHA-256 of the bytes
  size bigint NOT NULL,
  content bytea,                   -- small ones
  location text NOT NULL,          -- where in the blob store the others are; '' for small ones
  created_at timestamptz NOT NULL,
  token_id uuid,                   -- who brought it
  PRIMARY KEY (tenant_id, digest),
  CHECK ((content IS NULL) = (location <> ''))
)""",
    "envelope_gitoid": """
CREATE TABLE envelope_gitoid (
  tenant_id uuid NOT NULL,
  gitoid bytea NOT NULL,           -- SHA-256 over git's blob header and the bytes received
  leaf_index bigint NOT NULL,
  body_digest bytea NOT NULL,      -- exactly those bytes
  collection text,                 -- name of the attestation collection in it; NULL if it holds none
  attestations text[] NOT NULL,    -- types of the attestations in the collection
  PRIMARY KEY (tenant_id, gitoid)
)""",
    "gitoid_progress": """
CREATE TABLE gitoid_progress (
  tenant_id uuid PRIMARY KEY,
  next_leaf bigint NOT NULL        -- every envelope before it has its gitoid
)""",
}
GRANTS = {
    "artifact": "SELECT, INSERT",
    "envelope_gitoid": "SELECT, INSERT",
    "gitoid_progress": "SELECT, INSERT, UPDATE (next_leaf)",
}


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO evidence_app")
    op.execute("ALTER TABLE artifact ALTER COLUMN content SET STORAGE EXTERNAL")
    op.execute("CREATE INDEX envelope_gitoid_by_leaf ON envelope_gitoid (tenant_id, leaf_index)")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
