"""Decisions for tests: of every kind a few predicates that agree, made by the kind's own producers.

`example(name)` gives one, `examples(name)` one for each of its branches; a kind without an entry fails the tests that
go over all kinds.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from evidence_api.domain.decisions import (
    DECISIONS,
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
    shadow_replay,
    slo_burn,
    speclive_result,
    test_selection,
)
from evidence_api.domain.decisions.constrained_policy import ConstrainedPolicy
from evidence_api.domain.decisions.linucb_router import LinUCB
from evidence_api.domain.decisions.off_policy import DeployGate, Episodes
from evidence_api.domain.decisions.reperforming import DecisionKind, Reperformance
from evidence_api.domain.decisions.sequential import Msprt, Tally, Wald
from evidence_api.domain.decisions.signing import predicate
from evidence_api.domain.decisions.thompson import Thompson
from evidence_api.domain.decisions.trust_update import Beta, Scalar
from evidence_api.domain.decisions.trust_update import statement as trust_update

Fields: TypeAlias = dict[str, Any]

DECIDED_AT = datetime(2026, 11, 1, 10, tzinfo=UTC)


def signed(fields: Mapping[str, Any]) -> Fields:
    """The fields with a producer and a time: a whole predicate."""
    return predicate(fields, producer_id="maestro", version="1.6.0", decided_at=DECIDED_AT)


def kind_named(name: str) -> DecisionKind[Any]:
    """The kind by its predicate's name, `rollout-gate`."""
    return DECISIONS[f"urn:evidence-api:{name}:v1"]


def reperformed(name: str, fields: Mapping[str, Any]) -> Reperformance:
    """What comes of a kind's own fields."""
    return kind_named(name).reperform(signed(fields))


def _ab_test() -> Sequence[Fields]:
    return [ab_test.statement("evalScore", ab_test.Arm(400, 0.90, 0.05), ab_test.Arm(380, 0.93, 0.05))]


def _budget_event() -> Sequence[Fields]:
    spent = [("run-1", "4.1"), ("run-2", "4.2")]
    note = {"reason": "small models until December", "to": "impl@small"}
    return [
        budget_event.statement("2026-11", "10", spent, scope="team-a"),
        budget_event.statement("2026-11", "8.30", spent, note),
    ]


def _causal_impact() -> Sequence[Fields]:
    before = causal_impact.Series([5.0, 7.0, 6.0, 8.0, 5.0, 7.5], [[1.0, 2.0, 1.5, 2.5, 1.0, 2.0]])
    return [causal_impact.statement("latency_ms", before, causal_impact.Series([6.0, 9.0], [[1.5, 1.0]]))]


def _contract_result() -> Sequence[Fields]:
    post = {"tests": "pass", "risk": {"lt": 0.65}, "owner": {"in": ["ada", "bob"]}}
    return [contract_result.statement("node-impl-42", post, {"tests": "pass", "risk": 0.9, "owner": "ada"})]


def _drift_watch() -> Sequence[Fields]:
    return [drift_watch.statement("prompt_tokens", [10, 20, 30], [12, 25, 23])]


def _dp_dataset() -> Sequence[Fields]:
    return [dp_dataset.statement([("counts", "0.5"), ("means", "0.6")], "1.5", episodes=100_000, pii_findings=0)]


def _flake_report() -> Sequence[Fields]:
    return [flake_report.statement([("a", ["fail", "pass"]), ("b", ["pass"]), ("c", ["skip"])])]


def _ope_report() -> Sequence[Fields]:
    logged = Episodes.of(eval=[0.9, 0.6], cost=[0.3, 0.1], behaviour=[0.5, 0.5], target=[0.8, 0.2])
    gate = DeployGate(0.02, 0.9, 1)
    inline = ope_report.statement(logged, gate, baseline_eval=0.8, baseline_cost_usd=0.3)
    uploaded = ope_report.statement(logged, gate, baseline_eval=0.8, baseline_cost_usd=0.3, artifact="ab" * 32)
    return [inline, uploaded]


def _ownership() -> Sequence[Fields]:
    return [ownership.statement("server/a.py", [("ada", 26, 48), ("bob", 5, 125), ("eve", 38, 275)])]


def _placement() -> Sequence[Fields]:
    regions = [
        {"id": "us-east", "p95Ms": 120, "carbon": 4e5, "healthy": True, "costUSDPerK": 0.3},
        {"id": "eu-west", "p95Ms": 180, "carbon": 9e4, "healthy": True, "costUSDPerK": 0.42},
    ]
    need = {"maxP95Ms": 250, "preferLowCarbon": True, "country": "DE"}
    return [
        placement.statement(regions, need, lambda _, region: region.startswith("eu-")),
        placement.statement(regions, need, lambda *_: False),
    ]


def _plan_selection() -> Sequence[Fields]:
    resident = {"rule": "residency", "ok": True}
    abroad = {"rule": "residency", "ok": False, "reason": "EU data stays in eu-west"}
    plans = [
        {"id": "cache", "okrGain": 0.4, "costUSD": 120, "carbonReduction": 3.0, "constraints": [resident]},
        {"id": "rewrite", "okrGain": 0.9, "costUSD": 900, "carbonReduction": 1.0, "constraints": [resident]},
        {"id": "offload", "okrGain": 0.9, "costUSD": 90, "carbonReduction": 4.0, "constraints": [abroad]},
    ]
    weights = {"okr": 0.5, "savings": 0.3, "carbon": 0.2}
    return [plan_selection.statement(plans, weights), plan_selection.statement(plans[2:], weights)]


def _property_mined() -> Sequence[Fields]:
    return [
        property_mined.statement("retry_jitter_ms", [12.0, 7.5, 31.0, 4.0], quantile=0.5, confidence=0.8),
        property_mined.statement("retry_jitter_ms", [12.0, 7.5, 31.0], quantile=0.99, confidence=0.95),
    ]


def _risk_assessment() -> Sequence[Fields]:
    return [risk_assessment.statement(["files", "churn", "tests"], [0.5, 0.25, -2.0], [2.0, 4.0, 1.0], bias=-1.0)]


def _roi_estimate() -> Sequence[Fields]:
    return [roi_estimate.statement({"defectsAvoidedUSD": 100, "revenueUSD": 20}, {"llmUSD": 5, "reviewUSD": 12.5})]


def _rollout_gate() -> Sequence[Fields]:
    slower = {"metric": "p95_ms", "canary": 231, "control": 200, "maxDelta": 20, "better": "lower"}
    wald, canary = Wald(p0=0.99, p1=0.995, alpha=0.05, beta=0.1), Tally(3000, 3005)
    mixture = Msprt(tau2=1e-4, alpha=0.05)
    return [
        rollout_gate.statement(wald, canary, Tally(99, 100), [slower], stage=0.1),
        rollout_gate.statement(mixture, Tally(4990, 5000), Tally(4960, 5000), rollout="checkout"),
    ]


def _router_decision() -> Sequence[Fields]:
    prices = {"impl@small": 0.18, "impl@large": 0.70}
    bandit = LinUCB(prices, dimensions=2, max_usd=0.50, min_eval=0.6, alpha=0.4)
    for _ in range(40):
        bandit.update("impl@small", [1.0, 0.5], reward=0.94)
    draws = Thompson(prices, seed="2026-11", cost_weight=0.5)
    draws.update("impl@small", evaluation=0.9, cost=0.18)
    arms = [{"id": name, "priceUSD": price, "eval": 0.9, "uncertainty": 0.02} for name, price in prices.items()]
    trained = ConstrainedPolicy([[0.4, 0.1], [0.1, 0.3]], arms, seed="s", trust_weight=0.5)
    return [
        bandit.card("pr-512", [1.0, 0.5]),
        bandit.card("pr-513", [-1.0, 0.5]),
        draws.card("pr-514"),
        trained.card("pr-515", [1.0, 2.0], trust=[0.9, 0.4]),
        ConstrainedPolicy([[0.4], [0.1]], arms).card("pr-516", [1.0], allowed=[True, False]),
    ]


def _shadow_replay() -> Sequence[Fields]:
    return [shadow_replay.statement("ab" * 32, {"eval": (0.94, 0.95, 0.02), "cost_usd": (0.18, 0.31, 0.05)})]


def _slo_burn() -> Sequence[Fields]:
    return [slo_burn.statement(0.999, [(3600, 99_700, 100_000), (300, 0, 0)], alert_at=2, slo="checkout")]


def _speclive_result() -> Sequence[Fields]:
    return [speclive_result.statement("retry-jitter", 0.01, checks=1000, breaches=25, alpha=0.01)]


def _test_selection() -> Sequence[Fields]:
    history = {"api": [2.0, 1.0], "web": [0.0, 0.0], "docs": [-3.0, 0.0]}
    module = {"id": "e1", "kind": "module", "nodes": ["file:pay", "file:tax", "test:pay"]}
    covers = {"id": "e2", "kind": "covers", "nodes": ["file:tax", "test:tax"]}
    return [
        test_selection.bayes_statement([1.5, 0.5], -3.0, history, target_risk=0.05),
        test_selection.graph_statement(["pay.py", "new.py"], {"t/pay": ["pay.py", "db.py"], "t/db": ["db.py"]}),
        test_selection.hypergraph_statement([module, covers], ["file:pay"], max_hops=2),
    ]


def _trust_update() -> Sequence[Fields]:
    context: dict[str, Scalar] = {"riskBand": "low", "files": 3, "hot": True, "owner": None}
    return [
        trust_update("impl@small", context, Beta(1, 1), contract_met=True, speclive="clean"),
        trust_update("impl@small", context, Beta(2.5, 1), contract_met=True, speclive="breached", genesis=True),
    ]


EXAMPLES: Mapping[str, Callable[[], Sequence[Fields]]] = {
    "ab-test": _ab_test,
    "budget-event": _budget_event,
    "causal-impact": _causal_impact,
    "contract-result": _contract_result,
    "dp-dataset": _dp_dataset,
    "drift-watch": _drift_watch,
    "flake-report": _flake_report,
    "ope-report": _ope_report,
    "ownership": _ownership,
    "placement": _placement,
    "plan-selection": _plan_selection,
    "property-mined": _property_mined,
    "risk-assessment": _risk_assessment,
    "roi-estimate": _roi_estimate,
    "rollout-gate": _rollout_gate,
    "router-decision": _router_decision,
    "shadow-replay": _shadow_replay,
    "slo-burn": _slo_burn,
    "speclive-result": _speclive_result,
    "test-selection": _test_selection,
    "trust-update": _trust_update,
}


def examples(name: str) -> list[Fields]:
    """Whole predicates of a kind that agree with their inputs, one for each of its branches."""
    return [signed(fields) for fields in EXAMPLES[name]()]


def example(name: str) -> Fields:
    """The first of them."""
    return examples(name)[0]
