"""Assessment: what a catalog says of one release at one tree size and one moment, kept apart nine ways."""

from evidence_api.domain.verdict import (
    WORST_FIRST,
    Assessment,
    CriterionResult,
    Finding,
    Outcome,
    QueryResult,
)

__all__ = ["WORST_FIRST", "Assessment", "CriterionResult", "Finding", "Outcome", "QueryResult"]
