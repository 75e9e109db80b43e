-- Everything of a tenant carries tenant_id and is behind forced row-level security.
-- evidence.tenant is set by SET LOCAL in each transaction; unset means no rows at all.

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('evidence.tenant', true), '')::uuid;

-- The directory of tenants and the content-addressed catalogs and policies belong to the operator.
CREATE TABLE tenant (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  created_at timestamptz NOT NULL
);
CREATE TABLE catalog_version (
  digest text PRIMARY KEY,
  sources jsonb NOT NULL,          -- file name -> text
  rego text NOT NULL,              -- the generated package
  first_used timestamptz NOT NULL
);
CREATE TABLE policy_version (
  digest text PRIMARY KEY,
  modules jsonb NOT NULL,          -- file name -> text
  data jsonb NOT NULL,
  first_used timestamptz NOT NULL
);

CREATE TABLE api_token (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid PRIMARY KEY,
  hash bytea NOT NULL UNIQUE,      -- SHA-256 of the token; the token itself is shown once
  name text NOT NULL,
  rights text[] NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz
);
CREATE TABLE verification_key (
  tenant_id uuid NOT NULL REFERENCES tenant,
  key_id text NOT NULL,            -- sha256:<hex> of SubjectPublicKeyInfo
  name text NOT NULL,
  algorithm text NOT NULL,
  pem text NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, key_id)
);
CREATE TABLE identity_rule (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  issuer text NOT NULL,
  identity text NOT NULL,          -- the certificate's SAN, exactly
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, issuer, identity)
);
CREATE TABLE log_head (
  tenant_id uuid PRIMARY KEY REFERENCES tenant,
  origin text NOT NULL UNIQUE,
  tree_size bigint NOT NULL,
  root bytea NOT NULL,
  frontier bytea NOT NULL,         -- roots of the complete subtrees, largest first, 32 bytes each
  checkpoint text NOT NULL,        -- signed note of this size
  updated_at timestamptz NOT NULL
);
CREATE TABLE tile (
  tenant_id uuid NOT NULL REFERENCES tenant,
  level smallint NOT NULL,
  index bigint NOT NULL,
  hashes bytea NOT NULL,           -- 256 x 32 bytes; written once, when full
  root bytea NOT NULL,
  PRIMARY KEY (tenant_id, level, index)
);
CREATE TABLE decision (             -- one row per distinct answer of a gate, by content
  tenant_id uuid NOT NULL REFERENCES tenant,
  id text NOT NULL,                -- sha256:<hex> over area, input digest, policy digest
  area text NOT NULL,
  allow boolean NOT NULL,
  rules text[] NOT NULL,
  reasons text[] NOT NULL,
  input jsonb NOT NULL,
  input_digest text NOT NULL,
  policy_digest text NOT NULL,
  decided_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE TABLE body (
  tenant_id uuid NOT NULL REFERENCES tenant,
  digest bytea NOT NULL,           -- SHA-256 of the bytes received
  size integer NOT NULL,
  encoding text NOT NULL,          -- identity | zstd
  content bytea,                   -- NULL once erased
  PRIMARY KEY (tenant_id, digest)
);
CREATE TABLE evidence (
  tenant_id uuid NOT NULL REFERENCES tenant,
  leaf_index bigint NOT NULL,
  id bytea NOT NULL,               -- the evidence identity, 32 bytes
  leaf bytea NOT NULL,             -- canonical JSON {evidence, kind, received}
  leaf_hash bytea NOT NULL,
  received timestamptz NOT NULL,
  kind text NOT NULL,
  predicate_type text NOT NULL,
  media_type text NOT NULL,
  body_digest bytea NOT NULL,
  body_size integer NOT NULL,
  status text NOT NULL CHECK (status IN ('verified', 'unsupported', 'unsigned')),
  signer text NOT NULL,            -- label; '' if nobody verified
  verification jsonb NOT NULL,
  facts jsonb NOT NULL,
  effective timestamptz,
  collected timestamptz,
  series text NOT NULL,
  sources text[] NOT NULL,
  decision_id text NOT NULL,       -- the admission decision
  PRIMARY KEY (tenant_id, leaf_index),
  UNIQUE (tenant_id, id)
);
CREATE TABLE evidence_subject (
  tenant_id uuid NOT NULL REFERENCES tenant,
  digest text NOT NULL,            -- algorithm:hex
  leaf_index bigint NOT NULL,
  position integer NOT NULL,       -- which subject of the statement
  name text NOT NULL,
  PRIMARY KEY (tenant_id, digest, leaf_index, position)
);
CREATE INDEX evidence_subject_by_leaf ON evidence_subject (tenant_id, leaf_index, position);
CREATE INDEX evidence_by_kind ON evidence (tenant_id, kind, leaf_index);
CREATE TABLE source_link (          -- verified provenance: this subject was built from that source
  tenant_id uuid NOT NULL REFERENCES tenant,
  subject text NOT NULL,
  source text NOT NULL,
  leaf_index bigint NOT NULL,
  PRIMARY KEY (tenant_id, subject, source, leaf_index)
);
CREATE INDEX source_link_by_source ON source_link (tenant_id, source);
CREATE TABLE release (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id bytea NOT NULL,               -- the evidence id of the release statement
  leaf_index bigint NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX release_by_name ON release (tenant_id, name, leaf_index);
CREATE TABLE release_subject (
  tenant_id uuid NOT NULL REFERENCES tenant,
  digest text NOT NULL,
  release_id bytea NOT NULL,
  PRIMARY KEY (tenant_id, digest, release_id)
);
CREATE INDEX release_subject_by_release ON release_subject (tenant_id, release_id);
CREATE TABLE due (                  -- assessments owed, written in the transaction that owes them
  tenant_id uuid NOT NULL REFERENCES tenant,
  release_id bytea NOT NULL,
  kind text NOT NULL,              -- the kind that arrived; '*' = every control
  leaf_index bigint NOT NULL,      -- the newest leaf that made it due
  PRIMARY KEY (tenant_id, release_id, kind)
);
CREATE TABLE assessment (
  tenant_id uuid NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  release_id bytea NOT NULL,
  tree_size bigint NOT NULL,
  evaluated_at timestamptz NOT NULL,
  catalog_digest text NOT NULL REFERENCES catalog_version,
  policy_digest text NOT NULL,
  counts jsonb NOT NULL,
  criteria jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX assessment_by_release ON assessment (tenant_id, release_id, tree_size, evaluated_at);
CREATE TABLE finding (
  tenant_id uuid NOT NULL REFERENCES tenant,
  assessment_id uuid NOT NULL,
  control_id text NOT NULL,
  outcome text NOT NULL,
  raw text NOT NULL,
  because text NOT NULL,
  fix text NOT NULL,
  waiver text NOT NULL,
  queries jsonb NOT NULL,
  evidence bytea[] NOT NULL,       -- evidence ids the finding used
  PRIMARY KEY (tenant_id, assessment_id, control_id),
  FOREIGN KEY (tenant_id, assessment_id) REFERENCES assessment ON DELETE CASCADE
);
CREATE TABLE pack (
  tenant_id uuid NOT NULL REFERENCES tenant,
  digest text NOT NULL,
  release_id bytea NOT NULL,
  assessment_id uuid NOT NULL,
  media_type text NOT NULL,
  created_at timestamptz NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (tenant_id, digest)
);
CREATE TABLE refusal (              -- what was turned away at the door: never evidence, always on record
  tenant_id uuid NOT NULL REFERENCES tenant,
  id bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  token_id uuid,
  code text NOT NULL,
  message text NOT NULL,
  body_digest bytea NOT NULL,
  body_size integer NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

ALTER TABLE body ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE pack ALTER COLUMN content SET STORAGE EXTERNAL;
