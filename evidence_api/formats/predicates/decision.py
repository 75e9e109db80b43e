"""The predicates of decisions -> the facts of their kind: recomputed, never believed.

Facts that only the server can tell (a ledger it keeps, a rule it asks, a large artifact) are left out here: they come
with the server's own `reperformance` statement about the decision.
"""

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.reperforming import REPERFORMED, Given
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.domain.typed_json import inside

_TOLD_BY_THE_SERVER = frozenset(REPERFORMED) - {"producer"}


def read_decision(statement: Statement) -> Normalised:
    """Read and reperform. Raises Malformed with the path."""
    kind = DECISIONS[statement.predicate_type]
    try:
        read = kind.read(statement.predicate)
        result = kind.reperform_read(read, statement.predicate, Given())
    except Malformed as fault:
        raise inside(fault, "predicate") from fault
    facts = dict(result.facts)
    if kind.deferred(read):
        facts = {path: fact for path, fact in facts.items() if path not in _TOLD_BY_THE_SERVER}
    series = f"{read.producer.id} {kind.series(read)}".strip()
    return Normalised(kind.kind, facts, read.decided_at, series=series)
