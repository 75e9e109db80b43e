"""Record what people asked for and what came of it, order packs, and number assessments in the order of their commits.

Packs from before have an order each from here on, so that one list shows them all.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "action_request": """
CREATE TABLE action_request (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,                -- made from the principal and the key the client gave
  principal text NOT NULL,         -- kind:id
  action text NOT NULL,
  question text NOT NULL,          -- sha256:<hex> of the input: another one under the same key is refused
  statement text NOT NULL,         -- canonical JSON {subjects, predicate}: what is signed, the same at each attempt
  allow boolean NOT NULL,
  requested_at timestamptz NOT NULL,
  evidence_id bytea,               -- NULL until it is in the log
  PRIMARY KEY (tenant_id, id)
)""",
    "pack_request": """
CREATE TABLE pack_request (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  release_id bytea NOT NULL,
  redact boolean NOT NULL,
  requested_by text NOT NULL,      -- kind:id; '' is not known
  justification text NOT NULL,
  requested_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('requested', 'rendering', 'ready', 'failed')),
  due_at timestamptz,              -- taken by nobody before; NULL: over
  attempts integer NOT NULL DEFAULT 0,
  finished_at timestamptz,
  completeness text NOT NULL DEFAULT '', -- complete or partial
  json_digest text,
  pdf_digest text,
  code text NOT NULL DEFAULT '',   -- of what it failed for
  reason text NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, id)
)""",
    "assessment_head": """
CREATE TABLE assessment_head (
  tenant_id uuid NOT NULL,
  position bigint NOT NULL,        -- of the newest assessment; held until its transaction ends
  PRIMARY KEY (tenant_id)
)""",
    "assessment_event": """
CREATE TABLE assessment_event (
  tenant_id uuid NOT NULL,
  position bigint NOT NULL,        -- from 1, in the order of commits
  assessment_id uuid NOT NULL,
  release_id bytea NOT NULL,
  PRIMARY KEY (tenant_id, position),
  UNIQUE (tenant_id, assessment_id)
)""",
}
GRANTS = {
    "action_request": "SELECT, INSERT, UPDATE (evidence_id)",
    "pack_request": "SELECT, INSERT, "
    "UPDATE (status, due_at, attempts, finished_at, completeness, json_digest, pdf_digest, code, reason)",
    "assessment_head": "SELECT, INSERT, UPDATE (position)",
    "assessment_event": "SELECT, INSERT",
}
AUDITOR = "evidence_auditor"
# What a grant lets be seen of each (0015): subqueries run under the policies of that role too.
SEEN = {
    "action_request": """EXISTS (SELECT FROM evidence e
        WHERE e.tenant_id = action_request.tenant_id AND e.id = action_request.evidence_id)""",
    # A pack holds the verdicts of every framework.
    "pack_request": """(SELECT every_framework_granted()) AND EXISTS (SELECT FROM release r
        WHERE r.tenant_id = pack_request.tenant_id AND r.id = pack_request.release_id)""",
    "assessment_event": """EXISTS (SELECT FROM assessment a
        WHERE a.tenant_id = assessment_event.tenant_id AND a.id = assessment_event.assessment_id)""",
}
# Of one assessment there may be several: the newest of each type is what people know it by.
_ORDERED = """
INSERT INTO pack_request (tenant_id, id, release_id, redact, requested_by, justification, requested_at, status,
  finished_at, json_digest, pdf_digest)
SELECT tenant_id, assessment_id, release_id, false, '', '', max(created_at), 'ready', max(created_at),
  (array_agg(digest ORDER BY created_at DESC) FILTER (WHERE media_type = 'application/json'))[1],
  (array_agg(digest ORDER BY created_at DESC) FILTER (WHERE media_type = 'application/pdf'))[1]
FROM pack GROUP BY tenant_id, assessment_id, release_id
"""
_NUMBERED = """
INSERT INTO assessment_event (tenant_id, position, assessment_id, release_id)
SELECT tenant_id, row_number() OVER (PARTITION BY tenant_id ORDER BY tree_size, evaluated_at, id), id, release_id
FROM assessment
"""
_HEADS = """
INSERT INTO assessment_head (tenant_id, position)
SELECT tenant_id, max(position) FROM assessment_event GROUP BY tenant_id
"""


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO evidence_app")
    for table, seen in SEEN.items():
        op.execute(f"CREATE POLICY granted_rows ON {table} AS RESTRICTIVE FOR SELECT TO {AUDITOR} USING ({seen})")
        op.execute(f"GRANT SELECT ON {table} TO {AUDITOR}")
    op.execute("CREATE INDEX action_request_open ON action_request (tenant_id, requested_at) WHERE evidence_id IS NULL")
    op.execute("CREATE INDEX pack_request_by_time ON pack_request (tenant_id, requested_at, id)")
    op.execute("CREATE INDEX pack_request_due ON pack_request (tenant_id, due_at) WHERE due_at IS NOT NULL")
    op.execute("CREATE INDEX decision_by_time ON decision (tenant_id, decided_at, id)")
    _number_what_is_there()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _number_what_is_there() -> None:
    """Over all tenants' rows, which the owner sees only while the policies do not bind it."""
    for table in ("pack", "assessment"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in (_ORDERED, _NUMBERED, _HEADS):
        op.execute(statement)
    for table in ("pack", "assessment"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("DROP INDEX decision_by_time")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
