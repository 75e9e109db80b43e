"""Create budgets and their alerts, webhooks and what is to be delivered to them, and the token buckets of models."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "budget": """
CREATE TABLE budget (
  tenant_id uuid NOT NULL,
  period text NOT NULL,
  scope text NOT NULL,             -- a team, a model; '' is the tenant's own
  limit_usd numeric NOT NULL,
  spent_usd numeric NOT NULL,      -- the sum of its entries
  entries bigint NOT NULL,
  newest_leaf bigint NOT NULL,     -- of the event that gave the limit
  changed_at timestamptz NOT NULL, -- when that was received
  PRIMARY KEY (tenant_id, period, scope)
)""",
    "budget_entry": """
CREATE TABLE budget_entry (
  tenant_id uuid NOT NULL,
  period text NOT NULL,
  scope text NOT NULL,
  entry_id text NOT NULL,
  usd numeric NOT NULL,            -- the most that was said of it
  leaf_index bigint NOT NULL,      -- of the event that named it first
  PRIMARY KEY (tenant_id, period, scope, entry_id)
)""",
    "budget_alert": """
CREATE TABLE budget_alert (
  tenant_id uuid NOT NULL,
  period text NOT NULL,
  scope text NOT NULL,
  limit_usd numeric NOT NULL,
  level text NOT NULL,
  spent_usd numeric NOT NULL,
  entries bigint NOT NULL,
  crossed_at timestamptz NOT NULL, -- when the evidence that crossed the level was received
  statement text,                  -- what is to be signed and appended; NULL once it is in the log
  evidence_id bytea,               -- NULL before that
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,     -- not tried again before
  PRIMARY KEY (tenant_id, period, scope, limit_usd, level)
)""",
    "webhook": """
CREATE TABLE webhook (
  tenant_id uuid NOT NULL,
  url text NOT NULL,
  secret text NOT NULL,            -- as the receiver has it
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id)
)""",
    "webhook_delivery": """
CREATE TABLE webhook_delivery (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  body text NOT NULL,
  created_at timestamptz NOT NULL,
  due_at timestamptz,              -- NULL: delivered or given up
  attempts integer NOT NULL DEFAULT 0,
  delivered_at timestamptz,
  outcome text NOT NULL DEFAULT '', -- of the last attempt: the status, or why there was none
  PRIMARY KEY (tenant_id, id)
)""",
    "model_bucket": """
CREATE TABLE model_bucket (
  tenant_id uuid NOT NULL,
  model text NOT NULL,
  level bigint NOT NULL,           -- one token is 60,000,000: what a refill of one a minute gives is one a microsecond
  burst integer NOT NULL,          -- as it was used last
  refill_per_minute integer NOT NULL,
  moved_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, model)
) WITH (fillfactor = 50)""",
}
GRANTS = {
    "budget": "SELECT, INSERT, UPDATE (limit_usd, spent_usd, entries, newest_leaf, changed_at)",
    "budget_entry": "SELECT, INSERT, UPDATE (usd)",
    "budget_alert": "SELECT, INSERT, UPDATE (spent_usd, entries, crossed_at, statement, evidence_id, attempts, due_at)",
    "webhook": "SELECT, INSERT, UPDATE (url, secret, changed_at), DELETE",
    "webhook_delivery": "SELECT, INSERT, UPDATE (due_at, attempts, delivered_at, outcome)",
    "model_bucket": "SELECT, INSERT, UPDATE (level, burst, refill_per_minute, moved_at), DELETE",
}
# Takes tokens (calls > 0), refuses, or gives back (calls < 0), all under the row's lock. Whole numbers throughout, so
# nothing is lost or gained by rounding. A clock that goes back refills nothing; elapsed time is cut where the bucket is
# full anyway, so that no product overflows. A lost bucket is a full one: its commit need not wait for the disk.
MOVE = """
CREATE FUNCTION move_model_bucket(
  called text, most integer, refill integer, calls integer, moment timestamptz,
  OUT granted boolean, OUT remaining bigint, OUT retry_microseconds bigint
) LANGUAGE plpgsql AS $$
DECLARE
  token constant bigint := 60000000;
  full_level constant bigint := most::bigint * token;
  bucket model_bucket;
  elapsed bigint;
  held bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO bucket FROM model_bucket WHERE tenant_id = current_tenant() AND model = called FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO model_bucket AS kept (tenant_id, model, level, burst, refill_per_minute, moved_at)
      VALUES (current_tenant(), called, full_level, most, refill, moment)
      ON CONFLICT (tenant_id, model) DO UPDATE SET burst = kept.burst
      RETURNING * INTO bucket;
  END IF;
  elapsed := (extract(epoch FROM moment - bucket.moved_at) * 1000000)::bigint;
  elapsed := greatest(0, least(full_level / refill + 1, elapsed));
  held := least(full_level, bucket.level + elapsed * refill);
  granted := calls <= 0 OR held >= calls * token;
  IF granted THEN
    held := least(full_level, held - calls * token);
    UPDATE model_bucket SET level = held, burst = most, refill_per_minute = refill,
        moved_at = greatest(moment, bucket.moved_at)
      WHERE tenant_id = current_tenant() AND model = called;
  END IF;
  remaining := held / token;
  retry_microseconds := CASE WHEN granted THEN 0 ELSE (calls * token - held + refill - 1) / refill END;
END $$
"""


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO evidence_app")
    op.execute("CREATE INDEX budget_alert_due ON budget_alert (tenant_id, due_at) WHERE evidence_id IS NULL")
    op.execute("CREATE INDEX webhook_delivery_due ON webhook_delivery (tenant_id, due_at) WHERE due_at IS NOT NULL")
    op.execute("CREATE INDEX budget_entry_by_leaf ON budget_entry (tenant_id, period, scope, leaf_index, entry_id)")
    op.execute(MOVE)


def downgrade() -> None:
    op.execute("DROP FUNCTION move_model_bucket")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
