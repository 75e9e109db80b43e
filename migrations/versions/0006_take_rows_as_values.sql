-- What an append is given from now on: one value for each row, which is cheaper for both sides than an array for each
-- column. The two functions do what those of 0001 did.
CREATE TYPE new_evidence AS (
  id bytea, leaf bytea, leaf_hash bytea, received timestamptz, kind text, predicate_type text, media_type text,
  body_digest bytea, body_size integer, encoding text, content bytea,
  status text, signer text, verification jsonb, facts jsonb, effective timestamptz, collected timestamptz,
  series text, sources text, decision_id text,
  due_kind text                    -- what its releases now owe: its kind, or *
);
CREATE TYPE new_subject AS (leaf_index bigint, position integer, digest text, name text);
CREATE TYPE new_link AS (subject text, source text, leaf_index bigint);
CREATE TYPE new_release AS (id bytea, leaf_index bigint, name text, version text);
CREATE TYPE new_release_subject AS (digest text, release_id bytea);

-- Second half: everything an append of one batch writes, except tiles and decisions (rare), in one round trip.
CREATE FUNCTION append_batch(
  new_size bigint, new_root bytea, new_frontier bytea, new_checkpoint text, first_leaf bigint,
  batch new_evidence[], subjects new_subject[], links new_link[],
  releases new_release[], release_subjects new_release_subject[]
) RETURNS void LANGUAGE plpgsql
  -- Each lookup here is by key; see 0001_create_evidence_log.sql.
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  tenant uuid := current_tenant();
BEGIN
  INSERT INTO body (tenant_id, digest, size, encoding, content)
    SELECT tenant, body_digest, body_size, encoding, content FROM unnest(batch)
    ON CONFLICT DO NOTHING;
  INSERT INTO evidence (tenant_id, leaf_index, id, leaf, leaf_hash, received, kind, predicate_type, media_type,
      body_digest, body_size, status, signer, verification, facts, effective, collected, series, sources, decision_id)
    SELECT tenant, first_leaf + n - 1, i, l, h, r, k, p, m, b, z, s, g, v, f, e, c, x, string_to_array(o, ' '), d
      FROM unnest(batch) WITH ORDINALITY
        AS one (i, l, h, r, k, p, m, b, z, encoding, content, s, g, v, f, e, c, x, o, d, due_kind, n);
  INSERT INTO evidence_subject (tenant_id, leaf_index, position, digest, name)
    SELECT tenant, * FROM unnest(subjects);
  IF cardinality(links) > 0 THEN
    INSERT INTO source_link (tenant_id, subject, source, leaf_index)
      SELECT DISTINCT tenant, * FROM unnest(links);
  END IF;
  IF cardinality(releases) > 0 THEN
    INSERT INTO release (tenant_id, id, leaf_index, name, version)
      SELECT tenant, * FROM unnest(releases);
    INSERT INTO release_subject (tenant_id, digest, release_id)
      SELECT DISTINCT tenant, * FROM unnest(release_subjects);
    INSERT INTO due (tenant_id, release_id, kind, leaf_index)
      SELECT tenant, id, '*', new_size - 1 FROM unnest(releases) ORDER BY id
      ON CONFLICT (tenant_id, release_id, kind) DO UPDATE SET leaf_index = excluded.leaf_index;
  END IF;
  IF EXISTS (SELECT FROM release r WHERE r.tenant_id = tenant) THEN
    WITH RECURSIVE reach (kind, digest, step) AS (
      SELECT DISTINCT (batch[s.leaf_index - first_leaf + 1]).due_kind, s.digest, 0 FROM unnest(subjects) AS s
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
      updated_at = (batch[cardinality(batch)]).received
    WHERE tenant_id = tenant;
END
$$;

-- A whole append in one round trip and one transaction of its own, where the caller knows the head from its last append:
-- false, and nothing written, when the head has moved since or an id is in the log already.
CREATE FUNCTION append_at(
  tenant uuid, expected_size bigint,
  new_size bigint, new_root bytea, new_frontier bytea, new_checkpoint text, first_leaf bigint,
  batch new_evidence[], subjects new_subject[], links new_link[],
  releases new_release[], release_subjects new_release_subject[]
) RETURNS boolean LANGUAGE plpgsql
  -- Each lookup here is by key; see 0001_create_evidence_log.sql.
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
  PERFORM set_config('evidence.tenant', tenant::text, true);
  PERFORM FROM log_head h WHERE h.tenant_id = tenant AND h.tree_size = expected_size FOR UPDATE;
  IF NOT FOUND OR EXISTS (
    SELECT FROM evidence e WHERE e.tenant_id = tenant AND e.id = ANY (ARRAY(SELECT id FROM unnest(batch)))
  ) THEN
    RETURN false;
  END IF;
  PERFORM append_batch(
    new_size, new_root, new_frontier, new_checkpoint, first_leaf, batch, subjects, links, releases, release_subjects
  );
  RETURN true;
END
$$;
