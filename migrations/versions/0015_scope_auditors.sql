-- What a grant lets be seen. evidence.read_grant is set by SET LOCAL with evidence.tenant (store/session.py), as
-- {"frameworks": [], "releases": [], "from": null, "until": null, …}: an empty list or null leaves that side open.
-- Without a grant every answer here is NULL or empty, and so every policy that asks for it shows nothing.
CREATE FUNCTION read_grant() RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('evidence.read_grant', true), '')::jsonb;

CREATE FUNCTION granted_from() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE WHEN read_grant() IS NOT NULL THEN coalesce((read_grant()->>'from')::timestamptz, '-infinity') END;

CREATE FUNCTION granted_until() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE WHEN read_grant() IS NOT NULL THEN coalesce((read_grant()->>'until')::timestamptz, 'infinity') END;

CREATE FUNCTION every_release_granted() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  RETURN read_grant()->'releases' = '[]';

CREATE FUNCTION every_framework_granted() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  RETURN read_grant()->'frameworks' = '[]';

CREATE FUNCTION whole_grant() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  RETURN every_release_granted() AND every_framework_granted()
    AND granted_from() = '-infinity' AND granted_until() = 'infinity';

CREATE FUNCTION granted_releases() RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT jsonb_array_elements_text(read_grant()->'releases');
END;

-- The leaves about what the granted releases own (domain/ownership.py), as it was known when the period ended: what was
-- stated before it began is still what the evidence of the period is about.
-- As the owner, which the policies of evidence_auditor do not bind: they ask for this. own_rows binds it as everybody.
CREATE FUNCTION granted_leaves() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
AS $$
  WITH RECURSIVE reach (digest, step) AS (
    SELECT o.digest, 0 FROM release r
      JOIN evidence e ON e.tenant_id = current_tenant() AND e.leaf_index = r.leaf_index
        AND e.received < granted_until()
      JOIN release_subject o ON o.tenant_id = current_tenant() AND o.release_id = r.id
      WHERE r.tenant_id = current_tenant() AND r.name IN (SELECT granted_releases())
    UNION
    SELECT l.source, reach.step + 1 FROM reach
      JOIN source_link l ON l.tenant_id = current_tenant() AND l.subject = reach.digest
      JOIN evidence e ON e.tenant_id = current_tenant() AND e.leaf_index = l.leaf_index
        AND e.received < granted_until()
      WHERE reach.step < 3
  )
  SELECT DISTINCT s.leaf_index FROM reach
    JOIN evidence_subject s ON s.tenant_id = current_tenant() AND s.digest = reach.digest
$$;

-- Whether a leaf was there when the period ended. A release and what it was built from may be older than the period.
CREATE FUNCTION known_in_time(place bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
AS $$
  SELECT e.received < granted_until() FROM evidence e WHERE e.tenant_id = current_tenant() AND e.leaf_index = place
$$;

-- So that a page of the log begins where there may be something to see.
CREATE FUNCTION first_granted_leaf() RETURNS bigint LANGUAGE sql STABLE
  RETURN CASE WHEN every_release_granted() THEN 0 ELSE (SELECT min(leaf) FROM granted_leaves() AS leaf) END;

CREATE FUNCTION last_granted_leaf() RETURNS bigint LANGUAGE sql STABLE
  RETURN CASE WHEN every_release_granted() THEN 9223372036854775807
    ELSE (SELECT max(leaf) FROM granted_leaves() AS leaf) END;

-- The hashes of leaves, of those too that are not to be seen: proofs of the others are made of them.
CREATE FUNCTION leaf_hashes(leaves bigint[]) RETURNS TABLE (leaf bigint, hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
AS $$
  SELECT e.leaf_index, e.leaf_hash FROM evidence e
    WHERE e.tenant_id = current_tenant() AND e.leaf_index = ANY (leaves)
$$;
