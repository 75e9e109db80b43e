"""Rates of tenants and clients: two buckets a request, and how a tenant is limited."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "rate_limit": """
CREATE TABLE rate_limit (
  tenant_id uuid NOT NULL,
  capacity bigint NOT NULL,        -- cost units a full bucket holds
  restore bigint NOT NULL,         -- cost units that come back in a second
  mode text NOT NULL,              -- enforce, or measure: count what would be refused
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id),
  CHECK (capacity BETWEEN 1 AND 1000000000),
  CHECK (restore BETWEEN 1 AND 100000000),
  CHECK (mode IN ('enforce', 'measure'))
)""",
    # Buckets that a crash empties out of the table are full ones: their writes need no log.
    "rate_bucket": """
CREATE UNLOGGED TABLE rate_bucket (
  tenant_id uuid NOT NULL,
  client text NOT NULL,            -- '' is the tenant's own bucket
  level bigint NOT NULL,           -- one unit is 100,000,000; below 0 is debt
  moved_at timestamptz NOT NULL,
  full_at timestamptz NOT NULL,    -- when it is full again, if nothing more is taken
  newest_client text,              -- of the tenant's own bucket alone: who came last,
  newest_at timestamptz,           -- when, and
  other_at timestamptz,            -- when anybody else last did
  PRIMARY KEY (tenant_id, client)
) WITH (fillfactor = 50)""",
}
GRANTS = {
    "rate_limit": "SELECT",
    "rate_bucket": "SELECT, INSERT, UPDATE (level, moved_at, full_at, newest_client, newest_at, other_at), DELETE",
}
# Moves the buckets of every request that waits in one process: takes (cost > 0), looks (0) or gives back (cost < 0);
# what is not asked, but has happened, is taken whatever a bucket holds. Each in turn,
# request by request in the order of the arrays. Each tenant's own bucket is locked before its clients' are looked at,
# and tenants in the order of their ids, so no two calls wait for each other; the lock of the tenant's covers them all.
#
# A request is let in unless its tenant's bucket or its client's is in debt, and may itself leave both in debt: a large
# request waits no longer than a small one. A client's bucket is 60 % of its tenant's, and all of it while nobody else
# of the tenant has come within a minute. In mode `measure` everybody is let in; what would have been refused is said,
# and not taken, so that nobody begins `enforce` in debt.
#
# Whole numbers throughout: one unit is 100,000,000, so what one unit a second restores in a microsecond is 100 to a
# tenant and 60 to a client of several. A clock that goes back restores nothing; elapsed time is cut where the bucket is
# full anyway, so that no product overflows.
MOVE = """
CREATE FUNCTION move_rates(
  of_tenants uuid[], of_clients text[], costs bigint[], asked boolean[],
  usual_capacity bigint, usual_restore bigint, usual_mode text, stated timestamptz DEFAULT NULL
) RETURNS TABLE (
  place integer, granted boolean, refusable boolean, own boolean, mode text, quota bigint, restore_rate bigint,
  remaining bigint, reset_us bigint, retry_us bigint, capacity bigint, restore bigint,
  tenant_holds bigint, client_holds bigint
) LANGUAGE plpgsql AS $$
DECLARE
  unit constant bigint := 100000000;
  share_of_many constant bigint := 60;
  alone_after constant interval := '60 seconds';
  one_tenant uuid;
  limits rate_limit;
  mine rate_bucket;
  moment timestamptz;
  share bigint;
  full_tenant bigint; full_client bigint;
  rate_tenant bigint; rate_client bigint;
  level_tenant bigint; level_client bigint;
  names text[]; levels bigint[];
  c integer;
  narrow boolean;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR one_tenant IN SELECT DISTINCT u FROM unnest(of_tenants) u ORDER BY u LOOP
    PERFORM set_config('evidence.tenant', one_tenant::text, true);
    SELECT * INTO limits FROM rate_limit l WHERE l.tenant_id = one_tenant;
    own := FOUND;
    IF NOT own THEN
      limits.capacity := usual_capacity; limits.restore := usual_restore; limits.mode := usual_mode;
    END IF;
    full_tenant := limits.capacity * unit;
    rate_tenant := limits.restore * 100;
    LOOP
      SELECT * INTO mine FROM rate_bucket b WHERE b.tenant_id = one_tenant AND b.client = '' FOR UPDATE;
      EXIT WHEN FOUND;
      INSERT INTO rate_bucket (tenant_id, client, level, moved_at, full_at)
        VALUES (one_tenant, '', full_tenant, coalesce(stated, clock_timestamp()), coalesce(stated, clock_timestamp()))
        ON CONFLICT DO NOTHING;
    END LOOP;
    moment := coalesce(stated, clock_timestamp());
    level_tenant := restored_level(mine.level, full_tenant, rate_tenant, moment - mine.moved_at);

    SELECT array_agg(DISTINCT u.client) INTO names
      FROM unnest(of_tenants, of_clients) u (tenant, client) WHERE u.tenant = one_tenant;
    IF cardinality(names) > 1 THEN
      mine.other_at := moment;
      mine.newest_client := names[1];
    ELSIF mine.newest_client IS DISTINCT FROM names[1] THEN
      mine.other_at := mine.newest_at;
      mine.newest_client := names[1];
    END IF;
    mine.newest_at := moment;
    share := CASE WHEN mine.other_at > moment - alone_after THEN share_of_many ELSE 100 END;
    full_client := limits.capacity * share * 1000000;
    rate_client := limits.restore * share;
    SELECT array_agg(
        coalesce(restored_level(b.level, full_client, rate_client, moment - b.moved_at), full_client) ORDER BY n.place
      ) INTO levels
      FROM unnest(names) WITH ORDINALITY n (client, place)
      LEFT JOIN rate_bucket b ON b.tenant_id = one_tenant AND b.client = n.client;

    mode := limits.mode;
    capacity := limits.capacity;
    restore := limits.restore;
    FOR i IN 1 .. cardinality(costs) LOOP
      CONTINUE WHEN of_tenants[i] <> one_tenant;
      c := CASE cardinality(names) WHEN 1 THEN 1 ELSE array_position(names, of_clients[i]) END;
      level_client := levels[c];
      refusable := asked[i] AND costs[i] > 0 AND (level_tenant <= 0 OR level_client <= 0);
      granted := NOT refusable OR mode = 'measure';
      IF NOT refusable AND costs[i] <> 0 THEN
        level_tenant := least(full_tenant, level_tenant - costs[i] * unit);
        level_client := least(full_client, level_client - costs[i] * unit);
        levels[c] := level_client;
      END IF;
      narrow := level_client <= level_tenant;
      place := i;
      quota := CASE WHEN narrow THEN limits.capacity * share / 100 ELSE limits.capacity END;
      restore_rate := CASE WHEN narrow THEN limits.restore * share / 100 ELSE limits.restore END;
      remaining := greatest(0, CASE WHEN narrow THEN level_client ELSE level_tenant END / unit);
      reset_us := CASE WHEN narrow THEN (full_client - level_client) / rate_client
        ELSE (full_tenant - level_tenant) / rate_tenant END;
      retry_us := CASE WHEN refusable THEN
        1 + greatest(0, -level_tenant / rate_tenant, -level_client / rate_client) ELSE 0 END;
      tenant_holds := level_tenant;
      client_holds := level_client;
      RETURN NEXT;
    END LOOP;

    INSERT INTO rate_bucket AS kept (tenant_id, client, level, moved_at, full_at)
      SELECT one_tenant, n.client, n.level, moment, moment + (full_client - n.level) / rate_client * interval '1 us'
      FROM unnest(names, levels) n (client, level)
      ON CONFLICT (tenant_id, client) DO UPDATE SET level = excluded.level,
        moved_at = greatest(kept.moved_at, excluded.moved_at), full_at = excluded.full_at;
    UPDATE rate_bucket b SET level = level_tenant, moved_at = greatest(b.moved_at, moment),
        full_at = moment + (full_tenant - level_tenant) / rate_tenant * interval '1 us',
        newest_client = mine.newest_client, newest_at = mine.newest_at, other_at = mine.other_at
      WHERE b.tenant_id = one_tenant AND b.client = '';
  END LOOP;
END $$
"""
RESTORED = """
CREATE FUNCTION restored_level(was bigint, brim bigint, rate bigint, elapsed interval) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(brim, was + rate * greatest(0, least(
  (brim - was) / rate + 1, (extract(epoch FROM elapsed) * 1000000)::bigint)))
"""


def upgrade() -> None:
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO evidence_app")
    op.execute(RESTORED)
    op.execute(MOVE)


def downgrade() -> None:
    op.execute("DROP FUNCTION move_rates")
    op.execute("DROP FUNCTION restored_level")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
