"""The closed table of decision kinds: predicate type -> everything the rest of the house knows of it.

A new kind is one file beside this one, its line here, its test, and its line in the documentation.
"""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.decisions import (
    ab_test,
    budget_event,
    causal_impact,
    contract_result,
    dp_dataset,
    drift_watch,
    flake_report,
    ope_report,
    ownership,
    placement,
    plan_selection,
    property_mined,
    risk_assessment,
    roi_estimate,
    rollout_gate,
    router_decision,
    shadow_replay,
    slo_burn,
    speclive_result,
    test_selection,
    trust_update,
)
from evidence_api.domain.decisions.reperforming import DecisionKind

__all__ = ["DECISIONS", "DEFERRABLE"]

_KINDS: tuple[DecisionKind[Any], ...] = (
    ab_test.KIND,
    budget_event.KIND,
    causal_impact.KIND,
    contract_result.KIND,
    dp_dataset.KIND,
    drift_watch.KIND,
    flake_report.KIND,
    ope_report.KIND,
    ownership.KIND,
    placement.KIND,
    plan_selection.KIND,
    property_mined.KIND,
    risk_assessment.KIND,
    roi_estimate.KIND,
    rollout_gate.KIND,
    router_decision.KIND,
    shadow_replay.KIND,
    slo_burn.KIND,
    speclive_result.KIND,
    test_selection.KIND,
    trust_update.KIND,
)

DECISIONS: Mapping[str, DecisionKind[Any]] = {kind.predicate_type: kind for kind in _KINDS}

# Catalog kinds whose rows the server's own `reperformance` statements complete (domain/reperformed.py).
DEFERRABLE: frozenset[str] = frozenset(kind.kind for kind in _KINDS if kind.may_be_deferred)
