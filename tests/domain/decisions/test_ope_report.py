import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from evidence_api.domain.decisions.off_policy import DeployGate, Episodes, estimate
from evidence_api.domain.decisions.ope_report import KIND, statement
from evidence_api.domain.decisions.reperforming import ArtifactNeed, Given, Status
from evidence_api.domain.errors import Malformed

DIGEST = "ab" * 32
GATE = DeployGate(min_eval_gain=0.01, max_cost_ratio=0.9, min_effective_sample_size=2)
HEAD = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}


def episodes(count: int = 40, seed: int = 3) -> Episodes:
    rng = np.random.default_rng(seed)
    uniform = rng.uniform
    return Episodes.of(
        uniform(0.85, 1, count), uniform(0.05, 0.2, count), uniform(0.1, 0.9, count), uniform(0.1, 0.9, count)
    )


def report(rows: Episodes | None = None, **changes: object) -> dict[str, Any]:
    made = statement(rows or episodes(), GATE, baseline_eval=0.9, baseline_cost_usd=0.3)
    return deepcopy({**HEAD, **made, **changes})


def artifact_report(rows: Episodes) -> dict[str, Any]:
    return {**HEAD, **statement(rows, GATE, baseline_eval=0.9, baseline_cost_usd=0.3, artifact=DIGEST)}


def one(**changes: float) -> dict[str, float]:
    return {"eval": 0.9, "costUSD": 0.1, "pBehavior": 0.5, "pTarget": 0.5, **changes}


def test_what_a_producer_states_agrees() -> None:
    result = KIND.reperform(report())
    assert (result.status, result.differences) == (Status.AGREES, ())
    assert result.facts["deploy"] is True
    assert result.facts["episodes"] == 40
    assert result.facts["artifact"] is False
    assert result.facts["cost_ratio"] == pytest.approx(float(str(result.facts["cost_snips"])) / 0.3)
    assert result.reason.startswith("deploy: over 40 logged episodes")


def test_by_the_definition() -> None:
    rows = episodes()
    weights = [t / b for t, b in zip(rows.target.tolist(), rows.behaviour.tolist(), strict=True)]
    pairs = list(zip(weights, rows.eval.tolist(), strict=True))
    found = estimate(rows)
    assert found.eval.ips == pytest.approx(sum(w * r for w, r in pairs) / 40, rel=1e-12)
    assert found.eval.snips == pytest.approx(sum(w * r for w, r in pairs) / sum(weights), rel=1e-12)
    assert found.effective_sample_size == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights), rel=1e-12)
    assert found.largest_weight == max(weights)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("deploy", lambda claim: claim.update(deploy=False)),
        ("estimates.eval.ips", lambda claim: claim["estimates"]["eval"].update(ips=0.5)),
        ("estimates.eval.snips", lambda claim: claim["estimates"]["eval"].update(snips=0.5)),
        ("estimates.costUSD.ips", lambda claim: claim["estimates"]["costUSD"].update(ips=0.5)),
        ("estimates.costUSD.snips", lambda claim: claim["estimates"]["costUSD"].update(snips=-0.5)),
        ("estimates.effectiveSampleSize", lambda claim: claim["estimates"].update(effectiveSampleSize=40)),
    ],
)
def test_one_altered_claim_is_one_difference(path: str, change: Callable[[dict[str, Any]], None]) -> None:
    claim = report()
    change(claim)
    result = KIND.reperform(claim)
    assert result.status is Status.DISAGREES
    assert [difference.path for difference in result.differences] == [path]
    assert result.facts["deploy"] is True  # recomputed, whatever is claimed


@pytest.mark.parametrize(
    ("gate", "deploy"),
    [
        (DeployGate(0.01, 0.5, 1), True),  # both met exactly, though 0.9 + 0.01 and 0.1 / 0.2 are not exact
        (DeployGate(0.0100001, 0.5, 1), False),
        (DeployGate(0.01, 0.4999999, 1), False),
        (DeployGate(0.01, 0.5, 3), True),  # the effective size of equal weights is their number
        (DeployGate(0.01, 0.5, 3.00001), False),
    ],
)
def test_thresholds_met_exactly_are_met(gate: DeployGate, deploy: bool) -> None:  # noqa: FBT001  a parameter of a test
    rows = Episodes.of([0.91] * 3, [0.1] * 3, [0.3] * 3, [0.1] * 3)
    made = statement(rows, gate, baseline_eval=0.9, baseline_cost_usd=0.2)
    assert made["deploy"] is deploy
    assert KIND.reperform({**HEAD, **made}).status is Status.AGREES


def test_an_arm_the_target_never_takes_has_no_weight() -> None:
    rows = Episodes.of([0.9, 0.1], [0.1, 9.0], [0.5, 0.5], [0.5, 0.0])
    found = estimate(rows)
    assert (found.eval.snips, found.effective_sample_size) == (0.9, 1.0)
    assert found.eval.ips == pytest.approx(0.45)


def test_an_artifact_is_needed_where_the_episodes_are_in_one() -> None:
    claim = artifact_report(episodes())
    read = KIND.read(claim)
    assert KIND.need(read) == ArtifactNeed(f"sha256:{DIGEST}")
    assert KIND.deferred(read)
    without = KIND.reperform(claim)
    assert without.status is Status.NOT_REPERFORMABLE
    assert without.reason == f"the episodes are in artifact sha256:{DIGEST}, which was never uploaded"
    assert without.facts == {"producer": "maestro", "reperformance": "not_reperformable", "artifact": True}
    given = KIND.reperform(claim, Given(artifact=episodes()))
    assert given.status is Status.AGREES
    assert (given.facts["episodes"], given.facts["artifact"]) == (40, True)
    other = KIND.reperform(claim, Given(artifact=episodes(seed=4)))
    assert other.status is Status.DISAGREES


def test_inline_episodes_need_nothing() -> None:
    read = KIND.read(report())
    assert KIND.need(read) is None
    assert not KIND.deferred(read)


def test_a_thousand_episodes_stand_in_the_predicate_and_no_more() -> None:
    assert KIND.reperform(report(episodes(1_000))).status is Status.AGREES
    with pytest.raises(Malformed) as caught:
        statement(episodes(1_001), GATE, baseline_eval=0.9, baseline_cost_usd=0.3)
    assert (caught.value.code, caught.value.fields["limit"]) == ("out_of_domain", 1_000)
    assert "episodes" not in artifact_report(episodes(1_001))


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("episodes", {"episodes": []}),
        ("episodes", {"episodes": [one()] * 1_001}),
        ("episodes", {"episodes": None}),
        ("episodes", {"episodesArtifact": {"sha256": DIGEST}}),  # and inline episodes, too
        ("episodes", {"episodes": [one(pTarget=0.0)] * 2}),
        ("episodes", {"episodes": [one(eval=1e30, pBehavior=1e-300, pTarget=1.0)]}),
        ("episodes.1.pBehavior", {"episodes": [one(), one(pBehavior=0.0)]}),
        ("episodes.1.pBehavior", {"episodes": [one(), one(pBehavior=1.01)]}),
        ("episodes.1.pBehavior", {"episodes": [one(), one(pBehavior=5e-324, pTarget=1.0)]}),
        ("episodes.0.pBehavior", {"episodes": [one(pBehavior=-0.5)]}),
        ("episodes.0.pTarget", {"episodes": [one(pTarget=-0.01)]}),
        ("episodes.0.pTarget", {"episodes": [one(pTarget=1.5)]}),
        ("episodes.0.pTarget", {"episodes": [one(pTarget=math.nan)]}),
        ("episodes.0.eval", {"episodes": [one(eval=math.inf)]}),
        ("episodes.0.eval", {"episodes": [one(eval=1e308)]}),
        ("episodes.0.costUSD", {"episodes": [one(costUSD=-0.01)]}),
        ("episodes.0.costUSD", {"episodes": [{**one(), "costUSD": "0.1"}]}),
        ("episodes.0.eval", {"episodes": [{**one(), "eval": True}]}),
        ("episodes.0.pTarget", {"episodes": [{"eval": 0.9, "costUSD": 0.1, "pBehavior": 0.5}]}),
        ("episodes.0", {"episodes": [7]}),
        ("baseline.eval", {"baseline": {"eval": math.nan, "costUSD": 0.3}}),
        ("baseline.costUSD", {"baseline": {"eval": 0.9, "costUSD": -0.3}}),
        ("gate.maxCostRatio", {"gate": {"minEvalGain": 0, "maxCostRatio": -1, "minEffectiveSampleSize": 1}}),
        ("gate.minEffectiveSampleSize", {"gate": {"minEvalGain": 0, "maxCostRatio": 1}}),
        ("estimates.eval.ips", {"estimates": {"eval": {"ips": "1", "snips": 1}}}),
        ("deploy", {"deploy": 1}),
    ],
)
def test_inputs_out_of_domain_are_refused_with_their_path(path: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        KIND.reperform(report(**changes))
    assert caught.value.fields["path"] == path
    assert caught.value.code in {"malformed", "out_of_domain"}


@pytest.mark.parametrize("artifact", [{"sha256": "AB" * 32}, {"sha256": "ab"}, {"sha256": "sha256:" + DIGEST}])
def test_an_artifact_is_named_by_64_hex_digits(artifact: dict[str, str]) -> None:
    claim = report(episodesArtifact=artifact)
    del claim["episodes"]
    with pytest.raises(Malformed) as caught:
        KIND.reperform(claim)
    assert caught.value.fields["path"] == "episodesArtifact.sha256"


def test_what_is_said_of_an_artifact_besides_its_digest_decides_nothing() -> None:
    claim = report(episodesArtifact={"sha256": DIGEST, "format": "application/vnd.apache.parquet", "rows": 5})
    del claim["episodes"]
    assert KIND.reperform(claim).status is Status.NOT_REPERFORMABLE


def test_neither_list_nor_artifact_is_refused() -> None:
    claim = report()
    del claim["episodes"]
    with pytest.raises(Malformed) as caught:
        KIND.read(claim)
    assert caught.value.fields["path"] == "episodes"


@pytest.mark.parametrize(
    ("columns", "path"),
    [
        (([math.nan], [1], [1], [1]), "episodes.0.eval"),
        (([1, 1], [1, -1], [1, 1], [1, 1]), "episodes.1.costUSD"),
        (([1], [1], [0], [1]), "episodes.0.pBehavior"),
        (([1], [1], [1], [2]), "episodes.0.pTarget"),
        (([1], [1, 2], [1], [1]), "episodes.costUSD"),
    ],
)
def test_a_producer_is_told_which_row_is_no_episode(columns: tuple[list[float], ...], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        Episodes.of(*columns)
    assert caught.value.fields["path"] == path


def test_squares_of_huge_weights_do_not_overflow() -> None:
    rows = Episodes.of([0.9, 0.9, 0.1], [0.1] * 3, [1e-200, 1e-200, 0.5], [1.0, 1.0, 1.0])
    found = estimate(rows)
    assert found.effective_sample_size == pytest.approx(2)
    assert found.eval.snips == pytest.approx(0.9)
    assert found.eval.ips == pytest.approx(0.6e200)


def test_sums_over_many_runs_of_rows_are_exact() -> None:
    count = 200_000
    rows = Episodes.of(np.full(count, 0.1), np.full(count, 0.3), np.full(count, 0.7), np.full(count, 0.7))
    found = estimate(rows)
    assert found.eval.ips == pytest.approx(0.1, rel=1e-15)
    assert found.effective_sample_size == pytest.approx(count, rel=1e-15)
