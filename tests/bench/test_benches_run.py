"""Each benchmark runs, with sizes too small to measure anything, and prints its figures as JSON."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

BENCHES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith(("test_", "_")))

# What makes each one small. A benchmark that is not here runs as it is.
SMALL = {
    "append": ["--envelopes", "640", "--submitters", "32"],
    "catalog": ["--controls", "10", "--rounds", "2"],
    "pdf": ["--controls", "4", "--records", "2", "--rounds", "1"],
    "guard": ["--calls", "20"],
    "fairness": ["--seconds", "3"],
    "ingest": ["--requests", "64", "--rounds", "1"],
    "batch": ["--envelopes", "50", "--rounds", "1"],
    "sboms": ["--megabytes", "0.1", "--components", "100"],
    "components": ["--megabytes", "0.1", "--components", "100", "--uploads", "8", "--clients", "4"],
    "ope": ["--episodes", "2000", "--rounds", "1"],
    "drift": ["--components", "200", "--advisories", "100"],
    "bundles": ["--bundles", "16", "--rounds", "1"],
    "reperform": ["--cards", "50"],
    "graphql": ["--short-rows", "1000", "--rows", "2000", "--rounds", "1", "--seconds", "1", "--no-peer"],
    "reassess": ["--releases", "12", "--controls", "10", "--appends", "5"],
}


@pytest.mark.bench
@pytest.mark.parametrize("bench", BENCHES)
def test_it_runs_and_prints_figures(bench: str) -> None:
    command = [sys.executable, "-m", f"tests.bench.{bench}", "--json", *SMALL.get(bench, [])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert ran.returncode == 0, ran.stderr[-2000:]
    figures = orjson.loads(ran.stdout)
    assert any(isinstance(value, int | float) and value > 0 for value in figures.values()), figures


def test_there_are_benchmarks() -> None:
    assert "ingest" in BENCHES
    assert set(SMALL) <= set(BENCHES)
