"""The first thing anybody runs: quickstart, then verify, as separate processes that share only files."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from evidence_api.formats.checkpoint import parse_verifier
from evidence_api.formats.receipt import verify_receipt

pytestmark = pytest.mark.timeout(300)  # the whole path, twice


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder and a working folder of this module's own."""
    folder = tmp_path_factory.mktemp("quickstart")
    (folder / "here").mkdir()
    return folder


def environment(place: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVIDENCE_")}
    return {**kept, "EVIDENCE_HOME": str(place / "home")}


def command(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evidence_api", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=place / "here",
        env=environment(place),
    )


@pytest.fixture(scope="module")
def first(place: Path) -> dict[str, Any]:
    """The first run's answer."""
    ran = command(place, "quickstart", "--once", "--json")
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = orjson.loads(ran.stdout)
    return answer


def test_every_receipt_proves_itself(first: dict[str, Any]) -> None:
    verifier = parse_verifier(first["server"]["logVerifier"])
    assert len(first["receipts"]) >= 8
    indexes = [verify_receipt(receipt, verifier).leaf_index for receipt in first["receipts"]]
    assert indexes == sorted(set(indexes))  # what the server derives lies between them


def test_the_verdicts_show_what_failure_looks_like(first: dict[str, Any]) -> None:
    outcomes = {finding["outcome"] for finding in first["findings"]}
    assert {"pass", "fail", "missing"} <= outcomes
    assert first["counts"]["pass"] > first["counts"]["fail"]
    assert all(finding["because"] for finding in first["findings"])
    outcome = {finding["control"]: finding["outcome"] for finding in first["findings"]}
    assert len(outcome) >= 60
    # the denial that was left on purpose, and what nobody did
    assert {outcome[name] for name in ("IG-AGT-2", "IG-POL-1", "IG-SC-5")} == {"fail"}
    assert {outcome[name] for name in ("IG-AUT-6", "IG-RES-1", "IG-VUL-1")} == {"missing"}
    assert {outcome[name] for name in ("IG-AUT-1", "IG-AUT-8", "IG-POL-5", "IG-POL-6", "IG-SC-1")} == {"pass"}
    assert {outcome[name] for name in ("IG-AGT-1", "IG-EXP-1", "IG-VEN-2")} == {"not_applicable"}
    neutral = [one["because"] for one in first["findings"] if one["outcome"] == "not_applicable"]
    assert all("which is in order: " in because for because in neutral)


@pytest.mark.parametrize("name", ["audit-pack.pdf", "audit-pack.json"])
def test_the_pack_verifies_without_the_server(place: Path, first: dict[str, Any], name: str) -> None:
    assert first["pack"]["status"] == "complete"
    away = place / "away"
    away.mkdir(exist_ok=True)
    ran = subprocess.run(
        [sys.executable, "-m", "evidence_api", "verify", str(place / "here" / name)],
        capture_output=True,
        text=True,
        check=False,
        cwd=away,
        env={**environment(place), "EVIDENCE_HOME": str(away / "nothing")},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not (away / "nothing").exists()


def test_the_readme_shows_what_is_printed(place: Path, first: dict[str, Any]) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    shown = readme.partition("```text\n")[2].partition("```")[0].splitlines()
    controls = {line.split()[0] for line in shown if line.startswith("IG-")}
    assert controls
    assert controls <= {finding["control"] for finding in first["findings"]}
    statements = {re.split(r"\s{2,}", line)[0] for line in shown if line.endswith("  proved")}
    assert statements <= {receipt["statement"] for receipt in first["receipts"]}
    steps = [re.split(r"\s{2,}", line)[1] for line in shown if re.match(r"\d+\s{2,}", line)]
    printed = command(place, "verify", "audit-pack.pdf").stdout
    assert len(steps) == len(re.findall(r"^\d+  ", printed, re.MULTILINE))
    assert [step for step in steps if step not in printed] == []


@pytest.mark.usefixtures("first")
def test_a_changed_pack_does_not_verify(place: Path) -> None:
    content = bytearray((place / "here" / "audit-pack.pdf").read_bytes())
    content[len(content) // 2] ^= 1
    (place / "here" / "changed.pdf").write_bytes(content)
    ran = command(place, "verify", "changed.pdf")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_second_run_goes_on_where_the_first_ended(place: Path, first: dict[str, Any]) -> None:
    ran = command(place, "quickstart", "--once")
    assert ran.returncode == 0, ran.stderr
    assert "audit-pack.pdf" in ran.stdout
    assert f"sha256:{first['receipts'][0]['evidenceId'][7:15]}" not in ran.stdout
    tenants = command(place, "tenant", "list", "--json")
    assert [tenant["name"] for tenant in orjson.loads(tenants.stdout)["tenants"]] == ["demo"]
    keys = command(place, "tenant", "key", "list", "--tenant", "demo", "--json")
    assert {key["name"] for key in orjson.loads(keys.stdout)["keys"]} == {"quickstart", "evidence server"}


@pytest.fixture
def server(place: Path, first: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The server over the same data: its URL and the first run's token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "evidence_api", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(place),
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "serving on " in line
    yield line.split()[2].rstrip(","), first["server"]["token"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stdout.close()


def test_the_server_shows_the_same_verdicts(server: tuple[str, str], first: dict[str, Any]) -> None:
    url, token = server
    query = '{ release(name: "evidence-api") { version assessment { treeSize } } }'
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        answer = client.post(f"{url}/graphql", json={"query": query})
        assert answer.status_code == 200, answer.text
        release = answer.json()["data"]["release"]
        assert release["version"] == first["release"].partition("@")[2]
        assert client.get(f"{url}/healthz").status_code == 200
        refused = httpx.post(f"{url}/v1/evidence", content=b"{}")
        assert refused.status_code == 401
        assert refused.json()["code"] == "unauthenticated"
