"""`policy telemetry` over a real database: one pack for each tenant, to look at or in files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from evidence_api.cli import output


def test_every_tenant_has_its_pack(run: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("tuning-a", "tuning-b"):
        run("tenant", "create", name)
    told = run("policy", "telemetry", "--since", "7d", "--out", str(tmp_path / "packs"))
    assert {"tuning-a", "tuning-b"} <= {one["tenant"] for one in told["tenants"]}
    pack = tmp_path / "packs" / "tuning-a.json"
    assert str(pack) in told["files"]
    assert orjson.loads(pack.read_bytes()) in told["tenants"]
    assert pack.with_suffix(".md").read_text().startswith("# Policy tuning: tuning-a\n")
    alone = run("policy", "telemetry", "--since", "2w", "--tenant", "tuning-b")
    assert [one["tenant"] for one in alone["tenants"]] == ["tuning-b"]
    assert {"area": "rollout", "rule": "rollout.freeze", "decisionsOfArea": 0} in alone["tenants"][0]["neverFired"]


def test_a_period_that_is_none_and_a_tenant_that_is_not_there(run: Callable[..., Any]) -> None:
    assert run("policy", "telemetry", "--since", "soon") == (output.USAGE, "usage")
    assert run("policy", "telemetry", "--since", "2199-01-01") == (output.NO, "malformed")
    assert run("policy", "telemetry", "--tenant", "nobody") == (output.NO, "not_found")
