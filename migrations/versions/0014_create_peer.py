"""Peers that may ask signed questions: their keys, their grants, the nonces they used."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "peer": """
CREATE TABLE peer (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  source text NOT NULL,            -- the URL its keys came from; '' if they came in a file
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, id)
)""",
    "peer_key": """
CREATE TABLE peer_key (
  tenant_id uuid NOT NULL,
  key_id text NOT NULL,            -- RFC 7638 thumbprint
  peer_id uuid NOT NULL,
  public bytea NOT NULL,           -- Ed25519, 32 bytes
  pinned_at timestamptz NOT NULL,  -- when an operator had compared its fingerprint
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, key_id),
  FOREIGN KEY (tenant_id, peer_id) REFERENCES peer (tenant_id, id)
)""",
    "peer_grant": """
CREATE TABLE peer_grant (
  tenant_id uuid NOT NULL,
  peer_id uuid NOT NULL,
  id uuid NOT NULL,                -- another one each time it is granted anew
  documents text[] NOT NULL,       -- sha256:<hex> of persisted documents; empty: any
  types text[] NOT NULL,           -- of the GraphQL schema; empty: any
  frameworks text[] NOT NULL,
  releases text[] NOT NULL,
  granted_from timestamptz,
  granted_until timestamptz,
  not_after timestamptz,           -- when the grant itself ends
  cost_rate integer,               -- cost units a second; NULL: as any client of the tenant
  level double precision NOT NULL, -- of the bucket that rate restores; below 0 is debt
  moved_at timestamptz NOT NULL,
  granted_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, peer_id),
  FOREIGN KEY (tenant_id, peer_id) REFERENCES peer (tenant_id, id),
  CHECK (cost_rate > 0)
) WITH (fillfactor = 50)""",
    "peer_nonce": """
CREATE TABLE peer_nonce (
  tenant_id uuid NOT NULL,
  key_id text NOT NULL,
  nonce text NOT NULL,
  expires_at timestamptz NOT NULL, -- of the signature; swept some time after
  PRIMARY KEY (tenant_id, key_id, nonce)
)""",
}
GRANTS = {
    "peer": "SELECT, INSERT, UPDATE (source, revoked_at)",
    "peer_key": "SELECT, INSERT, UPDATE (peer_id, pinned_at, revoked_at)",
    "peer_grant": "SELECT, INSERT, UPDATE (id, documents, types, frameworks, releases, granted_from, granted_until, "
    "not_after, cost_rate, level, moved_at, granted_at)",
    "peer_nonce": "SELECT, INSERT, DELETE",
}


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO evidence_app")
    op.execute("CREATE UNIQUE INDEX peer_by_name ON peer (tenant_id, name) WHERE revoked_at IS NULL")
    op.execute("CREATE INDEX peer_key_by_peer ON peer_key (tenant_id, peer_id)")
    op.execute("CREATE INDEX peer_nonce_expired ON peer_nonce (tenant_id, expires_at)")


def downgrade() -> None:
    """What was enrolled is forgotten: nobody asks signed questions of a server before this revision."""
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
