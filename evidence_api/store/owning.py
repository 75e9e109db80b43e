"""What a release owns, in SQL: the one text of domain/ownership.py that every statement asking for it shares.

$1 is the tenant; `release` and `size` stand for the release's id and the tree size: a column, or a numbered argument.
"""

from evidence_api.domain.ownership import MAX_STEPS


def with_reach(release: str, size: str) -> str:
    """WITH `reach (digest, step)`: the release's own digests, and what at most three provenance links lead to."""
    return f"""WITH RECURSIVE reach (digest, step) AS (
    SELECT o.digest, 0 FROM release_subject o WHERE o.tenant_id = $1 AND o.release_id = {release}
    UNION
    SELECT l.source, reach.step + 1 FROM reach
      JOIN source_link l ON l.tenant_id = $1 AND l.subject = reach.digest AND l.leaf_index < {size}
      WHERE reach.step < {MAX_STEPS}
  )"""  # noqa: S608  constant texts


def with_owned(release: str, size: str) -> str:
    """WITH `owned (leaf_index)` besides: the evidence about any of those digests, among the first `size` leaves."""
    return f"""{with_reach(release, size)}, owned AS (
    SELECT DISTINCT s.leaf_index FROM reach
      JOIN evidence_subject s ON s.tenant_id = $1 AND s.digest = reach.digest AND s.leaf_index < {size}
  )"""  # noqa: S608  constant texts
