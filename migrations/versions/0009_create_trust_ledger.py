"""Create the trust ledger, the places in each log that readers of decisions have reached, and the decisions that wait
for an artifact."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "log_follower": """
CREATE TABLE log_follower (
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  next_leaf bigint NOT NULL,       -- everything of its kinds before this leaf is handled
  PRIMARY KEY (tenant_id, name)
)""",
    "trust_ledger": """
CREATE TABLE trust_ledger (
  tenant_id uuid NOT NULL,
  key bytea NOT NULL,              -- SHA-256 of the canonical JSON [arm, context]
  arm text NOT NULL,
  context text NOT NULL,           -- canonical JSON
  a double precision NOT NULL,     -- Beta(a, b): where it stands
  b double precision NOT NULL,
  updates bigint NOT NULL,         -- those that moved it
  discontinuities bigint NOT NULL, -- those that did not, because they began elsewhere
  squared double precision NOT NULL,   -- sum of (prediction - outcome)^2 over its updates
  bins double precision[] NOT NULL,    -- ten times count, sum of predictions, successes: by prediction
  leaf_index bigint NOT NULL,      -- of the newest update read
  PRIMARY KEY (tenant_id, key)
)""",
    "trust_step": """
CREATE TABLE trust_step (
  tenant_id uuid NOT NULL,
  leaf_index bigint NOT NULL,      -- of the update
  evidence_id bytea NOT NULL,
  key bytea NOT NULL,              -- of the ledger
  continuous boolean NOT NULL,     -- it began where the ledger stood
  success boolean NOT NULL,
  claimed_a double precision NOT NULL,
  claimed_b double precision NOT NULL,
  before_a double precision NOT NULL,  -- where it had to begin
  before_b double precision NOT NULL,
  after_a double precision NOT NULL,   -- where the ledger stood then
  after_b double precision NOT NULL,
  PRIMARY KEY (tenant_id, leaf_index)
)""",
    "waiting_decision": """
CREATE TABLE waiting_decision (
  tenant_id uuid NOT NULL,
  leaf_index bigint NOT NULL,      -- of the decision
  artifact bytea NOT NULL,         -- SHA-256 of what it needs
  claimed_until timestamptz,       -- somebody computes it
  rows_read bigint NOT NULL DEFAULT 0,   -- of the artifact, so far
  share_read double precision NOT NULL DEFAULT 0,  -- of the artifact, from 0 to 1
  PRIMARY KEY (tenant_id, leaf_index)
)""",
}
GRANTS = {
    "log_follower": "SELECT, INSERT, UPDATE (next_leaf)",
    "trust_ledger": "SELECT, INSERT, UPDATE (a, b, updates, discontinuities, squared, bins, leaf_index)",
    "trust_step": "SELECT, INSERT",
    "waiting_decision": "SELECT, INSERT, UPDATE (claimed_until, rows_read, share_read), DELETE",
}
INDEXES = (
    "CREATE INDEX trust_step_by_ledger ON trust_step (tenant_id, key, leaf_index)",
    # What the server found of a decision is looked up by the decision's id, which is its series.
    "CREATE INDEX evidence_reperformance ON evidence (tenant_id, series, leaf_index) WHERE kind = 'reperformance'",
)


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO evidence_app")
    for statement in INDEXES:
        op.execute(statement)


def downgrade() -> None:
    """The ledgers are made from the log, and are made again when the followers begin anew."""
    op.execute("DROP INDEX evidence_reperformance")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
