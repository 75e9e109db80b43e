"""Shadow replays: tolerances in exact decimals, names in listed order, and refusals with their path."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.shadow_replay import KIND, differs, statement
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import signed

TRACE = "ab" * 32
MADE = statement(TRACE, {"z": (1, 2, 0.5), "eval": (0.94, 0.95, 0.02), "a": (3, 0, 2.9)})
METRIC = {"name": "z", "baseline": 1, "shadow": 1, "tolerance": 0}


@pytest.mark.parametrize(
    ("baseline", "shadow", "tolerance", "moved"),
    [
        (1, 1.05, 0.05, False),
        (1.05, 1, 0.05, False),
        (1, 1.0500001, 0.05, True),
        (0.3, 0.1, 0.2, False),
        (3, 3, 0, False),
        (3, 3.0000000001, 0, True),
        (-1, 1, 2, False),
        (-1, 1, 1.999, True),
        (1e30, -1e30, 1e30, True),
        (1e-300, 0, 0, True),
        (0.0, -0.0, 0, False),
    ],
)
def test_within_the_tolerance_as_it_is_written(baseline: float, shadow: float, tolerance: float, moved: bool) -> None:  # noqa: FBT001  a table
    assert differs(baseline, shadow, tolerance) is moved


@given(*[st.decimals(-1000, 1000, places=3)] * 2, st.decimals(0, 5, places=3))
def test_decimals_are_compared_as_decimals(baseline: Decimal, shadow: Decimal, tolerance: Decimal) -> None:
    assert differs(float(baseline), float(shadow), float(tolerance)) == (abs(shadow - baseline) > tolerance)


@given(st.dictionaries(st.text("abc", min_size=1), st.tuples(*[st.floats(-1e30, 1e30)] * 2, st.floats(0, 1e30))))
def test_what_is_stated_agrees(metrics: dict[str, tuple[float, float, float]]) -> None:
    assert KIND.reperform(signed(statement(TRACE, metrics))).status is Status.AGREES


def test_names_stay_in_listed_order() -> None:
    assert (MADE["diffs"], MADE["verdict"]) == (["z", "a"], "diff")


def test_a_name_may_stand_for_two_measurements() -> None:
    metrics = [METRIC, {**METRIC, "shadow": 3}]
    made = {**statement(TRACE, {}), "metrics": metrics, "diffs": ["z"], "verdict": "diff"}
    result = KIND.reperform(signed(made))
    assert result.status is Status.AGREES
    assert result.reason == "2 metrics replayed, 1 beyond tolerance: z went from 1 to 3, tolerance 0"


def test_nothing_measured_nothing_moved() -> None:
    found = KIND.reperform(signed(statement(TRACE, {})))
    assert (found.facts["verdict"], found.facts["metrics"]) == ("match", 0)
    assert found.reason == "0 metrics replayed, none beyond tolerance"


@pytest.mark.parametrize(
    ("claimed", "differing"),
    [
        ({"verdict": "match"}, ["verdict"]),
        ({"verdict": "same"}, ["verdict"]),
        ({"diffs": []}, ["diffs"]),
        ({"diffs": ["a", "z"]}, ["diffs"]),
        ({"metrics": [METRIC]}, ["diffs", "verdict"]),
        ({"diffs": [{"name": "z", "delta": 1}, {"name": "a"}]}, []),
        ({"diffs": [{"name": "z"}, {"name": "eval"}]}, ["diffs.1.name"]),
        ({"diffs": [{"name": "z"}]}, ["diffs.1"]),
        ({"diffs": [{"name": "z"}, "a"]}, ["diffs"]),
    ],
)
def test_each_false_claim_shows(claimed: dict[str, Any], differing: list[str]) -> None:
    found = KIND.reperform(signed({**MADE, **claimed}))
    assert [one.path for one in found.differences] == differing
    assert found.facts["diffs"] == (() if "metrics" in claimed else ("z", "a"))


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"metrics": [{**METRIC, "tolerance": -0.1}]}, "metrics.0.tolerance"),
        ({"metrics": [{**METRIC, "shadow": float("nan")}]}, "metrics.0.shadow"),
        ({"metrics": [{**METRIC, "baseline": 1e308}]}, "metrics.0.baseline"),
        ({"metrics": [{**METRIC, "baseline": None}]}, "metrics.0.baseline"),
        ({"metrics": [METRIC] * 10_001}, "metrics"),
        ({"trace": {"sha256": "AB" * 32}}, "trace.sha256"),
        ({"trace": {}}, "trace.sha256"),
        ({"diffs": ["z", 1]}, "diffs.1"),
        ({"diffs": [""]}, "diffs.0.name"),
        ({"diffs": [{"delta": 1}]}, "diffs.0.name"),
        ({"verdict": None}, "verdict"),
    ],
)
def test_inputs_out_of_domain_are_refused_with_their_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refusal:
        KIND.reperform(signed({**MADE, **changed}))
    assert refusal.value.fields["path"] == path


def test_facts_are_recomputed_and_explained() -> None:
    found = KIND.reperform(signed(MADE))
    told = {name: found.facts[name] for name in ("verdict", "diffs", "metrics", "trace")}
    assert told == {"verdict": "diff", "diffs": ("z", "a"), "metrics": 3, "trace": f"sha256:{TRACE}"}
    moved = "z went from 1 to 2, tolerance 0.5, and 1 more"
    assert found.reason == f"3 metrics replayed, 2 beyond tolerance: {moved}"
    assert KIND.read(signed(MADE)).trace.sha256 == KIND.series(KIND.read(signed(MADE)))
