"""A new reader, with a URL and a token: what failed, why, who can fix it, which criterion, where are the bytes.

Every answer comes from a command over real HTTP, and is held against what was uploaded.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.bootstrap import Application
from evidence_api.cli import main, output
from evidence_api.cli.client import Client
from evidence_api.cli.serving import serving
from tests.support import decided, statements
from tests.support.place import Place
from tests.web.conftest import Door

Run = Callable[..., Awaitable[tuple[int, str, str]]]
_WIDTH = 100
_CONTROLS = """\
id: X-CHECKS
title: Required checks pass
severity: high
tier: 1
owner: engineering
fix: Repair the failing check.
query: [{kind: github_checks, where: required==pass}]
---
id: X-SBOM
title: No critical finding
severity: critical
owner: supply-chain
fix: Update the component.
query: [{kind: sbom, where: criticals==0}]
---
id: X-TESTS
title: Tests pass
severity: critical
owner: engineering
query: [{kind: test_result, where: result==passed, population: {where: unit in configuration}}]
---
id: X-BUILD
title: There is provenance
owner: engineering
query: [{kind: provenance, where: 'builder=="https://github.com/actions/runner/github-hosted"'}]
"""
_FRAMEWORK = "framework: aicpa-tsc\ntitle: AICPA TSC\nedition: '2017'\nlicence: ids-only\naliases: [SOC2]\n"
_FILES = {
    "internal/x.yaml": _CONTROLS,
    "frameworks/f.yaml": _FRAMEWORK + "criteria: [{ref: CC7.1, title: Changes are found}]\n",
    "mappings/m.yaml": "external: SOC2-CC7.1\nmaps_to: [X-CHECKS, X-SBOM]\nnarrative: Both look for it.\n",
}


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    """The whole application, to be served on a free port."""
    async with place.application(port=0, catalog=place.catalog(_FILES)) as opened:
        yield opened


@pytest.fixture
async def uploaded(door: Door) -> dict[str, bytes]:
    """widget@1.0.0: provenance, checks of which one fails, an SBOM with a critical finding, no tests. As uploaded."""
    bodies = {
        "release": door.envelope(statements.release()),
        "provenance": door.envelope(statements.provenance()),
        "checks": door.envelope(statements.github_checks(conclusions=("success", "failure"))),
        "sbom": door.envelope(statements.sbom(criticals=1)),
    }
    for body in bodies.values():
        assert (await door.http.post("/v1/evidence", content=body)).status_code == 201
    await door.application.reassessor.sweep()
    return bodies


@pytest.fixture
async def run(
    door: Door, uploaded: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Run]:
    """Run a command as the reader would, at 100 columns; gives exit code, stdout and stderr."""
    assert uploaded  # and assessed, before the server's own sweeps begin
    async with serving(door.application) as server:
        monkeypatch.setenv("EVIDENCE_SERVER", server.url)
        monkeypatch.setenv("EVIDENCE_TOKEN", door.http.headers["Authorization"].removeprefix("Bearer "))
        monkeypatch.setattr(output, "_WIDTH_OF_A_FILE", _WIDTH)

        async def once(*words: str) -> tuple[int, str, str]:
            code = await asyncio.to_thread(main.main, list(words))
            shown = capfd.readouterr()
            return code, shown.out, shown.err

        yield once


def answer(ran: tuple[int, str, str]) -> Any:  # noqa: ANN401  a JSON answer
    assert ran[0] == output.OK, ran
    return orjson.loads(ran[1])


def assert_readable(shown: str) -> None:
    """No line is longer than the terminal, but commands, which are there to be copied."""
    long = [line for line in shown.splitlines() if len(line.rstrip()) > _WIDTH]
    assert [line for line in long if not line.startswith("  evidence-api ")] == []


async def test_the_five_questions(run: Run, uploaded: dict[str, bytes], tmp_path: Path) -> None:
    (listed,) = answer(await run("release", "list", "--json"))["releases"]
    assert (listed["name"], listed["version"]) == ("widget", "1.0.0")
    # which controls failed: the worst outcome first, then the severest
    shown = answer(await run("release", "show", "widget@1.0.0", "--json"))
    told = [(one["controlRef"], one["outcome"], one["control"]["owner"]) for one in shown["findings"]]
    assert told == [
        ("X-SBOM", "FAIL", "supply-chain"),
        ("X-CHECKS", "FAIL", "engineering"),
        ("X-TESTS", "MISSING", "engineering"),
    ]
    # why, what to do, which criterion
    failed = shown["findings"][1]
    assert failed["because"].startswith("Failed: github_checks")
    assert failed["fix"] == "Repair the failing check."
    assert [one["shown"] for one in failed["control"]["criteria"]] == ["AICPA TSC CC7.1"]
    # where is the raw artifact
    explained = answer(await run("release", "explain", "widget", "x-checks", "--json"))["finding"]
    (query,) = explained["queries"]
    (evidence,) = query["failed"]
    file = tmp_path / "raw.json"
    fetched = answer(await run("evidence", "get", evidence, "--out", str(file), "--json"))
    assert (fetched["evidence"], fetched["size"]) == (evidence, len(uploaded["checks"]))
    assert file.read_bytes() == uploaded["checks"]
    code, payload, _ = await run("evidence", "get", evidence, "--payload")
    assert (code, orjson.loads(payload)) == (output.OK, statements.github_checks(conclusions=("success", "failure")))


async def test_people_can_read_it(run: Run) -> None:
    code, shown, _ = await run("release", "show", "widget")
    assert code == output.OK
    assert_readable(shown)
    assert shown.index("X-SBOM") < shown.index("X-CHECKS") < shown.index("X-TESTS")
    for word in ("FAIL  X-SBOM  No critical finding", "Update the component.", "AICPA TSC CC7.1", "there is none"):
        assert word in shown
    code, shown, _ = await run("release", "explain", "widget", "X-SBOM")
    assert_readable(shown)
    assert "contradict it: [1]" in shown
    assert (
        "evidence of kind test_result with unit in configuration"
        in (await run("release", "explain", "widget", "X-TESTS"))[1]
    )
    (evidence,) = [line.split()[-1] for line in shown.splitlines() if line.strip().startswith("id ")]
    code, shown, _ = await run("evidence", "show", evidence)
    assert code == output.OK
    assert_readable(shown)
    assert "verified, signed by key ci" in shown
    code, shown, _ = await run("release", "list")
    assert shown.splitlines()[0].split() == ["release", "assessed", "pass", "fail", "missing"]
    assert_readable(shown)
    code, shown, _ = await run("release", "show", "widget", "--outcome", "pass", "--cards", "0")
    assert "X-BUILD" in shown
    assert "X-SBOM" not in shown


async def test_a_decision_is_told_in_sentences(run: Run, door: Door, tmp_path: Path) -> None:
    file = tmp_path / "gate.json"
    file.write_bytes(door.envelope(decided.rollout(2900, action="promote")))
    code, told, _ = await run("submit", str(file), "--json")
    receipt = orjson.loads(told)["results"][0]["receipt"]
    assert (code, receipt["reperformance"]) == (output.OK, {"status": "DISAGREES", "differing": ["action"]})
    code, shown, _ = await run("evidence", "show", receipt["evidenceId"])
    assert code == output.OK
    assert_readable(shown)
    assert "rollout-gate (wald)" in shown
    assert "action is claimed as promote and comes to rollback" in shown
    assert "the canary succeeded in 2900 of 3005 trials" in " ".join(shown.split())
    told = answer(await run("evidence", "show", receipt["evidenceId"], "--json"))
    assert told["decision"]["reperformance"]["status"] == "DISAGREES"


async def test_summaries_come_with_what_they_verify_with(run: Run, tmp_path: Path) -> None:
    key, vsa = tmp_path / "key.pem", tmp_path / "vsa.json"
    assert (await run("release", "key", "-o", str(key)))[0] == output.OK
    assert (await run("release", "vsa", "widget", "-o", str(vsa)))[0] == output.OK
    assert (await run("inspect", str(vsa), "--key", str(key)))[0] == output.OK
    code, shown, _ = await run("release", "svr", "widget")
    assert (code, orjson.loads(shown)["payloadType"]) == (output.OK, "application/vnd.in-toto+json")
    told = answer(await run("release", "vsa", "widget", "--json"))
    assert (told["release"], told["envelope"]) == ("widget@1.0.0", orjson.loads(vsa.read_bytes()))


async def test_what_cannot_be_answered_says_why(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failure(*words: str) -> tuple[int, str, str]:
        code, _, shown = await run(*words, "--json")
        error = orjson.loads(shown)["error"]
        return code, error["code"], error["message"]

    unknown = "sha256:" + "0" * 64
    assert (await failure("release", "show", "gadget"))[:2] == (output.NO, "not_found")
    code, name, told = await failure("release", "explain", "widget", "X-CHECK")
    assert (code, name, "did you mean X-CHECKS?" in told) == (output.NO, "not_found", True)
    assert (await failure("evidence", "show", unknown))[:2] == (output.NO, "not_found")
    assert "shortened" in (await failure("evidence", "show", "sha256:abcdef012345"))[2]
    assert (await failure("evidence", "get", unknown))[:2] == (output.USAGE, "usage")  # --json needs a file
    assert (await failure("release", "show", "widget", "--token", "evs_api_none"))[1] == "unauthenticated"
    assert (await failure("release", "list", "--server", "http://127.0.0.1:9"))[:2] == (output.UNDECIDED, "unreachable")
    (listed,) = answer(await run("release", "list", "--json"))["releases"]
    monkeypatch.setattr(Client, "get", lambda *_: b"other bytes")
    code, _, shown = await run("evidence", "get", listed["evidenceId"])
    assert (code, "body_digest" in shown) == (output.NO, True)
    monkeypatch.delenv("EVIDENCE_TOKEN")
    assert (await failure("release", "list"))[:2] == (output.USAGE, "usage")
