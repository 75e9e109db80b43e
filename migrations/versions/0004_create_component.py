"""Create the index of components, tenant by tenant, and the operator's advisories about packages."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TENANT_TABLES = {
    "component": """
CREATE TABLE component (            -- one row for all SBOMs that say the same of it, by content
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,                -- first half of the SHA-256 over what the row says
  package text NOT NULL,           -- its purl without version, qualifiers and subpath; '' if it has none
  version text NOT NULL,
  name text NOT NULL,
  purl text NOT NULL,
  supplier text NOT NULL,
  licence text NOT NULL,
  hashes text[] NOT NULL,          -- algorithm:hex
  PRIMARY KEY (tenant_id, id)
)""",
    "sbom_component": """
CREATE TABLE sbom_component (
  tenant_id uuid NOT NULL,
  component_id uuid NOT NULL,
  leaf_index bigint NOT NULL,      -- the SBOM's place in the log
  PRIMARY KEY (tenant_id, component_id, leaf_index)
)""",
    "sbom_index": """
CREATE TABLE sbom_index (           -- which SBOMs are in the index, and who is at work on the others
  tenant_id uuid NOT NULL,
  leaf_index bigint NOT NULL,
  components integer,              -- distinct ones; NULL until the SBOM is in the index, then for ever
  code text NOT NULL,              -- why it has none: erased, or the code of what could not be read
  claimed_until timestamptz,       -- a worker has it until then; past or NULL: free
  PRIMARY KEY (tenant_id, leaf_index)
)""",
    "advisory_match": """
CREATE TABLE advisory_match (       -- the import of advisories a tenant's current releases were last matched with
  tenant_id uuid PRIMARY KEY,
  import_id bigint NOT NULL
)""",
}
# Reference data about the world's packages: the operator's, the same for every tenant.
SHARED_TABLES = {
    "advisory": """
CREATE TABLE advisory (             -- records as imported, superseded ones too: what was derived names them
  digest bytea PRIMARY KEY,        -- SHA-256 of the record's canonical JSON
  id text COLLATE "C" NOT NULL,
  modified timestamptz NOT NULL,
  withdrawn timestamptz,
  size integer NOT NULL,
  encoding text NOT NULL,          -- identity | zstd
  content bytea NOT NULL,          -- the canonical JSON
  current boolean NOT NULL,
  imported_at timestamptz NOT NULL
)""",
    "advisory_package": """
CREATE TABLE advisory_package (     -- packages that current records name
  ecosystem text NOT NULL,         -- without the release (Debian, not Debian:12)
  name text NOT NULL,
  digest bytea NOT NULL REFERENCES advisory,
  PRIMARY KEY (ecosystem, name, digest)
)""",
    "advisory_import": """
CREATE TABLE advisory_import (      -- imports that changed something
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  feed_digest text NOT NULL,       -- sha256 over all current records, by id
  records integer NOT NULL,        -- current ones afterwards
  added integer NOT NULL,
  changed integer NOT NULL,
  withdrawn integer NOT NULL,
  imported_at timestamptz NOT NULL
)""",
}
INDEXES = (
    "CREATE INDEX component_by_package ON component (tenant_id, package)",
    "CREATE INDEX component_by_name ON component (tenant_id, name)",
    "CREATE INDEX sbom_component_by_sbom ON sbom_component (tenant_id, leaf_index)",
    "CREATE INDEX sbom_index_waiting ON sbom_index (tenant_id, leaf_index) WHERE components IS NULL",
    "CREATE UNIQUE INDEX advisory_current ON advisory (id) WHERE current",
    "CREATE INDEX advisory_package_by_record ON advisory_package (digest)",
)
GRANTS = {
    "component": "SELECT, INSERT",
    "sbom_component": "SELECT, INSERT",
    "sbom_index": "SELECT, INSERT, UPDATE (components, code, claimed_until)",
    "advisory_match": "SELECT, INSERT, UPDATE (import_id)",
    # Imported with the owner's connection: no request of a tenant can change what all tenants are matched with.
    "advisory": "SELECT",
    "advisory_package": "SELECT",
    "advisory_import": "SELECT",
}


def upgrade() -> None:
    for statement in (*TENANT_TABLES.values(), *SHARED_TABLES.values(), *INDEXES):
        op.execute(statement)
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
    for table, rights in GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO evidence_app")
    op.execute("ALTER TABLE advisory ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in ("advisory_package", "advisory", "advisory_import", *reversed(TENANT_TABLES)):
        op.execute(f"DROP TABLE {table}")
