"""Rows of a long log for benchmarks of reads, made by PostgreSQL itself: far faster than through the server.

They look like evidence to whoever lists it: nine kinds, all but one row in a hundred verified, a receipt every few
seconds with a fraction of a second, subjects with a SHA-256 each. There are no bodies, hashes or tiles behind them, so
nothing can be proved of them, and kinds that the server works on by itself are left out.
"""

import time
from uuid import UUID

import asyncpg

KINDS = (
    *("provenance", "test_result", "vulns", "github_checks", "static_analysis"),
    *("code_review", "deployment", "vex", "attest"),
)
_CHUNK = 500_000

_EVIDENCE = """
INSERT INTO evidence (tenant_id, leaf_index, id, leaf, leaf_hash, received, kind, predicate_type, media_type,
  body_digest, body_size, status, signer, verification, facts, effective, collected, series, sources, decision_id)
SELECT $1::uuid, n, sha256(convert_to($1::text || n, 'UTF8')), '\\x7b7d', sha256(convert_to('leaf' || n, 'UTF8')),
  timestamptz '2026-01-01 00:00:00+00' + n * interval '1.734567 seconds',
  ($4::text[])[1 + n % 9], 'https://example.test/predicates/' || ($4::text[])[1 + n % 9] || '/v1',
  'application/vnd.dsse.envelope.v1+json', sha256(convert_to($1::text || 'body' || n, 'UTF8')), 3000 + n % 4096,
  CASE WHEN n % 100 = 99 THEN 'unsigned' ELSE 'verified' END, 'ci-' || n % 3,
  '{"status": "verified", "signer": {"kind": "key", "name": "ci"}, "checks": ["signature"], "trust_root": "none"}',
  jsonb_build_object('result', 'passed', 'passed', n % 61, 'failed', 0, 'build', n),
  timestamptz '2026-01-01 00:00:00+00' + n * interval '1.734567 seconds' - interval '1 minute', NULL,
  ($4::text[])[1 + n % 9] || ' of service-' || n % 997, '{}', 'sha256:' || repeat(md5('allow'), 2)
FROM generate_series($2::bigint, $3::bigint - 1) AS n
"""
_SUBJECTS = """
INSERT INTO evidence_subject (tenant_id, leaf_index, position, digest, name)
SELECT $1::uuid, n, p, 'sha256:' || encode(sha256(convert_to(n || 'subject' || p, 'UTF8')), 'hex'),
  'dist/service-' || n % 997 || '/part-' || p || '.tar.gz'
FROM generate_series($2::bigint, $3::bigint - 1) AS n, generate_series(0, $4::int - 1) AS p
"""


async def fill(superuser_dsn: str, tenant: UUID, rows: int, subjects: int) -> float:
    """Give an empty tenant's log so many rows with so many subjects each; the seconds it took. No policy stands in the
    way of the superuser."""
    begun = time.perf_counter()
    connection = await asyncpg.connect(superuser_dsn)
    try:
        for first in range(0, rows, _CHUNK):
            last = min(first + _CHUNK, rows)
            await connection.execute(_EVIDENCE, tenant, first, last, list(KINDS))
            if subjects:
                await connection.execute(_SUBJECTS, tenant, first, last, subjects)
        await connection.execute("UPDATE log_head SET tree_size = $2 WHERE tenant_id = $1", tenant, rows)
        await connection.execute("VACUUM ANALYZE evidence")
        await connection.execute("VACUUM ANALYZE evidence_subject")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return time.perf_counter() - begun
