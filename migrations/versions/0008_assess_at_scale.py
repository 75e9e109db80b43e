"""Keep the findings of an assessment as one value; let what is due wait in the background; wake releases by time.

The findings of what was assessed before are packed here, and unpacked on the way back: zstd of a line of JSON
[[control, outcome, length], …], then each finding's JSON with sorted keys (evidence_api/store/findings.py).
"""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
import zstandard
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OWN = "tenant_id = current_tenant()"
TABLES = {
    "timer": """
CREATE TABLE timer (
  tenant_id uuid NOT NULL,
  release_id bytea NOT NULL,
  tree_size bigint NOT NULL,       -- of the assessment it comes from
  moves_at timestamptz,            -- when time alone can change it; NULL: not before evidence arrives
  PRIMARY KEY (tenant_id, release_id)
)""",
    "reassessment": """
CREATE TABLE reassessment (
  tenant_id uuid NOT NULL,
  cause text NOT NULL,             -- the kind of its due rows
  catalog_digest text NOT NULL,
  policy_digest text NOT NULL,
  controls integer NOT NULL,
  releases bigint NOT NULL,        -- as many as were due because of it
  begun_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, cause)
)""",
}
GRANTS = {
    "timer": "SELECT, INSERT, UPDATE (tree_size, moves_at)",
    "reassessment": "SELECT, INSERT, UPDATE (releases, begun_at, finished_at)",
}
FINDING = """
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
)"""
_FINDINGS = """
SELECT f.tenant_id, f.assessment_id, f.control_id, f.outcome, f.raw, f.because, f.fix, f.waiver, f.code,
  f.facts::text, f.queries::text, ARRAY(SELECT 'sha256:' || encode(e, 'hex') FROM unnest(f.evidence) AS e) AS evidence
FROM finding f WHERE f.assessment_id = ANY (:ids) ORDER BY f.tenant_id, f.assessment_id, f.position
"""
_AT_ONCE = 50


def upgrade() -> None:
    op.execute("ALTER TABLE due ADD COLUMN background boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX due_next ON due (tenant_id, background, leaf_index, release_id)")
    for table, statement in TABLES.items():
        op.execute(statement)
        _secure(table, GRANTS[table])
    op.execute("CREATE INDEX timer_next ON timer (tenant_id, moves_at) WHERE moves_at IS NOT NULL")
    op.execute("ALTER TABLE assessment ADD COLUMN findings bytea")
    op.execute("ALTER TABLE assessment ALTER COLUMN findings SET STORAGE EXTERNAL")
    _unforced(("assessment", "finding"), _pack)
    op.execute("ALTER TABLE assessment ALTER COLUMN findings SET NOT NULL")
    op.execute("DROP TABLE finding")


def downgrade() -> None:
    op.execute(FINDING)
    _secure("finding", "SELECT, INSERT")
    _unforced(("assessment", "finding"), _unpack)
    op.execute("ALTER TABLE assessment DROP COLUMN findings")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
    _unforced(("due",), _forget_background)
    op.execute("DROP INDEX due_next")
    op.execute("ALTER TABLE due DROP COLUMN background")


def _secure(table: str, grants: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
    op.execute(f"GRANT {grants} ON {table} TO evidence_app")


def _unforced(tables: tuple[str, ...], work: Any) -> None:  # noqa: ANN401  a step of this file
    """Do something over all tenants' rows, which the owner sees only while the policies do not bind it."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    work(op.get_bind())
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _forget_background(connection: sa.Connection) -> None:
    """Nothing before this revision knows how to settle it."""
    connection.execute(sa.text("DELETE FROM due WHERE background"))


def _pack(connection: sa.Connection) -> None:
    compressor = zstandard.ZstdCompressor(level=1)
    nothing = compressor.compress(b"[]\n")  # an assessment under a catalog without controls
    for ids in _assessments(connection):
        connection.execute(
            sa.text("UPDATE assessment SET findings = :findings WHERE id = ANY (:ids)"),
            {"ids": ids, "findings": nothing},
        )
        rows = connection.execute(sa.text(_FINDINGS), {"ids": ids}).mappings()
        packed = [
            {
                "tenant": tenant,
                "id": assessment,
                "findings": compressor.compress(_packed([_document(row) for row in findings])),
            }
            for (tenant, assessment), findings in groupby(rows, key=itemgetter("tenant_id", "assessment_id"))
        ]
        if packed:
            connection.execute(
                sa.text("UPDATE assessment SET findings = :findings WHERE tenant_id = :tenant AND id = :id"), packed
            )


def _assessments(connection: sa.Connection) -> Iterator[list[Any]]:
    """All ids, some at a time."""
    ids = list(connection.execute(sa.text("SELECT DISTINCT id FROM assessment ORDER BY id")).scalars())
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _document(row: Any) -> dict[str, Any]:  # noqa: ANN401  a row of _FINDINGS
    return {
        "control": row["control_id"],
        **{name: row[name] for name in ("outcome", "raw", "because", "fix", "waiver", "code")},
        "facts": json.loads(row["facts"]),
        "queries": json.loads(row["queries"]),
        "evidence": list(row["evidence"]),
    }


def _packed(documents: list[dict[str, Any]]) -> bytes:
    texts = [_text(document) for document in documents]
    index = [
        [document["control"], document["outcome"], len(text)] for document, text in zip(documents, texts, strict=True)
    ]
    return _text(index) + b"\n" + b"".join(texts)


def _text(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _unpack(connection: sa.Connection) -> None:
    decompressor = zstandard.ZstdDecompressor()
    for ids in _assessments(connection):
        stored = connection.execute(
            sa.text("SELECT tenant_id, id, findings FROM assessment WHERE id = ANY (:ids)"), {"ids": ids}
        )
        rows = [
            {"tenant_id": tenant, "assessment_id": one, **finding}
            for tenant, one, findings in stored
            for finding in _unpacked(decompressor.decompress(findings, 2**28))
        ]
        if rows:
            connection.execute(
                sa.text(
                    "INSERT INTO finding (tenant_id, assessment_id, control_id, position, outcome, raw, because, fix, "
                    "waiver, code, facts, queries, evidence) VALUES (:tenant_id, :assessment_id, :control, :position, "
                    ":outcome, :raw, :because, :fix, :waiver, :code, CAST(:facts AS jsonb), CAST(:queries AS jsonb), "
                    ":evidence)"
                ),
                rows,
            )


def _unpacked(packed: bytes) -> Iterator[dict[str, Any]]:
    head, _, rest = packed.partition(b"\n")
    for position, (_, _, length) in enumerate(json.loads(head)):
        document, rest = json.loads(rest[:length]), rest[length:]
        yield {
            **{name: document[name] for name in ("control", "outcome", "raw", "because", "fix", "waiver", "code")},
            "position": position,
            "facts": json.dumps(document["facts"]),
            "queries": json.dumps(document["queries"]),
            "evidence": [bytes.fromhex(one.partition(":")[2]) for one in document["evidence"]],
        }
