"""Who read what: one row for each authenticated read and each refusal; and the runs of them the log commits to."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "access_audit": """
CREATE TABLE access_audit (
  tenant_id uuid NOT NULL,
  sequence bigint NOT NULL,        -- from 1, without a gap
  at timestamptz NOT NULL,
  request_id text NOT NULL,
  principal_kind text NOT NULL,
  principal_id text NOT NULL,
  action text NOT NULL,
  method text NOT NULL,
  path text NOT NULL,              -- the route's template
  document text NOT NULL,          -- sha256:<hex> of the GraphQL document; '' if there is none, as below
  operation text NOT NULL,
  variables text NOT NULL,         -- sha256:<hex> of what was asked with
  cost bigint,
  tree_size bigint,
  result text NOT NULL,            -- sha256:<hex> of the answer's bytes
  status integer NOT NULL,
  code text NOT NULL,              -- of the refusal; '' for a read that was answered
  count bigint NOT NULL,           -- refusals alike that it stands for
  PRIMARY KEY (tenant_id, sequence)
)""",
    "access_batch": """
CREATE TABLE access_batch (
  tenant_id uuid NOT NULL,
  first bigint NOT NULL,           -- its rows, both ends included
  last bigint NOT NULL,
  root bytea NOT NULL,             -- of the tree over the rows' leaf hashes
  leaf_hashes bytea NOT NULL,      -- 32 bytes a row
  evidence_id bytea,               -- NULL until the statement is in the log
  PRIMARY KEY (tenant_id, first)
)""",
}
GRANTS = {"access_audit": "SELECT, INSERT", "access_batch": "SELECT, INSERT, UPDATE (evidence_id)"}
# The rows of requests that wait together, in one statement and one commit. The lock puts a tenant's writers one after
# the other, so that what is seen of the sequence has no gap that could still be filled. Who set commits to be
# asynchronous did not mean these.
RECORD = """
CREATE FUNCTION record_access(
  tenant uuid, ats timestamptz[], request_ids text[], principal_kinds text[], principal_ids text[], actions text[],
  methods text[], paths text[], documents text[], operations text[], variable_digests text[], costs bigint[],
  tree_sizes bigint[], results text[], statuses integer[], codes text[], counts bigint[]
) RETURNS bigint LANGUAGE plpgsql
  -- Without statistics (a young or fast-growing table) the planner would scan for the newest row.
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
  newest bigint;
BEGIN
  PERFORM set_config('evidence.tenant', tenant::text, true);
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  PERFORM pg_advisory_xact_lock(1301, hashtext(tenant::text));
  SELECT a.sequence INTO newest FROM access_audit a WHERE a.tenant_id = tenant ORDER BY a.sequence DESC LIMIT 1;
  newest := coalesce(newest, 0);
  INSERT INTO access_audit (tenant_id, sequence, at, request_id, principal_kind, principal_id, action, method, path,
      document, operation, variables, cost, tree_size, result, status, code, count)
    SELECT tenant, newest + n, t, q, k, i, a, m, p, d, o, v, c, z, r, s, e, u
      FROM unnest(ats, request_ids, principal_kinds, principal_ids, actions, methods, paths, documents, operations,
          variable_digests, costs, tree_sizes, results, statuses, codes, counts)
        WITH ORDINALITY AS waiting (t, q, k, i, a, m, p, d, o, v, c, z, r, s, e, u, n);
  RETURN newest;
END
$$
"""
# The application has no right to change or delete rows; nobody else does it by accident.
REFUSE = """
CREATE FUNCTION refuse_change_of_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit of access is only ever added to' USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO evidence_app")
    op.execute("ALTER TABLE access_batch ALTER COLUMN leaf_hashes SET STORAGE EXTERNAL")
    op.execute("CREATE INDEX access_audit_by_principal ON access_audit (tenant_id, principal_id, sequence)")
    op.execute("CREATE INDEX access_audit_by_time ON access_audit (tenant_id, at)")
    op.execute("CREATE INDEX access_batch_waiting ON access_batch (tenant_id, first) WHERE evidence_id IS NULL")
    op.execute(RECORD)
    op.execute(REFUSE)
    op.execute(
        "CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON access_audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_access()"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION record_access")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION refuse_change_of_access")
