-- Everything of a tenant carries tenant_id and is behind forced row-level security (0001_create_evidence_log.py).
-- evidence.tenant is set by SET LOCAL in each transaction; unset means no rows at all.
-- Only the small tables reference tenant: on the tables an append fills, the check would cost a lookup per row and
-- prove nothing, since their rows can only carry the tenant whose log_head row the append has locked.

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('evidence.tenant', true), '')::uuid;

-- The SHA-256 of the token a caller presents, in hex: makes exactly that token visible before the tenant is known.
CREATE FUNCTION presented_token() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
  RETURN decode(nullif(current_setting('evidence.token_hash', true), ''), 'hex');

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
  tenant_id uuid NOT NULL,
  level smallint NOT NULL,
  index bigint NOT NULL,
  hashes bytea NOT NULL,           -- 256 x 32 bytes; written once, when full
  root bytea NOT NULL,
  PRIMARY KEY (tenant_id, level, index)
);
CREATE TABLE decision (             -- one row per distinct answer of a gate, by content
  tenant_id uuid NOT NULL,
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
  tenant_id uuid NOT NULL,
  digest bytea NOT NULL,           -- SHA-256 of the bytes received
  size integer NOT NULL,
  encoding text NOT NULL,          -- identity | zstd
  content bytea,                   -- NULL once erased
  PRIMARY KEY (tenant_id, digest)
);
CREATE TABLE evidence (
  tenant_id uuid NOT NULL,
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
  tenant_id uuid NOT NULL,
  digest text NOT NULL,            -- algorithm:hex
  leaf_index bigint NOT NULL,
  position integer NOT NULL,       -- which subject of the statement
  name text NOT NULL,
  PRIMARY KEY (tenant_id, digest, leaf_index, position)
);
CREATE INDEX evidence_subject_by_leaf ON evidence_subject (tenant_id, leaf_index, position);
CREATE INDEX evidence_by_kind ON evidence (tenant_id, kind, leaf_index);
CREATE TABLE source_link (          -- verified provenance: this subject was built from that source
  tenant_id uuid NOT NULL,
  subject text NOT NULL,
  source text NOT NULL,
  leaf_index bigint NOT NULL,
  PRIMARY KEY (tenant_id, subject, source, leaf_index)
);
CREATE INDEX source_link_by_source ON source_link (tenant_id, source);
CREATE TABLE release (
  tenant_id uuid NOT NULL,
  id bytea NOT NULL,               -- the evidence id of the release statement
  leaf_index bigint NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX release_by_name ON release (tenant_id, name, leaf_index);
CREATE TABLE release_subject (
  tenant_id uuid NOT NULL,
  digest text NOT NULL,
  release_id bytea NOT NULL,
  PRIMARY KEY (tenant_id, digest, release_id)
);
CREATE INDEX release_subject_by_release ON release_subject (tenant_id, release_id);
CREATE TABLE due (                  -- assessments owed, written in the transaction that owes them
  tenant_id uuid NOT NULL,
  release_id bytea NOT NULL,
  kind text NOT NULL,              -- the kind that arrived; '*' = every control
  leaf_index bigint NOT NULL,      -- the newest leaf of the append that made it due
  claimed_until timestamptz,       -- a worker has it until then; past or NULL: free
  PRIMARY KEY (tenant_id, release_id, kind)
);
CREATE TABLE assessment (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  release_id bytea NOT NULL,
  tree_size bigint NOT NULL,
  evaluated_at timestamptz NOT NULL,
  catalog_digest text NOT NULL REFERENCES catalog_version,
  policy_digest text NOT NULL,
  counts jsonb NOT NULL,
  criteria jsonb NOT NULL,
  notes text[] NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX assessment_by_release ON assessment (tenant_id, release_id, tree_size, evaluated_at);
CREATE TABLE finding (
  tenant_id uuid NOT NULL,
  assessment_id uuid NOT NULL,
  control_id text NOT NULL,
  position integer NOT NULL,       -- its place in the assessment
  outcome text NOT NULL,
  raw text NOT NULL,
  because text NOT NULL,
  fix text NOT NULL,
  waiver text NOT NULL,
  code text NOT NULL,
  facts jsonb NOT NULL,
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
  tenant_id uuid NOT NULL,
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

-- First half of an append: lock the head, and say which of these ids the log already has. A function, because the
-- second query must see what was committed while the first one waited, and both in one round trip.
CREATE FUNCTION lock_log(
  ids bytea[], OUT origin text, OUT tree_size bigint, OUT frontier bytea, OUT known_ids bytea[], OUT known_leaves bigint[]
) LANGUAGE plpgsql
  -- Each lookup here is by key; without statistics (a young or fast-growing table) the planner would scan instead.
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
  SELECT h.origin, h.tree_size, h.frontier INTO origin, tree_size, frontier
    FROM log_head h WHERE h.tenant_id = current_tenant() FOR UPDATE;
  SELECT array_agg(e.id), array_agg(e.leaf_index) INTO known_ids, known_leaves
    FROM evidence e WHERE e.tenant_id = current_tenant() AND e.id = ANY (ids);
END
$$;

-- Second half: everything an append of one batch writes, except tiles and decisions (rare), in one round trip.
-- Arrays of one group have one element per row. due_kinds says per envelope what its releases now owe: its kind, or *.
CREATE FUNCTION append_batch(
  new_size bigint, new_root bytea, new_frontier bytea, new_checkpoint text, first_leaf bigint,
  ids bytea[], leaves bytea[], leaf_hashes bytea[], received timestamptz[], kinds text[], predicate_types text[],
  media_types text[], body_digests bytea[], body_sizes integer[], encodings text[], contents bytea[],
  statuses text[], signers text[], verifications text[], facts text[], effective timestamptz[], collected timestamptz[],
  series text[], sources text[], decision_ids text[], due_kinds text[],
  subject_leaves bigint[], subject_positions integer[], subject_digests text[], subject_names text[],
  link_subjects text[], link_sources text[], link_leaves bigint[],
  release_ids bytea[], release_leaves bigint[], release_names text[], release_versions text[],
  owned_digests text[], owner_ids bytea[]
) RETURNS void LANGUAGE plpgsql
  -- As above.
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  tenant uuid := current_tenant();
BEGIN
  INSERT INTO body (tenant_id, digest, size, encoding, content)
    SELECT tenant, * FROM unnest(body_digests, body_sizes, encodings, contents)
    ON CONFLICT DO NOTHING;
  INSERT INTO evidence (tenant_id, leaf_index, id, leaf, leaf_hash, received, kind, predicate_type, media_type,
      body_digest, body_size, status, signer, verification, facts, effective, collected, series, sources, decision_id)
    SELECT tenant, first_leaf + n - 1, i, l, h, r, k, p, m, b, z, s, g, v::jsonb, f::jsonb, e, c, x,
        string_to_array(o, ' '), d
      FROM unnest(ids, leaves, leaf_hashes, received, kinds, predicate_types, media_types, body_digests, body_sizes,
          statuses, signers, verifications, facts, effective, collected, series, sources, decision_ids)
        WITH ORDINALITY AS batch (i, l, h, r, k, p, m, b, z, s, g, v, f, e, c, x, o, d, n);
  INSERT INTO evidence_subject (tenant_id, leaf_index, position, digest, name)
    SELECT tenant, * FROM unnest(subject_leaves, subject_positions, subject_digests, subject_names);
  IF cardinality(link_leaves) > 0 THEN
    INSERT INTO source_link (tenant_id, subject, source, leaf_index)
      SELECT DISTINCT tenant, * FROM unnest(link_subjects, link_sources, link_leaves);
  END IF;
  IF cardinality(release_leaves) > 0 THEN
    INSERT INTO release (tenant_id, id, leaf_index, name, version)
      SELECT tenant, * FROM unnest(release_ids, release_leaves, release_names, release_versions);
    INSERT INTO release_subject (tenant_id, digest, release_id)
      SELECT DISTINCT tenant, * FROM unnest(owned_digests, owner_ids);
    INSERT INTO due (tenant_id, release_id, kind, leaf_index)
      SELECT tenant, i, '*', new_size - 1 FROM unnest(release_ids) AS new (i) ORDER BY i
      ON CONFLICT (tenant_id, release_id, kind) DO UPDATE SET leaf_index = excluded.leaf_index;
  END IF;
  IF EXISTS (SELECT FROM release r WHERE r.tenant_id = tenant) THEN
    WITH RECURSIVE reach (kind, digest, step) AS (
      SELECT DISTINCT due_kinds[s.leaf - first_leaf + 1], s.digest, 0
        FROM unnest(subject_leaves, subject_digests) AS s (leaf, digest)
      UNION
      SELECT reach.kind, l.subject, reach.step + 1
        FROM reach JOIN source_link l ON l.tenant_id = tenant AND l.source = reach.digest
        WHERE reach.step < 3
    )
    -- In the order in which store/assessments.py takes these rows, so that the two never wait for each other.
    INSERT INTO due (tenant_id, release_id, kind, leaf_index)
      SELECT DISTINCT tenant, o.release_id, reach.kind, new_size - 1
        FROM reach JOIN release_subject o ON o.tenant_id = tenant AND o.digest = reach.digest
        ORDER BY o.release_id, reach.kind
      ON CONFLICT (tenant_id, release_id, kind) DO UPDATE SET leaf_index = excluded.leaf_index;
  END IF;
  UPDATE log_head SET tree_size = new_size, root = new_root, frontier = new_frontier, checkpoint = new_checkpoint,
      updated_at = received[cardinality(received)]
    WHERE tenant_id = tenant;
END
$$;

-- A whole append in one round trip and one transaction of its own, where the caller knows the head from its last append:
-- false, and nothing written, when the head has moved since or an id is in the log already.
CREATE FUNCTION append_at(
  tenant uuid, expected_size bigint,
  new_size bigint, new_root bytea, new_frontier bytea, new_checkpoint text, first_leaf bigint,
  ids bytea[], leaves bytea[], leaf_hashes bytea[], received timestamptz[], kinds text[], predicate_types text[],
  media_types text[], body_digests bytea[], body_sizes integer[], encodings text[], contents bytea[],
  statuses text[], signers text[], verifications text[], facts text[], effective timestamptz[], collected timestamptz[],
  series text[], sources text[], decision_ids text[], due_kinds text[],
  subject_leaves bigint[], subject_positions integer[], subject_digests text[], subject_names text[],
  link_subjects text[], link_sources text[], link_leaves bigint[],
  release_ids bytea[], release_leaves bigint[], release_names text[], release_versions text[],
  owned_digests text[], owner_ids bytea[]
) RETURNS boolean LANGUAGE plpgsql
  -- As above.
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
  PERFORM set_config('evidence.tenant', tenant::text, true);
  PERFORM FROM log_head h WHERE h.tenant_id = tenant AND h.tree_size = expected_size FOR UPDATE;
  IF NOT FOUND OR EXISTS (SELECT FROM evidence e WHERE e.tenant_id = tenant AND e.id = ANY (ids)) THEN
    RETURN false;
  END IF;
  PERFORM append_batch(
    new_size, new_root, new_frontier, new_checkpoint, first_leaf, ids, leaves, leaf_hashes, received, kinds,
    predicate_types, media_types, body_digests, body_sizes, encodings, contents, statuses, signers, verifications,
    facts, effective, collected, series, sources, decision_ids, due_kinds, subject_leaves, subject_positions,
    subject_digests, subject_names, link_subjects, link_sources, link_leaves, release_ids, release_leaves,
    release_names, release_versions, owned_digests, owner_ids
  );
  RETURN true;
END
$$;
