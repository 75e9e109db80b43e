"""The closed table of decision kinds: predicate type -> everything the rest of the house knows of it.

A new kind is one file beside this one, its line here, its test, and its line in the documentation.
"""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.decisions import (
    budget_event,
    contract_result,
    drift_watch,
    ope_report,
    placement,
    plan_selection,
    risk_assessment,
    shadow_replay,
    test_selection,
    trust_update,
)
from evidence_api.domain.decisions.reperforming import DecisionKind

__all__ = ["DECISIONS"]

_KINDS: tuple[DecisionKind[Any], ...] = (
    budget_event.KIND,
    contract_result.KIND,
    drift_watch.KIND,
    ope_report.KIND,
    placement.KIND,
    plan_selection.KIND,
    risk_assessment.KIND,
    shadow_replay.KIND,
    test_selection.KIND,
    trust_update.KIND,
)

DECISIONS: Mapping[str, DecisionKind[Any]] = {kind.predicate_type: kind for kind in _KINDS}
