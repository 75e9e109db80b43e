"""Create trust rules out of the identity rules there were, and the upload tokens exchanged under them."""

from alembic import op
from sqlalchemy import text

from evidence_api.domain.errors import Conflict

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TRUST_RULE = """
CREATE TABLE trust_rule (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  name text NOT NULL,
  issuer text NOT NULL,            -- '' for a rule about a key
  identity text NOT NULL,          -- the certificate's SAN, exactly; '' for any
  claims jsonb NOT NULL,           -- claim -> pattern
  key_id text NOT NULL,            -- '' for a rule about an issuer
  predicate_types text[] NOT NULL, -- patterns; none for all
  subjects text[] NOT NULL,        -- patterns; none for all
  allow text[] NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, id)
)"""
# A row is kept for good: it says for whom a token was made, and that the CI token it was made for is spent.
UPLOADS = """
CREATE TABLE upload_token (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid PRIMARY KEY,
  hash bytea NOT NULL UNIQUE,      -- SHA-256 of the token; the token itself is shown once
  issuer text NOT NULL,
  jti bytea NOT NULL,              -- SHA-256 of the spent token's id
  identity text NOT NULL,
  claims jsonb NOT NULL,           -- what the issuer vouched for, by the names of rules
  rules text[] NOT NULL,           -- ids of the trust rules that named the job
  decision_id text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  UNIQUE (tenant_id, issuer, jti)
)"""
IDENTITY_RULE = """
CREATE TABLE identity_rule (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  issuer text NOT NULL,
  identity text NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, issuer, identity)
)"""
# Names were free before; where two active rules have one, the later gets its id behind it.
FORWARD = """
INSERT INTO trust_rule
SELECT tenant_id, id, CASE WHEN turn > 1 THEN name || ' (' || id || ')' ELSE name END, issuer, identity,
       '{}', '', '{}', '{}', '{}', created_at, revoked_at
FROM (
  SELECT *, CASE WHEN revoked_at IS NULL AND name <> '' THEN
    row_number() OVER (PARTITION BY tenant_id, name, revoked_at IS NULL ORDER BY created_at, id) ELSE 1 END AS turn
  FROM identity_rule
) AS numbered"""
PLAIN = "issuer <> '' AND identity <> '' AND claims = '{}' AND predicate_types || subjects || allow = '{}'"
BACK = f"""
INSERT INTO identity_rule
SELECT DISTINCT ON (tenant_id, issuer, identity)
       tenant_id, id, issuer, identity, replace(name, ' (' || id || ')', ''), created_at, revoked_at
FROM trust_rule WHERE {PLAIN}
ORDER BY tenant_id, issuer, identity, revoked_at IS NOT NULL, created_at"""  # noqa: S608  constants
INEXPRESSIBLE = f"SELECT count(*) FROM trust_rule WHERE revoked_at IS NULL AND NOT ({PLAIN})"  # noqa: S608  constants


def upgrade() -> None:
    op.execute(TRUST_RULE)
    op.execute("ALTER TABLE identity_rule NO FORCE ROW LEVEL SECURITY")  # the owner moves every tenant's rows
    op.execute(FORWARD)
    op.execute("DROP TABLE identity_rule")
    op.execute(
        "CREATE UNIQUE INDEX trust_rule_by_name ON trust_rule (tenant_id, name) WHERE revoked_at IS NULL AND name <> ''"
    )
    op.execute(UPLOADS)
    _protect("trust_rule", "SELECT, INSERT, UPDATE (name, revoked_at)")
    _protect("upload_token", "SELECT, INSERT")
    op.execute("CREATE POLICY presented ON upload_token FOR SELECT USING (hash = presented_token())")
    op.execute("ALTER TABLE api_token ADD COLUMN last_used_at timestamptz")
    op.execute("GRANT UPDATE (last_used_at) ON api_token TO evidence_app")


def downgrade() -> None:
    """Raises Conflict while there are rules that an issuer and an identity alone cannot say: without a rule about a key
    that key would be trusted for more than before."""
    op.execute("ALTER TABLE trust_rule NO FORCE ROW LEVEL SECURITY")
    count = op.get_bind().execute(text(INEXPRESSIBLE)).scalar()
    if count:
        raise Conflict(
            f"{count} trust rules say more than an issuer and an identity; remove them first", value=count, limit=0
        )
    op.execute(IDENTITY_RULE)
    op.execute(BACK)
    _protect("identity_rule", "SELECT, INSERT, UPDATE (name, revoked_at)")
    op.execute("DROP TABLE trust_rule")
    op.execute("DROP TABLE upload_token")
    op.execute("ALTER TABLE api_token DROP COLUMN last_used_at")


def _protect(table: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
    op.execute(f"GRANT {rights} ON {table} TO evidence_app")
